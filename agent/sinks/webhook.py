"""Alerts to an HTTP endpoint, as Standard Webhooks 1.0 has it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agent.clock import Clock, SystemClock
from agent.sinks import Answer, Message
from agent.sinks.endpoint import Endpoint
from agent.sinks.signature import Signer
from models.errors import UserError

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Visible characters, blanks and tabs (RFC 9110, 5.5).
_HEADER_VALUE = re.compile(r"[\t -~]*")
_OUR_HEADERS = frozenset({"content-length", "content-type", "host", "transfer-encoding"})
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Webhook:
    """POSTs ``{"type": "alert.firing", "timestamp": ..., "data": <the alert>}``.

    ``webhook-id`` is the id of the alert, the same for all attempts: a receiver that meets it twice
    has the same message twice. Signed where a secret was given.
    """

    interval = 0.0
    holds_reading = False

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str | None = None,
        signer: Signer | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._signer = signer
        self._clock = clock or SystemClock()
        self.name = name or f"webhook {endpoint.where}"

    def send(self, message: Message) -> Answer:
        alert = message.alert()
        body = json.dumps(
            {
                "type": f"alert.{_kind(alert)}",
                "timestamp": self._time_of(alert),
                "data": alert,
            }
        ).encode("ascii")
        ident = _identity(message.id)
        # Of this attempt: receivers refuse an old one, as somebody may have recorded it.
        seconds = int(self._clock.wall())
        headers = {"webhook-id": ident, "webhook-timestamp": str(seconds)}
        if self._signer is not None:
            headers |= self._signer.headers(ident, seconds, body)
        return self._endpoint.post(body, headers)

    def keep_up(self) -> float | None:
        return None

    def close(self) -> None:
        self._endpoint.close()

    def _time_of(self, alert: Mapping[str, Any]) -> str:
        """When it was raised, which stays the same over all attempts."""
        if isinstance(alert.get("raised_at"), str):
            return str(alert["raised_at"])
        return datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="milliseconds")


def _kind(alert: Mapping[str, Any]) -> str:
    if alert.get("kind") in ("suppressed", "test"):
        return str(alert["kind"])
    return "resolved" if alert.get("status") == "resolved" else "firing"


def _identity(message: str) -> str:
    # A full stop would end the id in what is signed, a line break the header.
    if _PLAIN_ID.fullmatch(message):
        return message
    return hashlib.sha256(message.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def parse_headers(given: Sequence[str], option: str = "--webhook-header") -> dict[str, str]:
    """``Name: value`` each. Raises UserError without showing the value, which may be a secret."""
    headers = {}
    for one in given:
        name, colon, value = one.partition(":")
        name, value = name.strip(), value.strip(" \t")
        if not colon or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise UserError(f"{option}: not of the form 'Name: value' in printable ASCII")
        if name.lower() in _OUR_HEADERS or name.lower().startswith("webhook-"):
            raise UserError(f"{option}: {name} is set by the agent itself")
        headers[name] = value
    return headers
