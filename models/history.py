"""The history of a system: what its known sessions look like, counted.

Normal or merely unlabelled sessions make the history; a few known anomalies may stand beside it.
Counts are all it holds, so it needs no label to begin with, is small enough for a bundle, and can
be kept up to date on a host. Nothing in it changes while sessions are scored: who wants newer
counts makes a newer history, with ``extended`` and ``faded``.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Integers = TypeVar("Integers", bound=np.integer[Any] | np.bool_)
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


def distinct_rows(
    rows: NDArray[Integers],
) -> tuple[NDArray[Integers], NDArray[np.intp]]:
    """Distinct rows of numbers >= 0 in ascending order, and the place of each row among them.

    What ``np.unique(rows, axis=0)`` gives, but sooner: that compares column by column.
    """
    if not rows.size:
        # A row of no columns equals every other one.
        return rows[:1], np.zeros(len(rows), dtype=np.intp)
    # The bytes of such numbers are in the order of the numbers where the largest byte comes first.
    big = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder(">"))
    whole = big.view(np.dtype((np.void, big.dtype.itemsize * big.shape[1]))).ravel()
    _, first, places = np.unique(whole, return_index=True, return_inverse=True)
    return rows[first], places.ravel()


@dataclass(frozen=True)
class Fading:
    """How much a history may hold, and what it forgets first.

    sessions: a heavier history is scaled down to this weight; vectors, cells, pairs: the most
    distinct count vectors, numbers in them, and pairs. Of more, the heaviest stay, and their weight
    is scaled down, too, so that they give way to what comes. floor: what weighs less is forgotten.
    Memory and the time that a score takes grow with all this: 2,000,000 numbers are 40 MB in use.
    """

    sessions: float = 20_000
    floor: float = 0.1
    vectors: int = 5_000
    cells: int = 2_000_000
    pairs: int = 100_000

    def most_vectors(self, events: int) -> int:
        return min(self.vectors, self.cells // max(1, events))

    def fills(self, history: "History") -> bool:
        """Whether the history holds about as much as it may."""
        return history.sessions >= 0.9 * self.sessions or len(
            history.weights
        ) >= 0.9 * self.most_vectors(history.events)


@dataclass(frozen=True)
class History:
    """Counts of known sessions.

    vectors: int32 [distinct, events], the distinct count vectors; weights: float64 [distinct], how
    many sessions have each, less where some were forgotten; pairs: sessions that hold a pair of
    neighbouring events; anomalies, anomaly_weights: the same of the known anomalous sessions, maybe
    none. labelled: the sessions are known to be normal, not just not known to be anomalous.
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
        vectors, weights = _distinct(count_vectors(sequences, events))
        anomalies, anomaly_weights = _distinct(count_vectors(anomalous, events))
        pairs = _sessions_with_pairs(sequences)
        return cls(vectors, weights, pairs, anomalies, anomaly_weights, labelled)

    def extended(self, newer: "History") -> "History":
        """This history and one of later sessions of the same system as one.

        The wider of the two says how many events there are. In which order sessions are added
        makes no difference. labelled: as it is here; who adds sessions vouches for them.
        """
        events = max(self.events, newer.events)
        vectors, weights = _joined(self, newer, "vectors", "weights", events)
        anomalies, anomaly_weights = _joined(self, newer, "anomalies", "anomaly_weights", events)
        pairs = dict(self.pairs)
        for pair, weight in newer.pairs.items():
            pairs[pair] = pairs.get(pair, 0.0) + weight
        return History(vectors, weights, pairs, anomalies, anomaly_weights, self.labelled)

    def faded(self, fading: Fading) -> "History":
        """What is left of this history when it has forgotten what ``fading`` says."""
        if not len(self.weights):
            return self
        most = fading.most_vectors(self.events)
        share = min(1.0, fading.sessions / self.sessions, most / len(self.weights))
        weights = self.weights * share
        kept = _heaviest(weights, fading.floor, most)
        # Sessions left out take their share of all pairs along: which ones they had is not known.
        pair_share = weights[kept].sum() / self.sessions
        pairs = list(self.pairs)
        pair_weights = np.fromiter(self.pairs.values(), np.float64, len(pairs)) * pair_share
        kept_pairs = _heaviest(pair_weights, fading.floor, fading.pairs).tolist()
        return replace(
            self,
            vectors=self.vectors[kept],
            weights=weights[kept],
            pairs={pairs[i]: float(pair_weights[i]) for i in kept_pairs},
        )

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
                [(*pair, count) for pair, count in sorted(self.pairs.items())], dtype=np.float64
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
    distinct, places = distinct_rows(vectors)
    return distinct, np.bincount(places, minlength=len(distinct)).astype(np.float64)


def _sessions_with_pairs(sequences: Sequence[Events]) -> dict[tuple[int, int], float]:
    """In how many sessions each pair of ``pairs_of`` is."""
    if not sequences:
        return {}
    before = np.concatenate([part for row in sequences for part in ([BEGIN], row)])
    after = np.concatenate([part for row in sequences for part in (row, [END])])
    session = np.repeat(np.arange(len(sequences)), [len(row) + 1 for row in sequences])
    # One number a pair: BEGIN and END are above -3.
    base = int(after.max()) + 3
    pairs, place = np.unique((before + 2) * base + after + 2, return_inverse=True)
    # Sorted and looked through: np.unique by itself would load numpy.ma, 1.4 MiB, for this alone.
    ordered = np.sort(session * len(pairs) + place.ravel())
    once = ordered[np.diff(ordered, prepend=-1) > 0]
    counts = np.bincount(once % len(pairs), minlength=len(pairs)).astype(np.float64)
    ends = zip((pairs // base - 2).tolist(), (pairs % base - 2).tolist(), strict=True)
    return dict(zip(ends, counts.tolist(), strict=True))


def _joined(
    one: History, other: History, rows: str, weights: str, events: int
) -> tuple[NDArray[np.int32], Floats]:
    parts = [getattr(history, rows) for history in (one, other)]
    wide = np.zeros((sum(len(part) for part in parts), events), dtype=np.int32)
    start = 0
    for part in parts:
        wide[start : start + len(part), : part.shape[1]] = part
        start += len(part)
    distinct, places = distinct_rows(wide)
    summed = np.concatenate([getattr(one, weights), getattr(other, weights)])
    return distinct, np.bincount(places, summed, len(distinct)).astype(np.float64)


def _heaviest(weights: Floats, floor: float, most: int) -> NDArray[np.intp]:
    """Places of what weighs at least ``floor``, no more than ``most``, ascending."""
    kept = np.flatnonzero(weights >= floor)
    if len(kept) > most:
        # Stable, so that the same history always keeps the same.
        kept = np.sort(kept[np.argsort(-weights[kept], kind="stable")[:most]])
    return kept


def _triples(vectors: NDArray[np.int32]) -> NDArray[np.int32]:
    rows, columns = np.nonzero(vectors)
    return np.stack([rows, columns, vectors[rows, columns]], axis=1).astype(np.int32)


def _dense(triples: NDArray[np.generic], rows: int, columns: int) -> NDArray[np.int32]:
    vectors = np.zeros((rows, columns), dtype=np.int32)
    values = triples.astype(np.int32)
    vectors[values[:, 0], values[:, 1]] = values[:, 2]
    return vectors
