"""Alerts on stdout: JSON lines, or paragraphs for a person at a terminal."""

import os
import sys
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

    name = "stdout"
    interval = 0.0
    # Whoever reads a pipe slowly wants to have it all, as with any program in a pipeline.
    holds_reading = True

    def __init__(self, stream: TextIO | None = None, form: Format = Format.json) -> None:
        self._stream = stream or sys.stdout
        self._form = form

    def send(self, message: Message) -> Answer:
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
            return Answer(Outcome.closed, str(error.strerror))
        return Answer(Outcome.taken, "written")

    def keep_up(self) -> float | None:
        return None

    def close(self) -> None:
        pass
