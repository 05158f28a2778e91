"""Alerts: what is said about a session that is not as it should be."""

import hashlib
import json
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from agent.detector import Verdict

# Templates named in an alert; the rest of a long session would only bury them.
_MOST_EVENTS = 5


@dataclass(frozen=True, slots=True)
class Alert:
    """One anomalous session.

    id: the same for the same session of the same file, over retries and restarts. source: file, or
    the node named in the line; place: file and byte offset of the first line. lines: how many.
    first_time, last_time: ISO 8601, without a zone where the log states none; None where lines
    have no time. events: those that received most attention, heaviest first (attention is where
    the network looked, which is a hint and no proof); new_events: templates unknown to the bundle.
    """

    id: str
    key: str
    source: str
    place: str
    host: str
    score: float
    threshold: float
    lines: int
    first_time: str | None
    last_time: str | None
    raised_at: str
    bundle: str
    events: tuple[dict[str, Any], ...]
    new_events: tuple[str, ...]

    @classmethod
    def of(cls, verdict: Verdict, *, threshold: float, bundle: str, wall: float) -> "Alert":
        return cls(
            id=_identity(verdict),
            key=verdict.key,
            source=verdict.source,
            place=verdict.place,
            host=socket.gethostname(),
            score=round(verdict.score, 6),
            threshold=threshold,
            lines=verdict.lines,
            first_time=_iso(verdict.first_time, verdict.zoned),
            last_time=_iso(verdict.last_time, verdict.zoned),
            raised_at=datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds"),
            bundle=bundle,
            events=tuple(
                {"template": one.template, "weight": round(one.weight, 4), "count": one.count}
                for one in verdict.weighed[:_MOST_EVENTS]
            ),
            new_events=tuple(one.template for one in verdict.weighed if one.new)[:_MOST_EVENTS],
        )

    def to_json(self) -> str:
        """One line, ASCII only: nothing in a log can break a terminal or a parser."""
        return json.dumps(asdict(self))


def _identity(verdict: Verdict) -> str:
    # Where and when it began: how many lines came in before it was scored may differ after a crash.
    parts = (verdict.source, verdict.place, verdict.key, repr(verdict.first_time))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _iso(seconds: float | None, zoned: bool) -> str | None:
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    moment = moment if zoned else moment.replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
