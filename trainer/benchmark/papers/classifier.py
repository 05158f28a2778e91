"""A network that tells anomalous sessions from normal ones, as a ``Learner``."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainer.batches import Rows
from trainer.benchmark.papers.learning import Schedule, learn
from trainer.benchmark.papers.sequences import LONGEST, Pool, by_length, padded
from trainer.benchmark.papers.trial import ranking
from trainer.benchmark.sequences import Distinct
from trainer.benchmark.space import Labelled


class Classifier:
    """Scores are probabilities.

    network: from ``Padded`` to logits, float32 [sessions, 2]; balanced: both classes weigh the
    same.
    """

    def __init__(
        self, network: nn.Module, schedule: Schedule, seed: int, *, balanced: bool = False
    ) -> None:
        self.network = network
        self._schedule = schedule
        self._seed = seed
        self._balanced = balanced

    def fit(self, train: Labelled, held: Labelled) -> None:
        pool, other = Pool.of(train), Pool.of(held)
        if self._balanced:
            pool, other = pool.balanced(), other.balanced()
        learn(
            self.network,
            pool.batches,
            lambda chosen: self._loss(pool, chosen) / float(pool.weights[chosen].sum()),
            lambda: self._held(other),
            self._schedule,
            self._seed,
        )

    def _held(self, pool: Pool) -> float:
        if not len(pool):
            return float("nan")
        losses = [float(self._loss(pool, part)) for part in by_length(pool.sequences)]
        return sum(losses) / float(pool.weights.sum())

    def _loss(self, pool: Pool, chosen: NDArray[np.intp]) -> Tensor:
        labels = torch.from_numpy(pool.labels[chosen])
        losses = cross_entropy(self.network(pool.padded(chosen)), labels, reduction="none")
        return (torch.from_numpy(pool.weights[chosen]) * losses).sum()

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return probabilities(self.network, sequences)

    def fitness(self, held: Labelled) -> float:
        return ranking(self, held)


@torch.no_grad()
def probabilities(network: nn.Module, sequences: Sequence[Rows]) -> NDArray[np.float64]:
    """Of the second class, float64 [sessions]; network: see ``Classifier``."""
    # Sessions may differ past what is read of them.
    distinct = Distinct.of([one[:LONGEST] for one in sequences])
    found = np.zeros(len(distinct.sequences))
    for part in by_length(distinct.sequences):
        logits = network(padded([distinct.sequences[i] for i in part]))
        found[part] = logits.softmax(1)[:, 1].numpy()
    return found[distinct.member]
