"""Padded batches of sessions: equal ones once, those of about equal length together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.batches import Rows
from trainer.benchmark.space import Labelled

# Events of a session that are read, from its start: the 88 % quantile of the longest logs here.
LONGEST = 128
# How far a session may be from its place in the order of lengths, as a share of that length.
_MIXING = 0.2
_READ_TOGETHER = 64


@dataclass(frozen=True)
class Padded:
    """rows: int64 [sessions, longest], 0 past the end; lengths: int64 [sessions]; mask: bool
    [sessions, longest], true within a session."""

    rows: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        return torch.arange(self.rows.shape[1]) < self.lengths[:, None]

    @property
    def turned(self) -> Tensor:
        """Int64 [sessions, longest]: places of the session's events from its end to its start."""
        return (self.lengths[:, None] - 1 - torch.arange(self.rows.shape[1])).clamp(min=0)


def padded(sequences: Sequence[Rows]) -> Padded:
    lengths = np.array([min(len(one), LONGEST) for one in sequences], dtype=np.int64)
    rows = np.zeros((len(sequences), int(lengths.max(initial=1))), dtype=np.int64)
    for row, sequence, length in zip(rows, sequences, lengths, strict=True):
        row[:length] = sequence[:length]
    return Padded(torch.from_numpy(rows), torch.from_numpy(lengths))


def by_length(sequences: Sequence[Rows]) -> list[NDArray[np.intp]]:
    """Numbers of all sessions, in parts to be read together: little of them is padding."""
    order = np.argsort([min(len(one), LONGEST) for one in sequences], kind="stable")
    return np.array_split(order, -(-len(order) // _READ_TOGETHER)) if len(order) else []


@dataclass(frozen=True)
class Pool:
    """Sessions to learn from, those that are read alike and have one label once.

    sequences: int64 [length] each; labels: int64 [distinct]; weights: float32 [distinct], how many
    sessions each stands for.
    """

    sequences: list[Rows]
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, sessions: Labelled) -> "Pool":
        ids: dict[tuple[bytes, int], int] = {}
        sequences: list[Rows] = []
        labels: list[int] = []
        counts: list[int] = []
        for sequence, label in zip(sessions.sequences, sessions.labels.tolist(), strict=True):
            read = sequence[:LONGEST]
            place = ids.setdefault((read.tobytes(), label), len(ids))
            if place == len(counts):
                sequences.append(read)
                labels.append(label)
                counts.append(0)
            counts[place] += 1
        return cls(sequences, np.array(labels, np.int64), np.array(counts, np.float32))

    def __len__(self) -> int:
        return len(self.sequences)

    def balanced(self) -> "Pool":
        """Both classes weigh the same; the weights add up to as much as before."""
        weights = self.weights.copy()
        present = np.unique(self.labels)
        for label in present:
            of_class = self.labels == label
            weights[of_class] *= self.weights.sum() / len(present) / weights[of_class].sum()
        return Pool(self.sequences, self.labels, weights)

    def padded(self, chosen: NDArray[np.intp]) -> Padded:
        return padded([self.sequences[i] for i in chosen])

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
        """Every session once, in an order that is drawn."""
        lengths = np.array([len(one) for one in self.sequences], dtype=np.float64)
        order = np.argsort(lengths * rng.uniform(1 - _MIXING, 1 + _MIXING, len(self)))
        parts = np.array_split(order, -(-len(self) // size))
        for i in rng.permutation(len(parts)):
            yield parts[i]
