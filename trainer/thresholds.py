"""Thresholds from the target's own sessions, scored by networks that had not learnt them."""

import math

import numpy as np
from numpy.typing import NDArray

from models.words import Vectors
from trainer.corpus import ANOMALOUS, NORMAL

# Of the normal sessions, the shares that may lie above the threshold.
_FEWEST_FALSE_ALARMS, _MOST_FALSE_ALARMS = 0.001, 0.01
# Of the known anomalies, the share that the threshold has to find.
_FOUND = 0.95
# Without labels: the anomalies are sought in this part of a history, from its top.
_SUSPECT_SHARE = 0.2


def threshold_with_labels(normal: Vectors, anomalous: Vectors) -> tuple[float, str]:
    """The strictest threshold that still finds 95 % of the known anomalies, as long as it leaves
    between 1 and 10 of 1,000 normal sessions above it; and its origin in words.

    normal, anomalous: float32 [sessions], scores of each class; anomalous may be empty.
    """
    lowest, highest = np.quantile(
        normal.astype(np.float64), (1 - _MOST_FALSE_ALARMS, 1 - _FEWEST_FALSE_ALARMS)
    )
    wanted = np.quantile(anomalous.astype(np.float64), 1 - _FOUND) if len(anomalous) else lowest
    origin = (
        f"finds {_FOUND:.0%} of {len(anomalous)} known anomalies, but lies between the "
        f"{1 - _MOST_FALSE_ALARMS:.1%} and {1 - _FEWEST_FALSE_ALARMS:.1%} quantiles of "
        f"{len(normal)} normal sessions, each scored by a network that had not learnt it"
    )
    return round(float(np.clip(wanted, lowest, highest)), 6), origin


def threshold_without_labels(scores: Vectors, labels: NDArray[np.int64]) -> tuple[float, str]:
    """The threshold that cuts the suspect part of a history into two groups, each as much alike in
    its logits as can be (Otsu 1979), and its origin in words.

    scores: float32 [sessions]; labels: 0, 1 or -1. Known labels count where they disagree: the cut
    lies above 99 % of the sessions known to be normal, or at least below the known anomalies.
    """
    logits = _logits(scores)
    suspect = logits[logits > np.quantile(logits, 1 - _SUSPECT_SHARE)]
    cut = _otsu(suspect) if len(np.unique(suspect)) > 1 else float(logits.max())
    origin = (
        f"splits the most suspicious {_SUSPECT_SHARE:.0%} of {len(scores)} sessions, hardly any of "
        "them labelled, into two groups"
    )
    normal, anomalous = logits[labels == NORMAL], logits[labels == ANOMALOUS]
    if len(normal):
        cut = max(cut, float(np.quantile(normal, 1 - _MOST_FALSE_ALARMS)))
    if len(anomalous):
        cut = min(cut, float(anomalous.min()))
    return round(1 / (1 + math.exp(-cut)), 6), origin


def _otsu(values: NDArray[np.float64]) -> float:
    """Middle between the two neighbours whose parting explains most of the variance."""
    ordered = np.sort(values)
    size = len(ordered)
    below = np.arange(1, size)
    sums = ordered.cumsum()
    apart = sums[:-1] / below - (sums[-1] - sums[:-1]) / (size - below)
    place = int((below * (size - below) * apart**2).argmax())
    return float((ordered[place] + ordered[place + 1]) / 2)


def _logits(scores: Vectors) -> NDArray[np.float64]:
    inside = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    logits: NDArray[np.float64] = np.log(inside / (1 - inside))
    return logits

