"""The meta-step written as the paper writes it: what the real one is compared with.

Padded batches through torch's own GRU, every event's vector of its own, Q, K and V, one total loss
that is differentiated as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from trainer.batches import Batch, Sessions
from trainer.network import UNIT_LENGTH, MetaLogNetwork

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True)
class Padded:
    """Sessions [n] as they come. rows: int64 [n, length] of the event table; features: [n, length,
    F] and session: [n, S], or None; weights: how many sessions each stands for."""

    rows: Tensor
    lengths: Tensor
    labels: Tensor
    weights: Tensor
    features: Tensor | None
    session: Tensor | None

    @classmethod
    def of(
        cls, sessions: Sessions, chosen: NDArray[np.intp], weights: Tensor | None = None
    ) -> "Padded":
        lengths = torch.tensor([len(sessions.sequences[i]) for i in chosen])
        size = (len(chosen), int(lengths.max()))
        rows = torch.zeros(size, dtype=torch.int64)
        features = None
        if sessions.features is not None:
            features = torch.zeros(*size, sessions.features[0].shape[1])
        for row, i in enumerate(chosen):
            rows[row, : lengths[row]] = torch.from_numpy(sessions.sequences[i])
            if features is not None and sessions.features is not None:
                features[row, : lengths[row]] = torch.from_numpy(sessions.features[i])
        return cls(
            rows,
            lengths,
            torch.from_numpy(sessions.labels[chosen]),
            torch.ones(len(chosen)) if weights is None else weights,
            features,
            None if sessions.session is None else torch.from_numpy(sessions.session[chosen]),
        )

    @classmethod
    def like(cls, sessions: Sessions, batch: Batch) -> "Padded":
        """The sessions of a batch, in its order: what is left out in training is the same."""
        return cls.of(sessions, batch.members, batch.weights)


class SimpleNetwork(MetaLogNetwork):
    """The same parameters, read in the plainest way."""

    def forward(self, table: Tensor, batch: Padded) -> Tensor:  # type: ignore[override]
        vectors = table[batch.rows]
        lengths = batch.lengths
        steps = torch.arange(vectors.shape[1])
        mask = steps < lengths[:, None]
        if self.config.session:
            vectors = vectors * (UNIT_LENGTH / vectors.norm(dim=2, keepdim=True).clamp(min=1e-6))
            if self.training:
                vectors = vectors * self._keep(len(vectors), self.config.word_drop)[:, :, None]
            vectors = torch.tanh(self.project(vectors))
        if batch.features is not None:
            vectors = torch.cat([vectors, batch.features.to(vectors)], dim=2)
        hidden = vectors
        backwards = (lengths[:, None] - 1 - steps).clamp(min=0)[:, :, None]
        for layer in self.recurrent:
            assert isinstance(layer, nn.ModuleDict)
            states = [layer["ahead"](hidden)[0]]
            if "behind" in layer:
                turned = hidden.gather(1, backwards.expand(-1, -1, hidden.shape[2]))
                behind = layer["behind"](turned)[0]
                states.append(behind.gather(1, backwards.expand(-1, -1, behind.shape[2])))
            hidden = torch.cat(states, dim=2)
        if self.config.attention == "none":
            mixed = hidden[torch.arange(len(lengths)), lengths - 1]
        else:
            scores = self.query(hidden) @ self.key(hidden).transpose(1, 2)
            if self.config.scaled:
                scores = scores / hidden.shape[-1] ** 0.5
            attention = torch.softmax(scores.masked_fill(~mask[:, None, :], -1e9), dim=2)
            value = self.value(hidden) if self.config.attention == "value" else hidden
            mixed = ((attention * mask[:, :, None]) @ value).sum(dim=1)
            if self.config.pooling == "mean":
                mixed = mixed / lengths[:, None].to(mixed)
        if batch.session is None:
            return self._classify(mixed)
        largest = hidden.masked_fill(~mask[:, :, None], -1e9).amax(dim=1)
        return self._judge(torch.cat([mixed, largest], dim=1), batch.session.to(mixed))


def simple_loss(
    network: SimpleNetwork,
    parameters: Parameters,
    table: Tensor,
    groups: Sequence[Padded],
    smoothing: float = 0.0,
) -> Tensor:
    """Mean cross-entropy over the sessions of all groups."""
    total = table.new_zeros(())
    for group in groups:
        logits = functional_call(network, dict(parameters), (table, group))
        for answer in logits.unbind(dim=2) if logits.dim() == 3 else (logits,):
            losses = nn.functional.cross_entropy(
                answer, group.labels, reduction="none", label_smoothing=smoothing
            )
            total = total + (losses * group.weights).sum()
    return total / sum(float(group.weights.sum()) for group in groups)


def simple_step(
    network: SimpleNetwork,
    table: Tensor,
    source: Sequence[Sequence[Padded]],
    target: Sequence[Sequence[Padded]],
    *,
    inner_rate: float,
    target_weight: float,
    second_order: bool,
    smoothing: float = 0.0,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The outer loss of Eq. 3 and its gradient by each parameter."""
    theta = dict(network.named_parameters())
    adapted: Parameters = theta
    outer = table.new_zeros(())
    for number, groups in enumerate(source):
        loss = simple_loss(network, adapted, table, groups, smoothing)
        at_theta = simple_loss(network, theta, table, groups, smoothing) if number else loss
        outer = outer + at_theta / len(source)
        gradients = torch.autograd.grad(
            loss, list(adapted.values()), create_graph=second_order, retain_graph=True
        )
        adapted = {
            name: value - inner_rate * gradient
            for (name, value), gradient in zip(adapted.items(), gradients, strict=True)
        }
    for groups in target:
        loss = simple_loss(network, adapted, table, groups, smoothing)
        outer = outer + target_weight * loss / len(target)
    return outer.detach(), torch.autograd.grad(outer, list(theta.values()))
