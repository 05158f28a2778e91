"""How far a file has been read, and what of that has been handed out."""

from typing import NamedTuple

from agent.follow.fingerprint import TAIL_BYTES
from agent.follow.lines import LineSplitter
from agent.follow.records import RecordJoiner
from models.placed_lines import Lines
from models.wrapping import Unwrapper

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
    that may get more lines, or a container's line of which parts are missing. Only ``handed`` is
    saved, so all of it is read again after a crash.
    """

    def __init__(self, joiner: RecordJoiner | None, unwrapper: Unwrapper | None = None) -> None:
        self.handed = self.complete = self.read = BEGINNING
        self._held = b""
        self._joiner = joiner
        self._unwrapper = unwrapper
        # Of what is pending, by its offset: its bytes may have left the window long ago.
        self._marks: dict[int, Mark] = {}

    @property
    def has_leftovers(self) -> bool:
        """Whether something was read and not handed out."""
        return self.read.offset > self.handed.offset

    def go_to(self, mark: Mark) -> None:
        """Forget what is held and stand at a place."""
        self.handed = self.complete = self.read = mark
        self._held = b""
        self._marks = {}
        if self._joiner is not None:
            self._joiner.forget()
        if self._unwrapper is not None:
            self._unwrapper.forget()

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
        records = self._assembled(lines)
        known = {**self._marks, line_start.offset: line_start}
        self._marks = {
            pending: known[pending] if pending in known else mark(pending)
            for pending in self._pending()
        }
        self._hand_out()
        return records

    def release(
        self, splitter: LineSplitter, *, line: bool, record: bool, broken_characters: bool
    ) -> Lines:
        """Give back what is held: the last ``line``, the pending ``record`` and what is in it.

        Bytes of a character that is not complete stay, unless ``broken_characters`` is said.
        """
        lines = Lines()
        if line and self.read.offset > self.complete.offset:
            before = self.complete
            self._end_line(splitter, broken_characters, lines)
            self._marks[before.offset] = before
        records = self._assembled(lines, parts=line)
        if record and self._joiner is not None:
            records.extend(self._joiner.flush())
        self._marks = {pending: self._marks[pending] for pending in self._pending()}
        self._hand_out()
        return records

    def _assembled(self, lines: Lines, *, parts: bool = False) -> Lines:
        """Records that are complete by these lines. parts: do not wait for those of long lines."""
        unwrapper, joiner = self._unwrapper, self._joiner
        if unwrapper is not None:
            lines = unwrapper.add(lines)
            if parts:
                lines.extend(unwrapper.flush())
        if joiner is None:
            return lines
        records = joiner.add(lines)
        if unwrapper is not None and joiner.pending_from is not None:
            first, end = unwrapper.knot
            if first < joiner.pending_from < end:
                # Lines before it have later parts: it could not be read again without these.
                records.extend(joiner.flush())
        return records

    def _pending(self) -> set[int]:
        both = (self._joiner, self._unwrapper)
        return {
            one.pending_from for one in both if one is not None and one.pending_from is not None
        }

    def _hand_out(self) -> None:
        self.handed = self._marks[min(self._marks)] if self._marks else self.complete

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
