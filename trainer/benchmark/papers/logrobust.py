"""LogRobust: a classifier of sequences of semantic vectors.

Zhang et al., "Robust Log-based Anomaly Detection on Unstable Log Data", ESEC/FSE 2019: each event
is the TF-IDF weighted mean of the vectors of its words, a bidirectional LSTM reads the session,
attention weighs its states, a softmax says anomalous or not.

Departures: the word vectors are those of metalog (GloVe, not FastText), for a fair comparison;
hidden states of 64 and one layer (128 and two in public reimplementations): as good here within a
point, in a quarter of the time; balanced classes are one of the candidates, since the paper has as
many anomalies as normal sessions and these settings have not.
"""

from collections.abc import Sequence

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
_SCORED_TOGETHER = 256


class _Network(nn.Module):
    def __init__(self, table: Vectors) -> None:
        super().__init__()
        self._table = torch.from_numpy(table)
        self.lstm = nn.LSTM(table.shape[1], _HIDDEN, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * _HIDDEN, 1)
        self.verdict = nn.Linear(2 * _HIDDEN, 2)

    def forward(self, sessions: Padded) -> Tensor:
        """Logits [sessions, 2]."""
        packed = pack_padded_sequence(
            self._table[sessions.rows], sessions.lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        weights = torch.tanh(self.attention(states)).squeeze(2)
        weights = weights.masked_fill(~sessions.mask, -torch.inf).softmax(1)
        read: Tensor = self.verdict((weights[:, :, None] * states).sum(1))
        return read


class _LogRobust:
    def __init__(self, table: Vectors, seed: int, *, balanced: bool) -> None:
        torch.manual_seed(seed)
        self._network = _Network(table)
        self._balanced = balanced
        self._seed = seed

    def fit(self, train: Labelled, held: Labelled) -> None:
        pool, other = Pool.of(train), Pool.of(held)
        if self._balanced:
            pool, other = pool.balanced(), other.balanced()
        learn(
            self._network,
            pool.batches,
            lambda chosen: self._loss(pool, chosen),
            lambda: float(self._loss(other, np.arange(len(other)))),
            Schedule(rate=3e-3, batch=32),
            self._seed,
        )

    def _loss(self, pool: Pool, chosen: NDArray[np.intp]) -> Tensor:
        weights = torch.from_numpy(pool.weights[chosen])
        labels = torch.from_numpy(pool.labels[chosen])
        losses = cross_entropy(self._network(pool.padded(chosen)), labels, reduction="none")
        return (weights * losses).sum() / weights.sum()

    @torch.no_grad()
    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        found = np.zeros(len(sequences))
        order = np.argsort([len(one) for one in sequences])
        for part in np.array_split(order, -(-len(order) // _SCORED_TOGETHER)):
            logits = self._network(padded([sequences[i] for i in part]))
            found[part] = logits.softmax(1)[:, 1].numpy()
        return found

    def fitness(self, held: Labelled) -> float:
        return ranking(self, held)


class LogRobust(Compared):
    """Settings a, b, d; e with other vectors, see ``tca``."""

    def candidates(self, material: Material) -> Sequence[Candidate]:
        table = material.vectors
        return [
            lambda seed: _LogRobust(table, seed, balanced=False),
            lambda seed: _LogRobust(table, seed, balanced=True),
        ]
