"""Sequences of events, equal ones once: logs repeat themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.batches import Rows


@dataclass(frozen=True)
class Distinct:
    """sequences: each once, in order of first appearance; member: int64 [sessions], the distinct
    sequence that each session is; sizes: int64 [distinct], sessions that are it."""

    sequences: list[Rows]
    member: NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Sequence[Rows]) -> "Distinct":
        ids: dict[bytes, int] = {}
        first: list[Rows] = []
        member = np.zeros(len(sequences), dtype=np.int64)
        for index, sequence in enumerate(sequences):
            found = ids.setdefault(sequence.tobytes(), len(ids))
            if found == len(first):
                first.append(sequence)
            member[index] = found
        return cls(first, member)

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.bincount(self.member, minlength=len(self.sequences))


def score_each(sequences: Sequence[Rows], score: Callable[[Rows], float]) -> NDArray[np.float64]:
    """``score`` of every sequence, float64 [sessions]; asked once for equal ones."""
    distinct = Distinct.of(sequences)
    scores = np.array([score(sequence) for sequence in distinct.sequences], dtype=np.float64)
    return scores[distinct.member]
