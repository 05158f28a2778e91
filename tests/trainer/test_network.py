"""The network: padding and company change no score."""

from itertools import product
from typing import Literal

import numpy as np
import pytest
import torch

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
    assert torch.equal(network(longer, lengths, beside), logits)


def test_a_bidirectional_network_reads_the_end_first() -> None:
    """Its first hidden state knows the last event, which one that reads ahead cannot."""
    torch.manual_seed(0)
    for bidirectional in (False, True):
        network = MetaLogNetwork(NetworkConfig(3, hidden=4, bidirectional=bidirectional)).double()
        vectors = torch.randn(1, 5, 3, dtype=torch.double, requires_grad=True)
        steps = torch.arange(5)
        hidden = network._read(vectors, torch.tensor([5]), steps, None)
        [gradient] = torch.autograd.grad(hidden[0, 0].sum(), vectors)
        assert bool(gradient[0, 4].any()) == bidirectional


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
