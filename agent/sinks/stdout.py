"""Alerts on stdout: JSON lines, or paragraphs for a person at a terminal."""

import os
import sys
import threading
from enum import StrEnum
from typing import TextIO

from agent.sinks import Answer, Message, Outcome
from agent.sinks.rendering import json_line, pretty


class Format(StrEnum):
    """How alerts look on stdout."""

    json = "json"
    pretty = "pretty"


class Stdout:
    """Writes and flushes each alert at once. Once closed by its reader, it takes no more."""

    interval = 0.0
    # Whoever reads a pipe slowly wants to have it all, as with any program in a pipeline.
    holds_reading = True

    def __init__(
        self, stream: TextIO | None = None, form: Format = Format.json, name: str = "stdout"
    ) -> None:
        self.name = name
        self._stream = stream or sys.stdout
        self._form = form
        # Of several inputs each has a thread that brings it alerts.
        self._writing = threading.Lock()
        self._gone: str | None = None

    def is_like(self, other: "Stdout") -> bool:
        """Whether both write the same under the same name."""
        return (self.name, self._form, self._stream) == (other.name, other._form, other._stream)

    def send(self, message: Message) -> Answer:
        with self._writing:
            return self._send(message)

    def _send(self, message: Message) -> Answer:
        if self._gone is not None:
            return Answer(Outcome.closed, self._gone)
        if self._form is Format.pretty:
            text = pretty(message.alert())
            # Not every terminal speaks UTF-8.
            encoding = self._stream.encoding or "ascii"
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        else:
            text = json_line(message.body) + "\n"
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            # Else the interpreter complains of the same pipe once more as it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            self._gone = str(error.strerror)
            return Answer(Outcome.closed, self._gone)
        return Answer(Outcome.taken, "written")

    def keep_up(self) -> float | None:
        return None

    def close(self) -> None:
        pass
