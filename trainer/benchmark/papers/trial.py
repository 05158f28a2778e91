"""The same validation for every method of the papers, and the one that our own preset has.

The labelled sessions are cut into three folds, each class by itself. Of a method's few candidates
(hyperparameters) the one is taken that does best on the first fold. Then three models learn, each
without one fold; each has a threshold from what it says of the fold it left out, by the rule of all
baselines. A session's score is the mean of the three, and the threshold the mean of theirs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from models.words import Vectors
from trainer.batches import Rows
from trainer.benchmark.baselines.history import above_most
from trainer.benchmark.papers.settings import Given, Material
from trainer.benchmark.sequences import Distinct
from trainer.benchmark.space import Labelled
from trainer.benchmark.task import Task
from trainer.corpus import ANOMALOUS, NORMAL

FOLDS = 3
# Stream of random numbers beside the one of the seed itself.
_FOLDING = 5


class Learner(Protocol):
    """One model, with its hyperparameters."""

    def fit(self, train: Labelled, held: Labelled) -> None:
        """Learn from ``train``. held: to say when to stop, never to learn from."""
        ...

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        """Float64 [sessions], larger = more anomalous, on a scale that models of other folds
        share. sequences: rows of ``Space.vectors``, each once."""
        ...

    def fitness(self, held: Labelled) -> float:
        """How well it does on sessions it has not learnt, larger = better."""
        ...


# From a seed.
Candidate = Callable[[int], Learner]


class Compared(ABC):
    """A method of ``trainer.benchmark.task`` whose models are ``Learner``.

    published_threshold: the one that the paper takes for all methods, where scores are
    probabilities.
    """

    published_threshold: float | None = 0.5

    def __init__(
        self, name: str, given: Given, adapt: Callable[[Material], Vectors] | None = None
    ) -> None:
        """adapt: makes the vectors that the method reads in the place of those of the space."""
        self.name = name
        self.given = given
        self._adapt = adapt
        self.threshold = float("inf")
        self._models: list[Learner] = []

    @abstractmethod
    def candidates(self, material: Material) -> Sequence[Candidate]:
        """At least one, the published hyperparameters first: it is taken where none is better."""

    def fit(self, task: Task) -> None:
        material = Material.of(task, self.given)
        if self._adapt is not None:
            material = replace(material, vectors=self._adapt(material))
        own = material.own
        fold = folds(own.labels, np.random.default_rng([task.seed, _FOLDING]))
        candidates = self.candidates(material)
        first: list[Learner] = []
        for candidate in candidates:
            model = candidate(task.seed)
            model.fit(own.chosen(fold != 0), own.chosen(fold == 0))
            first.append(model)
        best = 0
        if len(first) > 1:
            best = int(np.argmax([model.fitness(own.chosen(fold == 0)) for model in first]))
        self._models = [first[best]]
        for one in range(1, FOLDS):
            model = candidates[best](task.seed + one)
            model.fit(own.chosen(fold != one), own.chosen(fold == one))
            self._models.append(model)
        self.threshold = float(np.mean([*self._thresholds(own, fold)] or [np.inf]))

    def _thresholds(self, own: Labelled, fold: NDArray[np.int64]) -> Iterator[float]:
        """Of each model, by the sessions that it has not learnt. Models differ in how sure of
        themselves they are: a threshold for the scores of all may lie above what their mean ever
        reaches."""
        for one, model in enumerate(self._models):
            left_out = own.chosen(fold == one)
            scores = _each(model, left_out.sequences)
            normal = scores[left_out.labels == NORMAL]
            if len(normal):
                anomalous = scores[left_out.labels == ANOMALOUS]
                yield above_most(normal, labelled=True, anomalous=anomalous)

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = np.mean(
            [_each(model, sequences) for model in self._models], axis=0
        )
        return scores


def folds(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """0 to FOLDS - 1 for each session, each class spread evenly."""
    found = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        where = rng.permutation(np.flatnonzero(labels == label))
        found[where] = np.arange(len(where)) % FOLDS
    return found


def ranking(model: Learner, held: Labelled) -> float:
    """Area under precision and recall on held sessions of both classes; 0 where one is missing."""
    if len(np.unique(held.labels)) < 2:
        return 0.0
    return float(average_precision_score(held.labels, _each(model, held.sequences)))


def _each(model: Learner, sequences: Sequence[Rows]) -> NDArray[np.float64]:
    distinct = Distinct.of(sequences)
    if not distinct.sequences:
        return np.zeros(0)
    return model.score(distinct.sequences)[distinct.member]
