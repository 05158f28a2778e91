"""Gated recurrent units over sessions that share what they have in common.

torch.nn.GRU reads a padded batch, and its derivatives of either order are a graph of a dozen nodes
for every step, each of which writes arrays as large as the whole batch. Here the states of all
steps lie in one array without padding, a state that several sessions have in common is there once,
and only what really goes from step to step is done step by step.

With d the derivative by the states, all else about a derivative is known at once: gates follow from
the states. So the derivative is a linear recurrence backwards in time between large products, and
the derivative of that recurrence is another one, forwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


@dataclass(frozen=True, slots=True)
class Steps:
    """How N states follow each other; those of a step lie side by side, the first step first.

    sizes: states of each step. parents: for each step the places among the step before that its
    states go on from, int64; None where they are the first ones, one each (and for the first step,
    which goes on from nothing). earlier: int64 [N - sizes[0]], the same places among all states.
    """

    sizes: tuple[int, ...]
    parents: tuple[Tensor | None, ...]
    earlier: Tensor

    def to(self, device: torch.device) -> "Steps":
        parents = [None if one is None else one.to(device) for one in self.parents]
        return Steps(self.sizes, tuple(parents), self.earlier.to(device))


def gated_states(inputs: Tensor, weight: Tensor, bias: Tensor, steps: Steps) -> Tensor:
    """States of a GRU, float [N, hidden], differentiable twice.

    inputs: float [N, 3 x hidden], W_ih x + b_ih of each state's event; weight: [3 x hidden,
    hidden]; bias: [3 x hidden], W_hh and b_hh. Gates in torch's order: reset, update, new.
    """
    states: Tensor = _States.apply(inputs, weight, bias, steps)  # type: ignore[no-untyped-call]
    return states


def _previous(parts: Sequence[Tensor], step: int, steps: Steps) -> Tensor:
    parents = steps.parents[step]
    before = parts[step - 1]
    return before[: steps.sizes[step]] if parents is None else before.index_select(0, parents)


class _States(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, steps: Steps) -> Tensor:
        hidden = weight.shape[1]
        turned = weight.t().contiguous()
        states = inputs.new_empty(len(inputs), hidden)
        parts = states.split_with_sizes(steps.sizes)
        gate_inputs = inputs[:, : 2 * hidden].split_with_sizes(steps.sizes)
        new_inputs = inputs[:, 2 * hidden :].split_with_sizes(steps.sizes)
        before = inputs.new_zeros(steps.sizes[0], hidden)
        for step, part in enumerate(parts):
            if step:
                before = _previous(parts, step, steps)
            own = torch.addmm(bias, before, turned)
            gates = (gate_inputs[step] + own[:, : 2 * hidden]).sigmoid_()
            new = torch.addcmul(new_inputs[step], gates[:, :hidden], own[:, 2 * hidden :]).tanh_()
            torch.lerp(new, before, gates[:, hidden:], out=part)
        ctx.save_for_backward(inputs, weight, bias, states)
        ctx.steps = steps
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        # Recorded by autograd where a second derivative is wanted.
        [gradient] = gradients
        inputs, weight, bias, states = ctx.saved_tensors
        steps: Steps = ctx.steps
        hidden = weight.shape[1]
        nothing = states.new_zeros(steps.sizes[0], hidden)
        before = torch.cat([nothing, states.index_select(0, steps.earlier)])
        own = torch.addmm(bias, before, weight.t())
        gates = torch.sigmoid(inputs[:, : 2 * hidden] + own[:, : 2 * hidden])
        reset, update = gates.chunk(2, dim=1)
        own_new = own[:, 2 * hidden :]
        new = torch.tanh(torch.addcmul(inputs[:, 2 * hidden :], reset, own_new))
        # What a change of the state is worth to the sums that enter the three gates.
        to_new = (1 - update) * (1 - new * new)
        to_reset = to_new * own_new * reset * (1 - reset)
        to_update = (before - new) * update * (1 - update)
        slopes = torch.stack([to_reset, to_update, to_new * reset], dim=1)
        whole = _carried_back(gradient, update, slopes, weight, steps)
        by_own = (whole[:, None] * slopes).flatten(1)
        by_inputs = torch.cat([by_own[:, : 2 * hidden], whole * to_new], dim=1)
        return by_inputs, by_own.t() @ before, by_own.sum(dim=0), None


def _carried_back(
    gradient: Tensor, update: Tensor, slopes: Tensor, weight: Tensor, steps: Steps
) -> Tensor:
    """Derivative by each state, what later states make of it included, [N, hidden].

    gradient: without that; update: [N, hidden]; slopes: [N, 3, hidden].
    """
    whole: Tensor = _CarriedBack.apply(  # type: ignore[no-untyped-call]
        gradient, update, slopes, weight, steps
    )
    return whole


class _CarriedBack(Function):
    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, update: Tensor, slopes: Tensor, weight: Tensor, steps: Steps
    ) -> Tensor:
        whole = gradient.clone()
        parts, updates = whole.split_with_sizes(steps.sizes), update.split_with_sizes(steps.sizes)
        slope_parts = slopes.split_with_sizes(steps.sizes)
        for step in range(len(parts) - 1, 0, -1):
            part, parents = parts[step], steps.parents[step]
            by_own = (part[:, None] * slope_parts[step]).flatten(1)
            if parents is None:
                before = parts[step - 1][: len(part)]
                before.addmm_(by_own, weight).addcmul_(part, updates[step])
            else:
                carried = (by_own @ weight).addcmul_(part, updates[step])
                parts[step - 1].index_add_(0, parents, carried)
        ctx.save_for_backward(update, slopes, weight, whole)
        ctx.steps = steps
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        [gradient] = gradients
        update, slopes, weight, whole = ctx.saved_tensors
        steps: Steps = ctx.steps
        turned = weight.t().contiguous()
        sums, before = gradient.clone(), torch.zeros_like(gradient)
        products = slopes.new_zeros(slopes.shape)
        parts, before_parts = (
            sums.split_with_sizes(steps.sizes),
            before.split_with_sizes(steps.sizes),
        )
        product_parts = products.flatten(1).split_with_sizes(steps.sizes)
        updates, slope_parts = (
            update.split_with_sizes(steps.sizes),
            slopes.split_with_sizes(steps.sizes),
        )
        for step in range(1, len(parts)):
            earlier = before_parts[step].copy_(_previous(parts, step, steps))
            product = torch.mm(earlier, turned, out=product_parts[step])
            by_gates = product.view_as(slope_parts[step]) * slope_parts[step]
            parts[step].addcmul_(earlier, updates[step]).add_(by_gates.sum(dim=1))
        by_weight = (whole[:, None] * slopes).flatten(1).t() @ before
        return sums, before * whole, products * whole[:, None], by_weight, None
