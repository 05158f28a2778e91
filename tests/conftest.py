"""What all rooms' tests share: where the real logs are, and Hypothesis without a stopwatch."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The speed of the machine is no property of the code.
settings.register_profile("metalog", deadline=None)
settings.load_profile("metalog")

# Agents of tests must not be in each other's way, nor in that of one that watches this machine.
os.environ["METALOG_METRICS_ADDRESS"] = "off"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real logs, which are not part of the project; the test is skipped without it."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("METALOG_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real logs here: METALOG_DATA names none")
    return folder
