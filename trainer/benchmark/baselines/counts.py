"""Rules on count vectors: log(1 + how often) of each event, order forgotten.

The logarithm keeps one event that repeats a thousand times from drowning the others.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.tree import DecisionTreeClassifier

from trainer.batches import Rows
from trainer.benchmark.baselines.history import Needs, above_most, presumed_normal
from trainer.benchmark.sequences import Distinct
from trainer.benchmark.task import Task

Counts = NDArray[np.float64]

_FOLDS = 5
_ITERATIONS = 1000
# Distances come from a sum that cancels: equal vectors may be 1e-7 apart, while one line more in
# a session of 10,000 is 1e-4.
_DECIMALS = 5
# Farther than any session is from another.
_FAR = 1e6
# Stream of random numbers beside the one of the seed itself.
_FOLDING = 3


class CountDistance:
    """Distance to the nearest normal count vector of the training part.

    The threshold comes from the distances that each fifth of those sessions has to the other
    four: to itself every session has none. With fewer than five of them nothing is an anomaly.
    """

    name = "count-distance"
    needs = Needs.HISTORY

    def __init__(self) -> None:
        self.threshold = float("inf")
        self._events = 0
        self._normal: Counts = np.zeros((0, 0))

    def fit(self, task: Task) -> None:
        self._events = len(task.templates)
        normal, member = _counts_of(presumed_normal(task), self._events)
        rng = np.random.default_rng([task.seed, _FOLDING])
        fold = rng.permutation(len(member)) % _FOLDS
        distances = np.zeros(0)
        for one in range(_FOLDS) if len(member) >= _FOLDS else ():
            held, back = np.unique(member[fold == one], return_inverse=True)
            others = normal[np.unique(member[fold != one])]
            distances = np.append(distances, _distances(normal[held], others)[back])
        self._normal = normal
        anomalous = self.score(task.anomalous)
        self.threshold = above_most(distances, labelled=bool(task.normal), anomalous=anomalous)

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return _each(sequences, self._events, lambda counts: _distances(counts, self._normal))


class CountKnn:
    """The class of the nearest count vector of the training part; where both are equally near,
    normal. Score: how much nearer the nearest anomalous one is."""

    name = "count-knn"
    needs = Needs.LABELS

    def __init__(self) -> None:
        self.threshold = float(np.nextafter(0.0, 1.0))
        self._events = 0
        self._normal: Counts = np.zeros((0, 0))
        self._anomalous: Counts = np.zeros((0, 0))

    def fit(self, task: Task) -> None:
        self._events = len(task.templates)
        self._normal, _ = _counts_of(task.normal, self._events)
        self._anomalous, _ = _counts_of(task.anomalous, self._events)

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return _each(
            sequences,
            self._events,
            lambda counts: _distances(counts, self._normal) - _distances(counts, self._anomalous),
        )


class _Classifier(ABC):
    """P(anomaly) by a classifier of scikit-learn; both classes weigh the same; 0.5 is the
    threshold. With labels of one class only (a small budget) every session gets that class."""

    name: str
    needs = Needs.LABELS

    def __init__(self) -> None:
        self.threshold = 0.5
        self._events = 0
        self._model: DecisionTreeClassifier | LogisticRegression | None = None
        self._constant = 0.0

    @abstractmethod
    def _make(self, seed: int) -> "DecisionTreeClassifier | LogisticRegression": ...

    def fit(self, task: Task) -> None:
        self._events = len(task.templates)
        self._constant = float(not task.normal)
        if not task.normal or not task.anomalous:
            return
        counts, member = _counts_of([*task.normal, *task.anomalous], self._events)
        labels = np.repeat([0, 1], [len(task.normal), len(task.anomalous)])
        self._model = self._make(task.seed).fit(counts[member], labels)

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        model = self._model
        if model is None:
            return np.full(len(sequences), self._constant)
        return _each(sequences, self._events, lambda counts: model.predict_proba(counts)[:, 1])


class CountTree(_Classifier):
    """A decision tree on count vectors."""

    name = "count-tree"

    def _make(self, seed: int) -> DecisionTreeClassifier:
        return DecisionTreeClassifier(class_weight="balanced", random_state=seed)


class CountLogistic(_Classifier):
    """Logistic regression on count vectors."""

    name = "count-logistic"

    def _make(self, seed: int) -> LogisticRegression:
        return LogisticRegression(class_weight="balanced", max_iter=_ITERATIONS)


def _counts_of(sequences: Sequence[Rows], events: int) -> tuple[Counts, NDArray[np.int64]]:
    """Count vectors, float64 [distinct, events], and which of them each session has [sessions]."""
    distinct = Distinct.of([np.sort(sequence) for sequence in sequences])
    counts = np.zeros((len(distinct.sequences), events))
    for row, sequence in zip(counts, distinct.sequences, strict=True):
        row[:] = np.bincount(sequence, minlength=events)
    return np.log1p(counts), distinct.member


def _each(
    sequences: Sequence[Rows], events: int, score: Callable[[Counts], NDArray[np.float64]]
) -> NDArray[np.float64]:
    counts, member = _counts_of(sequences, events)
    return score(counts)[member] if len(member) else np.zeros(0)


def _distances(counts: Counts, known: Counts) -> NDArray[np.float64]:
    """Euclidean distance of each row to the nearest of ``known``, far where there is none."""
    if not len(known):
        return np.full(len(counts), _FAR)
    _, distances = pairwise_distances_argmin_min(counts, known)
    rounded: NDArray[np.float64] = np.round(distances, _DECIMALS)
    return rounded
