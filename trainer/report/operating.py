"""Scores as thresholds cut them: what the page needs to say what another threshold would cost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contribution import log_odds
from trainer.corpus import ANOMALOUS, NORMAL, Corpus

# Distinct scores on a page; of more, neighbours are put together.
MOST_STEPS = 4000
_SECONDS_A_DAY = 86400.0
_BINS = 44


@dataclass(frozen=True)
class Steps:
    """Labelled sessions by score. scores: ascending, float64 [steps]; normal, anomalous: sessions
    with this score or one up to the next, int64 [steps]. So the sums from a score on are exact
    at each of the scores, and at ``threshold``, which falls between two of them or on one."""

    scores: NDArray[np.float64]
    normal: NDArray[np.int64]
    anomalous: NDArray[np.int64]
    threshold: float

    @classmethod
    def of(
        cls, labels: NDArray[np.int64], scores: NDArray[np.float64], threshold: float
    ) -> "Steps":
        """labels: 0 or 1 [sessions]; scores: [sessions], anomalous where >= threshold."""
        distinct, owner = np.unique(scores, return_inverse=True)
        counts = [
            np.bincount(owner[labels == label], minlength=len(distinct))
            for label in (NORMAL, ANOMALOUS)
        ]
        kept = np.arange(len(distinct))
        if len(distinct) > MOST_STEPS:
            at = np.searchsorted(distinct, threshold)
            even = np.linspace(0, len(distinct) - 1, MOST_STEPS - 1).round().astype(np.intp)
            kept = np.union1d(even, [min(int(at), len(distinct) - 1)])
        normal, anomalous = (np.add.reduceat(count, kept) for count in counts)
        return cls(distinct[kept], normal, anomalous, threshold)

    def to_json(self, normal_a_day: float | None) -> dict[str, Any]:
        return {
            "scores": self.scores.tolist(),
            "normal": self.normal.tolist(),
            "anomalous": self.anomalous.tolist(),
            "threshold": self.threshold,
            "normal_a_day": normal_a_day,
        }

    def spread(self) -> tuple[float, float, list[int], list[int]]:
        """Lowest and highest log-odds, and how many normal and anomalous sessions are in each of
        equal bins between them."""
        odds = np.array([log_odds(score) for score in [*self.scores.tolist(), self.threshold]])
        low, high = np.floor(odds.min()), np.ceil(odds.max())
        high = max(high, low + 1)
        counts = [
            np.histogram(odds[:-1], bins=_BINS, range=(low, high), weights=count)[0]
            for count in (self.normal, self.anomalous)
        ]
        normal, anomalous = (count.astype(int).tolist() for count in counts)
        return float(low), float(high), normal, anomalous


@dataclass(frozen=True)
class Traffic:
    """How busy a log is. days: from its first session with a time to its last one; normal_a_day:
    sessions a day that are no anomaly, as far as labels say."""

    days: float
    normal_a_day: float

    @classmethod
    def of(cls, corpus: Corpus) -> "Traffic | None":
        """None where times are not known, or are all the same."""
        times = np.asarray(corpus.times)
        timed = np.isfinite(times)
        if timed.sum() < 2:
            return None
        days = float(np.ptp(times[timed])) / _SECONDS_A_DAY
        labels = np.asarray(corpus.labels)[timed]
        known = int((labels == NORMAL).sum() + (labels == ANOMALOUS).sum())
        if days <= 0 or not known:
            return None
        share = float((labels == NORMAL).sum()) / known
        return cls(days, float(timed.sum()) * share / days)
