"""Alerts appended to a file."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from agent.sinks import Answer, Message, Outcome
from agent.sinks.rendering import json_line

_MODE = 0o640


class AlertFile:
    """JSON lines, appended. Renamed or deleted, as logrotate does, the file is made anew.

    Each alert is one write, so that others may append to the same file. A line that the disk had no
    room for is taken back and tried again. Nothing is synced: after a power failure the last
    seconds may be missing.
    """

    interval = 0.0
    holds_reading = False

    def __init__(self, path: Path, name: str | None = None) -> None:
        self._path = path.absolute()
        self.name = name or f"file {self._path}"
        self._file: int | None = None

    def send(self, message: Message) -> Answer:
        try:
            self._write(self._opened(), (json_line(message.body) + "\n").encode())
        except OSError as error:
            self.close()
            return Answer(Outcome.later, error.strerror or type(error).__name__)
        return Answer(Outcome.taken, "written")

    def keep_up(self) -> float | None:
        return None

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is not None:
            ours = os.fstat(self._file)
            try:
                there = self._path.stat()
                same = (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
            except FileNotFoundError:
                same = False
            if not same:
                self.close()
        if self._file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, _MODE)
        return self._file

    @staticmethod
    def _write(file: int, line: bytes) -> None:
        written = os.write(file, line)
        if written < len(line):
            found = os.fstat(file)
            if stat.S_ISREG(found.st_mode):
                os.ftruncate(file, found.st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
