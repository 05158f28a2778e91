"""Alerts of the history as a reader wants them: incidents, and when they were told of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.state import KeptAlert

# Bars of a chart of time, at most, and how wide they may be.
_MOST_BINS = 48
_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400)


@dataclass
class Incident:
    """All messages about one incident. body: of the one with the highest score; sessions: as the
    last message counts them."""

    first: float
    last: float
    body: dict[str, Any]
    sessions: int
    messages: int = 1
    resolved: bool = False


@dataclass
class TopTemplate:
    """A template that weighed most in incidents. weight: the largest."""

    template: str
    new: bool
    incidents: int = 0
    sessions: int = 0
    weight: float = 0.0
    last: float = 0.0
    fingerprints: set[str] = field(default_factory=set)


def incidents(alerts: Sequence[KeptAlert]) -> list[Incident]:
    """Of the alerts about sessions, the latest first."""
    found: dict[str, Incident] = {}
    for one in alerts:
        body = one.body
        if body.get("kind") != "session":
            continue
        ident, count = str(body.get("incident", body.get("id"))), int(body.get("count", 1))
        known = found.get(ident)
        if known is None:
            known = found[ident] = Incident(one.raised, one.raised, body, count)
        else:
            known.messages += 1
            known.last, known.sessions = one.raised, max(known.sessions, count)
            if float(body.get("score", 0)) > float(known.body.get("score", 0)):
                known.body = body
        known.resolved = body.get("status") == "resolved"
    return sorted(found.values(), key=lambda one: -one.last)


def top_templates(found: Sequence[Incident]) -> list[TopTemplate]:
    """By the event that weighed most in each incident; those with most sessions first."""
    tops: dict[str, TopTemplate] = {}
    for one in found:
        events = one.body.get("events") or ()
        if not events:
            continue
        heaviest = events[0]
        template = str(heaviest["template"])
        top = tops.setdefault(template, TopTemplate(template, bool(heaviest.get("new"))))
        top.incidents += 1
        top.sessions += one.sessions
        top.weight = max(top.weight, float(heaviest["weight"]))
        top.last = max(top.last, one.last)
        top.fingerprints.add(str(one.body.get("fingerprint", "")))
    return sorted(tops.values(), key=lambda one: (-one.sessions, -one.weight, one.template))


@dataclass(frozen=True)
class Bins:
    """Equal stretches of time from ``low`` to ``high``. counts: by bin, messages that began an
    incident, that repeated one, that ended one, and that stand for suppressed ones."""

    low: float
    high: float
    seconds: int
    counts: list[list[float]]


BEGAN, REPEATED, RESOLVED, SUPPRESSED = range(4)


def over_time(alerts: Sequence[KeptAlert], until: float) -> Bins:
    """alerts: one or more, the oldest first; until: the clock up to which it is known that there
    were no others."""
    first, last = alerts[0].raised, max(until, alerts[-1].raised)
    # Where the wall clock was set back, the history is as long as it looks.
    span = max(last - first, 1.0)
    seconds = next((one for one in _SECONDS if span / one <= _MOST_BINS - 2), None)
    if seconds is None:
        seconds = -(-int(span) // ((_MOST_BINS - 2) * 86400)) * 86400
    low = first // seconds * seconds
    size = int((last - low) // seconds) + 1
    counts: list[list[float]] = [[0.0] * 4 for _ in range(size)]
    for one in alerts:
        counts[int((one.raised - low) // seconds)][_which(one.body)] += 1
    return Bins(low, low + size * seconds, seconds, counts)


def _which(body: dict[str, Any]) -> int:
    if body.get("kind") != "session":
        return SUPPRESSED
    if body.get("status") == "resolved":
        return RESOLVED
    return BEGAN if body.get("id") == body.get("incident") else REPEATED
