"""Figures of a detector on labelled sessions."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score


def figures(
    labels: NDArray[np.int64], scores: NDArray[np.float64], threshold: float
) -> dict[str, Any]:
    """Precision, recall, F1 of the anomalous class (0 to 1), AUROC, and the counts behind them.

    labels: 0 or 1 [sessions]; scores: [sessions], anomalous where >= threshold. AUROC is None
    where only one class is there, and all of them are where there is no session.
    """
    verdicts = scores >= threshold
    shares: tuple[float | None, ...] = (None, None, None)
    if len(labels):
        found = precision_recall_fscore_support(
            labels, verdicts, average="binary", zero_division=0.0
        )
        shares = tuple(round(float(share), 6) for share in found[:3])
    precision, recall, f1 = shares
    both = 0 < labels.sum() < len(labels)
    return {
        "threshold": threshold,
        "sessions": len(labels),
        "anomalous": int(labels.sum()),
        "true_positives": int((verdicts & (labels == 1)).sum()),
        "false_positives": int((verdicts & (labels == 0)).sum()),
        "false_negatives": int((~verdicts & (labels == 1)).sum()),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "auroc": round(float(roc_auc_score(labels, scores)), 6) if both else None,
    }


def percent(value: float | None) -> str:
    """ "92.9", or "-" for what could not be computed."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"
