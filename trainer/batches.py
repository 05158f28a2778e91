"""Batches of sessions, laid out so that nothing is computed twice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.words import Vectors
from trainer.corpus import ANOMALOUS
from trainer.recurrence import Steps

Rows = NDArray[np.int64]
# In a padded row of events; never one of them.
NO_EVENT = -1
# Lengths that are told apart: up to this one, up to its double, and so on. Half as much or none at
# all costs the same within a few percent on HDFS; 512 events in one group with 30 cost four times
# as much.
_FIRST_CLASS = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """Sessions in the order of their length, the longest first; equal ones are there once.

    N states: what a recurrent network knows after an event of a session. Sessions that begin alike
    share the states of their beginning, where the network reads nothing but events.

    events: int64, rows of the event table, each once; event_of: int64 [N], which of them a state
    has read last; steps: how the states follow each other; features: float32 [N, F], what is read
    beside that event, or None; owners: int64 [N], the session of each state, or None where sessions
    share states.

    lengths, labels: int64 [sessions]; weights: float32 [sessions], how many sessions of the batch
    each stands for; session: float32 [sessions, S] or None; members: int64 [sessions], their
    numbers among those the batch was taken from; size: sessions in the batch, equal ones counted.

    groups: all sessions in their order, those of about equal length together: int64 [sessions of
    the group, length], the state after each event; 0 past a session's end.
    """

    events: Tensor
    event_of: Tensor
    steps: Steps
    features: Tensor | None
    owners: Tensor | None
    lengths: Tensor
    labels: Tensor
    weights: Tensor
    session: Tensor | None
    members: NDArray[np.intp]
    size: int
    groups: tuple[Tensor, ...]

    def mirrored(self) -> Tensor:
        """For each state the one as far from the end of its session as it is from the start, [N].

        Raises ValueError where sessions share states: those have several ends.
        """
        if self.owners is None:
            raise ValueError("sessions that share states cannot be read from their ends")
        sizes = torch.tensor(self.steps.sizes, device=self.owners.device)
        begins = sizes.cumsum(0) - sizes
        left = self.lengths[self.owners] - 1 - torch.repeat_interleave(sizes)
        return begins[left] + self.owners

    def to(self, device: torch.device) -> "Batch":
        if device == self.lengths.device:
            return self

        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        return replace(
            self,
            events=self.events.to(device),
            event_of=self.event_of.to(device),
            steps=self.steps.to(device),
            features=moved(self.features),
            owners=moved(self.owners),
            lengths=self.lengths.to(device),
            labels=self.labels.to(device),
            weights=self.weights.to(device),
            session=moved(self.session),
            groups=tuple(group.to(device) for group in self.groups),
        )


class Sessions:
    """Labelled sessions of one system to draw batches from.

    sequences: rows of the event table, one array a session; labels: 0 or 1; features: float32
    [length, F] each, and session: float32 [sessions, S], what the network reads beside the events.
    shares: sessions that begin alike share states, unless something beside the events is read; a
    bidirectional network, which knows the end of a session from its first state on, cannot.
    """

    def __init__(
        self,
        sequences: Sequence[Rows],
        labels: Sequence[int],
        longest: int,
        features: Sequence[Vectors] | None = None,
        session: Vectors | None = None,
        *,
        shares: bool = True,
    ) -> None:
        if not sequences:
            raise ValueError("no sessions to draw from")
        self.sequences = [sequence[:longest] for sequence in sequences]
        self.labels = np.asarray(labels, dtype=np.int64)
        self.features = None if features is None else [one[:longest] for one in features]
        self.session = session
        first: dict[tuple[bytes, bytes, bytes, int], int] = {}
        # The first session with this sequence and label stands for all that equal it. What is read
        # beside the events counts as well: it also tells of events that were left out.
        self.twin = np.array(
            [
                first.setdefault(
                    (
                        sequence.tobytes(),
                        b"" if self.features is None else self.features[i].tobytes(),
                        b"" if session is None else session[i].tobytes(),
                        label,
                    ),
                    i,
                )
                for i, (sequence, label) in enumerate(
                    zip(self.sequences, self.labels.tolist(), strict=True)
                )
            ]
        )
        self._lengths = np.array([len(sequence) for sequence in self.sequences], dtype=np.int64)
        self._shares = shares and features is None and session is None

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
        """The batch of these sessions."""
        members, counts = np.unique(self.twin[chosen], return_counts=True)
        order = np.argsort(-self._lengths[members], kind="stable")
        members, counts = members[order], counts[order]
        lengths = self._lengths[members]
        rows = np.full((len(members), lengths[0]), NO_EVENT)
        rows[np.arange(lengths[0]) < lengths[:, None]] = np.concatenate(
            [self.sequences[i] for i in members]
        )
        return laid_out(
            rows,
            lengths,
            labels=self.labels[members],
            weights=counts.astype(np.float32),
            features=None if self.features is None else [self.features[i] for i in members],
            session=None if self.session is None else self.session[members],
            members=members,
            shares=self._shares,
        )


def laid_out(
    rows: Rows,
    lengths: NDArray[np.int64],
    *,
    labels: NDArray[np.int64],
    weights: Vectors,
    members: NDArray[np.intp],
    shares: bool,
    features: Sequence[Vectors] | None = None,
    session: Vectors | None = None,
) -> Batch:
    """The batch of distinct sessions, sorted by falling length.

    rows: int64 [sessions, length], padded with NO_EVENT; features: [length, F] for each session;
    shares: sessions that begin alike share states. See Batch for the others.
    """
    real = np.arange(rows.shape[1]) < lengths[:, None]
    # Sorted by their events, sessions that begin alike lie together, and each has states of its own
    # from the first event on in which it differs from the one before.
    order = np.lexsort(rows.T[::-1]) if shares else np.arange(len(rows))
    own = real[order]
    if shares:
        differs = np.ones_like(own)
        differs[1:] = np.logical_or.accumulate(rows[order[1:]] != rows[order[:-1]], axis=1)
        own &= differs
    sizes = own.sum(axis=0)
    begins = np.cumsum(sizes) - sizes
    places = np.empty_like(rows)
    places[order] = begins + np.cumsum(own, axis=0) - 1
    times, sorted_owners = np.nonzero(own.T)
    owners = order[sorted_owners]
    events, event_of = np.unique(rows[owners, times], return_inverse=True)
    starts = np.cumsum(lengths) - lengths
    return Batch(
        events=torch.from_numpy(events),
        event_of=torch.from_numpy(event_of),
        steps=_steps(sizes, begins, places[owners, times - 1][sizes[0] :]),
        features=None
        if features is None
        else torch.from_numpy(np.concatenate(features)[starts[owners] + times]),
        owners=None if shares else torch.from_numpy(owners),
        lengths=torch.from_numpy(lengths),
        labels=torch.from_numpy(labels),
        weights=torch.from_numpy(weights),
        session=None if session is None else torch.from_numpy(session),
        members=members,
        size=int(weights.sum()),
        groups=tuple(
            torch.from_numpy(np.where(real, places, 0)[first:end, : lengths[first]])
            for first, end in _classes(lengths)
        ),
    )


def _steps(
    sizes: NDArray[np.int64], begins: NDArray[np.int64], earlier: NDArray[np.int64]
) -> Steps:
    firsts = begins[1:] - sizes[0]
    within = earlier - np.repeat(begins[:-1], sizes[1:])
    moved = within != np.arange(len(within)) - np.repeat(firsts, sizes[1:])
    parents: list[Tensor | None] = [None] * len(sizes)
    for step in np.unique(np.searchsorted(firsts, np.flatnonzero(moved), side="right")):
        first = firsts[step - 1]
        parents[step] = torch.from_numpy(within[first : first + sizes[step]])
    return Steps(tuple(sizes.tolist()), tuple(parents), torch.from_numpy(earlier))


def _classes(lengths: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Where groups begin and end: long sessions stay among themselves, because the attention of
    each is a matrix as wide and as high as the longest session of its group."""
    size_class = np.ceil(np.log2(np.maximum(lengths, _FIRST_CLASS)))
    borders = [0, *(np.flatnonzero(np.diff(size_class)) + 1).tolist(), len(lengths)]
    return list(pairwise(borders))
