"""What baselines learn from: sessions taken for normal, and thresholds from those alone.

A threshold is a quantile of the scores that sessions of the training part have:

- between 0.99 and 0.999 where they are known to be normal: the strictest that still finds all
  known anomalies, as the network's own threshold (trainer.thresholds); 0.995 without any;
- 0.95 where they are a history without labels: some of it is anomalous, nobody knows how much, and
  one in twenty is the share that benchmarks thin their targets to.
"""

from enum import Enum, auto
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.benchmark.task import Method, Task

_QUANTILE_OF_NORMALS = 0.995
_QUANTILES_OF_NORMALS = (0.99, 0.999)
_QUANTILE_OF_HISTORY = 0.95


class Needs(Enum):
    """What of the target a rule cannot do without."""

    NOTHING = auto()
    HISTORY = auto()
    LABELS = auto()


class Baseline(Method, Protocol):
    """A method that says what it needs, and is made without arguments."""

    needs: Needs

    def __init__(self) -> None: ...


def presumed_normal(task: Task) -> list[Rows]:
    """Sessions with the label normal; where the protocol has no labels, the whole history."""
    return task.normal or task.unlabelled


def history(task: Task) -> list[Rows]:
    """Sessions that are not known to be anomalous, with a label and without."""
    return [*task.normal, *task.unlabelled]


def above_most(
    scores: NDArray[np.float64], *, labelled: bool, anomalous: NDArray[np.float64] | None = None
) -> float:
    """The least threshold that all scores up to the quantile stay under.

    anomalous: scores of known anomalies, which choose the quantile where there are any.
    scores: [sessions], none of them given to a session that the rule has learnt by heart, unless
    the rule cannot learn one by heart. Infinite where there are none: without anything to compare
    with, nothing is an anomaly.
    """
    if not len(scores):
        return float("inf")

    def above(share: float) -> float:
        return float(np.nextafter(np.quantile(scores, share, method="higher"), np.inf))

    if not labelled:
        return above(_QUANTILE_OF_HISTORY)
    if anomalous is None or not len(anomalous):
        return above(_QUANTILE_OF_NORMALS)
    lowest, highest = (above(share) for share in _QUANTILES_OF_NORMALS)
    return float(np.clip(anomalous.min(), lowest, highest))
