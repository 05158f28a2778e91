"""What no transaction holds yet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.alerts import Alert, Message, Quiet
from agent.delivery import Courier
from agent.detector import Detector
from agent.state import Adopted, Changes
from models.epochs import Epoch
from models.events import HostEvent
from models.sessions import Session


class Unsaved:
    """Changes since the last transaction. Each is taken once from where it happened, and lost if it
    is dropped here before a transaction has it."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self._evidence: dict[str, bytes] = {}
        self._groups: dict[str, str | None] = {}
        self._sent: list[tuple[str, str]] = []
        self._failed: dict[tuple[str, str], tuple[int, float]] = {}
        self._sessions: dict[str, Session[int] | None] = {}
        self._templates: dict[int, HostEvent | None] = {}
        self._epoch: Epoch | None = None
        self._adopted: Adopted | None = None

    def say(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.alerts.append(message.alert)
            if message.evidence is not None:
                self._evidence[message.alert.id] = message.evidence

    def adopt(self, adopted: Adopted) -> None:
        """What is here is in ids of the bundle before; all sessions and events are saved anew."""
        self._adopted = adopted
        self._sessions.clear()
        self._templates.clear()
        self._epoch = None

    def collect(self, detector: Detector, quiet: Quiet, couriers: Mapping[str, Courier]) -> None:
        """Without a state, too: each of them keeps what changed until it is taken."""
        for name, courier in couriers.items():
            failed = courier.take_failed()
            self._failed.update({(alert, name): retry for alert, retry in failed.items()})
            self._sent += [(alert, name) for alert in courier.take_settled()]
        self._templates.update(detector.take_templates())
        self._epoch = detector.take_epoch() or self._epoch
        self._sessions.update(detector.sessions.take_changed())
        self._groups.update(quiet.take_changed())

    def bodies(self) -> list[tuple[str, str]]:
        """Of alerts: id and JSON."""
        return [(alert.id, alert.to_json()) for alert in self.alerts]

    def filled_into(self, changes: Changes) -> Changes:
        """With all but the alerts."""
        return replace(
            changes,
            templates=self._templates,
            sessions=self._sessions,
            sent=self._sent,
            failed=self._failed,
            evidence=self._evidence,
            groups=self._groups,
            adopted=self._adopted,
            epoch=self._epoch,
        )
