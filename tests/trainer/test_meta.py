"""Algorithm 1: what is differentiated, and that the second order is in it."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from trainer.batches import Batch, Sessions
from trainer.meta import loss_of, meta_loss
from trainer.network import MetaLogNetwork, NetworkConfig

RATE, WEIGHT = 0.7, 4.0


@pytest.fixture(params=[False, True], ids=["ahead", "both-ways"])
def network(request: pytest.FixtureRequest) -> MetaLogNetwork:
    torch.manual_seed(1)
    config = NetworkConfig(3, hidden=3, layers=1, bidirectional=request.param)
    return MetaLogNetwork(config).double()


@pytest.fixture
def table() -> Tensor:
    return torch.randn(6, 3, dtype=torch.double, generator=torch.Generator().manual_seed(2))


def batches(count: int, seed: int) -> list[Batch]:
    rng = np.random.default_rng(seed)
    sessions = Sessions(
        [rng.integers(0, 6, size=int(n)) for n in rng.integers(1, 12, size=20)],
        rng.integers(0, 2, size=20).tolist(),
        longest=100,
    )
    return [sessions.draw(np.arange(20), 6, 0.5, rng) for _ in range(count)]


def outer(network: MetaLogNetwork, table: Tensor, *, second_order: bool) -> Tensor:
    loss, source, target = meta_loss(
        network, table, batches(3, 7), batches(2, 8),
        inner_rate=RATE, target_weight=WEIGHT, second_order=second_order,
    )  # fmt: skip
    assert loss.item() == pytest.approx((source + WEIGHT * target).item())
    return loss


def gradients(network: MetaLogNetwork, table: Tensor, *, second_order: bool) -> Tensor:
    loss = outer(network, table, second_order=second_order)
    found = torch.autograd.grad(loss, list(network.parameters()))
    return torch.cat([one.flatten() for one in found])


def test_the_second_order_gradient_equals_finite_differences(
    network: MetaLogNetwork, table: Tensor
) -> None:
    exact = gradients(network, table, second_order=True)
    first_order = gradients(network, table, second_order=False)
    step = 1e-5
    places = list(range(0, len(exact), len(exact) // 20))
    differences: list[float] = []
    flat = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    for place in places:
        around = []
        for sign in (1, -1):
            moved = flat.clone()
            moved[place] += sign * step
            torch.nn.utils.vector_to_parameters(moved, network.parameters())
            around.append(outer(network, table, second_order=False).item())
        differences.append((around[0] - around[1]) / (2 * step))
    finite = torch.tensor(differences, dtype=torch.double)
    assert torch.allclose(exact[places], finite, rtol=1e-5, atol=1e-8)
    # Otherwise the test above would say nothing.
    assert (first_order[places] - finite).abs().max() > 1e-2 * finite.abs().max()


def test_the_losses_are_those_of_eq_3(network: MetaLogNetwork, table: Tensor) -> None:
    """L_S at theta, L_T at theta' after one plain gradient step for each source batch."""
    source, target = batches(3, 7), batches(2, 8)
    _, source_loss, target_loss = meta_loss(
        network, table, source, target, inner_rate=RATE, target_weight=WEIGHT, second_order=True
    )
    at_theta = [loss_of(network, dict(network.named_parameters()), table, one) for one in source]
    assert source_loss.item() == pytest.approx(torch.stack(at_theta).mean().item())
    adapted = copy.deepcopy(network)
    descent = torch.optim.SGD(adapted.parameters(), lr=RATE)
    for batch in source:
        descent.zero_grad()
        torch.autograd.backward(loss_of(adapted, dict(adapted.named_parameters()), table, batch))
        descent.step()
    after = [loss_of(adapted, dict(adapted.named_parameters()), table, one) for one in target]
    assert target_loss.item() == pytest.approx(torch.stack(after).mean().item())


def test_equal_sessions_once_with_a_weight_are_the_plain_batch(
    network: MetaLogNetwork, table: Tensor
) -> None:
    rng = np.random.default_rng(5)
    kinds = [rng.integers(0, 6, size=n) for n in (1, 3, 9, 17, 40)]
    chosen = rng.integers(0, 5, size=60)
    sequences = [kinds[i] for i in chosen]
    labels = rng.integers(0, 2, size=60)
    batch = Sessions(sequences, labels.tolist(), longest=30).batch(np.arange(60))
    assert batch.size == 60
    assert sum(len(group.rows) for group in batch.groups) <= 10
    assert sum(float(group.weights.sum()) for group in batch.groups) == 60

    lengths = torch.tensor([min(len(one), 30) for one in sequences])
    padded = torch.zeros(60, 30, dtype=torch.long)
    for row, one in enumerate(sequences):
        padded[row, : lengths[row]] = torch.from_numpy(one[:30])
    plain = functional.cross_entropy(network(table[padded], lengths), torch.from_numpy(labels))

    ours = loss_of(network, dict(network.named_parameters()), table, batch)
    assert ours.item() == pytest.approx(plain.item(), rel=1e-12)
    parameters = list(network.parameters())
    pairs = zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(plain, parameters), strict=True
    )
    for mine, theirs in pairs:
        assert torch.allclose(mine, theirs, rtol=1e-9, atol=1e-12)
