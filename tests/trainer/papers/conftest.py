"""Tasks of a few hundred demo sessions, whose faults every method can learn."""

import pytest

from tests.trainer.conftest import Demo
from trainer.benchmark.protocols import Protocol, Setting
from trainer.benchmark.task import Examination, Task, build
from trainer.corpus import Corpus
from trainer.splits import Fractions

SETTING = Setting(Protocol.BILATERAL, Fractions(source=0.5, normal=0.5, anomaly=0.2), reserved=0.5)


@pytest.fixture(scope="session")
def given(demo: Demo) -> tuple[Task, Examination]:
    """What a method sees, and what it is asked: half of the shop's anomalies are reserved."""
    source, target = Corpus.open(demo.corpus(demo.source)), Corpus.open(demo.corpus(demo.target))
    return build(SETTING, [source], target, 2)
