"""Algorithm 1: what is differentiated, and that the second order is in it."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.session_inputs import GROUPS, SESSION_INPUTS
from tests.trainer.simple_step import Padded, SimpleNetwork, simple_step
from trainer.batches import Batch, Sessions
from trainer.meta import MetaStep, loss_of, meta_step
from trainer.network import MetaLogNetwork, NetworkConfig

RATE, WEIGHT = 0.7, 4.0
EVENTS, SESSIONS = 6, 60

DESCRIBED: dict[str, Any] = {"features": 3, "session": SESSION_INPUTS, "tanh": False}
CONFIGS = {
    "paper": NetworkConfig(3, hidden=4),
    "both-ways": NetworkConfig(3, hidden=4, bidirectional=True),
    "hidden": NetworkConfig(3, hidden=4, attention="hidden", scaled=True, pooling="mean"),
    "last-state": NetworkConfig(3, hidden=4, attention="none", layers=1),
    "default": NetworkConfig(
        3, hidden=4, layers=1, scaled=True, pooling="mean", number_drop=0.1, **DESCRIBED
    ),
    "unlabelled": NetworkConfig(
        3, hidden=4, layers=1, severity=True, word_drop=0.6, number_drop=0.3, **DESCRIBED
    ),
    "both-ways-described": NetworkConfig(3, hidden=4, bidirectional=True, **DESCRIBED),
}


@pytest.fixture(params=[False, True], ids=["ahead", "both-ways"])
def network(request: pytest.FixtureRequest) -> MetaLogNetwork:
    torch.manual_seed(1)
    config = NetworkConfig(3, hidden=3, layers=1, bidirectional=request.param)
    return MetaLogNetwork(config).double()


@pytest.fixture
def table() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(EVENTS, 3, dtype=torch.double, generator=generator)


def sessions_of(config: NetworkConfig, longest: int = 36) -> Sessions:
    """Some are equal, and some begin as others do."""
    rng = np.random.default_rng(7)
    kinds = [rng.integers(0, EVENTS, size=n) for n in (1, 2, 5, 9, 17, 33, 40)]
    kinds += [np.concatenate([kind[: len(kind) // 2 + 1], [0, 1]]) for kind in kinds]
    features = [rng.normal(size=(len(kind), 3)).astype(np.float32) for kind in kinds]
    session = rng.normal(size=(len(kinds), config.session)).astype(np.float32)
    chosen = rng.integers(0, len(kinds), size=SESSIONS)
    return Sessions(
        [kinds[i] for i in chosen],
        rng.integers(0, 2, size=SESSIONS).tolist(),
        longest,
        [features[i] for i in chosen] if config.features else None,
        session[chosen] if config.session else None,
        shares=not config.bidirectional,
    )


def batches(sessions: Sessions, count: int, seed: int) -> list[Batch]:
    rng = np.random.default_rng(seed)
    return [sessions.draw(np.arange(SESSIONS), 12, 0.5, rng) for _ in range(count)]


def step(network: MetaLogNetwork, table: Tensor, *, second_order: bool) -> MetaStep:
    sessions = sessions_of(network.config)
    return meta_step(
        network, table, batches(sessions, 3, 7), batches(sessions, 2, 8),
        inner_rate=RATE, target_weight=WEIGHT, second_order=second_order,
    )  # fmt: skip


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([one.flatten() for one in gradients])


@pytest.mark.parametrize("second_order", [True, False], ids=["second", "first"])
@pytest.mark.parametrize("inner_steps", [0, 1, 3])
@pytest.mark.parametrize("name", CONFIGS)
def test_the_gradient_is_that_of_the_simple_step(
    name: str, inner_steps: int, second_order: bool, table: Tensor
) -> None:
    """What is left out in training included: both draw it in the same order."""
    config = CONFIGS[name]
    groups = torch.from_numpy(GROUPS) if config.session else None
    torch.manual_seed(3)
    network = MetaLogNetwork(config, groups).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    simple = SimpleNetwork(config, groups).double()
    simple.load_state_dict(network.state_dict())
    sessions = sessions_of(config)
    source, target = batches(sessions, inner_steps, 7), batches(sessions, 2, 8)
    settings: dict[str, Any] = {
        "inner_rate": RATE, "target_weight": WEIGHT, "second_order": second_order, "smoothing": 0.1
    }  # fmt: skip
    torch.manual_seed(5)
    found = meta_step(network, table, source, target, **settings)
    torch.manual_seed(5)
    loss, gradients = simple_step(
        simple,
        table,
        [[Padded.like(sessions, one)] for one in source],
        [[Padded.like(sessions, one)] for one in target],
        **settings,
    )
    assert found.outer.item() == pytest.approx(loss.item(), rel=1e-9)
    expected = flat(gradients)
    assert (flat(found.gradients) - expected).norm() < 1e-8 * expected.norm()


def test_the_second_order_gradient_equals_finite_differences(
    network: MetaLogNetwork, table: Tensor
) -> None:
    exact = flat(step(network, table, second_order=True).gradients)
    first_order = flat(step(network, table, second_order=False).gradients)
    small = 1e-5
    places = list(range(0, len(exact), len(exact) // 20))
    differences: list[float] = []
    whole = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    for place in places:
        around = []
        for sign in (1, -1):
            moved = whole.clone()
            moved[place] += sign * small
            torch.nn.utils.vector_to_parameters(moved, network.parameters())
            around.append(step(network, table, second_order=False).outer.item())
        differences.append((around[0] - around[1]) / (2 * small))
    finite = torch.tensor(differences, dtype=torch.double)
    assert torch.allclose(exact[places], finite, rtol=1e-5, atol=1e-8)
    # Otherwise the test above would say nothing.
    assert (first_order[places] - finite).abs().max() > 1e-2 * finite.abs().max()


@pytest.mark.parametrize("second_order", [True, False])
def test_the_losses_are_those_of_eq_3(
    network: MetaLogNetwork, table: Tensor, second_order: bool
) -> None:
    """L_S at theta, L_T at theta' after one plain gradient step for each source batch."""
    sessions = sessions_of(network.config)
    source, target = batches(sessions, 3, 7), batches(sessions, 2, 8)
    found = step(network, table, second_order=second_order)
    at_theta = [loss_of(network, dict(network.named_parameters()), table, one) for one in source]
    assert found.source.item() == pytest.approx(torch.stack(at_theta).mean().item())
    adapted = copy.deepcopy(network)
    descent = torch.optim.SGD(adapted.parameters(), lr=RATE)
    for batch in source:
        descent.zero_grad()
        torch.autograd.backward(loss_of(adapted, dict(adapted.named_parameters()), table, batch))
        descent.step()
    after = [loss_of(adapted, dict(adapted.named_parameters()), table, one) for one in target]
    assert found.target.item() == pytest.approx(torch.stack(after).mean().item())
    assert found.outer.item() == pytest.approx((found.source + WEIGHT * found.target).item())


