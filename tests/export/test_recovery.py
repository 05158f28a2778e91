"""Weights out of a bundle's graph: what went in comes out."""

import numpy as np
import pytest
import torch

from export.graph import build
from export.recovery import weights_of
from models.errors import UserError
from models.session_inputs import GROUPS, SESSION_INPUTS
from trainer.network import Ensemble, NetworkConfig

_SMALL = NetworkConfig(dimension=6, hidden=5)
_SESSION = NetworkConfig(
    dimension=6, hidden=5, layers=1, features=3, session=SESSION_INPUTS, projection=4, pooled=3,
    head=4, tanh=False, pooling="mean",
)  # fmt: skip
CONFIGS = {
    "paper": _SMALL,
    "bidirectional": NetworkConfig(dimension=6, hidden=5, bidirectional=True),
    "hidden": NetworkConfig(dimension=6, hidden=5, attention="hidden"),
    "last state": NetworkConfig(dimension=6, hidden=5, attention="none"),
    "members": NetworkConfig(dimension=6, hidden=5, members=3),
    "session": _SESSION,
    "severity": NetworkConfig.from_json({**_SESSION.to_json(), "severity": True, "members": 2}),
}


def graph_of(config: NetworkConfig, weights: dict[str, np.ndarray]) -> bytes:
    table = np.ones((2, config.dimension), dtype=np.float32)
    model = build(config.shape(), weights, table, {})
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_weights_under_the_same_names(name: str) -> None:
    config = CONFIGS[name]
    torch.manual_seed(7)
    network = Ensemble(config, torch.from_numpy(GROUPS) if config.session else None)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=2.0)
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    found = weights_of(graph_of(config, weights), config.shape())
    assert found.keys() == weights.keys()
    for key, value in weights.items():
        assert found[key].dtype == np.float32
        if key.endswith(".severe"):
            # Through softplus and back.
            assert found[key] == pytest.approx(value, abs=1e-5)
        else:
            assert np.array_equal(found[key], value)


def test_a_graph_of_another_shape_is_refused() -> None:
    weights = {key: value.numpy() for key, value in Ensemble(_SMALL).state_dict().items()}
    with pytest.raises(UserError, match="has not the weights"):
        weights_of(graph_of(_SMALL, weights), CONFIGS["members"].shape())
