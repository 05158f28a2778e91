"""How far a file has been read, and what of that has been handed out."""

from typing import NamedTuple

from agent.follow.fingerprint import TAIL_BYTES
from agent.follow.lines import Lines, LineSplitter
from agent.follow.records import RecordJoiner

_BYTE_ORDER_MARK = "\ufeff"


class Mark(NamedTuple):
    """A place in a file and the bytes before it (up to 1 KiB; fewer only where less is known)."""

    offset: int
    before: bytes


BEGINNING = Mark(0, b"")


class Cursor:
    """Three marks that move through a file: ``handed`` <= ``complete`` <= ``read``.

    Between ``complete`` and ``read`` lies a line whose newline was not seen yet; it is held in
    memory, as much of it as a line may have. Between ``handed`` and ``complete`` lies a record
    that may get more lines. Only ``handed`` is saved, so both are read again after a crash.
    """

    def __init__(self, joiner: RecordJoiner | None) -> None:
        self.handed = self.complete = self.read = BEGINNING
        self._held = b""
        self._joiner = joiner

    @property
    def has_leftovers(self) -> bool:
        """Whether something was read and not handed out."""
        return self.read.offset > self.handed.offset

    def go_to(self, mark: Mark) -> None:
        """Forget what is held and stand at a place."""
        self.handed = self.complete = self.read = mark
        self._held = b""
        if self._joiner is not None:
            self._joiner.forget()

    def take(self, window: bytes, splitter: LineSplitter) -> Lines:
        """Move over new bytes; give back the lines or records that are complete by them.

        window: the bytes before ``read`` that it knows, then the new ones.
        """
        place = self.read.offset
        base = place - len(self.read.before)
        fresh = window[place - base :]
        lines = Lines()
        done = 0  # bytes of ``fresh`` that belong to complete lines
        newline = splitter.encoding.newline
        mid_line = bool(self.complete.before) and not self.complete.before.endswith(newline)
        under_way = place > self.complete.offset
        if under_way and (found := splitter.first_newline(fresh)) >= 0:
            done = found + len(newline)
            self._add_line(self._held + fresh[:found], place + done, splitter, lines)
        last = splitter.after_last_newline(fresh)
        if last > done:
            lines.extend(splitter.split(fresh[done:last], place + done))
            done = last
        self._hold(fresh[done:] if done or not under_way else self._held + fresh, splitter)
        if mid_line and lines.texts and not lines.texts[0]:
            # A line was handed out before its newline came; this is the newline.
            lines.drop_first()

        def mark(offset: int) -> Mark:
            return Mark(offset, window[max(0, offset - base - TAIL_BYTES) : offset - base])

        line_start = self.complete
        if done:
            self.complete = mark(place + done)
        end = base + len(window)
        self.read = mark(end) if end > self.complete.offset else self.complete
        if self._joiner is None:
            self.handed = self.complete
            return lines
        records = self._joiner.add(lines)
        pending = self._joiner.pending_from
        if pending is None:
            self.handed = self.complete
        elif pending == line_start.offset:
            self.handed = line_start
        elif pending != self.handed.offset:
            self.handed = mark(pending)
        return records

    def release(
        self, splitter: LineSplitter, *, line: bool, record: bool, broken_characters: bool
    ) -> Lines:
        """Give back what is held: the last ``line``, the pending ``record`` and what is in it.

        Bytes of a character that is not complete stay, unless ``broken_characters`` is said.
        """
        lines = Lines()
        if line and self.read.offset > self.complete.offset:
            self._end_line(splitter, broken_characters, lines)
        if self._joiner is None:
            self.handed = self.complete
            return lines
        records = self._joiner.add(lines)
        if record:
            records.extend(self._joiner.flush())
            self.handed = self.complete
        return records

    def _hold(self, data: bytes, splitter: LineSplitter) -> None:
        if splitter.encoding.unit == 1 and data.startswith(b"\0"):
            data = data.lstrip(b"\0")  # a hole; see LineSplitter.decode
        # One unit more than a line may have, so that it shows that it was cut.
        self._held = data[: splitter.limit + splitter.encoding.unit]

    def _add_line(self, data: bytes, end: int, splitter: LineSplitter, lines: Lines) -> None:
        text = splitter.decode(data, lines)
        if self.complete.offset == 0:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        lines.add(text, self.complete.offset, end)

    def _end_line(self, splitter: LineSplitter, broken_characters: bool, lines: Lines) -> None:
        whole = len(self._held)
        if not broken_characters and whole <= splitter.limit:
            whole = splitter.whole_characters(self._held)
            if whole == 0 and self._held:
                return
        data, self._held = self._held[:whole], self._held[whole:]
        end = self.read.offset - len(self._held)
        if data:
            self._add_line(data, end, splitter, lines)
        before = self.read.before
        self.complete = Mark(end, before[: len(before) - len(self._held)])
        if not self._held:
            self.read = self.complete
