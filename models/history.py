"""The history of a system: what its known sessions look like, counted.

Normal or merely unlabelled sessions make the history; a few known anomalies may stand beside it.
Counts are all it holds, so it needs no label to begin with, is small enough for a bundle, and can
be kept up to date on a host. Nothing in it changes while sessions are scored: who wants newer
counts makes a newer history.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Events = NDArray[np.int64]
Floats = NDArray[np.float64]

# Ends of a session, in pairs of neighbouring events.
BEGIN, END = -1, -2
# How often an event occurs in a session is told apart up to here.
MOST_COUNTED = 60


def pairs_of(events: Sequence[int]) -> Counter[tuple[int, int]]:
    """Neighbours in a session, its two ends included: length + 1 pairs."""
    return Counter(zip([BEGIN, *events], [*events, END], strict=True))


def count_vectors(sequences: Sequence[Events], events: int) -> NDArray[np.int32]:
    """int32 [sessions, events]: how often each event occurs; later ids are left out."""
    vectors = np.zeros((len(sequences), events), dtype=np.int32)
    for row, sequence in enumerate(sequences):
        known = sequence[sequence < events]
        vectors[row] = np.bincount(known, minlength=events)
    return vectors


@dataclass(frozen=True)
class History:
    """Counts of known sessions.

    vectors: int32 [distinct, events], the distinct count vectors; weights: float64 [distinct], how
    many sessions have each; pairs: sessions that hold a pair of neighbouring events; anomalies,
    anomaly_weights: the same of the known anomalous sessions, maybe none. labelled: the sessions
    are known to be normal, not just not known to be anomalous.
    """

    vectors: NDArray[np.int32]
    weights: Floats
    pairs: Mapping[tuple[int, int], float]
    anomalies: NDArray[np.int32]
    anomaly_weights: Floats
    labelled: bool = True

    @classmethod
    def of(
        cls,
        sequences: Sequence[Events],
        anomalous: Sequence[Events],
        events: int,
        labelled: bool = True,
    ) -> Self:
        """sequences: events of normal or unlabelled sessions; events: how many ids there are."""
        pairs: Counter[tuple[int, int]] = Counter()
        for sequence in sequences:
            pairs.update(pairs_of(sequence.tolist()).keys())
        vectors, weights = _distinct(count_vectors(sequences, events))
        anomalies, anomaly_weights = _distinct(count_vectors(anomalous, events))
        return cls(vectors, weights, dict(pairs), anomalies, anomaly_weights, labelled)

    @property
    def sessions(self) -> float:
        return float(self.weights.sum())

    @property
    def events(self) -> int:
        return int(self.vectors.shape[1])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """For ``from_arrays``. Count vectors are sparse: (row, event, count) triples."""
        return {
            "shape": np.array([self.events, len(self.weights), len(self.anomaly_weights)]),
            "vectors": _triples(self.vectors),
            "weights": self.weights,
            "pairs": np.array(
                [(*pair, count) for pair, count in sorted(self.pairs.items())], dtype=np.int64
            ).reshape(-1, 3),
            "anomalies": _triples(self.anomalies),
            "anomaly_weights": self.anomaly_weights,
            "labelled": np.array(self.labelled),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        events, distinct, anomalous = (int(size) for size in arrays["shape"])
        return cls(
            _dense(arrays["vectors"], distinct, events),
            arrays["weights"].astype(np.float64),
            {(int(a), int(b)): float(n) for a, b, n in arrays["pairs"].tolist()},
            _dense(arrays["anomalies"], anomalous, events),
            arrays["anomaly_weights"].astype(np.float64),
            bool(arrays["labelled"]),
        )


def _distinct(vectors: NDArray[np.int32]) -> tuple[NDArray[np.int32], Floats]:
    if not len(vectors):
        return vectors, np.zeros(0)
    distinct, counts = np.unique(vectors, axis=0, return_counts=True)
    return distinct, counts.astype(np.float64)


def _triples(vectors: NDArray[np.int32]) -> NDArray[np.int32]:
    rows, columns = np.nonzero(vectors)
    return np.stack([rows, columns, vectors[rows, columns]], axis=1).astype(np.int32)


def _dense(triples: NDArray[np.generic], rows: int, columns: int) -> NDArray[np.int32]:
    vectors = np.zeros((rows, columns), dtype=np.int32)
    values = triples.astype(np.int32)
    vectors[values[:, 0], values[:, 1]] = values[:, 2]
    return vectors
