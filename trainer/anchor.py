"""What keeps a network that goes on learning where it was: its own earlier answers.

Labels of rehearsed sessions alone let it drift: it may answer them as rightly as before, and
otherwise. A threshold that a host finds by itself, from scores without labels, moves with that. So
its logits are held near those it gave before (Buzzega et al. 2020, "Dark experience for general
continual learning": the answers of rehearsed sessions beside their labels).
"""

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor

from trainer.batches import Batch, Sessions
from trainer.network import MetaLogNetwork

# Of each system that is rehearsed, in every step.
_SESSIONS = 32


class Anchor:
    """The answers of one member before the first step. sessions: what it has learnt, one entry a
    system."""

    def __init__(self, member: MetaLogNetwork, sessions: list[Sessions]) -> None:
        self._before = deepcopy(member).eval()
        self._sessions = sessions

    def gradients(
        self, member: MetaLogNetwork, table: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """Of the mean squared change of its log-odds on sessions drawn anew, half of them
        anomalous, by each of the member's parameters, in their order."""
        # As it scores: with nothing left out, the loss is 0 before anything has changed.
        member.eval()
        losses = []
        for one in self._sessions:
            batch = one.draw(np.arange(len(one)), _SESSIONS, 0.5, rng).to(table.device)
            with torch.no_grad():
                before = _log_odds(self._before, table, batch)
            change = _log_odds(member, table, batch) - before
            losses.append((change.square() * batch.weights).sum() / batch.size)
        member.train()
        return torch.autograd.grad(torch.stack(losses).mean(), list(member.parameters()))


def _log_odds(member: MetaLogNetwork, table: Tensor, batch: Batch) -> Tensor:
    logits: Tensor = member(table, batch)
    return logits[:, 1] - logits[:, 0]
