"""LogTAD: normal sessions of all systems are drawn to one centre, and far from it is anomalous.

Han and Yuan, "Unsupervised Cross-system Log Anomaly Detection via Domain Adaptation", CIKM 2021: an
LSTM reads the vectors of a session's events, and the mean of its states is drawn to the centre that
the normal sessions of sources and target share (Deep SVDD); a discriminator, whose gradient is
reversed, makes the systems look alike. A session's score is its distance from the centre. As in the
authors' code the centre begins at 0 and follows the sessions, and a distance weighs 100,000 times
as much as the discriminator.

Departures: the vectors of events are those of metalog (not word2vec); a session is read as a whole
and not by windows of 20; one layer of 64 (two of 128) and ten epochs of at most 20 batches (100
epochs), each system with half of the weight; a distance that weighs 1,000 is one of the candidates.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.words import Vectors
from trainer.batches import Rows
from trainer.benchmark.papers.learning import Schedule, learn
from trainer.benchmark.papers.sequences import Padded, Pool, padded
from trainer.benchmark.papers.settings import Material
from trainer.benchmark.papers.trial import Candidate, Compared, ranking
from trainer.benchmark.space import Labelled

_HIDDEN = 64
_REVERSED = 0.1
_WEIGHTS_OF_DISTANCE = (1e5, 1e3)
_BATCHES = 20
_READ_TOGETHER = 256
_SOURCE, _TARGET = 0, 1


class _Reversal(torch.autograd.Function):
    """The same states; their gradient points the other way."""

    @staticmethod
    def forward(context: Any, states: Tensor) -> Tensor:
        return states.view_as(states)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return -_REVERSED * gradient


class _Network(nn.Module):
    def __init__(self, table: Vectors) -> None:
        super().__init__()
        self._table = torch.from_numpy(table)
        self.lstm = nn.LSTM(table.shape[1], _HIDDEN, batch_first=True)
        self.discriminator = nn.Sequential(nn.Linear(_HIDDEN, _HIDDEN), nn.Linear(_HIDDEN, 2))

    def forward(self, sessions: Padded) -> Tensor:
        """Mean states, [sessions, hidden]."""
        packed = pack_padded_sequence(
            self._table[sessions.rows], sessions.lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        mean: Tensor = states.sum(1) / sessions.lengths[:, None]
        return mean

    def system(self, states: Tensor) -> Tensor:
        """Logits of _SOURCE and _TARGET, [sessions, 2]."""
        told: Tensor = self.discriminator(_Reversal.apply(states))  # type: ignore[no-untyped-call]
        return told


class _LogTAD:
    def __init__(self, table: Vectors, sources: list[Rows], weight: float, seed: int) -> None:
        """sources: normal sessions; weight: of a distance beside the discriminator's loss."""
        torch.manual_seed(seed)
        self._network = _Network(table)
        self._sources = sources
        self._weight = weight
        self._seed = seed
        self._centre = torch.zeros(_HIDDEN)
        self._scale = 1.0

    def fit(self, train: Labelled, held: Labelled) -> None:
        sessions = [*self._sources, *train.normal]
        systems = np.repeat([_SOURCE, _TARGET], [len(self._sources), len(train.normal)])
        pool = Pool.of(Labelled(sessions, systems)).balanced()

        def batches(size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
            return islice(pool.batches(size, rng), _BATCHES)

        def follow() -> float:
            self._centre = torch.from_numpy(pool.weights) @ self._states(pool.sequences)
            self._centre /= float(pool.weights.sum())
            # The loss falls for ever, as sessions come nearer to each other: it says nothing.
            return float("nan")

        schedule = Schedule(rate=3e-3, epochs=10)
        learn(
            self._network,
            batches,
            lambda some: self._loss(pool, some),
            follow,
            schedule,
            self._seed,
        )
        self._scale = float(self.score(train.normal).mean()) or 1.0

    def _loss(self, pool: Pool, chosen: NDArray[np.intp]) -> Tensor:
        weights = torch.from_numpy(pool.weights[chosen])
        systems = torch.from_numpy(pool.labels[chosen])
        states = self._network(pool.padded(chosen))
        losses = self._weight * self._distances(states)
        losses = losses + cross_entropy(self._network.system(states), systems, reduction="none")
        return (weights * losses).sum() / weights.sum()

    def _distances(self, states: Tensor) -> Tensor:
        return ((states - self._centre) ** 2).mean(1)

    @torch.no_grad()
    def _states(self, sequences: Sequence[Rows]) -> Tensor:
        found = torch.zeros(len(sequences), _HIDDEN)
        order = np.argsort([len(one) for one in sequences])
        for part in np.array_split(order, -(-len(order) // _READ_TOGETHER)):
            found[part] = self._network(padded([sequences[i] for i in part]))
        return found

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        """Distances, in multiples of their mean over the target's sessions that it has learnt."""
        distances = self._distances(self._states(sequences)).double().numpy()
        scores: NDArray[np.float64] = distances / self._scale
        return scores

    def fitness(self, held: Labelled) -> float:
        return ranking(self, held)


class LogTAD(Compared):
    """Setting f."""

    # Distances are no probabilities.
    published_threshold = None

    def candidates(self, material: Material) -> Sequence[Candidate]:
        table, sources = material.vectors, material.sources.normal

        def of(weight: float) -> Candidate:
            return lambda seed: _LogTAD(table, sources, weight, seed)

        return [of(weight) for weight in _WEIGHTS_OF_DISTANCE]
