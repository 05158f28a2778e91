"""One followed file: from its handle to lines, and what is known of it in between."""

import contextlib
import os
import stat
from dataclasses import dataclass, replace
from enum import Enum, auto

from agent.clock import Clock
from agent.follow.cursor import BEGINNING, Cursor, Mark
from agent.follow.encoding import Encoding
from agent.follow.events import Event, Kind, Recorder
from agent.follow.fingerprint import HEAD_BYTES, TAIL_BYTES, UNKNOWN, Fingerprint
from agent.follow.lines import LineBatch, LineSplitter
from agent.follow.position import Position
from agent.follow.records import RecordJoiner
from models.placed_lines import Lines
from models.wrapping import Wrapping, unwrapper

PARTIAL_SECONDS = 5.0
RECORD_SECONDS = 1.0
# A saved position says when its file was last there; so often it is said anew.
_SEEN_SECONDS = 3600.0
_CHECKED_FOR_ZEROS = 1024

Identity = tuple[int, int]  # device, inode


class Opened(Enum):
    """What opening a file came to."""

    READY = auto()
    CHANGED = auto()  # not the bytes that we know: truncated and refilled, or another file
    BINARY = auto()
    ELSEWHERE = auto()  # the path leads to nothing, or to another file by now


class Outcome(Enum):
    """What reading a file came to."""

    MORE = auto()
    END = auto()
    TRUNCATED = auto()


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read; the same for all of them."""

    encoding: str = "utf-8"
    multiline_start: str | None = None
    maximum_line_bytes: int = 65536
    bytes_per_turn: int = 262144
    unwrap: Wrapping = Wrapping.none


class Tail:
    """The state of one file, which is a device and an inode, whatever its name.

    Every read begins a KiB before the place where the last one ended and must find the bytes that
    were there then. That is one system call, so a truncation cannot slip in between looking and
    reading. It goes unnoticed only when the file grew back beyond that place with the very same KiB
    before it.

    path, source, listed, parked, dirty and ended belong to whoever owns the tail.
    """

    def __init__(
        self,
        path: str,
        source: str,
        identity: Identity,
        *,
        reading: Reading,
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        self.path = path
        self.source = source
        self.identity = identity
        self.listed = True
        self.parked = False  # a copy: not read while the original has the same bytes
        self.binary = False
        self.dirty = True  # worth opening
        self.empty_at_last_look = False
        self.announced = False  # that it is followed was told
        self.refused = False  # the last attempt to open or read failed
        self.ended = False  # to be forgotten as soon as what is held was handed out
        self.size = 0
        self.modified = 0  # nanoseconds
        self.links = 1
        self.grown_at = clock.monotonic()
        self._reading = reading
        self._clock = clock
        self._recorder = recorder
        self._fd: int | None = None
        self._head = UNKNOWN
        self._splitter: LineSplitter | None = None
        start = reading.multiline_start
        self._cursor = Cursor(
            None if start is None else RecordJoiner(start, reading.maximum_line_bytes),
            unwrapper(reading.unwrap, reading.maximum_line_bytes, path),
        )
        self._settled = False  # what follows was checked against the file itself
        self._saved: Position | None = None
        self._at_line_start = True
        self._checked_modified = -1
        self._position: Position | None = None

    # Where a tail begins; each is called at most once, before the first opening.

    def begin_at_end(self, size: int) -> None:
        """Leave out what is there now, but for a last line that has no newline yet."""
        self._cursor.go_to(Mark(size, b""))
        self._at_line_start = False

    def begin_at(self, position: Position) -> None:
        """Go on at a saved position, if the file turns out to be the one it was made of."""
        self._saved = position
        self._head = position.head
        self._cursor.go_to(Mark(position.offset, b""))

    # What is known of it.

    @property
    def is_open(self) -> bool:
        return self._fd is not None

    @property
    def offset(self) -> int:
        """The first byte that was not handed out."""
        return self._cursor.handed.offset

    @property
    def unread(self) -> int:
        """Bytes that were not read yet, as of the last look; half a code unit does not count."""
        if self.parked or self.binary:
            return 0
        unit = self._splitter.encoding.unit if self._splitter else 1
        return max(0, self.size - self._cursor.read.offset) // unit * unit

    @property
    def is_blank(self) -> bool:
        """Whether nothing is known of its content and nothing was read."""
        return self._cursor.read.offset == 0 and self._head.length == 0

    @property
    def has_leftovers(self) -> bool:
        """Whether something was read and not handed out."""
        return self._cursor.has_leftovers

    def position(self) -> Position:
        """What to save now. The same object until something changed."""
        wall = self._clock.wall()
        known = self._position
        if (
            known is None
            or known.offset != self._cursor.handed.offset
            or known.path != self.path
            or known.head != self._head
            or known.copy != self.parked
            or not 0 <= wall - known.seen_at < _SEEN_SECONDS
        ):
            if self._saved is not None:
                tail = self._saved.tail
            else:
                tail = Fingerprint.of(self._cursor.handed.before)
            device, inode = self.identity
            known = Position(
                path=self.path,
                source=self.source,
                device=device,
                inode=inode,
                offset=self._cursor.handed.offset,
                head=self._head,
                tail=tail,
                seen_at=wall,
                copy=self.parked,
                modified=self.modified if not self.dirty and self.modified > 0 else None,
            )
            self._position = known
        return known

    def proof(self) -> Position:
        """A position at the last byte that was read, if not handed out: all that we know of it."""
        position = self.position()
        mark = self._cursor.read
        if self._saved is not None or mark.offset == position.offset:
            return position
        return replace(position, offset=mark.offset, tail=Fingerprint.of(mark.before))

    def notice(self, status: os.stat_result) -> None:
        """Take note of the file's size and times, as found by whoever lists folders."""
        self._note(status)
        self.empty_at_last_look = status.st_size == 0

    # The handle.

    def open(self) -> Opened:
        """Open ``path`` and see whether it is still the file that we know.

        Raises OSError when the system refuses. Opening an open file does nothing.
        """
        if self._fd is not None:
            return Opened.READY
        try:
            # Not blocking: the name may have become a pipe's since it was listed.
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return Opened.ELSEWHERE
        try:
            status = os.fstat(fd)
            here = (status.st_dev, status.st_ino) == self.identity
            opened = Opened.ELSEWHERE
            if here and stat.S_ISREG(status.st_mode):
                self._note(status)
                opened = self._recognise(fd) if self._settled else self._settle(fd)
        except OSError:
            os.close(fd)
            raise
        if opened in (Opened.ELSEWHERE, Opened.BINARY):
            os.close(fd)
        else:
            self._fd = fd
        return opened

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def is_intact(self) -> bool:
        """Whether the open file still has our bytes before the place where we are."""
        assert self._fd is not None
        self.look()
        before = self._cursor.read.before
        if self.size < self._cursor.read.offset:
            return False
        return os.pread(self._fd, len(before), self._cursor.read.offset - len(before)) == before

    def look(self) -> None:
        """Ask the open handle for size, times and whether the file has a name left."""
        if self._fd is not None:
            with contextlib.suppress(OSError):  # reading will say it
                self._note(os.fstat(self._fd))

    def is_still(self) -> bool:
        """Whether the open file is as the last read left it, and nothing of it is held: another
        visit would find nothing. It is asked of every quiet file ten times a second, and is one
        system call; False proves nothing.
        """
        if (
            self._fd is None
            or self.dirty
            or self.ended
            or self.parked
            or self.binary
            or self._cursor.has_leftovers
        ):
            return False
        try:
            status = os.fstat(self._fd)
        except OSError:
            return False  # reading will say it
        self.links = status.st_nlink
        return (
            status.st_size == self.size == self._cursor.read.offset
            and status.st_mtime_ns == self.modified == self._checked_modified
        )

    # Reading.

    def read(self) -> tuple[LineBatch | None, Outcome]:
        """Read on from the open file, at most the bytes of one turn.

        Truncated means that nothing changed here: ``restart`` is for the caller to say. Raises
        OSError when the file cannot be read.
        """
        assert self._fd is not None
        self._note(os.fstat(self._fd))
        overlap, place = self._cursor.read.before, self._cursor.read.offset
        if self.size < place:
            return None, Outcome.TRUNCATED
        if self.size == place:
            if self.modified != self._checked_modified:
                if not self.is_intact():
                    return None, Outcome.TRUNCATED
                self._checked_modified = self.modified
            self.dirty = False
            return None, Outcome.END
        if not self._grow_head():
            return None, Outcome.TRUNCATED
        splitter = self._prepared()
        window = os.pread(
            self._fd, len(overlap) + self._reading.bytes_per_turn, place - len(overlap)
        )
        if not window.startswith(overlap):
            return None, Outcome.TRUNCATED
        # Half a code unit at the end stays where it is until its other half is written.
        end = place + (len(window) - len(overlap)) // splitter.encoding.unit * (
            splitter.encoding.unit
        )
        window = window[: end - place + len(overlap)]
        if end == place:
            self.dirty = False
            return None, Outcome.END
        lines = self._cursor.take(window, splitter)
        self.grown_at = self._clock.monotonic()
        more = self.unread > 0
        self.dirty = more
        return self._batch(lines), Outcome.MORE if more else Outcome.END

    def release(self, *, everything: bool) -> list[LineBatch]:
        """Hand out what is held: a pending record after 1 s without growth, a last line without
        its newline after 5 s, both at once when ``everything`` is said.

        A line handed out without its newline is over. What its writer may add to it later is a line
        of its own: handing out the whole again would double what was handed out.
        """
        if self._splitter is None:
            return []
        quiet = self._clock.monotonic() - self.grown_at
        batch = self._batch(
            self._cursor.release(
                self._splitter,
                line=everything or quiet >= PARTIAL_SECONDS,
                record=everything or quiet >= RECORD_SECONDS,
                broken_characters=everything,
            )
        )
        return [batch] if batch is not None else []

    def drop_leftovers(self) -> None:
        """Forget what is held: it will be read again elsewhere."""
        self._cursor.go_to(self._cursor.handed)

    def restart(self) -> None:
        """Begin anew at the first byte; what was held and not released is dropped."""
        self._cursor.go_to(BEGINNING)
        self._head = UNKNOWN
        self._splitter = None
        self._saved = None
        self._settled = True
        self._checked_modified = -1
        self._position = None
        self.parked = False
        self.dirty = True
        self.empty_at_last_look = True

    def _note(self, status: os.stat_result) -> None:
        # Whoever it was that saw the change: the handle may be closed before the next read.
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified):
            self.dirty = True
        self.size = status.st_size
        self.modified = status.st_mtime_ns
        self.links = status.st_nlink

    def _recognise(self, fd: int) -> Opened:
        if self._head.matches(os.pread(fd, self._head.length, 0)):
            return Opened.READY
        return Opened.CHANGED

    def _settle(self, fd: int) -> Opened:
        """The first look into the file: is it what we take it for, and where exactly to begin?"""
        head = os.pread(fd, HEAD_BYTES, 0)
        place = self._cursor.read.offset
        if self.size < place or not self._head.matches(head):
            return Opened.CHANGED
        encoding = Encoding.named(self._reading.encoding, head)
        if self._saved is None:
            # Zeros are looked for before the first byte is read, never later: see LineSplitter.
            if encoding.unit == 1 and b"\0" in head[:_CHECKED_FOR_ZEROS]:
                return Opened.BINARY
            if not self._at_line_start:
                place = self._line_start(fd, place, LineSplitter(encoding, HEAD_BYTES))
        length = min(place, TAIL_BYTES)
        before = os.pread(fd, length, place - length)
        if len(before) < length:
            return Opened.CHANGED
        if self._saved is not None and not (
            self._saved.tail.length <= length
            and self._saved.tail.matches(before[length - self._saved.tail.length :])
        ):
            return Opened.CHANGED
        self._cursor.go_to(Mark(place, before))
        self._head = Fingerprint.of(head)
        self._saved = None
        self._position = None
        self._settled = True
        return Opened.READY

    def _line_start(self, fd: int, place: int, splitter: LineSplitter) -> int:
        """The start of the line that is under way at ``place``, as far as one line may reach."""
        place -= place % splitter.encoding.unit
        length = min(place, self._reading.maximum_line_bytes)
        length -= length % splitter.encoding.unit
        data = os.pread(fd, length, place - length)
        start = splitter.after_last_newline(data)
        # Without a newline it begins here, or so far back that the rest of it must do as a line.
        return place - length + start if start or length == place else place

    def _grow_head(self) -> bool:
        """Know more of a young file's beginning. False when it is not the beginning we knew."""
        assert self._fd is not None
        if self._head.length >= min(HEAD_BYTES, self.size):
            return True
        head = os.pread(self._fd, HEAD_BYTES, 0)
        if not self._head.matches(head):
            return False
        self._head = Fingerprint.of(head)
        return True

    def _prepared(self) -> LineSplitter:
        assert self._fd is not None
        if self._splitter is not None:
            return self._splitter
        head = os.pread(self._fd, 4, 0)
        encoding = Encoding.named(self._reading.encoding, head)
        limit = self._reading.maximum_line_bytes
        splitter = LineSplitter(encoding, limit - limit % encoding.unit)
        if len(head) >= encoding.unit:  # else half of the byte order mark may be missing
            self._splitter = splitter
        return splitter

    def _batch(self, lines: Lines) -> LineBatch | None:
        if lines.cut:
            detail = f"kept {self._reading.maximum_line_bytes} bytes of each"
            self._recorder.record(Event(Kind.LINE_CUT, self.path, detail, lines.cut))
        if lines.bad:
            detail = f"not {self._reading.encoding}, replaced"
            self._recorder.record(Event(Kind.BAD_BYTES, self.path, detail, lines.bad))
        if not lines.texts:
            return None
        return LineBatch(self.path, self.source, lines.texts, lines.starts, lines.ends)
