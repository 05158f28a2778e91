"""A limited number of open files."""

import errno
from collections import OrderedDict
from collections.abc import Iterator

from agent.follow.events import Event, Kind, Recorder
from agent.follow.tail import Opened, Tail


class HandlePool:
    """Opens files for tails and closes the ones that were quiet for longest.

    A file that has no name any more cannot be opened again, so it is closed last of all.
    """

    def __init__(self, maximum: int, recorder: Recorder) -> None:
        self._maximum = max(1, maximum)
        self._recorder = recorder
        self._open: OrderedDict[Tail, None] = OrderedDict()
        self._told = False

    def __len__(self) -> int:
        return len(self._open)

    def sources(self) -> Iterator[str]:
        """The streams of the open files."""
        return (tail.source for tail in self._open)

    def open(self, tail: Tail) -> Opened | None:
        """Open a tail's file; None when the system refuses, which is told once until it heals."""
        if tail.is_open:
            return Opened.READY
        self._make_room()
        try:
            try:
                opened = tail.open()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                self.shrink(error)
                opened = tail.open()
        except OSError as error:
            self.refuse(tail, error)
            return None
        tail.refused = False
        if tail.is_open:
            self._open[tail] = None
        if opened is Opened.READY and not tail.announced:
            tail.announced = True
            self._recorder.record(Event(Kind.OPENED, tail.path, f"at byte {tail.offset}"))
        return opened

    def close(self, tail: Tail) -> None:
        self._open.pop(tail, None)
        tail.close()

    def close_all(self) -> None:
        for tail in list(self._open):
            self.close(tail)

    def used(self, tail: Tail) -> None:
        """Something was read from it: it is the last to be closed now."""
        if tail in self._open:
            self._open.move_to_end(tail)

    def refuse(self, tail: Tail, error: OSError) -> None:
        """Opening or reading failed: close it, tell it once, leave it to the next discovery."""
        self.close(tail)
        tail.dirty = False
        if tail.refused:
            return
        tail.refused = True
        denied = isinstance(error, PermissionError)
        self._recorder.record(
            Event(
                Kind.PERMISSION_DENIED if denied else Kind.READ_FAILED,
                tail.path,
                f"{error.strerror or error}; tried again every second",
            )
        )

    def _make_room(self) -> None:
        while len(self._open) >= self._maximum:
            self.close(self._quietest())

    def _quietest(self) -> Tail:
        reachable = (tail for tail in self._open if tail.listed)
        return next(reachable, next(iter(self._open)))

    def shrink(self, error: OSError) -> None:
        """The process or the machine is out of handles: do with half of what we have."""
        self._maximum = max(1, len(self._open) // 2)
        if not self._told:
            self._told = True
            self._recorder.record(
                Event(
                    Kind.HANDLE_LIMIT,
                    "",
                    f"{error.strerror}: at most {self._maximum} files stay open from now on",
                )
            )
        while len(self._open) > self._maximum:
            self.close(self._quietest())
