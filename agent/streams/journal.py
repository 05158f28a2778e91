"""The journal of systemd, read by ``journalctl``."""

import logging
import math
import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from shutil import which
from typing import Any

from agent.clock import Clock
from agent.follow import LineBatch
from agent.streams.entry import FIELDS, Entry, EntryReader, Rendering, own_unit
from agent.streams.pipe import Pipe
from models.errors import UserError

__all__ = ["Journal", "Rendering"]

_ENTRIES_AT_ONCE = 4096
# Of one entry. A message may have 768 MiB, and its bytes may be written as numbers.
_LONGEST_ENTRY = 16 * 2**20
_SECONDS_TO_ANSWER = 30.0
_SECONDS_TO_END = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# A journalctl that lived so long was in order; the next pause is a short one again.
_IN_ORDER_AFTER = 60.0
_COMPLAINT_BYTES = 4096

log = logging.getLogger("metalog")


class Journal:
    """Follows the journal from a cursor on; a ``Stream``.

    A child process reads it: ``journalctl -o json --follow --cursor=...``. That it begins *at* the
    cursor, and the entry there is left out by us, is on purpose: with --after-cursor journalctl 252
    leaves out one entry more where the one at the cursor is not of the units that are asked for. A
    child that ends is started again after a pause, where the last entry was handed out.

    units: only what belongs to these; by default everything. cursor: where an earlier run ended;
    without one it begins at the end of the journal, or at its ``beginning``. follow: else it reads
    to the end and is over. wake: called when there is news.

    Raises UserError where there is no journalctl.
    """

    def __init__(
        self,
        *,
        wake: Callable[[], None],
        clock: Clock,
        units: Sequence[str] = (),
        cursor: str | None = None,
        beginning: bool = False,
        follow: bool = True,
        rendering: Rendering = Rendering.message,
        maximum_line_bytes: int = 65536,
    ) -> None:
        program = which("journalctl")
        if program is None:
            raise UserError(
                "--journal: there is no journalctl on the PATH: install systemd, or follow the "
                "files of the syslog daemon"
            )
        self._program = program
        self._units = [f"--unit={unit}" for unit in units]
        self.name = f"the journal of {', '.join(units)}" if units else "the journal"
        self.cursor = cursor
        self._time: int | None = None
        self._knows_start = cursor is not None or beginning
        self._follow = follow
        self._wake = wake
        self._clock = clock
        self._limit = maximum_line_bytes
        self._reader = EntryReader(rendering, maximum_line_bytes, own_unit())
        self._said_cut = False
        self._child: subprocess.Popen[bytes] | None = None
        self._out: Pipe | None = None
        self._complaints: Pipe | None = None
        self._started_at = 0.0
        self._pause = _FIRST_PAUSE
        self._start_at = -math.inf
        self._problem: str | None = None
        self._held = b""
        self._skipping = False
        self._words = b""
        self._entries: deque[Entry] = deque()
        self._restarts = 0
        self._over = False

    def poll(self) -> Iterator[LineBatch]:
        if self._child is None and not self._over and self._clock.monotonic() >= self._start_at:
            self._start()
        self._take()
        handed = 0
        # Whoever stops in the middle finds the rest where it was.
        while self._entries and handed < _ENTRIES_AT_ONCE:
            if (batch := self._next_batch()) is not None:
                handed += len(batch.lines)
                yield batch
        if self._out is not None and self._out.over and not self._entries:
            self._ended()

    def flush(self) -> Iterator[LineBatch]:
        yield from ()

    def drained(self) -> bool:
        if self._entries or (self._out is not None and self._out.has_news):
            return False
        return self._follow or self._over

    def over(self) -> bool:
        return self._over

    def seconds_until_due(self) -> float:
        if self._over:
            return math.inf
        if self._entries or (self._out is not None and (self._out.has_news or self._out.over)):
            return 0.0
        return self._start_at - self._clock.monotonic() if self._child is None else math.inf

    def report(self) -> dict[str, Any]:
        read_to = None if self._time is None else self._time / 1e6
        problem = self._problem if self._child is None else None
        return {"journal": {"read_to": read_to, "restarts": self._restarts, "problem": problem}}

    def close(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._let_go(child)

    def _next_batch(self) -> LineBatch | None:
        """The entries that come next and are of one source; the cursor moves over them."""
        source = self._entries[0].source
        lines, numbers = [], []
        while self._entries and self._entries[0].source == source:
            entry = self._entries.popleft()
            self.cursor, self._time = entry.cursor, entry.time
            if entry.text is not None:
                lines.append(entry.text)
                numbers.append(entry.number)
        if not lines:
            return None
        return LineBatch(source, source, lines, numbers, [number + 1 for number in numbers])

    def _take(self) -> None:
        """Read the entries that have come."""
        if self._complaints is not None:
            self._words = (self._words + self._complaints.take())[-_COMPLAINT_BYTES:]
        if self._out is None or len(self._entries) >= _ENTRIES_AT_ONCE:
            return
        *whole, self._held = (self._held + self._out.take()).split(b"\n")
        if whole and self._skipping:
            self._skipping = False
            del whole[0]
        for line in whole:
            entry = self._reader.read(line)
            # The one at the cursor, with which the child begins, was handed out.
            if entry is not None and entry.cursor != self.cursor:
                self._entries.append(entry)
        if self._reader.cut and not self._said_cut:
            self._said_cut = True
            log.warning("the journal has messages of more than %d bytes: cut", self._limit)
        if len(self._held) > _LONGEST_ENTRY:
            if not self._skipping:
                log.warning("the journal has an entry of more than 16 MiB: it is left out")
            self._skipping = True
        if self._skipping:
            self._held = b""

    def _start(self) -> None:
        if not self._knows_start and not self._find_end():
            return
        command = [
            self._program, "--output=json", "--all", "--no-pager", "--no-tail",
            f"--output-fields={','.join(FIELDS)}", *self._units,
        ]  # fmt: skip
        if self._follow:
            command.append("--follow")
        if self.cursor is not None:
            command.append(f"--cursor={self.cursor}")
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                # Ctrl-C is for us; the child ends when we let it.
                start_new_session=True,
            )
        except OSError as error:
            self._try_again(f"journalctl cannot be started: {error.strerror}")
            return
        assert self._child.stdout is not None and self._child.stderr is not None
        self._started_at = self._clock.monotonic()
        self._held, self._words, self._skipping = b"", b"", False
        self._out = Pipe(self._child.stdout.fileno(), self._wake)
        self._complaints = Pipe(self._child.stderr.fileno(), lambda: None)

    def _find_end(self) -> bool:
        """Where the journal ends now: what comes later is read, also after a crash before the first
        entry."""
        command = [self._program, "--output=json", "--no-pager", "--lines=1"]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS_TO_ANSWER,
                env=_environment(),
            )
        except subprocess.TimeoutExpired:
            self._try_again(f"journalctl did not answer in {_SECONDS_TO_ANSWER:g} s")
            return False
        except OSError as error:
            self._try_again(f"journalctl cannot be started: {error.strerror}")
            return False
        if done.returncode:
            self._try_again(_failed(done.returncode, done.stderr))
            return False
        for line in done.stdout.splitlines():
            entry = self._reader.read(line)
            if entry is not None:
                self.cursor, self._time = entry.cursor, entry.time
        # An empty journal is read from its beginning.
        self._knows_start = True
        return True

    def _ended(self) -> None:
        child, self._child = self._child, None
        assert child is not None
        try:
            code = child.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            child.kill()  # it has closed its stdout and does not end
            code = child.wait()
        words = self._words
        if self._complaints is not None:
            self._complaints.join(_SECONDS_TO_END)
            words += self._complaints.take()
        self._let_go(child)
        if not self._follow:
            if code:
                raise UserError(f"--journal: {_failed(code, words)}")
            self._over = True
            return
        if self._clock.monotonic() - self._started_at >= _IN_ORDER_AFTER:
            self._pause = _FIRST_PAUSE
        self._try_again(_failed(code, words))

    def _try_again(self, problem: str) -> None:
        if not self._follow:
            raise UserError(f"--journal: {problem}")
        self._restarts += 1
        self._problem = problem
        self._start_at = self._clock.monotonic() + self._pause
        log.warning("the journal: %s; it is started again in %g s", problem, self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _let_go(self, child: subprocess.Popen[bytes]) -> None:
        # Threads first: a descriptor that one of them reads may be another file's a moment later.
        for pipe in (self._out, self._complaints):
            if pipe is not None:
                pipe.close()
                pipe.join(_SECONDS_TO_END)
        self._out = self._complaints = None
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def _failed(code: int, words: bytes) -> str:
    lines = words[-_COMPLAINT_BYTES:].decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"journalctl ended with code {code}" + (f" ({last})" if last else "")


def _environment() -> dict[str, str]:
    """Ours, without what is between us and the service manager."""
    ours = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}
    return {name: value for name, value in os.environ.items() if name not in ours}
