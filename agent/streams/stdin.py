"""Lines of stdin, as they come."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from agent.clock import Clock
from agent.follow import LineBatch
from agent.follow.cursor import Cursor
from agent.follow.encoding import Encoding
from agent.follow.lines import LineSplitter
from agent.follow.records import RecordJoiner
from agent.follow.tail import PARTIAL_SECONDS, RECORD_SECONDS
from agent.streams.pipe import Pipe
from models.placed_lines import Lines
from models.wrapping import Wrapping, unwrapper

# The longest mark of a byte order, by which an encoding is known.
_MARK_BYTES = 4
_PATIENCE = 0.1
_NAME = "stdin"


class Stdin:
    """Reads stdin until it is closed. No place in it can be gone back to, so none is kept: lines
    that were read and not saved at a crash are lost.

    waits: it counts as drained only at its end, for who reads all of it before judging.
    descriptor: to read in its place. The rest as for ``Follower``.
    """

    name = _NAME
    cursor = None

    def __init__(
        self,
        *,
        wake: Callable[[], None],
        clock: Clock,
        encoding: str = "utf-8",
        multiline_start: str | None = None,
        unwrap: Wrapping = Wrapping.none,
        waits: bool = False,
        descriptor: int = 0,
        maximum_line_bytes: int = 65536,
    ) -> None:
        Encoding.named(encoding)
        self._encoding = encoding
        self._limit = maximum_line_bytes
        joiner = None
        if multiline_start is not None:
            joiner = RecordJoiner(multiline_start, maximum_line_bytes)
        self._cursor = Cursor(joiner, unwrapper(unwrap, maximum_line_bytes))
        self._splitter: LineSplitter | None = None
        self._unaligned = b""
        self._clock = clock
        self._grown_at = clock.monotonic()
        self._waits = waits
        self._pipe = Pipe(descriptor, wake)

    def poll(self) -> Iterator[LineBatch]:
        data = self._pipe.take()
        if data:
            self._grown_at = self._clock.monotonic()
            yield from self._batch(self._take(data))
        elif self._cursor.has_leftovers and self._splitter is not None:
            quiet = self._clock.monotonic() - self._grown_at
            yield from self._batch(
                self._cursor.release(
                    self._splitter,
                    line=quiet >= PARTIAL_SECONDS,
                    record=quiet >= RECORD_SECONDS,
                    broken_characters=False,
                )
            )

    def flush(self) -> Iterator[LineBatch]:
        lines = self._take(b"", at_end=True)
        if self._splitter is not None:
            rest = self._cursor.release(
                self._splitter, line=True, record=True, broken_characters=True
            )
            lines.extend(rest)
        yield from self._batch(lines)

    def drained(self) -> bool:
        return self._pipe.over if self._waits else not self._pipe.has_news

    def over(self) -> bool:
        return self._pipe.over

    def seconds_until_due(self) -> float:
        if self._pipe.has_news or self._pipe.over:
            return 0.0
        return _PATIENCE if self._cursor.has_leftovers else math.inf

    def report(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        # A read that waits for a line cannot be ended; its thread goes with the process.
        self._pipe.close()

    def _take(self, data: bytes, *, at_end: bool = False) -> Lines:
        data = self._unaligned + data
        if self._splitter is None:
            if len(data) < _MARK_BYTES and not at_end and b"\n" not in data:
                self._unaligned = data
                return Lines()
            encoding = Encoding.named(self._encoding, data[:_MARK_BYTES])
            self._splitter = LineSplitter(encoding, self._limit - self._limit % encoding.unit)
        whole = len(data) // self._splitter.encoding.unit * self._splitter.encoding.unit
        data, self._unaligned = data[:whole], data[whole:]
        if not data:
            return Lines()
        return self._cursor.take(self._cursor.read.before + data, self._splitter)

    def _batch(self, lines: Lines) -> Iterator[LineBatch]:
        if lines.texts:
            yield LineBatch(_NAME, _NAME, lines.texts, lines.starts, lines.ends)
