"""A tiny bundle with a real network: small, its weights drawn and not trained."""

from pathlib import Path

import numpy as np
import pytest
import torch

from export.writing import write_bundle
from models.bundle import Bundle, Manifest
from models.embedding import DocumentFrequencies, EventEmbedder
from models.events import DrainParameters
from models.lines import FORMATS
from models.masks import DEFAULT_MASKS, key_mask
from models.session_rule import SessionRule
from models.words import WordTable
from trainer.network import Ensemble, NetworkConfig

TEMPLATES = (
    "shop[<NUM>]: order <KEY> opened",
    "shop[<NUM>]: order <KEY> paid",
    "shop[<NUM>]: order <KEY> shipped",
)
WORDS = ("shop", "order", "opened", "paid", "shipped", "refused", "lost", "exploded")
KEY = r"(ord-\d+)"


def make_bundle(folder: Path, *, seed: int = 3, name: str = "tiny", events: int = 3) -> Path:
    """Different seeds give different networks; ``events`` of the three templates are known."""
    rng = np.random.default_rng(0)
    table = WordTable.from_vectors(WORDS, rng.normal(size=(len(WORDS), 8)))
    templates = TEMPLATES[:events]
    embedder = EventEmbedder(table, DocumentFrequencies.of(templates))
    config = NetworkConfig(dimension=8, hidden=6, layers=1, tanh=False)
    torch.manual_seed(seed)
    network = Ensemble(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    manifest = Manifest(
        name=name, created="2026-01-01T00:00:00+00:00", version="0", revision=None,
        threshold=0.5, threshold_origin="test", line_format=FORMATS["syslog"],
        rule=SessionRule(key_regex=KEY), live_idle=60.0,
        masks=(key_mask(KEY), *DEFAULT_MASKS), drain=DrainParameters(), events=events,
        dimension=8, features=0, network=config.to_json(), data=[],
    )  # fmt: skip
    folder.mkdir(parents=True)
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    write_bundle(folder, manifest, config.shape(), weights, templates, embedder)
    return folder


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def bundle(bundle_path: Path) -> Bundle:
    return Bundle.load(bundle_path)
