import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.follow.harness import Bench, ManualClock


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "logs"
    folder.mkdir()
    bench = Bench(folder, ManualClock(time.time()))
    yield bench
    bench.stop()
