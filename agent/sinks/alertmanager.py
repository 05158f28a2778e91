"""Alerts to a Prometheus Alertmanager, by its API v2."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from agent.clock import Clock, SystemClock
from agent.sinks import Answer, Message, Outcome
from agent.sinks.endpoint import Endpoint
from agent.sinks.rendering import details, headline, is_resolved, plain

_RESEND_SECONDS = 60.0
# It resolves by itself what it does not hear of for so long: some requests may fail.
_HOLD = 4.0
# Where nobody will say that it is over, it is over after a while.
_SECONDS_UNTIL_OVER = 900.0
_MOST_FIRING = 10_000
_A_REQUEST = 200
# The word that it is over may have been lost; a group that goes on is heard of again before.
LONGEST_SILENCE = 86_400.0
_MOST_CHARACTERS = 1000
_NAMES = {"suppressed": "MetalogSuppressed", "test": "MetalogTest"}


class Alertmanager:
    """Says each alert under labels that stay the same from its first to its last message, says
    again every minute that it still fires, and when it is over. Scores, sessions and files stand in
    annotations, as they differ from message to message: a label that changes is another alert.

    resolves: whether alerts will be said to be over. Else each is over after 15 minutes. labels:
    of every alert, beside those of its own.
    """

    interval = 0.0
    holds_reading = False

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str | None = None,
        clock: Clock | None = None,
        resolves: bool = True,
        resend_seconds: float = _RESEND_SECONDS,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self.name = name or f"alertmanager {endpoint.where}"
        self._clock = clock or SystemClock()
        self._resolves = resolves
        self._resend_seconds = resend_seconds
        self._labels = labels or {}
        # By labels: what is said again, and when it was last heard of.
        self._firing: OrderedDict[str, tuple[dict[str, Any], float]] = OrderedDict()
        # Time of the newest message by labels: a retry may come after what ended the alert.
        self._newest: OrderedDict[str, str] = OrderedDict()

    def restore(self, firing: Iterable[Mapping[str, Any]]) -> None:
        """Go on with alerts that an earlier run said and that are not over. Before the first
        ``send``."""
        for alert in firing:
            if self._will_be_resolved(alert):
                said = self._said_of(alert)
                self._newest[_key(said)] = _time(alert)
                self._note(said, is_over=False)

    def send(self, message: Message) -> Answer:
        alert = message.alert()
        said = self._said_of(alert)
        key, time = _key(said), _time(alert)
        if time < self._newest.get(key, ""):
            return Answer(Outcome.taken, "there is a newer message of the same alert")
        is_over = is_resolved(alert)
        now = self._clock.wall()
        known = self._firing.get(key)
        if known is not None:
            said["startsAt"] = known[0]["startsAt"]
        lasting = self._will_be_resolved(alert)
        hold = self._resend_seconds * _HOLD if lasting else _SECONDS_UNTIL_OVER
        said["endsAt"] = _iso(now if is_over else now + hold)
        if said["startsAt"] > said["endsAt"]:
            said["startsAt"] = said["endsAt"]
        answer = self._post([said])
        if answer.outcome is Outcome.taken:
            self._newest[key] = time
            self._newest.move_to_end(key)
            while len(self._newest) > 2 * _MOST_FIRING:
                self._newest.popitem(last=False)
            self._note(said, is_over=is_over or not lasting)
        return answer

    def keep_up(self) -> float | None:
        if not self._resolves:
            return None
        now = self._clock.wall()
        while self._firing:
            _, heard = next(iter(self._firing.values()))
            if len(self._firing) <= _MOST_FIRING and now - heard < LONGEST_SILENCE:
                break
            self._firing.popitem(last=False)
        ends = _iso(now + self._resend_seconds * _HOLD)
        again = [{**said, "endsAt": ends} for said, _ in self._firing.values()]
        for first in range(0, len(again), _A_REQUEST):
            answer = self._post(again[first : first + _A_REQUEST])
            if answer.outcome is not Outcome.taken:
                # Once a minute is often enough for one that is down.
                break
        return self._resend_seconds

    def close(self) -> None:
        self._endpoint.close()

    def _post(self, alerts: list[dict[str, Any]]) -> Answer:
        return self._endpoint.post(json.dumps(alerts).encode("ascii"))

    def _will_be_resolved(self, alert: Mapping[str, Any]) -> bool:
        return self._resolves and alert.get("kind", "session") == "session"

    def _note(self, said: dict[str, Any], *, is_over: bool) -> None:
        key = _key(said)
        self._firing.pop(key, None)
        if not is_over:
            self._firing[key] = (said, self._clock.wall())

    def _said_of(self, alert: Mapping[str, Any]) -> dict[str, Any]:
        kind = alert.get("kind")
        labels = {
            "alertname": _NAMES.get(str(kind), "MetalogAnomaly"),
            "severity": "info" if kind == "test" else "warning",
            "host": alert.get("host"),
            "bundle": alert.get("bundle"),
            "fingerprint": alert.get("fingerprint"),
            **self._labels,
        }
        rows = list(details(alert))
        annotations = {
            "summary": headline(alert),
            "description": "\n".join(f"{name}: {value}" for name, value in rows),
            "alert_id": alert.get("id"),
            "score": alert.get("score"),
            "count": alert.get("count"),
        }
        return {
            "labels": _texts(labels),
            "annotations": _texts(annotations, keep_lines=True),
            "startsAt": _time(alert) or _iso(self._clock.wall()),
        }


def alertmanager_url(url: httpx.URL) -> httpx.URL:
    """The API under the address that its users know; a prefix of a proxy is kept."""
    path = url.path.rstrip("/")
    return url if path.endswith("/api/v2/alerts") else url.copy_with(path=f"{path}/api/v2/alerts")


def _texts(values: Mapping[str, object], *, keep_lines: bool = False) -> dict[str, str]:
    def text(value: object) -> str:
        lines = str(value).split("\n") if keep_lines else [value]
        return "\n".join(plain(line, _MOST_CHARACTERS) for line in lines)

    # An empty label is no label.
    return {name: text(value) for name, value in values.items() if value not in (None, "")}


def _key(said: Mapping[str, Any]) -> str:
    return json.dumps(said["labels"], sort_keys=True)


def _time(alert: Mapping[str, Any]) -> str:
    """When this message was raised, in a form that sorts; empty where it does not say."""
    try:
        moment = datetime.fromisoformat(str(alert.get("raised_at")))
    except ValueError:
        return ""
    return (
        moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat("T", "milliseconds")
    )


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat("T", "milliseconds")
