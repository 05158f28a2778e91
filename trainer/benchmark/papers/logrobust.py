"""LogRobust: a classifier of sequences of semantic vectors.

Zhang et al., "Robust Log-based Anomaly Detection on Unstable Log Data", ESEC/FSE 2019: each event
is the TF-IDF weighted mean of the vectors of its words, a bidirectional LSTM reads the session,
attention weighs its states, a softmax says anomalous or not.

Departures: the word vectors are those of metalog (GloVe, not FastText), for a fair comparison;
hidden states of 64 and one layer (128 and two in public reimplementations), to learn on processors;
it learns from 20 epochs or about 500 batches at most; balanced
classes are one of the candidates, since the paper has as many anomalies as normal sessions and
these settings have not.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.words import Vectors
from trainer.benchmark.papers.classifier import Classifier
from trainer.benchmark.papers.learning import Schedule
from trainer.benchmark.papers.recurrent import Recurrent
from trainer.benchmark.papers.sequences import Padded
from trainer.benchmark.papers.settings import Material
from trainer.benchmark.papers.trial import Candidate, Compared

_HIDDEN = 64
_SCHEDULE = Schedule(rate=3e-3, batch=32, steps=500)


class _Network(nn.Module):
    def __init__(self, table: Vectors) -> None:
        super().__init__()
        self.lstm = Recurrent(table, _HIDDEN, both_ways=True)
        self.attention = nn.Linear(self.lstm.width, 1)
        self.verdict = nn.Linear(self.lstm.width, 2)

    def forward(self, sessions: Padded) -> Tensor:
        """Logits [sessions, 2]."""
        states = self.lstm(sessions)
        weights = torch.tanh(self.attention(states)).squeeze(2)
        weights = weights.masked_fill(~sessions.mask, -torch.inf).softmax(1)
        read: Tensor = self.verdict((weights[:, :, None] * states).sum(1))
        return read


def _learner(table: Vectors, seed: int, *, balanced: bool) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(_Network(table), _SCHEDULE, seed, balanced=balanced)


class LogRobust(Compared):
    """Settings a, b, d; e with other vectors, see ``tca``."""

    def candidates(self, material: Material) -> Sequence[Candidate]:
        table = material.vectors
        return [
            lambda seed: _learner(table, seed, balanced=False),
            lambda seed: _learner(table, seed, balanced=True),
        ]
