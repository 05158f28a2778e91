"""Thresholds from the target's own sessions, scored by networks that had not learnt them."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from models.words import Vectors
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED

# Of the normal sessions, the shares that may lie above the threshold.
_FEWEST_FALSE_ALARMS, _MOST_FALSE_ALARMS = 0.001, 0.01
# Without labels: the anomalies are sought in this part of a history, from its top.
_SUSPECT_SHARE = 0.2
# With a few labels: the power that says how much more a better cut is believed than a worse one.
# Scores of networks that have learnt a few labels fall into more than two groups, and the cut that
# explains most lies above all but the most striking anomalies; so the next best ones count, too.
_SHARPNESS = 8
# What the guess without labels counts for beside the labels of an adaptation, in labels.
_GUESS_COUNTS = 20


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

    scores: float32 [sessions]; labels: 0, 1 or -1. Where some are known, a cut is believed by the
    share of the variance that it explains and by the labels that it does not contradict, and the
    cut is taken that has the best F1 to expect, whichever of them is right.
    """
    logits = _logits(scores)
    cuts, merit = _cuts(logits)
    normal, anomalous = logits[labels == NORMAL], logits[labels == ANOMALOUS]
    known = len(normal) + len(anomalous)
    origin = (
        f"splits the most suspicious {_SUSPECT_SHARE:.0%} of {len(scores)} sessions, {known} of "
        "them labelled, into two groups"
    )
    if not len(cuts):
        return round(_probability(float(logits.max())), 6), origin
    if known:
        # One label more than there are: a single one does not decide.
        missed = 1 - (_above(anomalous, cuts) + 1) / (len(anomalous) + 1)
        alarms = _above(normal, cuts) / (len(normal) + 1)
        belief = (merit * np.exp(-missed - alarms)) ** _SHARPNESS
        merit = _expected_f1(_above(logits, cuts), belief)
    return round(_probability(float(cuts[merit.argmax()])), 6), origin


def threshold_of_adapted(scores: Vectors, labels: NDArray[np.int64]) -> tuple[float, str]:
    """The threshold with the best F1 to expect of a history in which some sessions have labels,
    and its origin in words.

    scores: float32 [sessions]; labels: 0, 1 or -1. Without any it is the one of
    ``threshold_without_labels``. Else the chance of an anomaly is taken to rise with the score
    (isotonic regression; Zadrozny and Elkan 2002): each label is an observation, and the guess
    without labels is worth 20 of them, spread evenly over the sessions it was made from. So a few
    labels correct the guess where they are, many overrule it, and it does not matter that
    ``suggest`` asks about high scores more often than about low ones. Labelled sessions count as
    what they are.
    """
    logits = _logits(scores)
    cuts, belief = _cuts(logits)
    known = labels != UNLABELLED
    if not known.any() or not len(cuts):
        return threshold_without_labels(scores, np.full(len(scores), UNLABELLED))
    belief = belief**_SHARPNESS
    # How much belief there is in the cuts below each session.
    below = np.concatenate([[0.0], np.cumsum(belief / belief.sum())])
    guess = below[np.searchsorted(cuts, logits, side="right")]
    counts = _GUESS_COUNTS / max(1, (logits > cuts[0]).sum())
    weights = counts + known
    observed = (counts * guess + (labels == ANOMALOUS)) / weights
    chances = _rising(logits, observed, weights)
    chances[known] = labels[known]
    order = np.argsort(-logits, kind="stable")
    found = np.concatenate([[0.0], np.cumsum(chances[order])])
    above = _above(logits, cuts)
    expected = 2 * found[above] / (above + chances.sum())
    origin = (
        f"has the best F1 to expect of {len(scores)} sessions, by {int(known.sum())} labels and a "
        f"guess that counts for {_GUESS_COUNTS}"
    )
    return round(_probability(float(cuts[expected.argmax()])), 6), origin


def _rising(
    logits: NDArray[np.float64], observed: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The least squares fit to ``observed`` that never falls with the logits, [sessions]."""
    distinct, place = np.unique(logits, return_inverse=True)
    together = np.bincount(place, weights)
    means = np.bincount(place, weights * observed) / together
    fitted: NDArray[np.float64] = isotonic_regression(means, sample_weight=together)
    assert len(fitted) == len(distinct)
    return fitted[place]


def _cuts(logits: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the suspect part may be cut, ascending, and the share of its variance that each cut
    explains."""
    suspect = np.unique(logits[logits > np.quantile(logits, 1 - _SUSPECT_SHARE)])
    cuts = (suspect[:-1] + suspect[1:]) / 2
    explained = [_explained(logits[logits >= suspect[0]], cut) for cut in cuts]
    return cuts, np.array(explained, dtype=np.float64)


def _expected_f1(above: NDArray[np.int64], belief: NDArray[np.float64]) -> NDArray[np.float64]:
    """What F1 each cut has on the whole, if the anomalies are what lies above one of the cuts.

    above: sessions above each cut; belief: how much that cut is believed in, to any scale.
    """
    return np.array([(belief * 2 * np.minimum(above, one) / (above + one)).sum() for one in above])


def _above(values: NDArray[np.float64], cuts: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of the values lie at or above each cut."""
    return len(values) - np.searchsorted(np.sort(values), cuts)


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
