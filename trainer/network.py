"""The network of Eq. 4: GRU, self-attention, a non-linear layer."""

from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from export.graph import NetworkShape

_FAR_BELOW = -1e9


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What may vary in the network. The defaults are the paper's, where it fixes them.

    dimension: of an event vector. features: width F of the numbers beside each vector.
    attention: "value" (softmax(Q K^T) V: V is defined in Eq. 4 and unused, this is what must be
    meant), "hidden" (softmax(Q K^T) A_in, the formula to the letter) or "none" (the last state).
    scaled: divide Q K^T by the root of the width; Eq. 4 does not. pooling: "sum" over time, as
    Eq. 4, or "mean". tanh before the softmax, as the paper, keeps P between 0.12 and 0.88.
    bidirectional: the released code is, the paper does not say so.
    """

    dimension: int
    features: int = 0
    hidden: int = 100
    layers: int = 2
    bidirectional: bool = False
    attention: Literal["value", "hidden", "none"] = "value"
    scaled: bool = False
    pooling: Literal["sum", "mean"] = "sum"
    tanh: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def shape(self) -> NetworkShape:
        return NetworkShape(
            hidden=self.hidden,
            layers=self.layers,
            bidirectional=self.bidirectional,
            features=self.features,
            attention=self.attention,
            scaled=self.scaled,
            pooling=self.pooling,
            tanh=self.tanh,
        )


class MetaLogNetwork(nn.Module):
    """Sequences of event vectors to two logits (normal, anomalous).

    Padding never changes a score: the mask keeps it out of the attention, and a backward GRU reads
    each sequence reversed within its own length.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        if config.attention == "none" and config.bidirectional:
            raise ValueError("the last state of a bidirectional GRU has not read the session twice")
        self.config = config
        directions = ["ahead", "behind"] if config.bidirectional else ["ahead"]
        width = config.hidden * len(directions)
        sizes = [config.dimension + config.features] + [width] * (config.layers - 1)
        self.recurrent = nn.ModuleList(
            nn.ModuleDict(
                OrderedDict(
                    (name, nn.GRU(size, config.hidden, batch_first=True)) for name in directions
                )
            )
            for size in sizes
        )
        if config.attention != "none":
            self.query = nn.Linear(width, width, bias=False)
            self.key = nn.Linear(width, width, bias=False)
            if config.attention == "value":
                self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, 2)

    def forward(self, vectors: Tensor, lengths: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits [batch, 2].

        vectors: float [batch, length, dimension], anything past a sequence's end; lengths: int64
        [batch], at least 1; features: float [batch, length, F], needed where F > 0.
        """
        return self.attend(vectors, lengths, features)[0]

    def attend(
        self, vectors: Tensor, lengths: Tensor, features: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits [batch, 2], and how much attention each event received [batch, length], sum 1."""
        steps = torch.arange(vectors.shape[1], device=vectors.device)
        mask = steps < lengths[:, None]
        hidden = self._read(vectors, lengths, steps, features)
        count = lengths[:, None].to(hidden.dtype)
        if self.config.attention == "none":
            pooled = hidden[torch.arange(len(lengths), device=lengths.device), lengths - 1]
            return self._classify(pooled), mask / count
        scores = self.query(hidden) @ self.key(hidden).transpose(1, 2)
        if self.config.scaled:
            scores = scores / hidden.shape[-1] ** 0.5
        attention = torch.softmax(scores.masked_fill(~mask[:, None, :], _FAR_BELOW), dim=2)
        attention = attention * mask[:, :, None]
        value = self.value(hidden) if self.config.attention == "value" else hidden
        pooled = (attention @ value).sum(dim=1)
        if self.config.pooling == "mean":
            pooled = pooled / count
        return self._classify(pooled), attention.sum(dim=1) / count

    def _read(
        self, vectors: Tensor, lengths: Tensor, steps: Tensor, features: Tensor | None
    ) -> Tensor:
        current = vectors if features is None else torch.cat([vectors, features], dim=2)
        backwards = (lengths[:, None] - 1 - steps).clamp(min=0)[:, :, None]
        for layer in self.recurrent:
            assert isinstance(layer, nn.ModuleDict)
            states = [layer["ahead"](current)[0]]
            if "behind" in layer:
                turned = current.gather(1, backwards.expand(-1, -1, current.shape[2]))
                behind = layer["behind"](turned)[0]
                states.append(behind.gather(1, backwards.expand(-1, -1, behind.shape[2])))
            current = torch.cat(states, dim=2)
        return current

    def _classify(self, pooled: Tensor) -> Tensor:
        logits: Tensor = self.output(pooled)
        return torch.tanh(logits) if self.config.tanh else logits
