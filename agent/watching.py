"""The agent's pipeline: read, judge, alert, save; over and over, in one thread."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.alerts import Alert
from agent.clock import Clock
from agent.detector import Detector, Line, Verdict
from agent.follow import Follower, LineBatch
from agent.sinks import Sink
from agent.state import Adopted, Changes, Saved, State
from models.bundle import Bundle

_SECONDS_BETWEEN_SAVES = 1.0
_LONGEST_WAIT = 1.0
_SECONDS_TO_CLOSE = 10.0
_MOST_WAITING = 10_000

log = logging.getLogger("metalog")


@dataclass
class _Outbox:
    """Alerts on their way to one sink, oldest first."""

    sink: Sink
    waiting: deque[tuple[str, str]] = field(default_factory=deque)
    in_hand: set[str] = field(default_factory=set)

    def push(self) -> None:
        while self.waiting and self.sink.offer(*self.waiting[0]):
            self.in_hand.add(self.waiting.popleft()[0])

    def delivered(self) -> list[str]:
        delivered = self.sink.delivered()
        self.in_hand.difference_update(delivered)
        return delivered


class Watching:
    """Follows files until it is stopped, or, with ``once``, to their ends.

    Offsets, open sessions, templates and alerts are saved in one transaction, and an alert is
    handed to the sinks only after that. So a crash at any point means that lines are read again
    and alerts are sent again with the same id; none is skipped.
    """

    def __init__(
        self,
        *,
        bundle: Bundle,
        detector: Detector,
        follower: Follower,
        sinks: Sequence[Sink],
        state: State | None,
        saved: Saved | None,
        clock: Clock,
        once: bool,
    ) -> None:
        self._bundle = bundle
        self._detector = detector
        self._follower = follower
        self._outboxes = {sink.name: _Outbox(sink) for sink in sinks}
        self._state = state
        self._clock = clock
        self._once = once
        self._stopping = False
        self._saved_at = clock.monotonic()
        self._alerts: list[Alert] = []
        self._adopted: Adopted | None = None
        self.raised = 0
        if state is not None and saved is not None:
            self._restore(saved)

    def stop(self) -> None:
        """Finish the turn, save, return from ``run``. Safe in a signal handler."""
        self._stopping = True
        self._follower.wake()

    @property
    def undelivered(self) -> int:
        """Alerts that some sink has not got yet."""
        return sum(len(box.waiting) + len(box.in_hand) for box in self._outboxes.values())

    def run(self) -> None:
        """Raises UserError where the state cannot be saved; what was read is read again then."""
        for outbox in self._outboxes.values():
            outbox.push()
        drained = started = False
        while not self._stopping:
            if self._congested():
                # Memory is not where alerts wait for a receiver that is down: the files are.
                self._save()
                self._follower.wait(_LONGEST_WAIT)
                continue
            for batch in self._follower.poll():
                self._take(batch)
                if self._stopping or self._congested():
                    break
            else:
                drained = self._follower.drained()
            if not started:
                # From here on nothing that is written is missed.
                log.info("following %d files", len(self._follower.positions()))
                started = True
            if self._once and drained:
                for batch in self._follower.flush():
                    self._take(batch)
                self._detector.close()
                break
            if not self._once:
                self._detector.idle(self._clock.monotonic())
            self._raise(self._detector.take())
            if self._alerts or self._clock.monotonic() - self._saved_at >= _SECONDS_BETWEEN_SAVES:
                self._save()
            if not self._stopping:
                self._follower.wait(_LONGEST_WAIT)
        self._raise(self._detector.take())
        self._save()
        self._close()

    def _congested(self) -> bool:
        waiting = max(len(outbox.waiting) for outbox in self._outboxes.values())
        return waiting + len(self._alerts) > _MOST_WAITING

    def _take(self, batch: LineBatch) -> None:
        lines = (
            Line(text, batch.source, f"{batch.source}:{offset}")
            for text, offset in zip(batch.lines, batch.offsets, strict=True)
        )
        self._raise(self._detector.add(lines, self._clock.monotonic()))

    def _raise(self, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.anomalous:
                self._alerts.append(
                    Alert.of(
                        verdict,
                        threshold=self._detector.threshold,
                        bundle=self._bundle.manifest.name,
                        wall=self._clock.wall(),
                    )
                )

    def _save(self) -> None:
        bodies = [(alert.id, alert.to_json()) for alert in self._alerts]
        self._alerts = []
        sent = [
            (alert, name) for name, outbox in self._outboxes.items() for alert in outbox.delivered()
        ]
        if self._state is not None:
            sinks = list(self._outboxes)
            sessions = self._detector.sessions
            self._state.save(
                Changes(
                    wall=self._clock.wall(),
                    now=self._clock.monotonic(),
                    positions=[position.to_json() for position in self._follower.positions()],
                    templates=self._detector.take_templates(),
                    sessions=sessions.take_changed(),
                    counters=sessions.counters(),
                    alerts=[(alert, body, sinks) for alert, body in bodies],
                    sent=sent,
                    adopted=self._adopted,
                )
            )
            self._adopted = None
        self._saved_at = self._clock.monotonic()
        self.raised += len(bodies)
        for outbox in self._outboxes.values():
            outbox.waiting.extend(bodies)
            outbox.push()

    def _close(self) -> None:
        for outbox in self._outboxes.values():
            outbox.sink.close(_SECONDS_TO_CLOSE)
        self._save()
        self._follower.close()

    def _restore(self, saved: Saved) -> None:
        for alert, sink, body in saved.unsent:
            # An alert for a sink that is no longer configured waits until it is again.
            if sink in self._outboxes:
                self._outboxes[sink].waiting.append((alert, body))
        events = self._detector.events
        sessions = list(saved.sessions)
        if saved.bundle != self._bundle.fingerprint:
            if saved.bundle is not None:
                log.info("the bundle is another than at the last run; open sessions are kept")
                # Their events get the ids that the new bundle has for the same templates.
                for session in sessions:
                    templates = [saved.templates[event] for event in session.items]
                    session.items = events.parse_masked(templates)
            self._adopted = Adopted(self._bundle.fingerprint, events.templates)
        # The time the agent was away is not idle time: what was written meanwhile is not read yet.
        if saved.saved_wall is not None:
            now = self._clock.monotonic()
            for session in sessions:
                session.touched = now - max(0.0, saved.saved_wall - session.touched)
        self._detector.sessions.restore(sessions, saved.counters)
