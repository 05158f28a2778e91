"""Where alerts go."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """What became of one attempt.

    taken: the sink has it. later: another attempt may do better. refused: no attempt will, for this
    alert. gone: the sink wants no alert any more. closed: it takes none in this process.
    """

    taken = "taken"
    later = "later"
    refused = "refused"
    gone = "gone"
    closed = "closed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sink said to one attempt.

    said: a few printable words without secrets. after: seconds that it asked to be left alone for.
    everybody: it meant every alert, not only this one.
    """

    outcome: Outcome
    said: str
    after: float = 0.0
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """An alert as it was saved. id: the same over all attempts; body: one JSON object."""

    id: str
    body: str

    def alert(self) -> dict[str, Any]:
        """Raises ValueError where the body is no object."""
        alert = json.loads(self.body)
        if not isinstance(alert, dict):
            raise ValueError("an alert is a JSON object")
        return alert


class Sink(Protocol):
    """Takes one alert at a time, in a thread of its own. It may block; it does not raise.

    name: stays the same over restarts, for the alerts that are still to be sent; no secret.
    interval: seconds between two alerts. holds_reading: where it takes nothing, nothing is read
    either; alerts for other sinks wait on disk.
    """

    name: str
    interval: float
    holds_reading: bool

    def send(self, message: Message) -> Answer:
        """Make one attempt."""
        ...

    def keep_up(self) -> float | None:
        """Do what is due beside alerts; seconds until there may be more to do, None for never."""
        ...

    def close(self) -> None:
        """Called once, after the last attempt."""
        ...
