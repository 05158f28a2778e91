"""Alerts: what is said about a session that is not as it should be."""

import hashlib
import json
import socket
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.verdict import Verdict, Weighed
from models.bundle import Bundle
from models.masks import Masker
from models.sessions import KeptLine

# Of the form described by alert.schema.json. Fields may be added to a version; a field that goes,
# or says something else, makes another version.
VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("alert.schema.json")

# Events named in an alert; the rest of a long session would only bury them.
_MOST_EVENTS = 5
_LONGEST_TEMPLATE = 1000
# Lines of the session beside the one that weighs most.
_BEFORE, _AFTER = 2, 2
# What is "the same alert" for: the events that weigh most, those with at least this share of the
# heaviest one's weight.
_MOST_NAMED = 3
_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Alert:
    """One message about anomalous sessions. The fields are those of alert.schema.json and of
    docs/alerts.md, in this order; all of them are always there.

    id: of this message, the same over retries and restarts. incident: id of the message that began
    it; repetitions and the end have the same. fingerprint: the same for sessions that are
    anomalous for the same reason. count: sessions of the incident so far; what follows is of the
    one with the highest score among those that no earlier message was about.
    """

    schema: int
    kind: str
    status: str
    id: str
    incident: str
    fingerprint: str
    count: int
    summary: str
    raised_at: str
    host: str
    key: str
    source: str
    place: str
    file: str | None
    first_offset: int | None
    last_file: str | None
    last_offset: int | None
    lines: int
    first_time: str | None
    last_time: str | None
    score: float
    threshold: float
    bundle: str
    bundle_version: str
    epoch: int
    events: tuple[Mapping[str, Any], ...]
    new_events: tuple[str, ...]
    context: tuple[Mapping[str, Any], ...]
    open: bool = False

    def to_json(self) -> str:
        """One line, ASCII only: nothing in a log can break a terminal or a parser."""
        # Not asdict, which copies every value, and takes longer than all the rest.
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_json(cls, text: str) -> "Alert":
        """Raises ValueError, TypeError or KeyError where it is none of this version."""
        value = json.loads(text)
        for name in ("events", "new_events", "context"):
            value[name] = tuple(value[name])
        return cls(**value)


