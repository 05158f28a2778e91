"""The ONNX graph computes what the torch network does, in every configuration."""

import hashlib
import json
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
import pytest
import torch

from export.graph import build
from export.parity import LARGEST_DIFFERENCE, check_parity
from models.bundle import MANIFEST, STEPS, Bundle
from models.errors import UserError
from models.scorer import Scorer
from models.session_inputs import SESSION_INPUTS
from tests.models.pumps import TEMPLATES, write_pumps
from trainer.network import Ensemble, NetworkConfig

EVENTS, HOST_EVENTS, DIMENSION = 7, 3, 5

Attention = Literal["value", "hidden", "none"]
Pooling = Literal["sum", "mean"]
# A bidirectional network without attention is none.
READERS: list[tuple[bool, Attention]] = [
    (False, "value"), (True, "value"), (False, "hidden"), (True, "hidden"), (False, "none"),
]  # fmt: skip
ENDS: list[tuple[bool, Pooling, bool]] = [
    (False, "sum", True), (True, "mean", False), (True, "sum", True), (False, "mean", False),
]  # fmt: skip

DESCRIBED_READERS: tuple[Attention, ...] = ("value", "none")

GRID = [
    NetworkConfig(
        DIMENSION, features=features, hidden=6, layers=layers, bidirectional=bidirectional,
        attention=attention, scaled=scaled, pooling=pooling, tanh=tanh,
    )
    for (bidirectional, attention), (scaled, pooling, tanh), (layers, features) in product(
        READERS, ENDS, [(1, 0), (2, 0), (1, 3), (2, 3)]
    )
] + [
    NetworkConfig(
        DIMENSION, features=3, hidden=6, layers=1, attention=attention, scaled=True,
        pooling="mean", tanh=False, session=SESSION_INPUTS, severity=severity, members=members,
        group_drops=(0.5,),
    )
    for attention, members, severity in product(DESCRIBED_READERS, (1, 3), (False, True))
]  # fmt: skip


def named(config: NetworkConfig) -> str:
    return "-".join(str(value) for value in config.to_json().values())


def network_of(config: NetworkConfig, factor: float = 2) -> Ensemble:
    torch.manual_seed(11)
    network = Ensemble(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network


def session_of(network: Ensemble, table: np.ndarray) -> Any:
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    model = build(network.config.shape(), weights, table, {"bundle": "grid"})
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize("config", GRID, ids=named)
def test_the_graph_equals_torch(config: NetworkConfig) -> None:
    rng = np.random.default_rng(4)
    network = network_of(config)
    table = rng.normal(size=(EVENTS, DIMENSION)).astype(np.float32)
    host = rng.normal(size=(HOST_EVENTS, DIMENSION)).astype(np.float32)
    everything = np.concatenate([table, host])
    session = session_of(network, table)
    for lengths in ([1], [4, 1, 9], [30] * 3, rng.integers(1, 60, size=8).tolist()):
        ids = rng.integers(0, EVENTS + HOST_EVENTS, size=(len(lengths), max(lengths)))
        features = rng.normal(size=(*ids.shape, config.features)).astype(np.float32)
        numbers = rng.normal(size=(len(lengths), config.session)).astype(np.float32)
        probability, weights = session.run(
            ["probability", "weights"],
            {
                "event_ids": ids,
                "lengths": np.array(lengths, dtype=np.int64),
                "features": features,
                "session": numbers,
                "host_vectors": host,
            },
        )
        with torch.no_grad():
            logits, expected = network.attend(
                torch.from_numpy(everything[ids]),
                torch.tensor(lengths),
                torch.from_numpy(features) if config.features else None,
                torch.from_numpy(numbers) if config.session else None,
            )
        assert probability.shape == (len(lengths),)
        assert np.abs(probability - torch.softmax(logits, 1)[:, 1].numpy()).max() < 1e-5
        assert np.abs(weights - expected.numpy()).max() < 1e-5
        for row, length in enumerate(lengths):
            assert not weights[row, length:].any()
            assert weights[row].sum() == pytest.approx(1, abs=1e-5)


def test_the_metadata_names_the_bundle() -> None:
    network = network_of(NetworkConfig(DIMENSION, hidden=4))
    session = session_of(network, np.zeros((1, DIMENSION), dtype=np.float32))
    assert session.get_modelmeta().custom_metadata_map == {"bundle": "grid"}


def test_parity_holds_for_the_right_weights_and_refuses_others(tmp_path: Path) -> None:
    folder = write_pumps(tmp_path / "pumps")
    rng = np.random.default_rng(0)
    sequences = [rng.integers(0, len(TEMPLATES), size=n).tolist() for n in (1, 5, 17, 40)]
    scores = Scorer(Bundle.load(folder), "cpu").score(sequences)
    expected = np.array([score.probability for score in scores])
    assert check_parity(folder, sequences, expected) < LARGEST_DIFFERENCE
    # Right in one graph is not enough: these step by step are of another network.
    other = write_pumps(tmp_path / "other", seed=6)
    for name in STEPS:
        shutil.copyfile(other / name, folder / name)
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in STEPS}
    manifest = Bundle.load(other).manifest
    files = json.loads((folder / MANIFEST).read_text())["files"] | sums
    (folder / MANIFEST).write_bytes(replace(manifest, files=files).to_bytes())
    with pytest.raises(UserError, match="differs from the trained one"):
        check_parity(folder, sequences, expected)
    folder = write_pumps(tmp_path / "again")
    for wrong in (expected + np.array([0, 0, 2e-5, 0]), expected + 0.1, expected * np.nan):
        with pytest.raises(UserError, match="differs from the trained one"):
            check_parity(folder, sequences, wrong)
