"""Thresholds from the target's own sessions, scored by networks that had not learnt them."""

import math

import numpy as np
from numpy.typing import NDArray

from models.words import Vectors
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED

# Of the normal sessions, the shares that may lie above the threshold.
_FEWEST_FALSE_ALARMS, _MOST_FALSE_ALARMS = 0.001, 0.01
# Without labels: the anomalies are sought in this part of a history, from its top.
_SUSPECT_SHARE = 0.2


def threshold_with_labels(normal: Vectors, anomalous: Vectors) -> tuple[float, str]:
    """The strictest threshold that still finds every known anomaly, as long as it leaves between 1
    and 10 of 1,000 normal sessions above it; and its origin in words.

    normal, anomalous: float32 [sessions], scores of each class; anomalous may be empty.
    """
    lowest, highest = np.quantile(
        normal.astype(np.float64), (1 - _MOST_FALSE_ALARMS, 1 - _FEWEST_FALSE_ALARMS)
    )
    wanted = anomalous.astype(np.float64).min() if len(anomalous) else lowest
    origin = (
        f"finds all of {len(anomalous)} known anomalies, but lies between the "
        f"{1 - _MOST_FALSE_ALARMS:.1%} and {1 - _FEWEST_FALSE_ALARMS:.1%} quantiles of "
        f"{len(normal)} normal sessions, each scored by a network that had not learnt it"
    )
    return round(float(np.clip(wanted, lowest, highest)), 6), origin


def threshold_without_labels(scores: Vectors, labels: NDArray[np.int64]) -> tuple[float, str]:
    """The threshold that cuts the suspect part of a history into two groups, each as much alike in
    its logits as can be (Otsu 1979), and its origin in words.

    scores: float32 [sessions]; labels: 0, 1 or -1. Of each known label that a cut contradicts it
    has to make good: the share of the variance that it explains counts against the shares of known
    anomalies that it misses, and of known normal sessions that it takes for anomalies.
    """
    logits = _logits(scores)
    suspect = np.unique(logits[logits > np.quantile(logits, 1 - _SUSPECT_SHARE)])
    cuts = (suspect[:-1] + suspect[1:]) / 2
    known = int((labels != UNLABELLED).sum())
    origin = (
        f"splits the most suspicious {_SUSPECT_SHARE:.0%} of {len(scores)} sessions, {known} of "
        "them labelled, into two groups"
    )
    if not len(cuts):
        return round(_probability(float(logits.max())), 6), origin
    explained = np.array([_explained(logits[logits >= suspect[0]], cut) for cut in cuts])
    normal, anomalous = logits[labels == NORMAL], logits[labels == ANOMALOUS]
    # One label more than there are: a single one does not decide.
    missed = (anomalous[None] < cuts[:, None]).sum(axis=1) / (len(anomalous) + 1)
    alarms = (normal[None] >= cuts[:, None]).sum(axis=1) / (len(normal) + 1)
    return round(_probability(float(cuts[(explained - missed - alarms).argmax()])), 6), origin


def _explained(values: NDArray[np.float64], cut: float) -> float:
    """Share of the variance that lies between what is above the cut and what is below."""
    above = values >= cut
    share = above.mean()
    apart = values[above].mean() - values[~above].mean()
    return float(share * (1 - share) * apart**2 / values.var())


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def _logits(scores: Vectors) -> NDArray[np.float64]:
    inside = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    logits: NDArray[np.float64] = np.log(inside / (1 - inside))
    return logits
