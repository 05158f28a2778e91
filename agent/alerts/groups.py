"""Sessions that are anomalous for the same reason, told of together."""

import base64
import json
from dataclasses import dataclass, replace

from agent.alerts.alert import Alert, derived, iso_time


@dataclass(frozen=True, slots=True)
class Message:
    """An alert to be sent. evidence: the whole session, of ``Reporter.evidence``; None where there
    is none to speak of."""

    alert: Alert
    evidence: bytes | None = None


@dataclass(slots=True)
class Group:
    """Anomalous sessions of one fingerprint. Times are seconds of the agent's reading time.

    incident: id of its first member, and of its first message. alert, evidence: of the member with
    the highest score since the last message. count: members of the incident, unsaid: those since
    the last message. due: when there is something to say, None where there is not. said: messages
    of the incident so far, the last of them at said_at. last: when the last member came. resolved:
    when the incident was over, None while it goes on. relapses: how often it began anew since.
    """

    incident: str
    alert: Alert
    evidence: bytes
    last: float
    due: float | None
    count: int = 0
    unsaid: int = 0
    said: int = 0
    said_at: float = 0.0
    resolved: float | None = None
    relapses: int = 0

    def add(self, alert: Alert, evidence: bytes, now: float) -> None:
        """Another member."""
        self.count += 1
        self.unsaid += 1
        self.last = now
        if self.unsaid == 1 or alert.score > self.alert.score:
            self.alert, self.evidence = alert, evidence

    def begin_anew(self, alert: Alert, due: float) -> None:
        """It was over, and is not. The next ``add`` is its first member."""
        self.incident = alert.id
        self.resolved = None
        self.relapses += 1
        self.count = self.unsaid = self.said = 0
        self.due = due

    def forget_unsaid(self) -> int:
        """Nobody is told of the members since the last message; how many those are."""
        unsaid, self.unsaid, self.due = self.unsaid, 0, None
        return unsaid

    def tell(self, now: float, wall: float) -> Message:
        """The message that was due."""
        self.said += 1
        self.said_at = now
        self.unsaid, self.due = 0, None
        again = self.said > 1
        ident = derived(self.incident, self.said) if again else self.incident
        return Message(self._worded(ident, "firing", wall), self.evidence)

    def end(self, now: float, wall: float) -> Message:
        """The message that the incident is over."""
        self.resolved = now
        self.unsaid, self.due = 0, None
        return Message(self._worded(derived(self.incident, "resolved"), "resolved", wall))

    def _worded(self, ident: str, status: str, wall: float) -> Alert:
        return replace(
            self.alert,
            id=ident,
            incident=self.incident,
            status=status,
            count=self.count,
            raised_at=iso_time(wall),
        )

    def to_json(self) -> str:
        values = {name: getattr(self, name) for name in self.__slots__}
        values["alert"] = self.alert.to_json()
        values["evidence"] = base64.b64encode(self.evidence).decode()
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> "Group":
        """Raises ValueError, TypeError or KeyError where it is none."""
        values = json.loads(text)
        values["alert"] = Alert.from_json(values["alert"])
        values["evidence"] = base64.b64decode(values["evidence"])
        return cls(**values)
