"""The network: padding and company change no score."""

from itertools import product
from typing import Literal

import numpy as np
import pytest
import torch

from models.session_inputs import SESSION_INPUTS
from trainer.batches import Sessions
from trainer.network import MetaLogNetwork, NetworkConfig
from trainer.predict import predict

ATTENTION: tuple[Literal["value", "hidden", "none"], ...] = ("value", "hidden", "none")
POOLING: tuple[Literal["sum", "mean"], ...] = ("sum", "mean")

CONFIGS = [
    NetworkConfig(4, features=features, hidden=5, layers=2, bidirectional=bidirectional,
                  attention=attention, pooling=pooling, tanh=False)
    for bidirectional, attention, pooling, features in product(
        [False, True], ATTENTION, POOLING, [0, 2]
    )
    if not (bidirectional and attention == "none")
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: "-".join(map(str, c.to_json().values())))
def test_padding_changes_nothing(config: NetworkConfig) -> None:
    torch.manual_seed(0)
    network = MetaLogNetwork(config).double().eval()
    lengths = torch.tensor([3, 9, 1, 6])
    vectors = torch.randn(4, 9, 4, dtype=torch.double)
    features = torch.randn(4, 9, 2, dtype=torch.double) if config.features else None
    # What lies past the end of a session: large numbers would show.
    longer = torch.cat([vectors, torch.full((4, 6, 4), 1e3, dtype=torch.double)], dim=1)
    beside = None
    if features is not None:
        beside = torch.cat([features, torch.full((4, 6, 2), -1e3, dtype=torch.double)], dim=1)
    with torch.no_grad():
        logits, weights = network.attend(longer, lengths, beside)
        for row, length in enumerate(lengths.tolist()):
            alone, alone_weights = network.attend(
                vectors[row : row + 1, :length],
                lengths[row : row + 1],
                None if features is None else features[row : row + 1, :length],
            )
            assert torch.allclose(logits[row], alone[0], atol=1e-12, rtol=0)
            assert torch.allclose(weights[row, :length], alone_weights[0], atol=1e-12, rtol=0)
            assert not weights[row, length:].any()
    assert torch.allclose(weights.sum(dim=1), torch.ones(4, dtype=torch.double))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: "-".join(map(str, c.to_json().values())))
def test_a_batch_is_read_as_its_padded_sessions(config: NetworkConfig) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    network = MetaLogNetwork(config).double().eval()
    table = torch.randn(3, 4, dtype=torch.double)
    rows = [rng.integers(0, 3, size=int(n)) for n in rng.integers(1, 40, size=30)]
    features = [rng.normal(size=(len(row), 2)).astype(np.float32) for row in rows]
    sessions = Sessions(
        rows, [0] * 30, 99, features if config.features else None, shares=network.shares
    )
    batch = sessions.batch(np.arange(30))
    padded = torch.zeros(len(batch.lengths), 40, 4, dtype=torch.double)
    beside = torch.zeros(len(batch.lengths), 40, 2, dtype=torch.double)
    for place, member in enumerate(batch.members):
        padded[place, : len(rows[member])] = table[rows[member]]
        beside[place, : len(rows[member])] = torch.from_numpy(features[member])
    with torch.no_grad():
        expected, _ = network.attend(padded, batch.lengths, beside if config.features else None)
        assert torch.allclose(network(table, batch), expected, rtol=0, atol=1e-12)


def test_a_bidirectional_network_reads_the_end_first() -> None:
    """What it knows after the first event depends on the last one, which reading ahead cannot."""
    torch.manual_seed(0)
    batch = Sessions([np.arange(5)], [0], 9, shares=False).batch(np.arange(1))
    for bidirectional in (False, True):
        network = MetaLogNetwork(NetworkConfig(3, hidden=4, bidirectional=bidirectional)).double()
        table = torch.randn(5, 3, dtype=torch.double, requires_grad=True)
        [gradient] = torch.autograd.grad(network._states(table, batch)[0].sum(), table)
        assert bool(gradient[4].any()) == bidirectional


def test_sessions_that_share_states_cannot_lose_their_words() -> None:
    network = MetaLogNetwork(NetworkConfig(3, session=SESSION_INPUTS)).train()
    batch = Sessions([np.arange(5)], [0], 9).batch(np.arange(1))
    with pytest.raises(ValueError, match="cannot share"):
        network(torch.randn(5, 3), batch)


def test_tanh_keeps_the_probability_in_the_middle() -> None:
    torch.manual_seed(0)
    network = MetaLogNetwork(NetworkConfig(3, hidden=4))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(50)
    table = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    sequences = [np.array([i, 5 - i, 2], dtype=np.int64) for i in range(6)]
    scores = predict(network, table, sequences)
    low = 1 / (1 + np.exp(2))
    assert ((low - 1e-6 <= scores) & (scores <= 1 - low + 1e-6)).all()


def test_the_last_state_of_two_directions_is_refused() -> None:
    with pytest.raises(ValueError, match="bidirectional"):
        MetaLogNetwork(NetworkConfig(3, attention="none", bidirectional=True))


def test_predictions_are_those_of_each_session_alone() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = MetaLogNetwork(NetworkConfig(3, hidden=4, pooling="mean", tanh=False))
    table = rng.normal(size=(9, 3)).astype(np.float32)
    lengths = [*rng.integers(1, 60, size=300), 700, 5, 5]
    sequences = [rng.integers(0, 9, size=int(n)) for n in lengths]
    sequences[7] = sequences[3]
    scores = predict(network, table, sequences)
    assert scores.shape == (303,)
    assert scores[7] == scores[3]
    for index in (0, 3, 150, 299, 300, 302):
        assert predict(network, table, [sequences[index]])[0] == pytest.approx(
            scores[index], abs=1e-6
        )
    assert predict(network, table, []).shape == (0,)
