"""Batches of sessions, laid out so that nothing is computed twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.words import Vectors
from trainer.corpus import ANOMALOUS

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions of about equal length. rows: int64 [n, length] of the event table; lengths, labels:
    int64 [n]; weights: float32 [n], how many sessions of the batch each stands for; features:
    float32 [n, length, F] and session: float32 [n, S], or None where the network reads none."""

    rows: Tensor
    lengths: Tensor
    labels: Tensor
    weights: Tensor
    features: Tensor | None = None
    session: Tensor | None = None

    def to(self, device: torch.device) -> "Group":
        return Group(
            self.rows.to(device),
            self.lengths.to(device),
            self.labels.to(device),
            self.weights.to(device),
            None if self.features is None else self.features.to(device),
            None if self.session is None else self.session.to(device),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Groups whose weighted losses add up to the loss of the batch; size: sessions in it."""

    groups: tuple[Group, ...]
    size: int


class Sessions:
    """Labelled sessions of one system to draw batches from.

    sequences: rows of the event table, one array a session; labels: 0 or 1; features: float32
    [length, F] each, and session: float32 [sessions, S], what the network reads beside the events.
    """

    def __init__(
        self,
        sequences: Sequence[Rows],
        labels: Sequence[int],
        longest: int,
        features: Sequence[Vectors] | None = None,
        session: Vectors | None = None,
    ) -> None:
        if not sequences:
            raise ValueError("no sessions to draw from")
        self.sequences = [sequence[:longest] for sequence in sequences]
        self.labels = np.asarray(labels, dtype=np.int64)
        self.features = None if features is None else [one[:longest] for one in features]
        self.session = session
        first: dict[tuple[bytes, bytes, int], int] = {}
        # The first session with this sequence and label stands for all that equal it.
        self._twin = np.array(
            [
                first.setdefault(
                    (sequence.tobytes(), b"" if session is None else session[i].tobytes(), label), i
                )
                for i, (sequence, label) in enumerate(
                    zip(self.sequences, self.labels.tolist(), strict=True)
                )
            ]
        )

    def __len__(self) -> int:
        return len(self.sequences)

    def parts(self, count: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
        """Cut into ``count`` parts by uniform sampling; fewer where there are fewer sessions."""
        order = rng.permutation(len(self))
        return [np.sort(part) for part in np.array_split(order, count) if len(part)]

    def draw(
        self,
        within: NDArray[np.intp],
        size: int,
        anomaly_share: float | None,
        rng: np.random.Generator,
    ) -> Batch:
        """A batch of at most ``size`` sessions out of ``within``.

        With ``anomaly_share`` the two classes are drawn apart, with replacement; a class that
        ``within`` lacks is drawn from all sessions.
        """
        if anomaly_share is None:
            return self.batch(rng.choice(within, size=min(size, len(within)), replace=False))
        anomalous = round(size * anomaly_share)
        chosen = [
            rng.choice(self._of(within, label), size=count)
            for label, count in ((1, anomalous), (0, size - anomalous))
        ]
        return self.batch(np.concatenate(chosen))

    def _of(self, within: NDArray[np.intp], label: int) -> NDArray[np.intp]:
        wanted = (self.labels == ANOMALOUS) == bool(label)
        here = within[wanted[within]]
        everywhere = np.flatnonzero(wanted)
        return here if len(here) else everywhere if len(everywhere) else within

    def batch(self, chosen: NDArray[np.intp]) -> Batch:
        """The batch of these sessions: equal ones once with a weight, grouped by length."""
        twins, counts = np.unique(self._twin[chosen], return_counts=True)
        lengths = np.array([len(self.sequences[i]) for i in twins])
        # Powers of two: less than half of a group is padding, and long sessions stay among
        # themselves, so the attention's length x length matrices stay small.
        size_class = np.ceil(np.log2(np.maximum(lengths, 8))).astype(int)
        groups = []
        for one in np.unique(size_class):
            members = np.flatnonzero(size_class == one)
            rows = np.zeros((len(members), int(lengths[members].max())), dtype=np.int64)
            for row, member in enumerate(members):
                sequence = self.sequences[twins[member]]
                rows[row, : len(sequence)] = sequence
            groups.append(
                Group(
                    torch.from_numpy(rows),
                    torch.from_numpy(lengths[members]),
                    torch.from_numpy(self.labels[twins[members]]),
                    torch.from_numpy(counts[members].astype(np.float32)),
                    self._features_of(twins[members], rows.shape[1]),
                    None
                    if self.session is None
                    else torch.from_numpy(self.session[twins[members]]),
                )
            )
        return Batch(tuple(groups), len(chosen))

    def _features_of(self, chosen: NDArray[np.intp], length: int) -> Tensor | None:
        if self.features is None:
            return None
        width = self.features[0].shape[1]
        padded = np.zeros((len(chosen), length, width), dtype=np.float32)
        for row, i in enumerate(chosen):
            padded[row, : len(self.features[i])] = self.features[i]
        return torch.from_numpy(padded)
