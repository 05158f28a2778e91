"""The network step by step computes what torch and the plain graph do, in every configuration."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from export.graph import build
from export.steps import build_steps
from models.flat import Flat
from models.plain_network import PlainNetwork
from models.reading import Reading
from models.runtime import CUDA
from models.stepped_network import SteppedNetwork
from tests.export.test_graph import DIMENSION, EVENTS, GRID, HOST_EVENTS, named, network_of
from trainer.network import Ensemble, NetworkConfig

AHEAD = [config for config in GRID if not config.bidirectional]
# Wider than the others, and one layer over another, with several members.
WIDE = [
    NetworkConfig(DIMENSION, hidden=100, attention="value"),
    NetworkConfig(DIMENSION, features=3, hidden=64, layers=3, members=2, scaled=True),
]


def reading_of(config: NetworkConfig, lengths: list[int], sharing: bool) -> Reading:
    """Random sessions; where they share, all begin as the first one does."""
    rng = np.random.default_rng(sum(lengths))
    rows = [rng.integers(0, EVENTS + HOST_EVENTS, size=length) for length in lengths]
    if sharing:
        longest = max(rows, key=len)
        for row in rows:
            same = int(rng.integers(0, len(row) + 1))
            row[:same] = longest[:same]
    reading = Reading.plain(Flat.of(rows), config.features)
    features = rng.normal(size=reading.features.shape).astype(np.float32)
    session = rng.normal(size=(len(lengths), config.session)).astype(np.float32)
    return replace(reading, features=features, session=session)


def by_torch(
    network: Ensemble, reading: Reading, vectors: np.ndarray
) -> list[tuple[float, list[float]]]:
    """Probability and attention of each session, alone."""
    found = []
    stop = np.cumsum(reading.lengths)
    for index, length in enumerate(reading.lengths):
        kinds = reading.kinds[stop[index] - length : stop[index]]
        with torch.no_grad():
            logits, weights = network.attend(
                torch.from_numpy(vectors[reading.events[kinds]])[None],
                torch.tensor([length]),
                torch.from_numpy(reading.features[kinds])[None]
                if network.config.features
                else None,
                torch.from_numpy(reading.session[[index]]) if network.config.session else None,
            )
        found.append((float(torch.softmax(logits, 1)[0, 1]), weights[0].tolist()))
    return found


def networks_of(
    network: Ensemble, vectors: np.ndarray, provider: str = "cpu"
) -> tuple[PlainNetwork, SteppedNetwork]:
    """The host events are learnt after the others, one of them before another."""
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    shape, table = network.config.shape(), vectors[:EVENTS]
    plain = build(shape, weights, table, {"bundle": "grid"}).SerializeToString()
    steps = build_steps(shape, weights, DIMENSION, {"bundle": "grid"})
    stepped = SteppedNetwork(steps, table, provider)
    stepped.learn(EVENTS, vectors[EVENTS : EVENTS + 1] + 1)
    stepped.learn(EVENTS, vectors[EVENTS : EVENTS + 2])
    stepped.learn(EVENTS + 2, vectors[EVENTS + 2 :])
    return PlainNetwork(plain, EVENTS, DIMENSION, provider), stepped


LENGTHS = ([1], [4, 1, 9], [30] * 3, np.random.default_rng(4).integers(1, 60, size=90).tolist())


def check(network: Ensemble, provider: str, largest: float) -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(EVENTS + HOST_EVENTS, DIMENSION)).astype(np.float32)
    plain, stepped = networks_of(network, vectors, provider)
    for lengths in LENGTHS:
        for sharing in (False, True):
            reading = reading_of(network.config, lengths, sharing)
            one, other = stepped.run(reading), plain.run(reading, vectors[EVENTS:])
            assert np.abs(one.probability - other.probability).max() <= largest
            assert np.abs(one.weights - other.weights).max() <= largest
            expected = by_torch(network, reading, vectors)
            assert np.abs(one.probability - [score for score, _ in expected]).max() < 1e-5
            assert np.abs(one.weights - [w for _, all_ in expected for w in all_]).max() < 1e-5


# Sums over time of a network with large weights are about 1e-6 off in float32, however computed.
@pytest.mark.parametrize(("factor", "largest"), [(1, 1e-6), (2, 4e-6)])
@pytest.mark.parametrize("config", AHEAD + WIDE, ids=named)
def test_step_by_step_equals_torch_and_the_plain_graph(
    config: NetworkConfig, factor: float, largest: float
) -> None:
    check(network_of(config, factor), "cpu", largest)


def test_on_a_gpu_too() -> None:
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        pytest.skip("no CUDA provider here")
    for config in (AHEAD[0], AHEAD[-1]):
        check(network_of(config, 1), "cuda", 1e-5)


def test_a_bidirectional_network_cannot_go_step_by_step() -> None:
    network = network_of(NetworkConfig(DIMENSION, hidden=4, bidirectional=True))
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match="bidirectional"):
        build_steps(network.config.shape(), weights, DIMENSION, {})
