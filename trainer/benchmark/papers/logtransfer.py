"""LogTransfer: what labelled sources taught a network goes on learning on the target.

Chen et al., "LogTransfer: Cross-System Log Anomaly Detection for Software Systems with Transfer
Learning", ISSRE 2020: each event is the mean of the GloVe vectors of its words, an LSTM reads the
session, fully connected layers say anomalous or not. All of it learns from the sources first; the
fully connected layers are what source and target share, and the LSTM learns on from the target's
labelled sessions.

Departures: sessions of up to ``LONGEST`` events and not windows; one layer of 64 hidden states;
words are weighed as everywhere in metalog. Candidates beside the published one: it is the LSTM that
is kept and the layers that learn on, as others describe the method, and all learns on slowly. The
sources' lesson is the same for all folds: they are no part of them.
"""

import copy
from collections.abc import Sequence
from enum import Enum

import numpy as np
import torch
from torch import Tensor, nn

from models.words import Vectors
from trainer.benchmark.papers.classifier import Classifier
from trainer.benchmark.papers.learning import Schedule
from trainer.benchmark.papers.recurrent import Recurrent
from trainer.benchmark.papers.sequences import Padded
from trainer.benchmark.papers.settings import Material
from trainer.benchmark.papers.trial import Candidate, Compared, folds

_HIDDEN = 64
_CONNECTED = 32
_ON_SOURCES = Schedule(rate=3e-3, batch=32, steps=500)
_ON_TARGET = Schedule(rate=1e-3, batch=32)
_ALL_ON_TARGET = Schedule(rate=3e-4, batch=32)
# Stream of random numbers beside those of ``trial``.
_HOLDING = 11


class _Network(nn.Module):
    def __init__(self, table: Vectors) -> None:
        super().__init__()
        self.lstm = Recurrent(table, _HIDDEN)
        self.connected = nn.Sequential(
            nn.Linear(_HIDDEN, _CONNECTED), nn.ReLU(), nn.Linear(_CONNECTED, 2)
        )

    def forward(self, sessions: Padded) -> Tensor:
        """Logits [sessions, 2]."""
        states = self.lstm(sessions)
        last = states[torch.arange(len(states)), sessions.lengths - 1]
        logits: Tensor = self.connected(last)
        return logits


class _Kept(Enum):
    """What the target does not change."""

    CONNECTED = "connected"
    LSTM = "lstm"
    NOTHING = None


class _Sources:
    """The network that learnt from the sources, taught when it is first asked for."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._taught: _Network | None = None

    def network(self, seed: int) -> _Network:
        """A copy, the same for every seed but the first."""
        if self._taught is None:
            torch.manual_seed(seed)
            sources = self._material.sources
            held = folds(sources.labels, np.random.default_rng([seed, _HOLDING])) == 0
            self._taught = _Network(self._material.vectors)
            Classifier(self._taught, _ON_SOURCES, seed, balanced=True).fit(
                sources.chosen(~held), sources.chosen(held)
            )
        return copy.deepcopy(self._taught)


def _learner(sources: _Sources, seed: int, kept: _Kept) -> Classifier:
    network = sources.network(seed)
    if kept is not _Kept.NOTHING:
        network.get_submodule(kept.value).requires_grad_(False)
    schedule = _ALL_ON_TARGET if kept is _Kept.NOTHING else _ON_TARGET
    return Classifier(network, schedule, seed, balanced=True)


class LogTransfer(Compared):
    """Setting f."""

    def candidates(self, material: Material) -> Sequence[Candidate]:
        sources = _Sources(material)
        return [
            lambda seed: _learner(sources, seed, _Kept.CONNECTED),
            lambda seed: _learner(sources, seed, _Kept.LSTM),
            lambda seed: _learner(sources, seed, _Kept.NOTHING),
        ]
