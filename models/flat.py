"""Sessions laid end to end in one array, so that a batch of them is one piece of work for numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.history import BEGIN, END, Events


@dataclass(frozen=True)
class Flat:
    """events: int64 [total], the sessions' events one session after another; lengths: int64
    [sessions], at least 1 each. open: none of them is over, more events may follow."""

    events: Events
    lengths: NDArray[np.int64]
    open: bool = False

    @classmethod
    def of(cls, sequences: Sequence[Events]) -> Self:
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        if not len(lengths):
            return cls(np.zeros(0, dtype=np.int64), lengths)
        return cls(np.concatenate(sequences).astype(np.int64, copy=False), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each session begins, [sessions]."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The session that each event belongs to, [total]."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def before(self) -> Events:
        """What comes before each event in its session, BEGIN before the first, [total]."""
        before = np.empty_like(self.events)
        before[1:] = self.events[:-1]
        before[self.starts] = BEGIN
        return before

    @cached_property
    def running(self) -> NDArray[np.int64]:
        """How often each event has occurred in its session so far, itself included, [total]."""
        if not len(self.events):
            return np.zeros(0, dtype=np.int64)
        codes = self.owners * (int(self.events.max()) + 1) + self.events
        # Stable, so equal events of a session follow each other in the order in which they came.
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        sizes = np.diff(first, append=len(codes))
        running = np.empty(len(codes), dtype=np.int64)
        running[order] = np.arange(len(codes)) - np.repeat(first, sizes) + 1
        return running

    def places(self, chosen: NDArray[np.intp]) -> NDArray[np.int64]:
        """Where in its session each of these events stands; chosen: places in ``events``."""
        return chosen - self.starts[self.owners[chosen]]

    def part(self, start: int, stop: int) -> Events:
        """Events of sessions ``start`` to ``stop``, end to end."""
        return self.events[slice(*self._bounds(start, stop))]

    def counts(self, start: int, stop: int, ids: Events) -> NDArray[np.int64]:
        """How often sessions ``start`` to ``stop`` have each of these events, [stop - start, ids];
        ids: ascending, all that occur there among them."""
        inside = slice(*self._bounds(start, stop))
        places = np.searchsorted(ids, self.events[inside])
        codes = (self.owners[inside] - start) * len(ids) + places
        size = (stop - start) * len(ids)
        return np.bincount(codes, minlength=size).reshape(stop - start, len(ids))

    def without_order(self) -> tuple["Flat", NDArray[np.int64]]:
        """One session for each multiset of events that there is, and which of them each session
        has, [sessions]."""
        width = int(self.events.max(initial=0)) + 1
        # Owners ascend, so sessions stay where they are.
        events = np.sort(self.owners * width + self.events) - np.repeat(
            np.arange(len(self)) * width, self.lengths
        )
        held = events.tobytes()
        size = events.itemsize
        places: dict[bytes, int] = {}
        first: list[int] = []
        place = np.empty(len(self), dtype=np.int64)
        bounds = zip((self.starts * size).tolist(), (self.lengths * size).tolist(), strict=True)
        for session, (start, length) in enumerate(bounds):
            key = held[start : start + length]
            known = places.get(key)
            if known is None:
                known = places[key] = len(first)
                first.append(session)
            place[session] = known
        if len(first) == len(self):
            return self, place
        chosen = np.zeros(len(self), dtype=np.bool_)
        chosen[first] = True
        return Flat(events[chosen[self.owners]], self.lengths[first], self.open), place

    def pairs(self) -> tuple[Events, Events]:
        """Neighbours, the two ends of each session included: length + 1 pairs a session, one less
        where it is open and has one end only."""
        if self.open:
            return self.before, self.events
        before = np.insert(self.events, self.starts, BEGIN)
        after = np.insert(self.events, self.starts + self.lengths, END)
        return before, after

    def _bounds(self, start: int, stop: int) -> tuple[int, int]:
        if start == stop:
            return 0, 0
        return int(self.starts[start]), int(self.starts[stop - 1] + self.lengths[stop - 1])
