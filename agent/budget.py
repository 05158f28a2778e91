"""An alert budget: a threshold that moves so that so many sessions a day pass it, and no more.

Quantile tracking, the P part of conformal PID control (Angelopoulos, Candes and Tibshirani 2023,
"Conformal PID Control for Time Series Prediction", arXiv:2307.16895, section 2.1), on log-odds: a
session that passes moves the threshold up by a step, and it comes down by q steps a session. Here q
is what the budget allows for the time since the session before, so no rate of sessions is guessed,
and their proof counts alerts in a time and not in a number of sessions.

The guarantee, for any time in which the agent runs and whatever the sessions are, in whatever order
and however much their scores drift: of those that score below ``HIGHEST``, in D days at most
``per_day * D + slack`` pass. And where the threshold did not come to ``LOWEST`` or beyond
``HIGHEST``, as many pass as the budget allows, give or take ``slack``.
"""

import json
import math
from collections.abc import Sequence

from models.errors import UserError

# Below the one no session is worth an alert, however many the budget has left; what is above the
# other is told of even when it is used up: somebody who asks for five alerts a day does not mean
# that a disaster is to wait for tomorrow.
LOWEST, HIGHEST = 0.05, 0.999
_DAY = 86_400.0
# From one end to the other in the alerts of so many days. More makes a steadier threshold, which
# takes longer to come down after an incident.
_DAYS_OF_SLACK = 2.0
# With steps of 1, where the threshold began too low, a budget of one let eleven pass on a day.
_LONGEST_STEP = 2.0
# A pause that is longer saves no alerts for its end: nothing was there to be told of.
_LONGEST_PAUSE = 3_600.0


class Budget:
    """The threshold of one host. per_day: sessions a day that may pass, at least 0.01; threshold:
    where it begins, P(anomaly). All times are seconds of one clock, which stands still while no
    agent runs.
    """

    def __init__(self, per_day: float, threshold: float) -> None:
        self.per_day = per_day
        self._lowest, self._highest = _logit(LOWEST), _logit(HIGHEST)
        reach = self._highest - self._lowest
        self._step = min(_LONGEST_STEP, reach / (_DAYS_OF_SLACK * per_day))
        self._at = self._bounded(_logit(threshold))
        self._seen: float | None = None

    @property
    def threshold(self) -> float:
        """P(anomaly) from which on the next session passes."""
        return _probability(min(self._at, self._highest))

    @property
    def slack(self) -> float:
        """Alerts by which any time may exceed its budget: two days' budget and one, or, of a budget
        below two and a half a day, six."""
        return (self._highest - self._lowest) / self._step + 1

    def passes(self, score: float, now: float) -> bool:
        """Whether a session of this P(anomaly) is told of; to be asked once for each, in order."""
        self.catch_up(now)
        passed = score >= self.threshold
        if passed:
            self._at = self._bounded(self._at + self._step)
        return passed

    def catch_up(self, now: float) -> None:
        """Lower the threshold by what the budget allows for the time since the last session."""
        if self._seen is not None:
            pause = min(max(0.0, now - self._seen), _LONGEST_PAUSE)
            self._at = self._bounded(self._at - self._step * self.per_day * pause / _DAY)
        self._seen = now

    def start_from(self, scores: Sequence[float], seconds: float) -> None:
        """Begin again where the budget would have cut these sessions, which came in ``seconds``:
        at the quantile that leaves as many above it as may pass, and a step above the largest
        where they are too few to say. Without any nothing changes."""
        if not scores:
            return
        ordered = sorted(scores)
        allowed = self.per_day * seconds / _DAY
        # As in split conformal prediction, one session more than there are.
        share = min(1.0, allowed / len(scores))
        rank = math.ceil((len(scores) + 1) * (1 - share))
        if rank > len(scores):
            self._at = self._bounded(_logit(ordered[-1]) + self._step)
        else:
            self._at = self._bounded(_logit(ordered[max(rank, 1) - 1]))

    def to_json(self) -> str:
        return json.dumps({"log_odds": self._at, "seen": self._seen})

    def restore(self, body: str) -> None:
        """Go on where ``to_json`` was called, whatever the budget was then. Raises ValueError."""
        try:
            value = json.loads(body)
            at, seen = float(value["log_odds"]), value["seen"]
            seen = None if seen is None else float(seen)
        except (LookupError, TypeError) as error:
            raise ValueError(f"the alert budget: {error!r}") from None
        if not math.isfinite(at):
            raise ValueError(f"the alert budget: log-odds of {at}")
        self._at, self._seen = self._bounded(at), seen

    def _bounded(self, at: float) -> float:
        # A step of room above the highest threshold in use. Without it an alert that is just below
        # that one would cost less than a step, and the guarantee would not hold.
        return min(max(at, self._lowest), self._highest + self._step)


def check_per_day(per_day: float, said: str = "--alerts-per-day") -> float:
    """Raises UserError for what is no budget. said: what it is called."""
    if not 0.01 <= per_day < math.inf:
        raise UserError(
            f"{said} {per_day:g}: expected at least 0.01, such as 5; "
            "--threshold sets a fixed threshold"
        )
    return per_day


def _logit(probability: float) -> float:
    inside = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(inside / (1 - inside))


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
