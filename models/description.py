"""What a history says of a session: the numbers that the network reads beside the event vectors.

Every number means the same in every system. Most are rarities, -log10 of a share of known sessions.

Numbers of an event are known when the event arrives; numbers of a session need all of it, and enter
behind the recurrent part.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.flat import Flat
from models.history import MOST_COUNTED, Events, Floats, History, distinct_rows
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
_PAIRS = [STRUCTURE.index(name) for name in ("rarest pair", "mean pair rarity", "new pairs")]
# Rounding leaves equal count vectors about 1e-6 apart; counts of 9,999 and 10,000 are 1e-4 apart.
_EQUAL = 1e-8
_AT_ONCE = 256
# Numbers in one array: 16 MiB of them, several such arrays at once.
_MOST_CELLS = 2_000_000
# Of so many events met since the history, most are in none of the sessions at hand.
_FEW_MET = 512


class _Points:
    """Count vectors that others are compared with, as logarithms. squares: of their lengths;
    turned: [events, points], times -2."""

    def __init__(self, places: Floats) -> None:
        self.squares = (places**2).sum(axis=1)
        self.turned = -2 * places.T


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
        self._normal = _Points(np.log1p(history.vectors))
        # One row at least, which events met since are looked up in, and then not taken from.
        self._largest = np.zeros(max(1, history.events), dtype=np.int64)
        self._largest[: history.events] = history.vectors.max(axis=0, initial=0)
        self._cap = int(min(history.vectors.max(initial=0), MOST_COUNTED))
        self._at_least = self._count_tails()
        sets, place = distinct_rows(present)
        self._sets = sets.astype(np.float64)
        self._set_sizes = self._sets.sum(axis=1)
        self._set_weights: Floats = np.bincount(place, history.weights, len(sets)).astype(float)
        # A hundredth of the history's weight, but a session at least; no more than so many of its
        # count vectors make that up, however light they are.
        self._hundredth = max(1.0, 0.01 * self._sessions) - 1e-9
        lightest = np.sort(history.weights).cumsum()
        self._most_near = int(np.searchsorted(lightest, self._hundredth + 1e-6)) + 1
        lengths = self._totals = history.vectors.sum(axis=1)
        order = np.argsort(lengths, kind="stable")
        self._lengths = lengths[order]
        self._length_weights = np.concatenate([[0.0], history.weights[order].cumsum()])
        self._anomalous = _Points(np.log1p(history.anomalies))
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

    def sessions(self, sequences: Sequence[Events] | Flat) -> Floats:
        """Numbers of sessions, float64 [sessions, structure + meaning + evidence], unscaled.

        Open sessions are described as if they ended the most ordinary way: with what they lack of
        the count vector in the history that they exceed least. Pairs are those there are.
        """
        flat = sequences if isinstance(sequences, Flat) else Flat.of(sequences)
        if not len(flat):
            return np.zeros((0, len(STRUCTURE) + len(MEANING) + len(EVIDENCE)))
        # But for pairs, the order of events does not matter: many sessions have the same counts.
        distinct, place = flat.without_order()
        chunks = []
        start = 0
        while start < len(distinct):
            stop = min(start + _AT_ONCE, len(distinct))
            ids = self._columns(distinct, start, stop)
            while stop > start + 1 and (
                (stop - start) * max(len(ids), len(self.history.weights)) > _MOST_CELLS
            ):
                stop = (start + stop + 1) // 2
                ids = self._columns(distinct, start, stop)
            counts = distinct.counts(start, stop, ids)
            if flat.open and self._sessions:
                counts = self._completed(counts)
            traits = self.traits if len(ids) == len(self.traits) else self.traits.chosen(ids)
            chunks.append(self._chunk(counts, traits))
            start = stop
        numbers: Floats = np.concatenate(chunks)[place]
        if self._sessions:
            numbers[:, _PAIRS] = self._pairs(flat)
        return numbers

    def _columns(self, flat: Flat, start: int, stop: int) -> Events:
        """Events that these sessions are described by: those of the history, and of those met since
        all, or where they are many, those that are there."""
        events = self.history.events
        if len(self.traits) - events <= _FEW_MET:
            return np.arange(len(self.traits))
        found = np.unique(flat.part(start, stop))
        return np.concatenate([np.arange(events), found[found >= events]])

    def _completed(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """With what each session lacks of the count vector that it exceeds least; of several the
        one that lacks least."""
        vectors, events = self.history.vectors, self.history.events
        completed = counts.copy()
        for row in completed:
            there = np.flatnonzero(row[:events])
            own, known = row[there], vectors[:, there]
            excess = np.maximum(np.log1p(own) - np.log1p(known), 0)
            exceeded = (excess**2).sum(axis=1)
            missing = self._totals - np.minimum(known, own).sum(axis=1)
            nearest = np.lexsort((missing, exceeded))[0]
            row[:events] = np.maximum(row[:events], vectors[nearest])
        return completed

    def remarkable(self, flat: Flat) -> NDArray[np.bool_]:
        """Sessions with an event that nine in ten known ones lack, with more of one than any has,
        or with a pair that none has, [sessions]. The others need no look before they are over."""
        traits = self.traits
        inside = flat.events < self.history.events
        largest = np.where(inside, self._largest[np.where(inside, flat.events, 0)], 0)
        odd = (traits.rarity[flat.events] >= 1) | (flat.running > largest)
        before, after = flat.pairs()
        new = self._sessions_with_pairs(before, after) == 0
        owners = flat.owners if flat.open else np.repeat(np.arange(len(flat)), flat.lengths + 1)
        found = np.bincount(flat.owners, odd, len(flat)) + np.bincount(owners, new, len(flat))
        return found > 0

    def _chunk(self, whole: NDArray[np.int64], traits: EventTraits) -> Floats:
        counts = whole.astype(np.float64)
        inside = whole[:, : self.history.events]
        nothing = np.zeros(len(counts))
        if self._sessions:
            squares = self._squares(counts, self._normal)
            nearest = _nearest(squares)
            structure = self._structure(counts, inside, squares, nearest, traits)
        else:
            # Nothing has been seen, so nothing is odd yet.
            nearest = nothing
            structure = [nothing] * len(STRUCTURE)
        columns = [
            *structure,
            *self._meaning(counts, traits),
            *self._evidence(counts, nearest, traits),
        ]
        return np.stack(columns, axis=1)

    def _structure(
        self,
        counts: Floats,
        inside: NDArray[np.int64],
        squares: Floats,
        nearest: Floats,
        traits: EventTraits,
    ) -> list[Floats]:
        """With zeros for what is said of pairs."""
        n = self._sessions
        nothing = np.zeros(len(counts))
        present = counts > 0
        new = counts * (traits.known == 0)
        absence = np.where(inside > 0, 0, self._absence)
        event = np.arange(self.history.events)
        at_least = self._at_least[event, np.minimum(inside, self._cap + 1)]
        over = np.where(inside > 0, rarity(at_least, n), 0)
        # Events met since have been seen no times at all, so any count of theirs is as rare.
        beyond = (counts[:, self.history.events :] > 0) * rarity(np.zeros(1), n)
        more = self._at_least[event, np.minimum(inside, self._cap) + 1]
        under = np.where((inside > 0) & self._known, rarity(n - more, n), 0)
        apart = self._set_distances(present)
        lengths = counts.sum(axis=1)
        up_to = self._length_weights[np.searchsorted(self._lengths, lengths, "right")]
        below = self._length_weights[np.searchsorted(self._lengths, lengths, "left")]
        return [
            _largest(present, traits.rarity),
            _mean(counts, traits.rarity),
            np.log1p(counts @ traits.rarity),
            nothing,
            nothing,
            np.log1p(new.sum(axis=1)),
            np.log1p((new > 0).sum(axis=1)),
            nothing,
            absence.max(axis=1, initial=0),
            np.log1p(absence.sum(axis=1)),
            np.maximum(over.max(axis=1, initial=0), beyond.max(axis=1, initial=0)),
            np.log1p(over.sum(axis=1) + beyond.sum(axis=1)),
            np.maximum(under, 0).max(axis=1, initial=0),
            nearest,
            self._nearest_hundredth(squares),
            np.sqrt(apart.min(axis=1)),
            rarity(_weight(squares < _EQUAL, self.history.weights), n),
            rarity(_weight(apart == 0, self._set_weights), n),
            np.maximum(rarity(up_to, n), rarity(n - below, n)) - LOG_TWO,
        ]

    def _nearest_hundredth(self, squares: Floats) -> Floats:
        """How near the nearest hundredth of the history is; squares: [sessions, all]."""
        weights = np.broadcast_to(self.history.weights, squares.shape)
        if 2 * self._most_near < squares.shape[1]:
            # The few that can matter are found without putting all in order.
            few = np.argpartition(squares, self._most_near - 1, axis=1)[:, : self._most_near]
            squares = np.take_along_axis(squares, few, axis=1)
            weights = np.take_along_axis(weights, few, axis=1)
        order = np.argsort(squares, axis=1, kind="stable")
        reached = np.take_along_axis(weights, order, axis=1).cumsum(axis=1) >= self._hundredth
        last = np.take_along_axis(order, reached.argmax(axis=1)[:, None], axis=1)
        return _root(np.take_along_axis(squares, last, axis=1)[:, 0])

    def _pairs(self, flat: Flat) -> Floats:
        """Rarest pair, mean pair rarity, log of the number of new pairs: [sessions, 3]."""
        seen = self._sessions_with_pairs(*flat.pairs())
        rare = rarity(seen, self._sessions)
        sizes = flat.lengths + (not flat.open)
        owners = np.repeat(np.arange(len(flat)), sizes)
        rarest = np.maximum.reduceat(rare, np.cumsum(sizes) - sizes)
        # bincount adds one by one, so a session's mean does not depend on what is beside it.
        mean = np.bincount(owners, rare) / sizes
        new = np.log1p(np.bincount(owners, seen == 0))
        return np.stack([rarest, mean, new], axis=1)

    def _sessions_with_pairs(self, before: Events, after: Events) -> Floats:
        """How many sessions of the history have each of these pairs, [pairs]."""
        base = int(max(after.max(initial=0), before.max(initial=0))) + 3
        # One number a pair: BEGIN and END are above -3.
        codes, places = np.unique((before + 2) * base + after + 2, return_inverse=True)
        ends = zip((codes // base - 2).tolist(), (codes % base - 2).tolist(), strict=True)
        known = self.history.pairs
        counts = np.array([known.get(pair, 0.0) for pair in ends], dtype=np.float64)
        of_each: Floats = counts[places.ravel()]
        return of_each

    def _meaning(self, counts: Floats, traits: EventTraits) -> list[Floats]:
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

    def _evidence(self, counts: Floats, nearest: Floats, traits: EventTraits) -> list[Floats]:
        known = float(self.history.anomaly_weights.sum())
        if not known:
            return [np.zeros(len(counts))] * len(EVIDENCE)
        anomalous = _nearest(self._squares(counts, self._anomalous))
        present = counts > 0
        return [
            _largest(present, traits.lift),
            _mean(counts, traits.lift),
            np.clip((nearest - anomalous) / (nearest + anomalous + 0.3), -1, 1),
            _largest(present, traits.likeness),
            np.full(len(counts), min(math.log10(1 + known) / 2, 1.0)),
        ]

    def _squares(self, counts: Floats, others: "_Points") -> Floats:
        """Squares of Euclidean distances between logarithms of count vectors: [sessions, others].
        Of equal vectors it is about 0, maybe a little less."""
        logged = np.log1p(counts)
        inside, beyond = np.split(logged, [self.history.events], axis=1)
        squares: Floats = inside @ others.turned
        squares += others.squares
        squares += ((inside**2).sum(axis=1) + (beyond**2).sum(axis=1))[:, None]
        return squares

    def _set_distances(self, present: NDArray[np.bool_]) -> Floats:
        """How many events one session has and the other has not: [sessions, sets]."""
        inside = present[:, : self.history.events].astype(np.float64)
        beyond: Floats = present[:, self.history.events :].sum(axis=1).astype(np.float64)
        # Whole numbers, so nothing is rounded.
        apart: Floats = -2 * inside @ self._sets.T
        apart += self._set_sizes
        apart += (inside.sum(axis=1) + beyond)[:, None]
        return apart

    def events(self, sequence: Events) -> Vectors:
        """Numbers of each event as it arrives, float32 [length, EVENT_INPUTS]."""
        flat = Flat.of([sequence])
        return self.rows(flat.events, flat.before, flat.running)

    def rows(self, events: Events, before: Events, running: NDArray[np.int64]) -> Vectors:
        """Numbers of events, float32 [events, EVENT_INPUTS], which nothing else decides.

        before: what came before each in its session, or BEGIN; running: how often it has occurred
        there so far, itself included.
        """
        traits, n = self.traits, self._sessions
        seen = self._sessions_with_pairs(before, events)
        inside = events < self.history.events
        at = np.where(inside, events, 0)
        at_least = np.where(inside, self._at_least[at, np.minimum(running, self._cap + 1)], 0)
        largest = np.where(inside, self._largest[at], 0)
        columns = [
            traits.rarity[events] / 3,
            1 - traits.known[events],
            rarity(seen, n) / 3,
            seen == 0,
            rarity(at_least, n) / 3,
            running > largest,
            traits.word_rarity[events] / 3,
            traits.strangeness[events],
            traits.severity[events],
            2 * traits.tone[events],
            traits.keyword[events],
            traits.lift[events] / 2,
            traits.likeness[events],
            traits.words[events],
            traits.wordless[events],
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def _root(squares: Floats) -> Floats:
    return np.sqrt(np.where(squares < _EQUAL, 0, squares))


def _nearest(squares: Floats) -> Floats:
    return _root(squares.min(axis=1))


def _weight(chosen: NDArray[np.bool_], weights: Floats) -> Floats:
    """Of what is chosen for each session, [sessions]; mostly that is little."""
    session, other = np.nonzero(chosen)
    return np.bincount(session, weights[other], len(chosen)).astype(np.float64)


def _largest(present: NDArray[np.bool_], values: Floats) -> Floats:
    largest: Floats = np.where(present, values[None], -9.0).max(axis=1)
    return largest


def _mean(counts: Floats, values: Floats) -> Floats:
    mean: Floats = counts @ values / np.maximum(counts.sum(axis=1), 1)
    return mean
