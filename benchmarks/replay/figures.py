"""What a replay was worth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.replay.host import Judged, Replayed
from benchmarks.replay.logs import LabelledLog

# The budget that recall is given for: false alarms, or alerts, of a thousand sessions.
PER_THOUSAND = 5.0
_DAY = 86_400.0


@dataclass(frozen=True)
class Figures:
    """Of one replay; shares from 0 to 1, alarms of 1,000 normal sessions.

    recall: of the cut that leaves no more than ``PER_THOUSAND`` false alarms, which nobody knows on
    a host; false_alarms: that it does leave. own_*: of the threshold that the agent goes by without
    a budget. budget_*: of what passed with one. rate: alerts of the whole replay, as a share of the
    budget's; parts of one session count as they come.
    """

    sessions: int
    anomalous: int
    auroc: float | None
    recall: float
    false_alarms: float
    own_threshold: float
    own_recall: float
    own_false_alarms: float
    budget_recall: float
    budget_false_alarms: float
    rate: float


def figures(replayed: Replayed, log: LabelledLog) -> Figures:
    """A session counts by the highest of its scores, and as alerted on when one part of it was."""
    scores: dict[str, float] = {}
    alerted: dict[str, bool] = {}
    for one in replayed.judged:
        if one.session in log.labels:
            scores[one.session] = max(scores.get(one.session, 0.0), one.score)
            alerted[one.session] = alerted.get(one.session, False) or one.alerted
    anomalous = np.array([log.labels[session] == 1 for session in scores], dtype=bool)
    score, passed = np.array(list(scores.values())), np.array(list(alerted.values()), dtype=bool)
    cut = cut_for(score[~anomalous], PER_THOUSAND)
    own = score >= replayed.threshold
    both = anomalous.any() and not anomalous.all()
    alerts = sum(one.alerted for one in replayed.judged)
    return Figures(
        sessions=len(score),
        anomalous=int(anomalous.sum()),
        auroc=float(roc_auc_score(anomalous, score)) if both else None,
        recall=_share(score[anomalous] > cut),
        false_alarms=1000 * _share(score[~anomalous] > cut),
        own_threshold=replayed.threshold,
        own_recall=_share(own[anomalous]),
        own_false_alarms=1000 * _share(own[~anomalous]),
        budget_recall=_share(passed[anomalous]),
        budget_false_alarms=1000 * _share(passed[~anomalous]),
        rate=alerts / (PER_THOUSAND / 1000 * len(log.labels)),
    )


def cut_for(normal: NDArray[np.float64], per_thousand: float) -> float:
    """What a score must be above, so that no more of ``normal`` are than may be."""
    allowed = math.floor(per_thousand / 1000 * len(normal))
    return float(np.sort(normal)[len(normal) - 1 - allowed])


def by_spans(judged: Sequence[Judged], begin: float, end: float, spans: int) -> list[int]:
    """Alerts in each of so many equal parts of a time."""
    counts = [0] * spans
    for one in judged:
        if one.alerted:
            place = int((one.seconds - begin) / (end - begin) * spans)
            counts[min(max(place, 0), spans - 1)] += 1
    return counts


def by_day(judged: Sequence[Judged], begin: float, end: float) -> list[int]:
    """Alerts of each whole day."""
    days = int((end - begin) // _DAY)
    end = begin + days * _DAY
    return by_spans([one for one in judged if one.seconds < end], begin, end, days) if days else []


def _share(some: NDArray[np.bool_]) -> float:
    return float(some.mean()) if len(some) else 0.0
