"""What the network reads of sessions beside their events, by one frozen history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.description import Describer
from models.flat import Flat
from models.history import Events, History
from models.session_inputs import session_inputs
from models.traits import TraitReader
from models.words import Vectors, WordTable

# What the recurrent part reads of a session: it looks at order, and a storm of one event or a very
# long session would only cost time; how often and how long is in the session's numbers.
MOST_FED = 48
MOST_REPEATS = 4


def fed(sequence: Events) -> NDArray[np.intp]:
    """Places of the events that go to the recurrent part: the first four of a kind, 48 in all."""
    return fed_of(Flat.of([sequence]))


def fed_of(flat: Flat) -> NDArray[np.intp]:
    """The same of many sessions: places in ``flat.events``."""
    kept = flat.running <= MOST_REPEATS
    so_far = np.cumsum(kept)
    # Of earlier sessions; the first event of a session is always kept.
    earlier = so_far[flat.starts] - 1
    return np.flatnonzero(kept & (so_far - np.repeat(earlier, flat.lengths) <= MOST_FED))


class Inputs(NamedTuple):
    """Sessions as the network reads them. places: of the events that are fed, by session; features:
    float32 [fed, EVENT_INPUTS] each; session: float32 [sessions, SESSION_INPUTS]."""

    places: list[NDArray[np.intp]]
    features: list[Vectors]
    session: Vectors


@dataclass(frozen=True)
class Reading:
    """Sessions as the network reads them, end to end.

    lengths: int64 [sessions], events that are fed of each; places: int64 [fed], where they stand in
    their sessions. kinds: int64 [fed], what is fed, as rows of ``events``: int64 [kinds], and
    ``features``: float32 [kinds, F], what is said of the event there. session: float32
    [sessions, S].
    """

    lengths: NDArray[np.int64]
    places: NDArray[np.int64]
    kinds: NDArray[np.int64]
    events: Events
    features: Vectors
    session: Vectors

    @classmethod
    def plain(cls, flat: Flat, features: int) -> "Reading":
        """Of a network that reads no statistics: all events, and zeros beside them."""
        events, kinds = np.unique(flat.events, return_inverse=True)
        return cls(
            flat.lengths,
            flat.places(np.arange(len(flat.events))),
            kinds.ravel(),
            events,
            np.zeros((len(events), features), dtype=np.float32),
            np.zeros((len(flat), 0), dtype=np.float32),
        )

    def inputs(self) -> Inputs:
        """The same with an array for each session."""
        if not len(self.lengths):
            return Inputs([], [], self.session)
        ends = np.cumsum(self.lengths)[:-1]
        features = np.split(self.features[self.kinds], ends)
        return Inputs(np.split(self.places, ends), features, self.session)

    def side_by_side(self, most_cells: int) -> list[NDArray[np.intp]]:
        """Sessions in groups of about equal length; most_cells: sessions x longest, but for a
        session alone."""
        order = np.argsort(self.lengths, kind="stable")
        ordered = self.lengths[order].tolist()
        groups = []
        start = 0
        for place, length in enumerate(ordered):
            if place > start and (place + 1 - start) * length > most_cells:
                groups.append(order[start:place])
                start = place
        return [*groups, order[start:]] if ordered else []

    def chosen(self, sessions: NDArray[np.intp]) -> tuple["Reading", NDArray[np.int64]]:
        """These sessions, and where what is fed of them stands here."""
        starts = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[sessions]
        shifts = starts[sessions] - (np.cumsum(lengths) - lengths)
        places = np.arange(lengths.sum()) + np.repeat(shifts, lengths)
        return (
            replace(
                self,
                lengths=lengths,
                places=self.places[places],
                kinds=self.kinds[places],
                session=self.session[sessions],
            ),
            places,
        )


def read(describer: Describer, flat: Flat) -> Reading:
    """Sessions that the describer's history does not hold."""
    chosen = fed_of(flat)
    events, before, running = (part[chosen] for part in (flat.events, flat.before, flat.running))
    # Nothing else decides what is said of an event, and most of it is said again and again.
    width = int(flat.events.max(initial=0)) + 2
    codes = (events * width + before + 1) * (MOST_REPEATS + 1) + running
    _, first, kinds = np.unique(codes, return_index=True, return_inverse=True)
    return Reading(
        np.bincount(flat.owners[chosen], minlength=len(flat)),
        flat.places(chosen),
        kinds.ravel(),
        events[first],
        describer.rows(events[first], before[first], running[first]),
        session_inputs(describer.sessions(flat), describer.history),
    )


class Description:
    """A frozen history, ready to describe sessions of its system to the network.

    templates, vectors: of the history's events, by id. Events met since are made known by
    ``learn``.
    """

    def __init__(
        self,
        history: History,
        templates: Sequence[str],
        vectors: Vectors,
        words: WordTable,
    ) -> None:
        self.history = history
        self._reader = TraitReader(history, templates, vectors, words)
        self._describer = Describer(history, self._reader.traits)

    def learn(self, ids: int | Events, templates: Sequence[str], vectors: Vectors) -> None:
        """Events with these ids are these now. A number: that one and those that follow."""
        if not templates:
            return
        if isinstance(ids, int):
            ids = np.arange(ids, ids + len(templates))
        traits = self._describer.traits
        read = self._reader.read(templates, vectors, ids)
        self._describer.traits = traits.replaced(ids, read)

    def read(self, flat: Flat) -> Reading:
        """Sessions that the history does not hold."""
        return read(self._describer, flat)

    def common(self) -> frozenset[int]:
        """Events that one in ten sessions of the history has, or more."""
        share = self.history.weights @ (self.history.vectors > 0)
        common = np.flatnonzero(share >= max(0.1 * self.history.sessions, 1.0))
        return frozenset(common.tolist())

    def remarkable(self, flat: Flat) -> NDArray[np.bool_]:
        """See ``Describer.remarkable``."""
        return self._describer.remarkable(flat)

    def inputs(self, sequences: Sequence[Events]) -> Inputs:
        """Of sessions that the history does not hold, an array for each."""
        return self.read(Flat.of(sequences)).inputs()

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What ``from_arrays`` needs beside the templates."""
        return self.history.arrays()

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        templates: Sequence[str],
        vectors: Vectors,
        words: WordTable,
    ) -> "Description":
        """Raises KeyError or ValueError where ``arrays`` are not those of ``arrays()``."""
        return cls(History.from_arrays(arrays), templates, vectors, words)
