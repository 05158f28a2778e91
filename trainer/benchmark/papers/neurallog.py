"""NeuralLog: a transformer reads sentence vectors, with no word weights learnt from any log.

Le and Zhang, "Log-based Anomaly Detection Without Log Parsing", ASE 2021: each message gets a
vector from a pre-trained language model; positions are added, a transformer encoder reads the
session, the mean of its states goes through a hidden layer of 32 to a softmax.

Departures: the sentence model is the user's choice (``neurallog/sentences=MODEL``), and without one
it is the mean of the vectors of a message's words (GloVe), not BERT: nothing to download, but words
have no context. Events are
parsed, as for all methods here, and the sentence is the template: on HDFS, BGL and Thunderbird,
whose messages are templates but for a few, that is what is left of a message without its numbers,
which the paper removes too. Vectors are projected to 64 (4 heads, 256 in between; of BERT 768, 12
and 2,048). 128 events of a session are read at most. Adam without weight decay. Balanced classes
are one of the candidates.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.words import Vectors
from trainer.benchmark.papers.classifier import Classifier
from trainer.benchmark.papers.learning import Schedule
from trainer.benchmark.papers.sentences import Sentences, word_means
from trainer.benchmark.papers.sequences import LONGEST, Padded
from trainer.benchmark.papers.settings import Given, Material
from trainer.benchmark.papers.trial import Candidate, Compared

_WIDTH = 64
_HEADS = 4
_BETWEEN = 256
_HIDDEN = 32
_DROPOUT = 0.1


def positions() -> Tensor:
    """Sines and cosines of Vaswani et al. 2017, float32 [LONGEST, _WIDTH]."""
    rates = torch.exp(torch.arange(0, _WIDTH, 2) * (-math.log(10_000.0) / _WIDTH))
    angles = torch.arange(LONGEST)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)


class _Network(nn.Module):
    def __init__(self, table: Vectors) -> None:
        super().__init__()
        self._table = torch.from_numpy(table)
        self._positions = positions()
        self.projection = nn.Linear(table.shape[1], _WIDTH)
        self.encoder = nn.TransformerEncoderLayer(
            _WIDTH, _HEADS, _BETWEEN, _DROPOUT, batch_first=True
        )
        self.verdict = nn.Sequential(
            nn.Dropout(_DROPOUT),
            nn.Linear(_WIDTH, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(_HIDDEN, 2),
        )

    def forward(self, sessions: Padded) -> Tensor:
        """Logits [sessions, 2]."""
        mask = sessions.mask
        events = self.projection(self._table[sessions.rows])
        events = events + self._positions[: events.shape[1]]
        states = self.encoder(events, src_key_padding_mask=~mask)
        total = states.masked_fill(~mask[:, :, None], 0).sum(1)
        read: Tensor = self.verdict(total / sessions.lengths[:, None])
        return read


def _learner(table: Vectors, seed: int, *, balanced: bool) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(_Network(table), Schedule(batch=32), seed, balanced=balanced)


class NeuralLog(Compared):
    """Setting d."""

    def __init__(self, name: str, given: Given, sentences: Sentences = word_means) -> None:
        super().__init__(name, given)
        self._sentences = sentences

    def candidates(self, material: Material) -> Sequence[Candidate]:
        table = self._sentences(material.space.templates)
        return [
            lambda seed: _learner(table, seed, balanced=False),
            lambda seed: _learner(table, seed, balanced=True),
        ]
