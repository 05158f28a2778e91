"""Files, the journal and stdin as one."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from agent.follow import Follower, LineBatch, Position, Wakeup


class Stream(Protocol):
    """Lines that come from somewhere else than from files. For one thread."""

    @property
    def name(self) -> str:
        """In words."""

    @property
    def cursor(self) -> str | None:
        """Where to go on after exactly the lines that were handed out, None where that cannot be
        done or is not known yet."""

    def poll(self) -> Iterator[LineBatch]:
        """What has come. Never waits; what it has yielded counts as handed out."""

    def flush(self) -> Iterator[LineBatch]:
        """Hand out what is held, such as a last line without a newline."""

    def drained(self) -> bool:
        """Whether the last ``poll`` left nothing that could be had at once."""

    def over(self) -> bool:
        """Whether nothing will ever come any more."""

    def seconds_until_due(self) -> float:
        """Until the next ``poll`` makes sense, if nobody wakes us; infinite where it does not."""

    def report(self) -> dict[str, Any]:
        """For status. JSON-ready."""

    def close(self) -> None: ...


class Streams:
    """What an agent reads: files, and whatever else there is. Used as a ``Follower`` is.

    wakeup: of all of them, the follower included; it stays open. once: files are over when they
    were read to their ends.
    """

    def __init__(
        self,
        follower: Follower | None,
        others: Sequence[Stream] = (),
        *,
        wakeup: Wakeup,
        once: bool = False,
    ) -> None:
        self._follower = follower
        self._others = tuple(others)
        self._wakeup = wakeup
        self._once = once

    def poll(self) -> Iterator[LineBatch]:
        """One turn over all of them; see ``Follower.poll``."""
        if self._follower is not None:
            yield from self._follower.poll()
        for one in self._others:
            yield from one.poll()

    def flush(self) -> Iterator[LineBatch]:
        """Hand out what is held."""
        if self._follower is not None:
            yield from self._follower.flush()
        for one in self._others:
            yield from one.flush()

    def drained(self) -> bool:
        """Whether the last turn left nothing that could be read now."""
        files = self._follower is None or self._follower.drained()
        return files and all(one.drained() for one in self._others)

    def over(self) -> bool:
        """Whether nothing will come any more: with ``once``, when all was read to its end; else
        when there are no files and everything else has ended."""
        files = self._follower is None or self._once
        return files and self.drained() and all(one.over() for one in self._others)

    def seconds_until_due(self) -> float:
        """Until the next turn, if nothing wakes us; not more than 0 where it is due now."""
        due = math.inf if self._follower is None else self._follower.seconds_until_due()
        return min((due, *(one.seconds_until_due() for one in self._others)))

    def wait(self, timeout: float) -> None:
        """Sleep until the next turn is due, at most ``timeout`` seconds; see ``wake``."""
        self._wakeup.sleep(max(0.0, min(timeout, self.seconds_until_due())))

    def wake(self) -> None:
        """End ``wait`` early. Safe from any thread and from a signal handler."""
        self._wakeup.wake()

    def positions(self) -> list[Position]:
        """Of files: see ``Follower.positions``."""
        return [] if self._follower is None else self._follower.positions()

    @property
    def journal_cursor(self) -> str | None:
        """The journal's place, to be saved in one step with ``positions``."""
        return next((one.cursor for one in self._others if one.cursor is not None), None)

    def describe(self) -> str:
        """In words: what is read."""
        files = [] if self._follower is None else [f"{self.files} files"]
        return " and ".join([*files, *(one.name for one in self._others)])

    def unread(self) -> dict[str, int]:
        """Of files: see ``Follower.unread``."""
        return {} if self._follower is None else self._follower.unread()

    def unreadable(self) -> list[int]:
        """Of files: see ``Follower.unreadable``."""
        return [] if self._follower is None else self._follower.unreadable()

    @property
    def files(self) -> int:
        return 0 if self._follower is None else self._follower.files

    @property
    def files_open(self) -> int:
        return 0 if self._follower is None else self._follower.files_open

    def report(self) -> dict[str, Any]:
        """For status. JSON-ready."""
        return {key: value for one in self._others for key, value in one.report().items()}

    def close(self) -> None:
        """Let go of everything. ``positions`` and ``journal_cursor`` still answer."""
        for one in self._others:
            one.close()
        if self._follower is not None:
            self._follower.close()
