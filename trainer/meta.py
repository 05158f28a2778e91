"""Algorithm 1: meta-learning for cross-system logs."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.func import functional_call

from trainer.batches import Batch

Parameters = Mapping[str, Tensor]


def loss_of(
    network: nn.Module, parameters: Parameters, table: Tensor, batch: Batch, smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy over a batch under given parameters.

    table: float32 [events, dimension], the vectors of all events; smoothing: how much of a label is
    spread over both classes.
    """
    total = table.new_zeros(())
    for group in batch.groups:
        here = group.to(table.device)
        inputs = (table[here.rows], here.lengths, here.features, here.session)
        logits = functional_call(network, dict(parameters), inputs)
        # Paths that answer for themselves have a loss each; see MetaLogNetwork.forward.
        for answer in logits.unbind(dim=2) if logits.dim() == 3 else (logits,):
            losses = functional.cross_entropy(
                answer, here.labels, reduction="none", label_smoothing=smoothing
            )
            total = total + (losses * here.weights).sum()
    return total / batch.size


def meta_loss(
    network: nn.Module,
    table: Tensor,
    source: Sequence[Batch],
    target: Sequence[Batch],
    *,
    inner_rate: float,
    target_weight: float,
    second_order: bool,
    smoothing: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """L_S(theta) + beta L_T(theta'), L_S(theta) and L_T(theta'): what Eq. 3 differentiates.

    theta' is what Eq. 2 makes of theta, one step for each source batch after another. (Eq. 3
    writes a single step; Algorithm 1 makes n_s, and it holds.) L_S is the mean over the source
    batches at theta, L_T the mean over the target batches at theta'. Either list may be empty: its
    loss is 0.
    """
    theta = dict(network.named_parameters())
    adapted: Parameters = theta
    source_loss = table.new_zeros(())
    for number, batch in enumerate(source):
        loss = loss_of(network, adapted, table, batch, smoothing)
        # The first step starts at theta: its loss is the one Eq. 3 asks for.
        source_loss = source_loss + (
            loss if not number else loss_of(network, theta, table, batch, smoothing)
        )
        gradients = torch.autograd.grad(
            loss, list(adapted.values()), create_graph=second_order, retain_graph=True
        )
        adapted = {
            name: value - inner_rate * gradient
            for (name, value), gradient in zip(adapted.items(), gradients, strict=True)
        }
    source_loss = source_loss / max(len(source), 1)
    target_loss = table.new_zeros(())
    for batch in target:
        target_loss = target_loss + loss_of(network, adapted, table, batch, smoothing) / len(target)
    return source_loss + target_weight * target_loss, source_loss, target_loss
