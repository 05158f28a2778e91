"""Alerts as JSON lines on stdout."""

import os
import sys
from typing import TextIO


class Stdout:
    """Writes and flushes each alert at once. Closed by its reader, it reports ``broken``."""

    name = "stdout"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._delivered: list[str] = []
        self.broken = False

    def offer(self, alert: str, body: str) -> bool:
        if self.broken:
            return False
        try:
            self._stream.write(body + "\n")
            self._stream.flush()
        except OSError:
            self.broken = True
            # Else the interpreter complains of the same pipe once more as it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return False
        self._delivered.append(alert)
        return True

    def delivered(self) -> list[str]:
        delivered, self._delivered = self._delivered, []
        return delivered

    def close(self, seconds: float) -> None:
        pass
