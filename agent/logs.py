"""What the agent says on stderr, in which form, and of which input it speaks.

The standard library's ``logging`` with three formatters, not structlog: that takes 7.7 MiB to
import, in an agent whose goal is 90 MiB (python -m benchmarks.configuration).
"""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_input: ContextVar[str] = ContextVar("input", default="")
# What logfmt takes without quotes.
_BARE = re.compile(r"[!#-<>-\[\]-~]+")
_SAME_NAMES = frozenset({"ts", "level", "msg", "input", "error"})


class LogFormat(StrEnum):
    """auto: logfmt on a terminal, JSON in a service of systemd, else text."""

    auto = "auto"
    text = "text"
    logfmt = "logfmt"
    json = "json"


class LogLevel(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class _NameInput(logging.Filter):
    """Gives each record the name of its input, empty where there is only one without a name."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.input = _input.get()
        return True


class _Text(logging.Formatter):
    """For people and for scripts that read what releases before said."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        name = getattr(record, "input", "")
        prefix = f"{name}: " if name else ""
        return f"metalog-agent: {prefix}{printable(record.message)}"


class _Logfmt(logging.Formatter):
    """One line of key=value."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(value)}" for key, value in fields_of(self, record).items())


class _Json(logging.Formatter):
    """One object on one line of ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        return json_of(fields_of(self, record))


_FORMATTERS: Mapping[LogFormat, type[logging.Formatter]] = {
    LogFormat.text: _Text,
    LogFormat.logfmt: _Logfmt,
    LogFormat.json: _Json,
}


def fields_of(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    """ts (RFC 3339, UTC), level, msg, input where there is one, what the caller gave as
    ``extra={"fields": {...}}``, and error, a traceback, where there is one."""
    found: dict[str, Any] = {
        "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "msg": record.getMessage(),
    }
    if name := getattr(record, "input", ""):
        found["input"] = name
    given: Mapping[str, Any] = getattr(record, "fields", {})
    found.update((key, value) for key, value in given.items() if key not in _SAME_NAMES)
    if record.exc_info:
        found["error"] = formatter.formatException(record.exc_info)
    return found


def json_of(fields: Mapping[str, Any]) -> str:
    """In printable ASCII."""
    # DEL is the one control character that JSON leaves as it is.
    return json.dumps(fields, default=str).replace("\x7f", "\\u007f")


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if _BARE.fullmatch(text):
        return text
    return printable(json.dumps(text, ensure_ascii=False))


def printable(text: str) -> str:
    """All but newlines and printable characters as escapes: names of files come from others."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def configure_logging(
    form: LogFormat = LogFormat.auto,
    level: LogLevel = LogLevel.info,
    *,
    quiet: bool = False,
    environment: Mapping[str, str] | None = None,
) -> None:
    """May be called again, with something else. quiet: at least warnings."""
    if form is LogFormat.auto:
        form = suitable(os.environ if environment is None else environment)
    logging.basicConfig()
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_FORMATTERS[form]())
        if not any(isinstance(one, _NameInput) for one in handler.filters):
            handler.addFilter(_NameInput())
    wanted = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(wanted, logging.WARNING) if quiet else wanted)


def suitable(environment: Mapping[str, str]) -> LogFormat:
    """For whoever reads our stderr."""
    if sys.stderr.isatty():
        return LogFormat.logfmt
    # Whatever a service starts inherits both; each says whether it is we who are meant
    # (systemd.exec(5)).
    if environment.get("SYSTEMD_EXEC_PID") == str(os.getpid()):
        return LogFormat.json
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # it is closed
        return LogFormat.text
    if environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}":
        return LogFormat.json
    return LogFormat.text


def say_problem(problem: Exception) -> None:
    """What ends the program, in the form that all else was said in."""
    if logging.getLogger().handlers:
        logging.getLogger("metalog").error("%s", problem)
    else:
        print(f"metalog-agent: {problem}", file=sys.stderr)


@contextmanager
def speaking_of(name: str) -> Iterator[None]:
    """What is said inside is about this input."""
    token = _input.set(name)
    try:
        yield
    finally:
        _input.reset(token)
