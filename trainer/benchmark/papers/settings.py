"""What the blocks (a) to (f) of the paper's tables 1 and 2 give a method."""

from dataclasses import dataclass
from enum import StrEnum

from models.words import Vectors
from trainer.benchmark.space import Labelled, Space
from trainer.benchmark.task import Task


class Given(StrEnum):
    """The blocks by their letters.

    FEW: the target's normal sessions and its few labelled anomalies. ALL: and all other anomalies
    of its training part. NORMAL: its normal sessions alone. SOURCE: the sources' labels and nothing
    of the target. ADAPTED: and the events of the target's training part, without a label. TRANSFER:
    the sources' labels and what FEW has, as MetaLog.
    """

    FEW = "a"
    ALL = "b"
    NORMAL = "c"
    SOURCE = "d"
    ADAPTED = "e"
    TRANSFER = "f"


@dataclass(frozen=True)
class Material:
    """What a method may learn from. own: the sessions that it is validated on, of the target where
    it has labels there, else of the sources; sources: empty but for TRANSFER. vectors: float32
    [events, dimension], those of ``space`` or what a method has made of them; of events that are
    not ``space.known`` they may be read in ``score`` alone."""

    given: Given
    space: Space
    vectors: Vectors
    own: Labelled
    sources: Labelled

    @classmethod
    def of(cls, task: Task, given: Given) -> "Material":
        nothing = Labelled.of([])
        own, sources = nothing, nothing
        if given is Given.NORMAL:
            own = Labelled.of(task.normal)
        elif given in (Given.SOURCE, Given.ADAPTED):
            own = task.space.sources
        else:
            others = task.reserved if given is Given.ALL else []
            own = Labelled.of(task.normal, [*task.anomalous, *others])
        if given is Given.TRANSFER:
            sources = task.space.sources
        return cls(given, task.space, task.space.vectors, own, sources)