class Reporter:
    """Puts verdicts into words. secrets: taken out of all text of the log but the session's key,
    by which the session is found again. threshold: of now, for messages about no single session."""

    def __init__(self, *, bundle: Bundle, threshold: float, secrets: Masker) -> None:
        self.adopt(bundle)
        self.threshold = threshold
        # Templates come again and again, and a line stands in an alert twice.
        self._hidden = lru_cache(maxsize=4096)(secrets.mask)
        self._host = socket.gethostname()

    def adopt(self, bundle: Bundle) -> None:
        """Verdicts are of this bundle from now on."""
        self._bundle = bundle.manifest.name
        self._version = bundle.fingerprint[:12]

    def alert(self, verdict: Verdict, wall: float) -> Alert:
        """Of one anomalous session, as if it stood alone. wall: now, seconds since 1970."""
        identity = _identity(verdict)
        file, first_offset = _stands_at(verdict.place)
        last_file, last_offset = _stands_at(verdict.last_place)
        # What speaks for a normal session is no reason; without any reason, look at all there is.
        reasons = [one for one in verdict.weighed if one.weight > 0] or verdict.weighed
        events = tuple(self._event(one) for one in reasons[:_MOST_EVENTS])
        new = [one.template for one in verdict.weighed if one.new][:_MOST_EVENTS]
        return Alert(
            schema=VERSION,
            kind="session",
            status="firing",
            id=identity,
            incident=identity,
            fingerprint=fingerprint_of(verdict.weighed),
            count=1,
            summary=self._summary(verdict, events),
            raised_at=iso_time(wall),
            host=self._host,
            key=verdict.key,
            source=verdict.source,
            place=verdict.place,
            file=file,
            first_offset=first_offset,
            last_file=last_file,
            last_offset=last_offset,
            lines=verdict.lines,
            first_time=_iso(verdict.first_time, verdict.zoned),
            last_time=_iso(verdict.last_time, verdict.zoned),
            score=round(verdict.score, 6),
            threshold=verdict.threshold,
            bundle=self._bundle,
            bundle_version=self._version,
            epoch=verdict.epoch,
            events=events,
            new_events=tuple(map(self._template, new)),
            context=self._context(verdict.weighed),
            open=verdict.open,
        )

    def about_suppressed(
        self, suppressed: Mapping[str, int], *, ident: str, most_an_hour: int, wall: float
    ) -> Alert:
        """One message in the place of many. suppressed: sessions by fingerprint."""
        count = sum(suppressed.values())
        return Alert(
            schema=VERSION, kind="suppressed", status="firing", id=ident, incident=ident,
            fingerprint=_hash("suppressed")[:16], count=count,
            summary=(
                f"{count} anomalous sessions of {len(suppressed)} kinds were not told of: more "
                f"than {most_an_hour} alerts an hour"
            ),
            raised_at=iso_time(wall), host=self._host, key="", source="", place="", file=None,
            first_offset=None, last_file=None, last_offset=None, lines=0, first_time=None,
            last_time=None, score=0.0, threshold=self.threshold, bundle=self._bundle,
            bundle_version=self._version, epoch=0, events=(), new_events=(), context=(),
        )  # fmt: skip

    def evidence(self, verdict: Verdict) -> bytes:
        """The whole session, for whoever will say what it was: see ``read_evidence``."""
        messages = {one.event: self._hidden(one.message or one.template) for one in verdict.weighed}
        order = {event: number for number, event in enumerate(messages)}
        value = {
            "key": verdict.key,
            "source": verdict.source,
            "messages": list(messages.values()),
            "sequence": [order[event] for event in verdict.items],
        }
        return zlib.compress(json.dumps(value).encode())

    def _event(self, one: Weighed) -> dict[str, Any]:
        return {
            "template": self._template(one.template),
            "weight": round(one.weight, 4),
            "count": one.count,
            "new": one.new,
            **self._line(one.line),
        }

    def _line(self, line: KeptLine | None) -> dict[str, Any]:
        if line is None:
            return {"line": None, "offset": None, "raw": None}
        return {
            "line": line.number + 1,
            "offset": _stands_at(line.place)[1],
            "raw": self._hidden(line.text),
        }

    def _context(self, weighed: Sequence[Weighed]) -> tuple[dict[str, Any], ...]:
        heaviest = weighed[0].line if weighed else None
        if heaviest is None:
            return ()
        lines = sorted(one.line for one in weighed if one.line is not None)
        at = lines.index(heaviest)
        return tuple(self._line(line) for line in lines[max(0, at - _BEFORE) : at + _AFTER + 1])

    def _template(self, template: str) -> str:
        return self._hidden(template[:_LONGEST_TEMPLATE])

    def _summary(self, verdict: Verdict, events: Sequence[Mapping[str, Any]]) -> str:
        because = f", most for: {events[0]['template'][:200]}" if events else ""
        return f"{verdict.key} of {verdict.source} scored {verdict.score:.3f}{because}"


def read_evidence(blob: bytes) -> tuple[str, str, list[str]]:
    """Session key, source, and the message of every line (where a line was not kept, the first
    message of the same event stands for it). Raises ValueError or LookupError for damage."""
    try:
        value = json.loads(zlib.decompress(blob))
    except zlib.error as error:
        raise ValueError(str(error)) from None
    messages = value["messages"]
    return str(value["key"]), str(value["source"]), [messages[one] for one in value["sequence"]]


def fingerprint_of(weighed: Sequence[Weighed]) -> str:
    """What makes two sessions the same alert: the templates that weighed most, in any order."""
    heaviest = weighed[0].weight
    named = [
        one.template
        for place, one in enumerate(weighed[:_MOST_NAMED])
        if place == 0 or one.weight >= _SHARE * heaviest > 0
    ]
    return _hash(*sorted(named))[:16]


def derived(incident: str, *what: object) -> str:
    """Id of a later message of an incident."""
    return _hash(incident, *map(str, what))[:32]


def iso_time(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")


def _identity(verdict: Verdict) -> str:
    # Where and when it began: how many lines came in before it was scored may differ after a crash.
    return _hash(verdict.source, verdict.place, verdict.key, repr(verdict.first_time))[:32]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _stands_at(place: str) -> tuple[str | None, int | None]:
    """File and byte offset. The later ones of overlapping windows have no offset of their own."""
    file, sign, offset = place.rpartition(":")
    if not sign:
        return None, None
    return file, int(offset) if offset.isascii() and offset.isdigit() else None


def _iso(seconds: float | None, zoned: bool) -> str | None:
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    moment = moment if zoned else moment.replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
