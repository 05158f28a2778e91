"""What happens to followed files, said to whoever wants to know."""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """The things worth telling. None of them ends the following of any other file."""

    OPENED = "opened"  # a file is read for the first time
    RESUMED = "resumed"  # a file goes on where a saved position says
    ROTATED = "rotated"  # a followed file has another name now, or none we were asked to follow
    TRUNCATED = "truncated"  # shorter than it was, or other bytes where ours were: starts over
    DELETED = "deleted"  # a followed file is gone and read to its end
    COPY = "copy"  # a copy of a followed file: its bytes are not handed out a second time
    SKIPPED = "skipped"  # never read: compressed, binary, not a regular file
    LINE_CUT = "line_cut"  # lines longer than the limit; count says how many
    BAD_BYTES = "bad_bytes"  # lines with bytes that the encoding does not know; count of lines
    PERMISSION_DENIED = "permission_denied"  # tried again every second
    READ_FAILED = "read_failed"  # the disk or the network said no; tried again every second
    HANDLE_LIMIT = "handle_limit"  # the system gives fewer file handles than we would use
    WATCH_FAILED = "watch_failed"  # new names are found by polling alone
    LOST = "lost"  # a file left before all of its bytes were read


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``detail`` is for people and never holds a line's content."""

    kind: Kind
    path: str
    detail: str = ""
    count: int = 1


class Recorder(Protocol):
    """Takes events. Called from the thread that polls; it must not raise and not block."""

    def record(self, event: Event) -> None: ...


_WARNINGS = frozenset(
    {
        Kind.LINE_CUT,
        Kind.BAD_BYTES,
        Kind.PERMISSION_DENIED,
        Kind.READ_FAILED,
        Kind.HANDLE_LIMIT,
        Kind.WATCH_FAILED,
        Kind.LOST,
    }
)
# A file of bad bytes makes an event for every block that is read.
_ONCE_A_FILE = frozenset({Kind.LINE_CUT, Kind.BAD_BYTES})
_MOST_REMEMBERED = 4096


class LoggingRecorder:
    """Says events through the standard ``logging``; a complaint that repeats, once a file."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("agent.follow")
        self._said: set[tuple[Kind, str]] = set()

    def record(self, event: Event) -> None:
        level = logging.WARNING if event.kind in _WARNINGS else logging.INFO
        if event.kind in _ONCE_A_FILE:
            if (event.kind, event.path) in self._said:
                level = logging.DEBUG
            elif len(self._said) < _MOST_REMEMBERED:
                self._said.add((event.kind, event.path))
        detail = f": {event.detail}" if event.detail else ""
        times = f" ({event.count} lines)" if event.kind in _ONCE_A_FILE else ""
        about = {"event": event.kind.value, "path": event.path}
        self._logger.log(
            level, "%s %s%s%s", event.path, event.kind.value, detail, times,
            extra={"fields": about},
        )  # fmt: skip
