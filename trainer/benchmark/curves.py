"""ROC and precision-recall curves of a method, short enough to be kept beside its figures."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

# Of one curve. More are thinned, so that plots need no scores.
MOST_POINTS = 200
_DIGITS = 6

Points = list[list[float]]


def curves(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, Points] | None:
    """Both curves, 0 to 1; None where a class is not there. labels: 0 or 1 [sessions].

    roc: pairs of false positive rate and recall, rising. precision_recall: pairs of recall and
    precision, recall falling to 0; between two points the precision is that of the left one in
    this order (a step), since no threshold gives anything between.
    """
    if len(np.unique(labels)) < 2:
        return None
    false_rate, recall, _ = roc_curve(labels, scores)
    precision, found, _ = precision_recall_curve(labels, scores, drop_intermediate=True)
    return {
        "roc": _thinned(false_rate, recall),
        "precision_recall": _thinned(found, precision),
    }


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> Points:
    """Points of the curve as they are, both ends among them; where there are too many, those at
    equal steps along it: a steep part keeps as many as a flat one."""
    kept = np.arange(len(x))
    if len(x) > MOST_POINTS:
        way = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        steps = np.linspace(0, way[-1], MOST_POINTS - 1)
        # The last point by its position: behind it the way may have stood still.
        kept = np.unique(np.append(np.searchsorted(way, steps), len(x) - 1))
    points: Points = np.round(np.stack([x[kept], y[kept]], axis=1), _DIGITS).tolist()
    return points
