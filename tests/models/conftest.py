from pathlib import Path

import pytest

from models.bundle import Bundle
from tests.models.pumps import write_pumps


@pytest.fixture
def pumps(tmp_path: Path) -> Path:
    return write_pumps(tmp_path / "pumps")


@pytest.fixture(scope="session")
def pump_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.load(write_pumps(tmp_path_factory.mktemp("bundles") / "pumps"))
