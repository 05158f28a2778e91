"""States without padding are those of torch's own GRU, and so are their derivatives."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer.batches import Batch, Sessions
from trainer.recurrence import gated_states

HIDDEN = 3


def batch_of(lengths: list[int], *, shares: bool) -> Batch:
    """Few events, so that many sessions begin alike."""
    rng = np.random.default_rng(3)
    rows = [rng.integers(0, 2, size=length) for length in lengths]
    return Sessions(rows, [0] * len(rows), 99, shares=shares).batch(np.arange(len(rows)))


@pytest.fixture(params=[False, True], ids=["apart", "shared"])
def batch(request: pytest.FixtureRequest) -> Batch:
    return batch_of([6, 5, 5, 4, 4, 3, 3, 2, 1, 1], shares=request.param)


def arguments(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    count = len(batch.event_of)
    sizes = [(count, 3 * HIDDEN), (3 * HIDDEN, HIDDEN), (3 * HIDDEN,)]
    inputs, weight, bias = (
        torch.randn(*size, dtype=torch.double, requires_grad=True) for size in sizes
    )
    return inputs, weight, bias


def test_derivatives_of_both_orders_equal_finite_differences(batch: Batch) -> None:
    def states(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return gated_states(inputs, weight, bias, batch.steps)

    assert torch.autograd.gradcheck(states, arguments(batch))
    assert torch.autograd.gradgradcheck(states, arguments(batch))


def test_states_are_those_of_torch(batch: Batch) -> None:
    torch.manual_seed(0)
    unit = nn.GRU(4, HIDDEN, batch_first=True).double()
    vectors = torch.randn(2, 4, dtype=torch.double)
    weight, own_weight, bias, own_bias = unit.all_weights[0]
    inputs = nn.functional.linear(vectors[batch.event_of], weight, bias)
    states = gated_states(inputs, own_weight, own_bias, batch.steps)
    checked = 0
    lengths = iter(batch.lengths.tolist())
    for group in batch.groups:
        for places, length in zip(group, lengths, strict=False):
            alone = unit(vectors[batch.event_of[places[:length]]][None])[0][0]
            assert torch.allclose(states[places[:length]], alone, rtol=0, atol=1e-12)
            checked += length
    assert checked == batch.lengths.sum()


def test_a_single_step() -> None:
    batch = batch_of([1, 1], shares=False)
    inputs, weight, bias = arguments(batch)
    by_weight = torch.autograd.grad(gated_states(inputs, weight, bias, batch.steps).sum(), weight)
    assert not by_weight[0].any(), "nothing came before"
