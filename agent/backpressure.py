"""Whether reading has to wait for a sink or the disk, and for how long it has waited."""

import logging
from collections.abc import Mapping

from agent.clock import Clock
from agent.delivery import Courier

# Alerts that a sink which holds reading has not delivered; with more, or larger ones, it stops.
_MOST_WAITING = 10_000
_MOST_WAITING_BYTES = 32 * 2**20

log = logging.getLogger("metalog")


class Backpressure:
    """Memory is not where things wait for a receiver or a disk; the files are.

    held_by: the sink that takes no more alerts, or the state; None while alerts are taken.
    """

    def __init__(self, clock: Clock) -> None:
        self.held_by: str | None = None
        self._clock = clock
        self._began_at = clock.monotonic()
        self._waited = 0.0
        self._waits_since: float | None = None

    def holds(self, couriers: Mapping[str, Courier], unsaved: int) -> bool:
        """Whether so much waits that nothing is to be read. couriers: by sink; unsaved: alerts that
        no sink was given yet."""
        # Other sinks have the state's disk, and a bound there.
        holding = {name: one.backlog() for name, one in couriers.items() if one.holds_reading}
        alerts = max((one.alerts for one in holding.values()), default=0) + unsaved
        size = sum(one.bytes for one in holding.values())
        # Half of it must be gone before reading goes on, not to stop and go for every alert.
        share = 1.0 if self.held_by is None else 0.5
        full = alerts > share * _MOST_WAITING or size > share * _MOST_WAITING_BYTES
        if full and self.held_by is None:
            self.held_by = max(holding, key=lambda name: holding[name].alerts, default="the state")
            log.warning("%s takes no more alerts: nothing is read until it does", self.held_by)
        elif not full and self.held_by is not None:
            log.warning("alerts are taken again: reading goes on")
            self.held_by = None
        return full

    def note(self, waits: bool) -> None:
        """Whether nothing is read from now on."""
        now = self._clock.monotonic()
        if waits and self._waits_since is None:
            self._waits_since = now
        elif not waits and self._waits_since is not None:
            self._waited += now - self._waits_since
            self._waits_since = None

    @property
    def waits(self) -> bool:
        """As was noted."""
        return self._waits_since is not None

    def seconds_of_reading(self) -> float:
        """Since it began, without those in which nothing was read."""
        now = self._clock.monotonic() if self._waits_since is None else self._waits_since
        return now - self._began_at - self._waited
