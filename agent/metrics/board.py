"""Where the main loop leaves what others may read."""

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from agent.metrics.snapshot import Snapshot

_SECONDS_BETWEEN = 1.0
# Of many files a snapshot takes its time: no more of it than this is spent on them.
_MOST_SHARE_OF_TIME = 0.01


class Watched(Protocol):
    """An input."""

    def snapshot(self) -> Snapshot: ...


class Busy(StrEnum):
    """What the main thread may take its time for without being stuck."""

    starting = "starting"
    reloading = "reloading"
    stopping = "stopping"


class Board:
    """Written by the main loop alone; each attribute is replaced and never changed, so any thread
    may read it.

    wanted: whether anybody reads it; else no snapshot is made. beat_at: monotonic, when the main
    loop went on last; busy: what it does beside its turns. snapshots: of inputs, by name.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.beat_at = time.monotonic()
        self.busy: Busy | None = Busy.starting
        self.snapshots: Mapping[str, Snapshot] = {}
        self._due_at = 0.0

    def begin(self, what: Busy) -> None:
        """The next ``turn`` ends it."""
        self.busy, self.beat_at = what, time.monotonic()

    def beat(self) -> None:
        """A piece of work is done."""
        self.beat_at = time.monotonic()

    def turn(self, inputs: Mapping[str, Watched]) -> None:
        """All inputs have had their turns."""
        now = time.monotonic()
        self.beat_at, self.busy = now, None
        if self.wanted and now >= self._due_at:
            self.snapshots = {name: one.snapshot() for name, one in inputs.items()}
            took = time.monotonic() - now
            self._due_at = now + max(_SECONDS_BETWEEN, took / _MOST_SHARE_OF_TIME)
