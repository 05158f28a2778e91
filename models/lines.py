"""Line formats: from a raw line to its time, source and content."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from models.errors import UserError

EPOCH = "epoch"
ISO = "iso"


@dataclass(frozen=True, slots=True)
class LineFormat:
    """How a line is taken apart.

    kind: "regex" (groups of ``regex``), "json" (fields of one JSON object), "whole", or "any": each
        line says itself which of the three it is, and all of them fit.
    regex: named groups ``content`` (required), ``time``, ``source`` (what windows are cut by, such
        as a node; the file where there is none) and ``label`` ("-" is normal).
    time_format: "epoch" (seconds), "iso" (ISO 8601, RFC 5424), or a strptime format. A strptime
        format without a year gets the latest year that does not lie in the future.
    """

    name: str
    kind: str = "regex"
    regex: str | None = None
    time_format: str | None = None


class Record(NamedTuple):
    """One line, taken apart. time: unix seconds, a time without a zone read as UTC."""

    content: str
    time: float | None
    source: str | None
    label: str | None
    fits: bool


_SYSLOG = (
    r"^(?:<\d{1,3}>)?(?:1 )?"
    r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\S+) (?P<host>\S+) "
    r"(?P<content>.*)$"
)

_LEVELS = (
    *("trace", "debug", "info", "notice", "warn", "warning", "error", "err", "severe", "crit"),
    *("critical", "alert", "fatal", "emerg", "panic"),
)
# The time that a line of any system may begin with, and the host that syslog puts behind it, known
# by the program that comes next. A level stays in the message: "ERROR" says more than most words.
# Another form of time stays, too: its digits are masked.
_ANY = (
    r"^(?:<\d{1,3}>)?(?:1 )?\[?"
    r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[-+]\d\d:?\d\d)?)\]?:?\s+"
    rf"(?:(?!(?:{'|'.join(w for one in _LEVELS for w in (one, one.capitalize(), one.upper()))})\b)"
    r"(?P<host>[A-Za-z0-9][\w.-]*) (?=[\w./@()-]+(?:\[\d+\])?:(?:\s|$)|\S+ (?:-|\d+) \S+ [-\[]))?"
    r"(?P<content>.*)$"
)

FORMATS: dict[str, LineFormat] = {
    "hdfs": LineFormat(
        "hdfs",
        regex=r"^(?P<time>\d{6} \d{6}) \d+ [A-Z]+ [^:]+: (?P<content>.*)$",
        time_format="%y%m%d %H%M%S",
    ),
    "bgl": LineFormat(
        "bgl",
        regex=(
            r"^(?:(?P<label>-|[A-Z]\S*) )?(?P<time>\d{9,11}) \d{4}\.\d\d\.\d\d (?P<source>\S+) "
            r"\S+ \S+ \S+ \S+ \S+(?: (?P<content>.*))?$"
        ),
        time_format=EPOCH,
    ),
    "thunderbird": LineFormat(
        "thunderbird",
        regex=(
            r"^(?:(?P<label>-|[A-Z]\S*) )?(?P<time>\d{9,11}) \d{4}\.\d\d\.\d\d (?P<source>\S+) "
            r"[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \S+(?: (?P<content>.*))?$"
        ),
        time_format=EPOCH,
    ),
    "openstack": LineFormat(
        "openstack",
        regex=(
            r"^\s*(?:[\w.-]+\.log\S* )?(?:(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) )?"
            r"(?:\d+ )?[A-Z]+ (?P<component>[a-z_][\w.]*) (?:\[[^\]]*\] )?(?P<content>.*)$"
        ),
        time_format=ISO,
    ),
    "syslog": LineFormat("syslog", regex=_SYSLOG, time_format="syslog"),
    "jsonl": LineFormat("jsonl", kind="json"),
    "text": LineFormat("text", kind="whole"),
    "any": LineFormat("any", kind="any", regex=_ANY, time_format="syslog"),
}

_JSON_CONTENT = ("message", "msg", "log", "event", "body", "text")
_JSON_TIME = ("time", "timestamp", "@timestamp", "ts", "datetime", "date")
_JSON_SOURCE = ("source", "host", "hostname", "node", "service")


def text_format(regex: str, time_format: str | None) -> LineFormat:
    """The format of ``--format text --line-regex``. Raises UserError for an unusable regex."""
    try:
        groups = re.compile(regex).groupindex
    except re.error as error:
        raise UserError(f"--line-regex {regex!r} is no regular expression: {error}") from None
    if "content" not in groups:
        raise UserError(
            f"--line-regex {regex!r} names no group 'content': write (?P<content>...) around "
            "the message"
        )
    return LineFormat("text", regex=regex, time_format=time_format or ISO)


class LineParser:
    """Takes lines apart by one format. A line that does not fit is taken whole and counted."""

    def __init__(self, line_format: LineFormat, now: Callable[[], float] | None = None) -> None:
        self.format = line_format
        self.unfit = 0
        self.zoned = line_format.time_format == EPOCH
        self._now = now or (lambda: datetime.now(UTC).timestamp())
        self._last_time: tuple[str, float | None] = ("", None)
        self._last_minute: tuple[str, float | None] = ("", None)
        self._minutes = _splits_minutes(line_format.time_format)
        self.parse: Callable[[str], Record] = self._parse_whole
        if line_format.kind == "json":
            self.parse = self._parse_json
        elif line_format.kind in ("regex", "any"):
            assert line_format.regex is not None
            self._match = re.compile(line_format.regex).match
            self._groups = frozenset(re.compile(line_format.regex).groupindex)
            self.parse = self._parse_regex if line_format.kind == "regex" else self._parse_any

    def _parse_whole(self, line: str) -> Record:
        return Record(line, None, None, None, True)

    def _parse_regex(self, line: str) -> Record:
        match = self._match(line)
        if match is None:
            self.unfit += 1
            return Record(line, None, None, None, False)
        groups = self._groups
        time = match["time"] if "time" in groups else None
        return Record(
            match["content"] or "",
            self.seconds(time) if time else None,
            match["source"] if "source" in groups else None,
            match["label"] if "label" in groups else None,
            True,
        )

    def _parse_any(self, line: str) -> Record:
        unfit = self.unfit
        record = self._parse_json(line) if may_be_json(line) else self._parse_regex(line)
        self.unfit = unfit
        return record._replace(fits=True)

    def _parse_json(self, line: str) -> Record:
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        content = _first(fields, _JSON_CONTENT) if isinstance(fields, dict) else None
        if content is None:
            self.unfit += 1
            return Record(line, None, None, None, False)
        time = _first(fields, _JSON_TIME)
        source = _first(fields, _JSON_SOURCE)
        label = fields.get("label")
        return Record(
            plain_text(content),
            self.seconds(str(time)) if time is not None else None,
            None if source is None else plain_text(source),
            None if label is None else str(label),
            True,
        )

    def seconds(self, text: str) -> float | None:
        """Unix seconds of a time as the format writes it; None where it is none."""
        # Neighbouring lines mostly share their second: parsing it once is half of the cost saved.
        if text == self._last_time[0]:
            return self._last_time[1]
        seconds = self._within_minute(text) if self._minutes else self._parse_time(text)
        self._last_time = (text, seconds)
        return seconds

    def _within_minute(self, text: str) -> float | None:
        # strptime takes longer than all the rest of a line, and most lines share their minute.
        minute, rest = text[:-2], text[-2:]
        if not (rest.isascii() and rest.isdigit() and rest < "60"):
            return self._parse_time(text)
        if minute != self._last_minute[0]:
            if self._minutes == "colon":
                whole = minute.endswith(":")
            else:
                whole = len(minute) == len("yymmdd hhmm") and (minute[:6] + minute[7:]).isdigit()
            if not whole:
                return self._parse_time(text)
            self._last_minute = (minute, self._parse_time(f"{minute}00"))
        start = self._last_minute[1]
        return None if start is None else start + int(rest)

    def _parse_time(self, text: str) -> float | None:
        kind = self.format.time_format
        try:
            by_itself = self.format.kind == "any" or kind is None
            if kind == EPOCH or (by_itself and text.replace(".", "", 1).isdigit()):
                return _epoch(float(text))
            if kind in (ISO, None) or (kind == "syslog" and text[:1].isdigit()):
                moment = datetime.fromisoformat(text.replace(",", "."))
            else:
                assert kind is not None
                moment = self._strptime(text, "%b %d %H:%M:%S" if kind == "syslog" else kind)
        except ValueError:
            return None
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC).timestamp()
        self.zoned = True
        return moment.timestamp()

    def _strptime(self, text: str, pattern: str) -> datetime:
        if any(year in pattern for year in ("%Y", "%y", "%c", "%x")):
            return datetime.strptime(text, pattern)
        # A December line may be read in January; a day of grace for clocks and zones that differ.
        latest = datetime.fromtimestamp(self._now(), UTC).replace(tzinfo=None) + timedelta(days=1)
        # The 29th of February exists in one year of at most eight.
        for year in range(latest.year, latest.year - 9, -1):
            try:
                moment = datetime.strptime(f"{year} {text}", f"%Y {pattern}")
            except ValueError:
                continue
            if moment <= latest:
                return moment
        raise ValueError(f"{text!r} is no time of the form {pattern!r}")


def may_be_json(line: str) -> bool:
    """Whether a line may be a JSON object."""
    return line.lstrip().startswith("{")


def _splits_minutes(time_format: str | None) -> str | None:
    """Whether the last two characters of such a time are its seconds: "colon" where a colon stands
    before them, "packed" where the time has its full width; None where that is not known.

    Without a year, the year depends on the present moment and is asked for every time.
    """
    if time_format is None or not any(year in time_format for year in ("%Y", "%y")):
        return None
    if time_format == "%y%m%d %H%M%S":
        return "packed"
    return "colon" if time_format.endswith(":%S") else None


def plain_text(value: object) -> str:
    """Text of a JSON value. Half a surrogate pair (a cut emoji) cannot be written as UTF-8: "?"."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _first(fields: dict[str, object], names: tuple[str, ...]) -> object | None:
    for name in names:
        if fields.get(name) is not None:
            return fields[name]
    return None


def _epoch(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not a time")
    # Milliseconds, micro- or nanoseconds since 1970 are all larger than seconds will be for long.
    while value > 1e11:
        value /= 1000
    return value
