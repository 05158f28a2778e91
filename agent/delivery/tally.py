"""What became of the alerts for one sink, counted since its state began."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Lost(StrEnum):
    """Why an alert was dropped.

    full: more waited than may. old: it waited too long. refused: the receiver wants it in no form.
    given_up: the last attempt failed. disabled: the receiver wants none. missing: its text was not
    to be found.
    """

    full = "full"
    old = "old"
    refused = "refused"
    given_up = "given_up"
    disabled = "disabled"
    missing = "missing"


class Tally:
    """Delivered alerts, failed attempts, and dropped alerts by reason. JSON-ready."""

    def __init__(self, saved: Mapping[str, Any] | None = None) -> None:
        """saved: what ``to_json`` gave in an earlier run; what is no number in it is left out."""
        saved = saved if isinstance(saved, Mapping) else {}
        self.delivered = _count(saved.get("delivered"))
        self.failed_attempts = _count(saved.get("failed_attempts"))
        lost = saved.get("dropped")
        lost = lost if isinstance(lost, Mapping) else {}
        self.dropped = Counter({one: _count(lost.get(one.value)) for one in Lost})

    def to_json(self) -> dict[str, Any]:
        return {
            "delivered": self.delivered,
            "failed_attempts": self.failed_attempts,
            "dropped": {one.value: count for one, count in self.dropped.items() if count},
        }


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
