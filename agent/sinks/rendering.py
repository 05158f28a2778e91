"""Alerts as text for people. What a log line holds must not act on whoever reads it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_MOST_CHARACTERS = 300
_MOST_EVENTS = 5


def plain(text: object, most: int = _MOST_CHARACTERS) -> str:
    """One line of printable characters: all others, and those that change the direction of
    writing, become escapes such as ``\\x1b``. Cut after ``most`` characters of the text."""
    whole = str(text)
    cut = whole[:most]
    if not cut.isprintable():
        cut = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in cut)
    return cut + "…" if len(whole) > most else cut


def json_line(body: str) -> str:
    """The same JSON in printable ASCII."""
    if body.isascii() and body.isprintable():
        return body
    # DEL is the one control character that JSON leaves as it is.
    return json.dumps(json.loads(body)).replace("\x7f", "\\u007f")


def is_resolved(alert: Mapping[str, Any]) -> bool:
    return alert.get("status") == "resolved"


def headline(alert: Mapping[str, Any]) -> str:
    """What happened and where, without anything a log line says."""
    host = plain(alert.get("host", "this host"))
    if alert.get("kind") == "test":
        return f"Test alert from {host}: nothing is wrong"
    count = alert.get("count")
    if alert.get("kind") == "suppressed":
        return f"Alerts about {plain(count)} sessions on {host} were suppressed"
    what = "Resolved" if is_resolved(alert) else "Anomaly"
    times = f", {count} sessions" if isinstance(count, int) and count > 1 else ""
    score = alert.get("score")
    value = f", score {score:.3g}" if isinstance(score, int | float) else ""
    return f"{what} on {host}{times}{value}"


def details(alert: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value, one line each, the most important first."""
    if alert.get("kind") != "session" and alert.get("summary"):
        yield "summary", plain(alert["summary"])
    for name, field in (("source", "source"), ("place", "place"), ("session", "key")):
        if alert.get(field) not in (None, ""):
            yield name, plain(alert[field])
    times = [str(alert[field]) for field in ("first_time", "last_time") if alert.get(field)]
    if times:
        yield "time", plain(" to ".join(dict.fromkeys(times)))
    if alert.get("lines"):
        yield "lines", plain(alert["lines"])
    events = alert.get("events")
    if isinstance(events, list):
        for event in events[:_MOST_EVENTS]:
            if isinstance(event, dict):
                # The line itself where the alert has it.
                text = event.get("raw") or event.get("template") or ""
                yield "new event" if event.get("new") else "event", plain(text)
    for field in ("fingerprint", "id"):
        if alert.get(field):
            yield field, plain(alert[field])


def pretty(alert: Mapping[str, Any]) -> str:
    """A paragraph for a terminal, with its last newline."""
    lines = [headline(alert)]
    lines += [f"  {name:<11} {value}" for name, value in details(alert)]
    return "\n".join(lines) + "\n"
