"""How sessions are given to a network, one or several, and what comes back."""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from trainer.batches import Batch, laid_out


class Reader(nn.Module, ABC):
    """What reads sessions: a network, or several whose answers are averaged.

    shares: whether sessions that begin alike may share states; what reads a session from its end,
    too, knows the end from the first state on.
    """

    shares: bool

    @abstractmethod
    def read(self, table: Tensor, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """Logits, see ``forward``; and for each group of the batch how much attention each event
        received, [sessions, length], sum 1."""

    def forward(self, table: Tensor, batch: Batch) -> Tensor:
        """Logits [sessions, 2] of a batch of rows of ``table``, float [events, dimension].

        In training, with the severity path, [sessions, 2, 2]: one column of logits a path, so that
        each learns to answer for itself. Elsewhere they are added.
        """
        return self.read(table, batch)[0]

    def attend(
        self,
        vectors: Tensor,
        lengths: Tensor,
        features: Tensor | None = None,
        session: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Logits [sessions, 2], and how much attention each event received [sessions, length].

        vectors: float [sessions, length, dimension], anything past a session's end; lengths: int64
        [sessions], at least 1; features: float [sessions, length, F], needed where F > 0; session:
        float [sessions, S], needed where that is > 0.
        """
        order = torch.argsort(lengths, descending=True, stable=True)
        sizes = lengths[order].cpu().numpy()
        size, length = vectors.shape[:2]
        # Every event is one of its own.
        rows = np.arange(size * length).reshape(size, length)[order.cpu().numpy()]
        batch = laid_out(
            rows[:, : sizes[0]],
            sizes,
            labels=np.zeros(size, dtype=np.int64),
            weights=np.ones(size, dtype=np.float32),
            members=np.arange(size),
            shares=False,
        ).to(vectors.device)
        read = batch.events[batch.event_of]
        batch = replace(
            batch,
            features=None if features is None else features.flatten(0, 1)[read],
            session=None if session is None else session[order],
        )
        logits, by_group = self.read(vectors.flatten(0, 1), batch)
        weights = vectors.new_zeros(size, length)
        first = 0
        for part in by_group:
            weights[order[first : first + len(part)], : part.shape[1]] = part
            first += len(part)
        return torch.empty_like(logits).index_copy(0, order, logits), weights
