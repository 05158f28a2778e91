"""What a history says of a session: the numbers that the network reads beside the event vectors.

Every number means the same in every system. Most are rarities, -log10 of a share of known sessions.

Numbers of an event are known when the event arrives; numbers of a session need all of it, and enter
behind the recurrent part.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.history import (
    MOST_COUNTED,
    Events,
    Floats,
    History,
    count_vectors,
    distinct_rows,
    pairs_of,
)
from models.traits import LOG_TWO, EventTraits, rarity
from models.words import Vectors

STRUCTURE = (
    "largest rarity", "mean rarity", "summed rarity", "rarest pair", "mean pair rarity",
    "new events", "new kinds of events", "new pairs", "rarest absence", "summed absence",
    "rarest count", "summed counts", "rarest low count", "distance to nearest",
    "distance to nearest hundredth", "distance of event sets", "share of count vector",
    "share of event set", "length",
)  # fmt: skip
MEANING = (
    "largest word rarity", "mean word rarity", "largest strangeness", "largest severity",
    "mean severity", "largest tone", "mean tone", "keyword", "share of keywords",
    "largest rarity x severity", "mean rarity x severity", "largest rarity x tone",
    "mean rarity x tone", "mean rarity x keyword", "largest strangeness x severity",
    "words of the rarest", "words of the strangest",
)  # fmt: skip
EVIDENCE = (
    "largest lift", "mean lift", "nearer to an anomaly", "largest likeness", "known anomalies",
)  # fmt: skip
PLAIN = (
    "size of history", "count vector known", "event set known", "no new pair", "no new event",
)  # fmt: skip
EVENT = (
    "rarity", "new", "pair rarity", "new pair", "rarity of count", "above any count",
    "word rarity", "strangeness", "severity", "tone", "keyword", "lift", "likeness", "words",
    "wordless",
)  # fmt: skip

EVENT_INPUTS = len(EVENT)
_AT_ONCE = 256


class Describer:
    """Describes sessions by one frozen history.

    traits: of the history's events and of those met since; ``sequences`` may hold the ids of all.
    """

    def __init__(self, history: History, traits: EventTraits) -> None:
        self.history = history
        self.traits = traits
        present = history.vectors > 0
        self._sessions = history.sessions
        self._sessions_with = history.weights @ present
        self._known = self._sessions_with > 0
        self._logged = np.log1p(history.vectors)
        # One row at least, which events met since are looked up in, and then not taken from.
        self._largest = np.zeros(max(1, history.events), dtype=np.int64)
        self._largest[: history.events] = history.vectors.max(axis=0, initial=0)
        self._cap = int(min(history.vectors.max(initial=0), MOST_COUNTED))
        self._at_least = self._count_tails()
        sets, place = distinct_rows(present)
        self._sets = sets.astype(np.float64)
        self._set_weights = np.bincount(place, history.weights, len(sets))
        lengths = history.vectors.sum(axis=1)
        order = np.argsort(lengths, kind="stable")
        self._lengths = lengths[order]
        self._length_weights = np.concatenate([[0.0], history.weights[order].cumsum()])
        self._anomalies = np.log1p(history.anomalies)
        # How rare it is that an event of the history is missing; half of the sessions is no news.
        absence = rarity(self._sessions - self._sessions_with, self._sessions) - LOG_TWO
        self._absence = np.where(self._known, np.maximum(absence, 0), 0)

    def _count_tails(self) -> Floats:
        """[events, cap + 2]: sessions that have the event at least so often."""
        history = self.history
        tails = np.zeros((max(1, history.events), self._cap + 2))
        counts = np.minimum(history.vectors, self._cap)
        for event in np.flatnonzero(self._known):
            exactly = np.bincount(counts[:, event], history.weights, self._cap + 1)
            tails[event, : self._cap + 1] = exactly[::-1].cumsum()[::-1]
        return tails

    def sessions(self, sequences: Sequence[Events]) -> Floats:
        """Numbers of sessions, float64 [sessions, structure + meaning + evidence], unscaled."""
        parts = [
            self._chunk(sequences[start : start + _AT_ONCE])
            for start in range(0, len(sequences), _AT_ONCE)
        ]
        width = len(STRUCTURE) + len(MEANING) + len(EVIDENCE)
        return np.concatenate(parts) if parts else np.zeros((0, width))

    def _chunk(self, sequences: Sequence[Events]) -> Floats:
        counts = count_vectors(sequences, len(self.traits)).astype(np.float64)
        inside = counts[:, : self.history.events].astype(np.int64)
        if self._sessions:
            nearest = self._distances(counts, self._logged)
            structure = self._structure(sequences, counts, inside, nearest)
        else:
            # Nothing has been seen, so nothing is odd yet.
            nearest = np.zeros((len(counts), 1))
            structure = [np.zeros(len(counts))] * len(STRUCTURE)
        columns = [
            *structure,
            *self._meaning(counts),
            *self._evidence(counts, nearest),
        ]
        return np.stack(columns, axis=1)

    def _structure(
        self,
        sequences: Sequence[Events],
        counts: Floats,
        inside: NDArray[np.int64],
        nearest: Floats,
    ) -> list[Floats]:
        traits, n = self.traits, self._sessions
        weights = self.history.weights
        present = counts > 0
        pairs = np.array([self._pairs(sequence) for sequence in sequences])
        new = counts * (traits.known == 0)
        absence = np.where(inside > 0, 0, self._absence)
        event = np.arange(self.history.events)
        at_least = self._at_least[event, np.minimum(inside, self._cap + 1)]
        over = np.where(inside > 0, rarity(at_least, n), 0)
        # Events met since have been seen no times at all, so any count of theirs is as rare.
        beyond = (counts[:, self.history.events :] > 0) * rarity(np.zeros(1), n)
        more = self._at_least[event, np.minimum(inside, self._cap) + 1]
        under = np.where((inside > 0) & self._known, rarity(n - more, n), 0)
        order = np.argsort(nearest, axis=1, kind="stable")
        reached = np.cumsum(weights[order], axis=1) >= max(1.0, 0.01 * n) - 1e-9
        hundredth = np.take_along_axis(order, reached.argmax(axis=1)[:, None], axis=1)
        apart = self._set_distances(present)
        lengths = counts.sum(axis=1)
        up_to = self._length_weights[np.searchsorted(self._lengths, lengths, "right")]
        below = self._length_weights[np.searchsorted(self._lengths, lengths, "left")]
        return [
            _largest(present, traits.rarity),
            _mean(counts, traits.rarity),
            np.log1p(counts @ traits.rarity),
            pairs[:, 0],
            pairs[:, 1],
            np.log1p(new.sum(axis=1)),
            np.log1p((new > 0).sum(axis=1)),
            pairs[:, 2],
            absence.max(axis=1, initial=0),
            np.log1p(absence.sum(axis=1)),
            np.maximum(over.max(axis=1, initial=0), beyond.max(axis=1, initial=0)),
            np.log1p(over.sum(axis=1) + beyond.sum(axis=1)),
            np.maximum(under, 0).max(axis=1, initial=0),
            nearest.min(axis=1),
            np.take_along_axis(nearest, hundredth, axis=1)[:, 0],
            np.sqrt(apart.min(axis=1)),
            rarity((nearest == 0) @ weights, n),
            rarity((apart == 0) @ self._set_weights, n),
            np.maximum(rarity(up_to, n), rarity(n - below, n)) - LOG_TWO,
        ]

    def _pairs(self, sequence: Events) -> tuple[float, float, float]:
        """Rarest pair, mean pair rarity, log of the number of new pairs."""
        found = pairs_of(sequence.tolist())
        seen = np.array([self.history.pairs.get(pair, 0.0) for pair in found])
        times = np.array(list(found.values()), dtype=np.float64)
        rare = rarity(seen, self._sessions)
        new = math.log1p(times[seen == 0].sum())
        return float(rare.max()), float(rare @ times / times.sum()), new

    def _meaning(self, counts: Floats) -> list[Floats]:
        traits = self.traits
        present = counts > 0
        return [
            _largest(present, traits.word_rarity),
            _mean(counts, traits.mean_word_rarity),
            _largest(present, traits.strangeness),
            _largest(present, traits.severity),
            _mean(counts, traits.severity),
            _largest(present, traits.tone),
            _mean(counts, traits.tone),
            _largest(present, traits.keyword),
            _mean(counts, traits.keyword),
            _largest(present, traits.rarity * traits.severity),
            _mean(counts, traits.rarity * traits.severity),
            _largest(present, traits.rarity * traits.tone),
            _mean(counts, traits.rarity * traits.tone),
            _mean(counts, traits.rarity * traits.keyword),
            _largest(present, traits.strangeness * traits.severity),
            _largest(present, traits.rarity * traits.words),
            _largest(present, traits.strangeness * traits.words),
        ]

    def _evidence(self, counts: Floats, nearest: Floats) -> list[Floats]:
        known = float(self.history.anomaly_weights.sum())
        if not known:
            return [np.zeros(len(counts))] * len(EVIDENCE)
        normal = nearest.min(axis=1)
        anomalous = self._distances(counts, self._anomalies).min(axis=1)
        present = counts > 0
        return [
            _largest(present, self.traits.lift),
            _mean(counts, self.traits.lift),
            np.clip((normal - anomalous) / (normal + anomalous + 0.3), -1, 1),
            _largest(present, self.traits.likeness),
            np.full(len(counts), min(math.log10(1 + known) / 2, 1.0)),
        ]

    def _distances(self, counts: Floats, others: Floats) -> Floats:
        """Euclidean, between logarithms of count vectors: [sessions, others]."""
        logged = np.log1p(counts)
        inside, beyond = np.split(logged, [self.history.events], axis=1)
        squares = (inside**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
        squares = squares - 2 * inside @ others.T + (beyond**2).sum(axis=1)[:, None]
        distances: Floats = np.sqrt(np.maximum(squares, 0))
        # Rounding leaves equal vectors about 1e-6 apart; counts of 9,999 and 10,000 are 1e-4 apart.
        distances[distances < 1e-4] = 0
        return distances

    def _set_distances(self, present: NDArray[np.bool_]) -> Floats:
        """How many events one session has and the other has not: [sessions, sets]."""
        inside = present[:, : self.history.events].astype(np.float64)
        beyond: Floats = present[:, self.history.events :].sum(axis=1).astype(np.float64)
        apart: Floats = inside @ (1 - self._sets).T + (1 - inside) @ self._sets.T
        return apart + beyond[:, None]

    def events(self, sequence: Events) -> Vectors:
        """Numbers of each event as it arrives, float32 [length, EVENT_INPUTS]."""
        traits, n = self.traits, self._sessions
        row = [int(event) for event in sequence]
        before = [-1, *row[:-1]]
        seen = np.array(
            [self.history.pairs.get(pair, 0.0) for pair in zip(before, row, strict=True)]
        )
        occurrences: Counter[int] = Counter()
        running = np.empty(len(row), dtype=np.int64)
        for place, event in enumerate(row):
            occurrences[event] += 1
            running[place] = occurrences[event]
        inside = sequence < self.history.events
        at = np.where(inside, sequence, 0)
        at_least = np.where(inside, self._at_least[at, np.minimum(running, self._cap + 1)], 0)
        largest = np.where(inside, self._largest[at], 0)
        columns = [
            traits.rarity[sequence] / 3,
            1 - traits.known[sequence],
            rarity(seen, n) / 3,
            seen == 0,
            rarity(at_least, n) / 3,
            running > largest,
            traits.word_rarity[sequence] / 3,
            traits.strangeness[sequence],
            traits.severity[sequence],
            2 * traits.tone[sequence],
            traits.keyword[sequence],
            traits.lift[sequence] / 2,
            traits.likeness[sequence],
            traits.words[sequence],
            traits.wordless[sequence],
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def _largest(present: NDArray[np.bool_], values: Floats) -> Floats:
    largest: Floats = np.where(present, values[None], -9.0).max(axis=1)
    return largest


def _mean(counts: Floats, values: Floats) -> Floats:
    mean: Floats = counts @ values / np.maximum(counts.sum(axis=1), 1)
    return mean
