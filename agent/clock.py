"""Time comes through an object, so that a test can move it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where a part of the agent learns what time it is."""

    def wall(self) -> float:
        """Seconds since 1970 (UTC); may jump, in both directions."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
