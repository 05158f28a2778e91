"""Figures of a method on the test part: raw, distinct and unseen, always together.

raw        every test session
distinct   one session for each distinct sequence of events; a sequence that occurs with both
           labels is there twice, once as normal and once as anomalous, since no method can get
           both right and hiding one of them would flatter all
unseen     the distinct ones whose sequence did not occur in the training part
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    matthews_corrcoef,
    precision_recall_curve,
    roc_auc_score,
)

from trainer.benchmark.sequences import Distinct
from trainer.benchmark.task import Examination

SPLITS = ("raw", "distinct", "unseen")
METRICS = ("precision", "recall", "f1", "auroc", "auprc", "mcc", "false_alarms_per_1000")

# Under so many positives one session moves F1 by points: it is given with an interval.
FEWEST_POSITIVES = 20
_RESAMPLES = 2000
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Parts:
    """Positions within the test part, by split; labels: 0 or 1 [sessions]."""

    positions: dict[str, NDArray[np.int64]]
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, examination: Examination) -> "Parts":
        labels = examination.labels
        member = Distinct.of([*examination.seen, *examination.sequences]).member
        seen, tested = np.split(member, [len(examination.seen)])
        # The first session of each sequence and label stands for all others.
        _, first = np.unique(2 * tested + labels, return_index=True)
        first = np.sort(first).astype(np.int64)
        return cls(
            {
                "raw": np.arange(len(labels)),
                "distinct": first,
                "unseen": first[~np.isin(tested[first], seen)],
            },
            labels,
        )

    def counts(self, split: str) -> dict[str, int]:
        """Sessions and anomalous sessions of a split."""
        labels = self.labels[self.positions[split]]
        return {"sessions": len(labels), "anomalous": int(labels.sum())}


def figures(
    parts: Parts, scores: NDArray[np.float64], threshold: float, seed: int
) -> dict[str, dict[str, Any]]:
    """Figures by split; scores: [sessions], anomalous where >= threshold; seed: of the interval."""
    return {
        split: _figures(parts.labels[positions], scores[positions], threshold, seed)
        for split, positions in parts.positions.items()
    }


def _figures(
    labels: NDArray[np.int64], scores: NDArray[np.float64], threshold: float, seed: int
) -> dict[str, Any]:
    """0 to 1, MCC from -1, alarms per 1,000 normal sessions; None where a class is not there.
    best_f1: what no threshold exceeds; it takes the labels of the test to know that threshold."""
    verdicts = (scores >= threshold).astype(np.int64)
    table = confusion_matrix(labels, verdicts, labels=[0, 1]) if len(labels) else np.zeros((2, 2))
    right_normal, false, missed, found = (int(count) for count in table.ravel())
    positive, negative = found + missed, false + right_normal
    both = positive > 0 and negative > 0
    result: dict[str, Any] = {
        "precision": _share(found, found + false) if positive else None,
        "recall": _share(found, positive) if positive else None,
        "f1": _share(2 * found, 2 * found + false + missed) if positive else None,
        "auroc": roc_auc_score(labels, scores) if both else None,
        "auprc": average_precision_score(labels, scores) if both else None,
        "mcc": matthews_corrcoef(labels, verdicts) if both else None,
        "false_alarms_per_1000": 1000 * _share(false, negative) if negative else None,
        "best_f1": _best_f1(labels, scores) if both else None,
    }
    result = {name: None if one is None else round(float(one), 6) for name, one in result.items()}
    if 0 < positive < FEWEST_POSITIVES:
        result["f1_interval"] = _interval(found, false, missed, right_normal, seed)
    return {**result, "sessions": len(labels), "anomalous": positive}


def _best_f1(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    precision, recall, _ = precision_recall_curve(labels, scores)
    return float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12)))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _interval(found: int, false: int, missed: int, right_normal: int, seed: int) -> list[float]:
    """95 % bootstrap interval of F1. F1 depends on the four counts alone, and drawing sessions with
    replacement draws those from a multinomial distribution."""
    counts = np.array([found, false, missed, right_normal])
    drawn = np.random.default_rng(seed).multinomial(
        counts.sum(), counts / counts.sum(), size=_RESAMPLES
    )
    wrong = drawn[:, 1] + drawn[:, 2]
    f1 = 2 * drawn[:, 0] / np.maximum(2 * drawn[:, 0] + wrong, 1)
    return [round(float(bound), 6) for bound in np.quantile(f1, _INTERVAL)]
