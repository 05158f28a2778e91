"""What each event of a session contributes to its score: leave it out and look.

Attention says where the network looked, and not what moved it: in docs/alerts.md the two are
compared on real anomalous sessions. Here the contribution of an event is what the score loses when
all lines of this event are taken out of the session, on the scale of log-odds, where the scores of
sure anomalies do not crowd at 1. So it is true of the network by construction. Where either of two
events would do for an alert, taking out one of them changes little, and both contribute little.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from models.history import Events
from models.scorer import Score

# Sessions are scored once more for each of so many distinct events, those that got most attention.
MOST_EVENTS = 64
# And for fewer of a very long session: lines x lines x events is what they may cost.
_MOST_CELLS = 64_000_000
_FEWEST_EVENTS = 8
# Probabilities are float32: nearer to 0 or 1 there is nothing to tell apart.
_NEAREST = 1e-7


class Scores(Protocol):
    """What can score sessions of event ids: ``models.scorer.Scorer``, or what a report asks."""

    def score(self, sessions: Sequence[Sequence[int]], /) -> list[Score]: ...

    def score_open(self, sessions: Sequence[Sequence[int]], /) -> list[Score]: ...


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), between -16.2 and 16.2."""
    bounded = min(max(probability, _NEAREST), 1 - _NEAREST)
    return math.log(bounded / (1 - bounded))


def contributions(
    scorer: Scores,
    sessions: Sequence[Sequence[int]],
    scores: Sequence[Score],
    *,
    still_open: bool = False,
) -> list[dict[int, float]]:
    """Contribution by event, the largest first, in log-odds; one dict a session.

    scores: what ``scorer`` says of the sessions now, with ``score_open`` where they are still open.
    The only event of a session has all of its
    log-odds. Events beyond the bound on attempts are not named. Costs about one score for each
    distinct event; sessions that are the same line by line are looked at once.
    """
    rows = [np.asarray(session, dtype=np.int64) for session in sessions]
    known: dict[bytes, dict[int, float]] = {}
    wanted: list[tuple[bytes, int, float]] = []
    variants: list[Events] = []
    for row, score in zip(rows, scores, strict=True):
        same = row.tobytes()
        if same in known:
            continue
        found = known[same] = {}
        before = log_odds(score.probability)
        for event in _looked_at(row, score):
            left = row[row != event]
            if len(left):
                wanted.append((same, event, before))
                variants.append(left)
            else:
                found[event] = before
    # The scorer sorts them by length and bounds its own batches.
    for (same, event, before), score in zip(
        wanted,
        (scorer.score_open if still_open else scorer.score)(
            [variant.tolist() for variant in variants]
        ),
        strict=True,
    ):
        known[same][event] = before - log_odds(score.probability)
    ordered = {
        same: dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))
        for same, found in known.items()
    }
    return [ordered[row.tobytes()] for row in rows]


def _looked_at(row: Events, score: Score) -> list[int]:
    events, places = np.unique(row, return_inverse=True)
    attention = np.bincount(places, weights=score.weights, minlength=len(events))
    most = max(_FEWEST_EVENTS, min(MOST_EVENTS, _MOST_CELLS // len(row) ** 2))
    order = np.argsort(-attention, kind="stable")[:most]
    return [int(events[place]) for place in order]
