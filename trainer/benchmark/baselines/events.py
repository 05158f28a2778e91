"""Rules on which events a session has, and how many."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.benchmark.baselines.history import Needs, above_most, presumed_normal
from trainer.benchmark.sequences import score_each
from trainer.benchmark.task import Task

# Parts of words, so that "failed" and "IOException" count.
KEYWORDS = ("error", "fail", "fatal", "exception", "panic")


class NewEvent:
    """Distinct events of the session that no normal session of the training part has; one is
    enough."""

    name = "new-event"
    needs = Needs.HISTORY

    def __init__(self) -> None:
        self.threshold = 1.0
        self._known = np.zeros(0, dtype=np.int64)

    def fit(self, task: Task) -> None:
        self._known = np.unique(np.concatenate([*presumed_normal(task), self._known]))

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return score_each(sequences, lambda events: len(np.setdiff1d(events, self._known)))


class Keywords:
    """Lines of the session whose template has a word of trouble in it; one is enough."""

    name = "keywords"
    needs = Needs.NOTHING

    def __init__(self) -> None:
        self.threshold = 1.0
        self._troubling = np.zeros(0, dtype=bool)

    def fit(self, task: Task) -> None:
        self._troubling = np.array(
            [any(word in template.lower() for word in KEYWORDS) for template in task.templates],
            dtype=bool,
        )

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return score_each(sequences, lambda events: float(self._troubling[events].sum()))


class Length:
    """How far the logarithm of the session's length is from the median of the normal ones."""

    name = "length"
    needs = Needs.HISTORY

    def __init__(self) -> None:
        self.threshold = float("inf")
        self._middle = 0.0

    def fit(self, task: Task) -> None:
        sequences = presumed_normal(task)
        if not sequences:
            return
        self._middle = float(np.median([np.log(len(sequence)) for sequence in sequences]))
        self.threshold = above_most(
            self.score(sequences),
            labelled=bool(task.normal),
            anomalous=self.score(task.anomalous),
        )

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return score_each(sequences, lambda events: abs(np.log(len(events)) - self._middle))
