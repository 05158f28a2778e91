"""When what failed is tried again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

# About 24 hours in all.
RETRY_SECONDS = (5.0, 5.0, 15.0, 60.0, 300.0, 1800.0, *(3600.0,) * 23)
# A thousand agents that failed together must not come back together.
_JITTER = 0.2


class RetrySchedule:
    """Pauses after the first, second, ... failed attempt of one alert; never shorter than said, and
    up to a fifth longer. It counts attempts, not hours: while no agent runs none is used up."""

    def __init__(
        self, seconds: Sequence[float] = RETRY_SECONDS, draw: random.Random | None = None
    ) -> None:
        self._seconds = tuple(seconds)
        self._draw = draw or random.Random()

    def after(self, attempts: int, asked: float = 0.0) -> float | None:
        """Seconds until the next attempt, None after the last. asked: by the receiver."""
        if attempts > len(self._seconds):
            return None
        seconds = max(self._seconds[attempts - 1], asked)
        return seconds * (1 + _JITTER * self._draw.random())

    @property
    def longest(self) -> float:
        """No pause of the schedule is longer, unless a receiver asked for it."""
        return max(self._seconds, default=0.0) * (1 + _JITTER)


@dataclass(frozen=True, slots=True)
class Outage:
    """A sink where one attempt after another fails, whatever the alert, is down: then one attempt
    each pause is enough to see when it is back, and the alerts keep their attempts for that time.

    failures: in a row, that make an outage. first, longest: seconds; the pause doubles.
    """

    failures: int = 10
    first: float = 1.0
    longest: float = 30.0

    def pause(self, failures: int) -> float:
        """Seconds without an attempt after so many failures in a row."""
        over = failures - self.failures
        return 0.0 if over < 0 else min(self.longest, self.first * 2.0 ** min(over, 30))
