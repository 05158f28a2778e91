"""The first hour on a host: what an agent that knows nothing of it yet learns before it judges."""

import json
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.budget import HIGHEST
from models.epochs import Pace

# P(anomaly) that no ignorance of the host explains. Below it nothing is told of in a warm-up, and
# all of that is learnt; what reaches it is an alert, and is not learnt, as it may be an incident
# that was there before the agent.
BEYOND_DOUBT = 0.99
# The first sessions soon say what is usual: each epoch of a warm-up takes as many sessions as all
# before it, until they are as many as one takes at most.
WARM_UP_PACE = Pace(fewest=250, share=1.0, seconds=0.0, seconds_when_full=0.0)
# Afterwards, of a bundle that has no history of its own to lean on: a host with few sessions is to
# be known better before it has had hundreds more.
YOUNG_PACE = Pace(fewest=50)

# The share of a warm-up's sessions that may lie above the threshold that it finds: some of them are
# anomalies, which are not to push it out of the reach of their like. And by how much more the odds
# must be than those of the last one below: what comes again scores a little differently.
_FALSE_ALARMS = 0.005
_MARGIN = 1.5


def found_threshold(scores: Sequence[float], lowest: float) -> float:
    """The threshold of a host whose usual sessions have these scores: above all but one of 200,
    where there are fewer above all, and no less than ``lowest``."""
    if not scores:
        return lowest
    rank = math.ceil(len(scores) * (1 - _FALSE_ALARMS))
    cut = sorted(scores)[rank - 1]
    return max(lowest, min(_MARGIN * cut / (1 + (_MARGIN - 1) * cut), HIGHEST))


@dataclass
class WarmUp:
    """How far it has come.

    seconds, sessions: it is over after whichever comes first. The time begins with the first
    session that ends, and stands still while no agent runs. seen: sessions so far; began: of the
    caller's clock, None before the first one.
    """

    seconds: float = 3600.0
    sessions: float = 2000
    seen: int = 0
    began: float | None = None
    _scores: "array[float]" = field(default_factory=lambda: array("f"), repr=False)

    def observe(self, scores: Sequence[float], now: float) -> None:
        """Take in sessions that ended, by their scores."""
        if self.began is None:
            self.began = now
        self.seen += len(scores)
        self._scores.extend(scores)

    def over(self, now: float) -> bool:
        return self.seen >= self.sessions or self.elapsed(now) >= self.seconds

    def elapsed(self, now: float) -> float:
        return 0.0 if self.began is None else max(0.0, now - self.began)

    def later_scores(self) -> tuple[list[float], float]:
        """Those of the second half, and which share of all sessions they are: they were scored by
        what the first half had taught. After a restart those from before it are missing."""
        later = self._scores[len(self._scores) // 2 :].tolist()
        return later, len(later) / max(1, self.seen)

    def to_json(self) -> str:
        return json.dumps({"seen": self.seen, "began": self.began})

    def report(self, now: float) -> dict[str, Any]:
        """For status: JSON-ready."""
        return {
            "sessions": self.seen,
            "of_sessions": self.sessions,
            "seconds": round(self.elapsed(now)),
            "of_seconds": self.seconds,
        }

    def restore(self, body: str) -> None:
        """Go on from where ``to_json`` was called. Raises ValueError."""
        try:
            value = json.loads(body)
            self.seen = int(value["seen"])
            began = value["began"]
            self.began = None if began is None else float(began)
        except (LookupError, TypeError) as error:
            raise ValueError(f"the warm-up: {error!r}") from None
        if self.seen < 0 or not math.isfinite(self.began or 0.0):
            raise ValueError(f"the warm-up: {self.seen} sessions since {self.began}")
