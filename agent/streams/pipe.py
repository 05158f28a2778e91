"""Reading a pipe without waiting for it."""

import os
import threading
import time
from collections.abc import Callable

_BLOCK = 65536
# Whoever writes line by line need not wake us for each of them.
_PAUSE = 0.02


class Pipe:
    """Reads a file descriptor in a thread of its own, as much as there is room for.

    Not by making the descriptor non-blocking: stdin is shared with whoever started us. What is not
    taken stays in the pipe, and holds its writer.

    wake: called when something came after nothing was there, and at the end. most: bytes.
    """

    def __init__(self, descriptor: int, wake: Callable[[], None], most: int = 2**20) -> None:
        self._descriptor = descriptor
        self._wake = wake
        self._most = most
        self._room = threading.Condition()
        self._blocks: list[bytes] = []
        self._size = 0
        self._ended = self._closed = False
        self._thread = threading.Thread(target=self._read, name="metalog-pipe", daemon=True)
        self._thread.start()

    def take(self) -> bytes:
        """What has come since the last call. Never waits."""
        with self._room:
            data = b"".join(self._blocks)
            self._blocks.clear()
            self._size = 0
            self._room.notify()
        return data

    @property
    def has_news(self) -> bool:
        """Whether ``take`` would give something."""
        return self._size > 0

    @property
    def over(self) -> bool:
        """Whether it was closed by its writer and all of it was taken."""
        with self._room:
            return self._ended and not self._blocks

    def join(self, seconds: float) -> None:
        """Wait until its writer has closed it and all of it was read, or there is no more room."""
        self._thread.join(seconds)

    def close(self) -> None:
        """Read no more, wake nobody."""
        with self._room:
            self._closed = True
            self._room.notify()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._descriptor, _BLOCK)
            except OSError:  # a terminal that is gone
                data = b""
            with self._room:
                if self._closed:
                    return
                first = not self._blocks
                self._ended = not data
                if data:
                    self._blocks.append(data)
                    self._size += len(data)
            if first or not data:
                self._wake()
            if not data:
                return
            if len(data) < _BLOCK:
                time.sleep(_PAUSE)
            with self._room:
                self._room.wait_for(lambda: self._closed or self._size < self._most)
                if self._closed:
                    return
