"""DeepLog: a session is anomalous where an event is not among those that were to be expected.

Du et al., "DeepLog: Anomaly Detection and Diagnosis from System Logs through Deep Learning", CCS
2017: two layers of LSTM learn from normal sessions alone which event follows the last ten; a
session is anomalous when one of its events is not among the g likeliest. Events are numbers, not
vectors. A session's score is the rank of its least expected event, so that the threshold is g. An
event that no normal session has ranks last, and is anomalous whatever g is.

Departures: windows are filled up before the first event, and the end of a session is one more event
to be expected, else nothing could be said of sessions that are cut short (public reimplementations
fill short sessions up at their end, which tells them as well); an event has a learnt vector of 64
in the place of one input for each; one layer is one of the candidates; the values of parameters in
log lines are not looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainer.batches import Rows
from trainer.benchmark.papers.learning import Schedule, learn
from trainer.benchmark.papers.sequences import LONGEST
from trainer.benchmark.papers.settings import Material
from trainer.benchmark.papers.trial import Candidate, Compared
from trainer.benchmark.space import Labelled
from trainer.benchmark.task import Task

_WINDOW = 10
_HIDDEN = 64
_LAYERS = (2, 1)
# Of held sessions, the next event should be among so many: about half of the published g of 9.
_FEW = 5
_SCORED_TOGETHER = 1024
# What stands in a window beside events, whose numbers follow.
_BEFORE, _END, _NEVER_MET = 0, 1, 2
_FIRST_EVENT = 3


@dataclass(frozen=True)
class _Windows:
    """Distinct windows of sessions. past: int64 [distinct, _WINDOW]; following: int64 [distinct];
    weights: float32 [distinct], how often each is met; member: int64 [windows], which one it is,
    session after session; first: int64 [sessions], where each session begins in ``member``."""

    past: Tensor
    following: Tensor
    weights: Tensor
    member: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Sequence[Rows], numbers: NDArray[np.int64]) -> "_Windows":
        """numbers: int64 [rows], what each row of the space stands as in a window."""
        found = []
        for sequence in sequences:
            end = [_END] if len(sequence) <= LONGEST else []
            read = np.concatenate([[_BEFORE] * _WINDOW, numbers[sequence[:LONGEST]], end])
            found.append(sliding_window_view(read.astype(np.int64), _WINDOW + 1))
        distinct, member, counts = np.unique(
            np.concatenate(found), axis=0, return_inverse=True, return_counts=True
        )
        return cls(
            past=torch.from_numpy(distinct[:, :-1].copy()),
            following=torch.from_numpy(distinct[:, -1].copy()),
            weights=torch.from_numpy(counts.astype(np.float32)),
            member=member.reshape(-1),
            first=np.cumsum([0, *(len(one) for one in found[:-1])]),
        )

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
        order = rng.permutation(len(self.following))
        yield from np.array_split(order, -(-len(order) // size))


class _Network(nn.Module):
    def __init__(self, classes: int, layers: int) -> None:
        super().__init__()
        self.events = nn.Embedding(classes, _HIDDEN)
        self.lstm = nn.LSTM(_HIDDEN, _HIDDEN, layers, batch_first=True)
        self.following = nn.Linear(_HIDDEN, classes)

    def forward(self, past: Tensor) -> Tensor:
        """Logits of the next event, [windows, classes]."""
        expected: Tensor = self.following(self.lstm(self.events(past))[0][:, -1])
        return expected


class _DeepLog:
    def __init__(self, numbers: NDArray[np.int64], layers: int, seed: int) -> None:
        torch.manual_seed(seed)
        self._numbers = numbers
        self._classes = int(numbers.max()) + 1
        self._network = _Network(self._classes, layers)
        self._seed = seed

    def fit(self, train: Labelled, held: Labelled) -> None:
        met = np.unique(np.concatenate([sequence[:LONGEST] for sequence in train.normal]))
        numbers = np.full_like(self._numbers, _NEVER_MET)
        numbers[met] = self._numbers[met]
        self._numbers = numbers
        windows, others = _Windows.of(train.normal, numbers), _Windows.of(held.normal, numbers)
        expectable = np.flatnonzero(others.following.numpy() != _NEVER_MET)
        learn(
            self._network,
            windows.batches,
            lambda chosen: self._loss(windows, chosen),
            lambda: float(self._loss(others, expectable)),
            Schedule(rate=5e-3, batch=256, epochs=25, patience=3),
            self._seed,
        )

    def _loss(self, windows: _Windows, chosen: NDArray[np.intp]) -> Tensor:
        weights = windows.weights[chosen]
        expected = self._network(windows.past[chosen])
        losses = cross_entropy(expected, windows.following[chosen], reduction="none")
        return (weights * losses).sum() / weights.sum()

    @torch.no_grad()
    def _ranks(self, windows: _Windows) -> NDArray[np.int64]:
        """Of the event that did follow, int64 [distinct], 1 = it was the likeliest."""
        ranks = []
        parts = -(-len(windows.following) // _SCORED_TOGETHER)
        for chosen in np.array_split(np.arange(len(windows.following)), parts):
            expected = self._network(windows.past[chosen])
            actual = expected.gather(1, windows.following[chosen, None])
            ranks.append(1 + (expected > actual).sum(1))
        found: NDArray[np.int64] = torch.cat(ranks).numpy()
        found[windows.following.numpy() == _NEVER_MET] = self._classes
        return found

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        """The largest rank in each session, as a share of the last one."""
        windows = _Windows.of(sequences, self._numbers)
        ranks = self._ranks(windows)[windows.member]
        return np.maximum.reduceat(ranks, windows.first) / self._classes

    def fitness(self, held: Labelled) -> float:
        windows = _Windows.of(held.normal, self._numbers)
        return float(np.average(self._ranks(windows) <= _FEW, weights=windows.weights))


class DeepLog(Compared):
    """Setting c."""

    # Ranks are no probabilities.
    published_threshold = None

    def candidates(self, material: Material) -> Sequence[Candidate]:
        met = np.unique(np.concatenate([sequence[:LONGEST] for sequence in material.own.normal]))
        numbers = np.full(len(material.space.templates), _NEVER_MET)
        numbers[met] = _FIRST_EVENT + np.arange(len(met))

        def of(layers: int) -> Candidate:
            return lambda seed: _DeepLog(numbers, layers, seed)

        return [of(layers) for layers in _LAYERS]

    def fit(self, task: Task) -> None:
        super().fit(task)
        # Where many held-out sessions had new events themselves: g cannot be more than there is.
        self.threshold = min(self.threshold, 1.0)