@pytest.mark.parametrize("second_order", [True, False])
def test_a_step_without_target_is_plain_learning(
    network: MetaLogNetwork, table: Tensor, second_order: bool
) -> None:
    [batch] = batches(sessions_of(network.config), 1, 7)
    found = meta_step(
        network, table, [batch], [],
        inner_rate=RATE, target_weight=WEIGHT, second_order=second_order,
    )  # fmt: skip
    loss = loss_of(network, dict(network.named_parameters()), table, batch)
    expected = torch.autograd.grad(loss, list(network.parameters()))
    assert torch.allclose(flat(found.gradients), flat(expected), rtol=1e-12)
    assert not found.target


def test_a_batch_has_the_loss_of_its_sessions_one_by_one(
    network: MetaLogNetwork, table: Tensor
) -> None:
    sessions = sessions_of(network.config, longest=30)
    chosen = np.arange(SESSIONS)
    batch = sessions.batch(chosen)
    assert batch.size == SESSIONS == float(batch.weights.sum())
    assert len(batch.lengths) <= 28

    plain = Padded.of(sessions, chosen)
    logits, _ = network.attend(table[plain.rows], plain.lengths)
    expected = functional.cross_entropy(logits, plain.labels)
    ours = loss_of(network, dict(network.named_parameters()), table, batch)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-12)
    parameters = list(network.parameters())
    mine, theirs = (torch.autograd.grad(one, parameters) for one in (ours, expected))
    assert torch.allclose(flat(mine), flat(theirs), rtol=1e-9, atol=1e-12)
