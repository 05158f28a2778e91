"""Rules on how rare the events of a session are in the history; they need no label."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.benchmark.baselines.history import Needs, above_most, history
from trainer.benchmark.sequences import Distinct, score_each
from trainer.benchmark.task import Task

# Before the first event of a session; also shifts ids so that a pair is one number.
_START = -1


class Rarity:
    """Mean over the lines of -log10 of the share of history sessions that have the event.

    Half a session is added to every count, so that what the history lacks is rare, not impossible.
    """

    name = "rarity"
    needs = Needs.HISTORY

    def __init__(self) -> None:
        self.threshold = float("inf")
        self._sessions = 0
        self._shares: dict[int, int] = {}

    def fit(self, task: Task) -> None:
        sequences = history(task)
        self._sessions = len(sequences)
        distinct = Distinct.of(sequences)
        for sequence, size in zip(distinct.sequences, distinct.sizes.tolist(), strict=True):
            for part in np.unique(self._parts(sequence)).tolist():
                self._shares[part] = self._shares.get(part, 0) + size
        # A session counts itself among thousands: its own score is as good as out of sample.
        self.threshold = above_most(
            self.score(sequences),
            labelled=not task.unlabelled,
            anomalous=self.score(task.anomalous),
        )

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return score_each(sequences, self._rarity)

    def _rarity(self, events: Rows) -> float:
        counts = np.array([self._shares.get(part, 0) for part in self._parts(events).tolist()])
        return float(-np.log10((counts + 0.5) / (self._sessions + 1)).mean())

    def _parts(self, events: Rows) -> NDArray[np.int64]:
        return events


class PairRarity(Rarity):
    """The same for pairs of an event and the one before it."""

    name = "pair-rarity"

    def _parts(self, events: Rows) -> NDArray[np.int64]:
        before = np.concatenate([[_START], events[:-1]])
        # Event ids are far below 2^31: templates are bounded in number.
        paired: NDArray[np.int64] = (before - _START << 32) + events
        return paired
