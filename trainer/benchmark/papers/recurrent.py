"""LSTM over padded sessions."""

import torch
from torch import Tensor, nn

from models.words import Vectors
from trainer.benchmark.papers.sequences import Padded


class Recurrent(nn.Module):
    """One layer; what it reads past the end of a session changes no state within it.

    The sessions are not packed, and the other direction is a second LSTM that reads them turned
    round: so torch has its fused kernels for the CPU, which it has not for packed sequences.
    """

    def __init__(self, table: Vectors, hidden: int, *, both_ways: bool = False) -> None:
        """table: float32 [events, dimension], not learnt."""
        super().__init__()
        self._table = torch.from_numpy(table)
        self.width = hidden * (2 if both_ways else 1)
        self.forth = nn.LSTM(table.shape[1], hidden, batch_first=True)
        self.back = nn.LSTM(table.shape[1], hidden, batch_first=True) if both_ways else None

    def forward(self, sessions: Padded) -> Tensor:
        """States after each event, [sessions, longest, width]; past the end they mean nothing."""
        states: Tensor = self.forth(self._table[sessions.rows])[0]
        if self.back is None:
            return states
        turned = sessions.turned
        after = self.back(self._table[sessions.rows.gather(1, turned)])[0]
        after = after.gather(1, turned[:, :, None].expand_as(after))
        return torch.cat([states, after], dim=2)
