"""What a history says of single events: how rare, how strange, how suspect. A row an event."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models.history import Events, Floats, History
from models.meaning import MeaningReader
from models.words import Vectors, WordTable, tokenize

_AT_ONCE = 512


def rarity(sessions_with: NDArray[np.floating], sessions: float) -> Floats:
    """-log10 of the share of sessions, smoothed: 0.3 for half of them, log10(2n) for none."""
    share: Floats = (np.asarray(sessions_with, dtype=np.float64) + 0.5) / (sessions + 1)
    return -np.log10(share)


@dataclass(frozen=True)
class EventTraits:
    """float64 [events], ids of the history first, then events met since.

    rarity: of the event; known: 1 where the history has it; word_rarity, mean_word_rarity: of its
    rarest word and over its words; strangeness: how unlike the nearest known event it is, 0 where
    it is known; lift: log10 of how much more often anomalous sessions have it than others;
    likeness: how much nearer it is to events of anomalies than to others. The last two are 0
    without known anomalies. Others as in Meaning.
    """

    rarity: Floats
    known: Floats
    word_rarity: Floats
    mean_word_rarity: Floats
    strangeness: Floats
    lift: Floats
    likeness: Floats
    severity: Floats
    tone: Floats
    keyword: Floats
    words: Floats
    wordless: Floats

    def replaced(self, ids: Events, others: "EventTraits") -> "EventTraits":
        """These, with ``others`` in the places ``ids``, maybe behind all."""
        size = max(len(self), int(ids.max(initial=-1)) + 1)
        parts = []
        for one in fields(self):
            old, new = getattr(self, one.name), getattr(others, one.name)
            part = np.zeros(size)
            part[: len(old)] = old
            part[ids] = new
            parts.append(part)
        return EventTraits(*parts)

    def chosen(self, ids: Events) -> "EventTraits":
        """Of these events alone."""
        return EventTraits(*(getattr(self, one.name)[ids] for one in fields(self)))

    def __len__(self) -> int:
        return len(self.rarity)


class TraitReader:
    """Reads traits off a history; also those of events that came later.

    templates: of the history's events, by id; vectors: float32 [events, dimension].
    """

    def __init__(
        self, history: History, templates: Sequence[str], vectors: Vectors, table: WordTable
    ) -> None:
        self._history = history
        self._meanings = MeaningReader(table)
        present = history.vectors > 0
        self._sessions_with = history.weights @ present
        self._word_sessions = self._count_words(templates, present)
        known = np.flatnonzero(self._sessions_with > 0)
        unit = _unit(vectors)
        self._known_unit = unit[known]
        self._lift, suspects = self._lifts()
        self._suspect_unit = unit[suspects]
        # np.setdiff1d would load numpy.ma, 1.4 MiB, for this alone.
        innocent = known[~np.isin(known, suspects)]
        self._innocent_unit = unit[innocent]
        self.traits = self.read(templates, vectors, np.arange(len(templates)))

    def read(self, templates: Sequence[str], vectors: Vectors, ids: Events) -> EventTraits:
        """Traits of events with these ids, whose templates and vectors these are."""
        history = self._history
        inside = ids < history.events
        with_event = np.zeros(len(ids))
        with_event[inside] = self._sessions_with[ids[inside]]
        lift = np.zeros(len(ids))
        lift[inside] = self._lift[ids[inside]]
        known = with_event > 0
        unit = _unit(vectors)
        meaning = self._meanings.read(templates)
        word_rarity = [self._rarities(template) for template in templates]
        likeness = np.zeros(len(ids))
        if len(self._suspect_unit):
            likeness = _nearest(unit, self._suspect_unit) - _nearest(unit, self._innocent_unit)
        return EventTraits(
            rarity=rarity(with_event, history.sessions),
            known=known.astype(np.float64),
            word_rarity=np.array([max(one, default=0.0) for one in word_rarity]),
            mean_word_rarity=np.array([sum(one) / max(len(one), 1) for one in word_rarity]),
            strangeness=np.where(known, 0.0, 1 - _nearest(unit, self._known_unit)),
            lift=lift,
            likeness=likeness,
            severity=meaning.severity.astype(np.float64),
            tone=meaning.tone.astype(np.float64),
            keyword=meaning.keyword.astype(np.float64),
            words=meaning.words.astype(np.float64),
            wordless=meaning.wordless.astype(np.float64),
        )

    def _count_words(
        self, templates: Sequence[str], present: NDArray[np.bool_]
    ) -> dict[str, float]:
        events_of: dict[str, list[int]] = {}
        for event, template in enumerate(templates):
            for word in set(tokenize(template)):
                events_of.setdefault(word, []).append(event)
        weights = self._history.weights
        return {
            word: float(weights @ present[:, events].any(axis=1))
            for word, events in events_of.items()
        }

    def _rarities(self, template: str) -> list[float]:
        counts = [self._word_sessions.get(word, 0.0) for word in dict.fromkeys(tokenize(template))]
        return rarity(np.array(counts), self._history.sessions).tolist() if counts else []

    def _lifts(self) -> tuple[Floats, NDArray[np.intp]]:
        """Lift by event, and the events that known anomalies have and others hardly do."""
        history = self._history
        anomalous = float(history.anomaly_weights.sum())
        if not anomalous:
            return np.zeros(history.events), np.zeros(0, dtype=np.intp)
        within = history.anomaly_weights @ (history.anomalies > 0)
        among = np.log10((within + 0.1) / (anomalous + 0.2))
        elsewhere = np.log10((self._sessions_with + 0.1) / (history.sessions + 0.2))
        lift = among - elsewhere
        lift = np.where(within == 0, np.minimum(lift, 0), lift).clip(-1, 3)
        # A few anomalies are weak evidence: five count half.
        lift *= (within + self._sessions_with > 0) * (anomalous / (anomalous + 5))
        return lift, np.flatnonzero((within > 0) & (lift > 1))


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(norms, 1e-6)
    return unit


def _nearest(unit: Vectors, others: Vectors) -> Floats:
    """Largest cosine with any of ``others``; 0 where there are none."""
    if not len(others):
        return np.zeros(len(unit))
    nearest = np.empty(len(unit))
    # Thousands of events beside thousands: a slice at a time, for the memory.
    for start in range(0, len(unit), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        nearest[rows] = np.clip(unit[rows] @ others.T, -1, 1).max(axis=1)
    return nearest


LOG_TWO = math.log10(2)
