"""One entry of the journal, as ``journalctl -o json`` writes it."""

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

# What is asked for; the fields with two underscores come unasked.
FIELDS = (
    "MESSAGE", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_PID", "_COMM", "_HOSTNAME",
)  # fmt: skip
_NUMBER = re.compile(r"(?:^|;)i=([0-9a-f]{1,16})(?:;|$)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_NUMBER = 2**63 - 1


class Rendering(StrEnum):
    """How an entry becomes a line."""

    message = "message"  # the text of MESSAGE alone
    syslog = "syslog"  # as a syslog daemon writes it: time, host, program, message


class Entry(NamedTuple):
    """cursor: its place; number: of it in its journal, which rises; source: its unit, else its
    program. text: None where it has no message, or the agent itself wrote it. time: microseconds
    since 1970, None where the entry has none."""

    cursor: str
    number: int
    source: str
    text: str | None
    time: int | None


class EntryReader:
    """Reads entries. What the agent itself writes is left out, by process and by unit: an alert
    must not be a line that alerts are raised on.

    limit: bytes of a message that are kept. cut, odd: how many messages were longer, how many lines
    were no entry.
    """

    def __init__(self, rendering: Rendering, limit: int, own_unit: str | None) -> None:
        self._rendering = rendering
        self._limit = limit
        self._own_unit = own_unit
        self._own_pid = str(os.getpid())
        self.cut = self.odd = 0

    def read(self, line: bytes) -> Entry | None:
        """None for a line that is no entry, as of a journalctl that tells of itself."""
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        cursor = fields.get("__CURSOR") if isinstance(fields, dict) else None
        if not isinstance(cursor, str) or not cursor:
            self.odd += bool(line.strip())
            return None
        time = _integer(fields.get("__REALTIME_TIMESTAMP"))
        found = _NUMBER.search(cursor)
        number = int(found[1], 16) if found else time or 0
        unit = _text(fields.get("_SYSTEMD_UNIT"))
        source = unit or _text(fields.get("SYSLOG_IDENTIFIER")) or "journal"
        text = None
        own = unit is not None and unit == self._own_unit
        if not own and _text(fields.get("_PID")) != self._own_pid:
            text = self._line(fields, time)
        return Entry(cursor, min(number, _LARGEST_NUMBER), _one_line(source), text, time)

    def _line(self, fields: Mapping[str, Any], time: int | None) -> str | None:
        message = _text(fields.get("MESSAGE"))
        if message is None:
            return None
        data = message.rstrip("\n").encode("utf-8", "replace")
        if len(data) > self._limit:
            self.cut += 1
        message = data[: self._limit].decode("utf-8", "ignore")
        if self._rendering is Rendering.message:
            return message
        moment = _EPOCH + timedelta(microseconds=time or 0)
        host = _text(fields.get("_HOSTNAME")) or "localhost"
        program = _text(fields.get("SYSLOG_IDENTIFIER")) or _text(fields.get("_COMM")) or "unknown"
        pid = _text(fields.get("SYSLOG_PID")) or _text(fields.get("_PID"))
        head = f"{moment.isoformat(timespec='microseconds')} {host} {program}"
        return f"{_one_line(head)}{f'[{_one_line(pid)}]' if pid else ''}: {message}"


def own_unit(cgroups: Path = Path("/proc/self/cgroup")) -> str | None:
    """The service that this process belongs to, None where it is none."""
    try:
        lines = cgroups.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        # The unit is the innermost one; a service may have made control groups of its own below.
        for part in reversed(line.partition("::")[2].split("/")):
            if part.endswith(".service"):
                return part
    return None


def _text(value: object) -> str | None:
    """Text of a field: bytes that are no text come as numbers, a field that is there more than once
    as a list, one that is too long as null."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return bytes(value).decode("utf-8", "replace")
    texts = [_text(one) for one in value]
    return "\n".join(text for text in texts if text is not None)


def _integer(value: object) -> int | None:
    text = str(value)
    # Later than the year 9999 nothing can be written down.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None


def _one_line(text: str) -> str:
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").splitlines())
