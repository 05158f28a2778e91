"""The loop body: one fair turn over all followed files."""

from collections.abc import Generator, Iterable, Iterator
from typing import Literal

from agent.clock import Clock, SystemClock
from agent.follow.encoding import Encoding
from agent.follow.events import Event, Kind, LoggingRecorder, Recorder
from agent.follow.handles import HandlePool
from agent.follow.lines import LineBatch
from agent.follow.position import Position
from agent.follow.records import RecordJoiner
from agent.follow.roster import Roster
from agent.follow.selection import Selection
from agent.follow.tail import Opened, Outcome, Reading, Tail
from agent.follow.wakeup import Wakeup
from agent.follow.watch import FolderWatch
from models.errors import UserError
from models.wrapping import Wrapping

_POLL_SECONDS = 0.1
_DISCOVER_SECONDS = 1.0
# Many names coming and going must not make us list folders all the time; nor may a huge folder.
_LEAST_SECONDS_BETWEEN = 0.05
_MOST_SHARE_OF_TIME = 0.1


class Follower:
    """Follows the files of a selection. For one thread; only ``wake`` is for others.

    The caller alternates ``poll`` and ``wait``, and saves ``positions()`` in one step with whatever
    it made of the lines: what ``positions()`` covers was handed out, and what was handed out after
    the last save is handed out again after a crash.

    start: where files that exist at the first look begin, when ``first_run``; all that come later
        begin at their first byte. On later runs a file without a position is new.
    positions: what ``positions()`` gave before the restart.
    encoding, multiline_start: of all files. multiline_start is a regular expression found in the
        first line of each record.
    unwrap: what a container runtime has put around the lines, which is taken off.
    maximum_line_bytes: what is kept of a line, and the longest record.
    bytes_per_turn: read from one file in one ``poll``.
    wakeup: of a caller who waits for several followers; it stays open.

    What can be lost: files that are created and deleted between two looks (a second at most); what
    is written between the copy and the truncation of copytruncate; what is unread when a file is
    deleted while more than ``maximum_open`` files are written to and its handle is not among them.

    Raises UserError for an unknown encoding, an invalid expression or limits that make no sense.
    """

    def __init__(
        self,
        selection: Selection,
        *,
        start: Literal["end", "beginning"] = "end",
        positions: Iterable[Position] = (),
        first_run: bool = True,
        encoding: str = "utf-8",
        multiline_start: str | None = None,
        clock: Clock | None = None,
        recorder: Recorder | None = None,
        maximum_open: int = 512,
        maximum_line_bytes: int = 65536,
        bytes_per_turn: int = 262144,
        use_watchdog: bool = True,
        wakeup: Wakeup | None = None,
        unwrap: Wrapping = Wrapping.none,
    ) -> None:
        Encoding.named(encoding)
        if multiline_start is not None:
            RecordJoiner(multiline_start, maximum_line_bytes)
        if maximum_open < 1 or maximum_line_bytes < 4 or bytes_per_turn < 4:
            raise UserError(
                "maximum_open must be at least 1, maximum_line_bytes and bytes_per_turn at least 4"
            )
        self._clock = clock or SystemClock()
        self._recorder = recorder or LoggingRecorder()
        self._pool = HandlePool(maximum_open, self._recorder)
        self._roster = Roster(
            selection,
            pool=self._pool,
            reading=Reading(encoding, multiline_start, maximum_line_bytes, bytes_per_turn, unwrap),
            start=start,
            first_run=first_run,
            positions=positions,
            clock=self._clock,
            recorder=self._recorder,
        )
        self._wakeup = wakeup or Wakeup()
        self._shares_wakeup = wakeup is not None
        self._watch = FolderWatch(self._names_changed, self._recorder) if use_watchdog else None
        self._names_stale = False
        self._discovered_at: float | None = None
        self._discover_every = _DISCOVER_SECONDS
        self._least_between = _LEAST_SECONDS_BETWEEN
        self._polled_at: float | None = None
        self._behind = True
        # Sources to visit, beside those of open files: a closed file is quiet until the next look.
        self._awake: dict[str, None] = {}
        self._first_stream = 0
        self._closed = False

    def poll(self) -> Iterator[LineBatch]:
        """One turn: look for names when that is due, read a little of every file that has news.

        Never waits. Nothing is read until the iterator is advanced; what it has yielded counts as
        handed out.
        """
        self._behind = True
        self._polled_at = self._clock.monotonic()
        self._discover()
        behind = self._roster.unsettled
        sources = list(self._awake | dict.fromkeys(self._pool.sources()))
        # Whoever was first in one turn is last in the next: a caller may stop in the middle.
        self._first_stream += 1
        turn = self._first_stream % len(sources) if sources else 0
        for source in sources[turn:] + sources[:turn]:
            stream = list(self._roster.streams.get(source, ()))
            if len(stream) == 1 and stream[0].is_still():
                self._awake.pop(source, None)
                continue
            if (yield from self._turn(stream)) is not Outcome.END:
                behind = True
            if not any(_needs_a_visit(tail) for tail in stream):
                self._awake.pop(source, None)
        self._behind = behind

    def wait(self, timeout: float) -> None:
        """Sleep until the next turn is due, at most ``timeout`` seconds.

        Returns at once when the last turn left something to read, sooner when a name came or went
        or when ``wake`` was called.
        """
        if not self._closed:
            self._wakeup.sleep(max(0.0, min(timeout, self.seconds_until_due())))

    def seconds_until_due(self) -> float:
        """Until the next turn, if no name comes or goes; not more than 0 where it is due now."""
        now = self._clock.monotonic()
        due = now if self._behind or self._polled_at is None else self._polled_at + _POLL_SECONDS
        if not self._behind and len(self._pool) == 0 and self._discovered_at is not None:
            due = self._discovered_at + self._discover_every
        return due - now

    def wake(self) -> None:
        """End ``wait`` early. Safe from any thread and from a signal handler."""
        self._wakeup.wake()

    def drained(self) -> bool:
        """Whether the last turn ran to its end and left nothing to read in any file."""
        return not self._behind

    def flush(self) -> Iterator[LineBatch]:
        """Hand out what is held: last lines without a newline, records that may get more lines."""
        for tail in list(self._roster.tails()):
            yield from tail.release(everything=True)
            if tail.ended:
                self._roster.forget(tail)

    def positions(self) -> list[Position]:
        """Where to go on after exactly the lines that were handed out so far.

        An object stays the same until something about its file changes.
        """
        return self._roster.positions()

    def lag(self) -> dict[str, int]:
        """Unread bytes of each file, by path."""
        lag: dict[str, int] = {}
        for tail in self._roster.tails():
            if not tail.binary and not tail.parked:
                tail.look()
                lag[tail.path] = lag.get(tail.path, 0) + tail.unread
        return lag

    def unread(self) -> dict[str, int]:
        """Unread bytes by source as of the last turn: unlike ``lag`` it looks at no file."""
        return {
            source: sum(tail.unread for tail in stream)
            for source, stream in self._roster.streams.items()
        }

    def unreadable(self) -> list[int]:
        """Of files that the system did not let us open or read the last time: bytes unread."""
        return [tail.unread for tail in self._roster.tails() if tail.refused]

    @property
    def files(self) -> int:
        """How many are followed, empty ones included, which have no position yet."""
        return sum(not tail.binary and not tail.parked for tail in self._roster.tails())

    @property
    def files_open(self) -> int:
        return len(self._pool)

    def close(self) -> None:
        """Close all files. ``positions`` still answers; nothing else is to be called."""
        if not self._closed:
            self._closed = True
            if self._watch is not None:
                self._watch.close()
            self._pool.close_all()
            if not self._shares_wakeup:
                self._wakeup.close()

    def _names_changed(self) -> None:
        self._names_stale = True
        self._wakeup.wake()

    def _discover(self) -> None:
        now = self._clock.monotonic()
        if self._discovered_at is not None and not self._roster.unsettled:
            since = now - self._discovered_at
            if since < (self._least_between if self._names_stale else self._discover_every):
                return
        self._names_stale = False
        if self._watch is not None:
            # Before the look: what changes after it is then heard of.
            self._watch.watch(self._roster.folders())
        first = self._discovered_at is None
        self._roster.refresh()
        self._awake.update(
            (source, None)
            for source, stream in self._roster.streams.items()
            if any(_needs_a_visit(tail) for tail in stream)
        )
        self._discovered_at = self._clock.monotonic()
        if not first:  # which opens files, too, and takes much longer
            fair = (self._discovered_at - now) / _MOST_SHARE_OF_TIME
            self._discover_every = max(_DISCOVER_SECONDS, fair)
            self._least_between = max(_LEAST_SECONDS_BETWEEN, fair)

    def _turn(self, stream: list[Tail]) -> Generator[LineBatch, None, Outcome]:
        """Read the files of a stream, the oldest first; the newer wait until it is read."""
        if any(tail.parked for tail in stream):
            # Its copy may have to be finished before what else has appeared meanwhile.
            for tail in stream:
                was_open = tail.is_open
                if not tail.parked and self._was_cut_off(tail):
                    yield from self._start_over(tail, was_open=was_open)
                    return Outcome.MORE
        older: list[Tail] = []
        for tail in stream:
            if older:
                tail.look()
            if older and tail.unread:
                # The writer has moved on, so what it left without a newline is all there will be.
                for before in older:
                    if before.path != before.source or not before.listed:
                        yield from before.release(everything=True)
            if (yield from self._visit(tail)) is not Outcome.END:
                return Outcome.MORE
            older.append(tail)
        return Outcome.END

    def _visit(self, tail: Tail) -> Generator[LineBatch, None, Outcome]:
        if tail.parked or tail.binary:
            if tail.ended:
                self._roster.forget(tail)
            return Outcome.END
        was_open = tail.is_open
        if tail.dirty and not was_open and not tail.ended:
            opened = self._pool.open(tail)
            if opened is None:
                return Outcome.END
            if opened is Opened.BINARY:
                self._roster.skip_binary(tail)
                return Outcome.END
            if opened is Opened.ELSEWHERE:
                # Renamed or deleted since the last look: only another look tells.
                self._discovered_at = None
                return Outcome.MORE
            if opened is Opened.CHANGED:
                yield from self._start_over(tail, was_open=False)
                return Outcome.MORE
        if tail.is_open:
            if self._may_be_a_refill(tail):
                # What was written first may have been copied away and cut off already.
                self._discovered_at = None
                return Outcome.MORE
            try:
                batch, outcome = tail.read()
            except OSError as error:
                self._pool.refuse(tail, error)
                return Outcome.END
            if outcome is Outcome.TRUNCATED:
                yield from self._start_over(tail, was_open=was_open)
                return Outcome.MORE
            if batch is not None:
                self._pool.used(tail)
                yield batch
            if outcome is Outcome.MORE:
                return Outcome.MORE
        if tail.has_leftovers:
            yield from tail.release(everything=tail.ended)
        if tail.ended:
            self._roster.forget(tail)
        return Outcome.END

    def _may_be_a_refill(self, tail: Tail) -> bool:
        """Whether names should be looked at before the first bytes of a file are read.

        Nothing tells two fillings of an empty file apart. Not when the last look was just now: a
        file that is rewritten all the time must not make us list folders all the time.
        """
        if not tail.empty_at_last_look or tail.offset or self._discovered_at is None:
            return False
        if self._clock.monotonic() - self._discovered_at < self._least_between:
            return False
        tail.look()
        return tail.unread > 0

    def _was_cut_off(self, tail: Tail) -> bool:
        if tail.binary or tail.ended:
            return False
        try:
            if tail.dirty and self._pool.open(tail) is Opened.CHANGED:
                return True
            return tail.is_open and not tail.is_intact()
        except OSError:
            return False  # reading will say it

    def _start_over(self, tail: Tail, *, was_open: bool) -> Iterator[LineBatch]:
        """The file was cut off: finish its copy, if there is one, and begin at its first byte."""
        self._recorder.record(Event(Kind.TRUNCATED, tail.path, "read again from its first byte"))
        if self._roster.find_copy(tail.position()):
            tail.drop_leftovers()
        else:
            # What is held of it is nowhere else.
            yield from tail.release(everything=True)
        if was_open and tail.listed and tail.path == tail.source:
            tail.restart()
        else:
            # Nobody writes to a rotated file, and what was not open may be another file that was
            # given its inode. See what it is.
            self._roster.forget(tail)
            self._discovered_at = None


def _needs_a_visit(tail: Tail) -> bool:
    """Whether there is something to do for it though its file is not open."""
    if tail.parked or tail.binary:
        return tail.ended
    return tail.dirty or tail.ended or tail.has_leftovers
