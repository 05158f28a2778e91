"""Algorithm 1: meta-learning for cross-system logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.func import functional_call

from trainer.batches import Batch

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class MetaStep:
    """What Eq. 3 says at theta. outer: L_S(theta) + beta L_T(theta'), source: L_S(theta), target:
    L_T(theta'), scalars without a graph; gradients: of outer by each of the network's parameters,
    in their order."""

    outer: Tensor
    source: Tensor
    target: Tensor
    gradients: tuple[Tensor, ...]


def loss_of(
    network: nn.Module, parameters: Parameters, table: Tensor, batch: Batch, smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy over a batch under given parameters.

    table: float32 [events, dimension], the vectors of all events; smoothing: how much of a label is
    spread over both classes.
    """
    here = batch.to(table.device)
    logits = functional_call(network, dict(parameters), (table, here))
    total = table.new_zeros(())
    # Paths that answer for themselves have a loss each; see Reader.forward.
    for answer in logits.unbind(dim=2) if logits.dim() == 3 else (logits,):
        losses = functional.cross_entropy(
            answer, here.labels, reduction="none", label_smoothing=smoothing
        )
        total = total + (losses * here.weights).sum()
    return total / batch.size


def meta_step(
    network: nn.Module,
    table: Tensor,
    source: Sequence[Batch],
    target: Sequence[Batch],
    *,
    inner_rate: float,
    target_weight: float,
    second_order: bool,
    smoothing: float = 0.0,
) -> MetaStep:
    """The outer loss of Eq. 3 and its gradient.

    theta' is what Eq. 2 makes of theta, one step for each source batch after another. (Eq. 3
    writes a single step; Algorithm 1 makes n_s, and it holds.) L_S is the mean over the source
    batches at theta, L_T the mean over the target batches at theta'. Either list may be empty: its
    loss is 0. First order: theta' is taken for a constant step away from theta.
    """
    theta = dict(network.named_parameters())

    def loss_at(parameters: Parameters, batch: Batch) -> Tensor:
        return loss_of(network, parameters, table, batch, smoothing)

    adapted: Parameters = theta
    losses: list[Tensor] = []
    # Gradients by theta of what has no graph any more, with its share in the outer loss.
    found: list[tuple[float, tuple[Tensor, ...]]] = []
    for number, batch in enumerate(source):
        loss = loss_at(adapted, batch)
        gradients = torch.autograd.grad(loss, list(adapted.values()), create_graph=second_order)
        adapted = {
            name: value - inner_rate * gradient
            for (name, value), gradient in zip(adapted.items(), gradients, strict=True)
        }
        # The first step starts at theta: its loss is the one Eq. 3 asks for.
        if number:
            loss = loss_at(theta, batch)
        losses.append(loss)
        if not second_order:
            if number:
                gradients = torch.autograd.grad(loss, list(theta.values()))
            found.append((1 / len(source), gradients))
            adapted = {name: one.detach().requires_grad_() for name, one in adapted.items()}
    source_loss = sum(losses, table.new_zeros(())) / max(len(source), 1)
    asked: list[Tensor] = []
    for batch in target:
        asked.append(loss_at(adapted, batch))
        if not second_order:
            gradients = torch.autograd.grad(asked[-1], list(adapted.values()))
            found.append((target_weight / len(target), gradients))
    target_loss = sum(asked, table.new_zeros(())) / max(len(target), 1)
    outer = source_loss + target_weight * target_loss
    if second_order:
        found = [(1.0, torch.autograd.grad(outer, list(theta.values())))]
    total = [torch.zeros_like(one) for one in theta.values()]
    for share, gradients in found:
        torch._foreach_add_(total, gradients, alpha=share)
    return MetaStep(outer.detach(), source_loss.detach(), target_loss.detach(), tuple(total))
