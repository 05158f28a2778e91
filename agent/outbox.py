"""Alerts on their way to one sink."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from agent.clock import Clock
from agent.sinks import Sink

# How often a sink is asked what it has delivered, and offered again what it had no room for.
_POLL_SECONDS = 0.1
# A sink that delivered nothing for so long, though it had something to deliver, is stalled.
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a sink has not delivered: alerts and bytes. stalled_since: wall clock, None while it
    delivers."""

    alerts: int
    bytes: int
    stalled_since: float | None


class Outbox:
    """Hands alerts to one sink, oldest first, from a thread of its own: a sink may block, on a pipe
    that nobody reads, and that must stop neither the pipeline nor the other sinks.

    It does not bound itself: whoever puts alerts in looks at the ``backlog`` first.
    """

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[str, str]] = deque()
        self._in_hand: dict[str, int] = {}
        self._bytes = 0
        self._delivered: list[str] = []
        self._quiet_since = (clock.monotonic(), clock.wall())
        self._closing: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"to {sink.name}", daemon=True)
        self._thread.start()

    def put(self, alerts: Iterable[tuple[str, str]]) -> None:
        """Ids and bodies, to be delivered after all that were put before."""
        with self._changed:
            if not self._waiting and not self._in_hand:
                self._quiet_since = (self._clock.monotonic(), self._clock.wall())
            for alert, body in alerts:
                self._waiting.append((alert, body))
                self._bytes += len(body)
            self._changed.notify()

    def take_delivered(self) -> list[str]:
        """Ids of alerts that are done with since the last call."""
        with self._changed:
            delivered, self._delivered = self._delivered, []
        return delivered

    def backlog(self) -> Backlog:
        with self._changed:
            alerts = len(self._waiting) + len(self._in_hand)
            monotonic, wall = self._quiet_since
            stalled = alerts > 0 and self._clock.monotonic() - monotonic >= _PATIENCE_SECONDS
            return Backlog(alerts, self._bytes, wall if stalled else None)

    def close(self, seconds: float) -> None:
        """Begin to end: deliver what can be, for at most so long. ``join`` waits for it."""
        with self._changed:
            self._closing = self._clock.monotonic() + seconds
            self._changed.notify()

    def join(self) -> bool:
        """Wait for the end; False where the sink did not come back in time."""
        assert self._closing is not None
        self._thread.join(max(0.0, self._closing - self._clock.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        room = True
        while True:
            with self._changed:
                if self._closing is None and (not self._waiting or not room):
                    awaited = self._in_hand or self._waiting
                    self._changed.wait(_POLL_SECONDS if awaited else None)
                closing = self._closing
                one = self._waiting[0] if self._waiting else None
            room = one is not None and self._sink.offer(*one)
            if one is not None and room:
                with self._changed:
                    self._waiting.popleft()
                    # The same alert twice is one alert to its sink.
                    self._bytes -= self._in_hand.pop(one[0], 0)
                    self._in_hand[one[0]] = len(one[1])
            self._collect()
            if closing is not None and not room:
                self._sink.close(max(0.0, closing - self._clock.monotonic()))
                self._collect()
                return

    def _collect(self) -> None:
        delivered = self._sink.delivered()
        if not delivered:
            return
        with self._changed:
            for alert in delivered:
                self._bytes -= self._in_hand.pop(alert, 0)
            self._delivered += delivered
            self._quiet_since = (self._clock.monotonic(), self._clock.wall())
