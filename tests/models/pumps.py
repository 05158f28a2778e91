"""A small bundle with a real network, its weights drawn and not trained."""

from pathlib import Path

import numpy as np
import torch

from export.writing import write_bundle
from models.bundle import Manifest
from models.embedding import DocumentFrequencies, EventEmbedder
from models.events import DrainParameters
from models.lines import FORMATS
from models.masks import DEFAULT_MASKS, key_mask
from models.session_rule import SessionRule
from models.words import WordTable
from trainer.network import Ensemble, NetworkConfig

WORDS = ("pump", "valve", "opened", "closed", "leaks", "pressure", "lost", "in", "exploded")
TEMPLATES = (
    "pump <KEY> opened valve <NUM>",
    "pump <KEY> closed valve <NUM>",
    "pressure in <KEY> <NUM>",
    "zürich\u2028station",
)
KEY = r"(pump-\d+)"


def write_pumps(
    folder: Path,
    templates: tuple[str, ...] = TEMPLATES,
    *,
    bidirectional: bool = False,
    seed: int = 5,
) -> Path:
    rng = np.random.default_rng(1)
    table = WordTable.from_vectors(WORDS, rng.normal(size=(len(WORDS), 8)))
    # The same document frequencies whatever the templates: a word weighs the same in both tables.
    embedder = EventEmbedder(table, DocumentFrequencies.of(TEMPLATES))
    config = NetworkConfig(
        dimension=8, hidden=10, tanh=False, scaled=True, pooling="mean",
        bidirectional=bidirectional,
    )  # fmt: skip
    torch.manual_seed(seed)
    network = Ensemble(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.5)
    manifest = Manifest(
        name="pumps",
        created="2026-01-01T00:00:00+00:00",
        version="0",
        revision=None,
        threshold=0.5,
        threshold_origin="a test",
        line_format=FORMATS["hdfs"],
        rule=SessionRule(key_regex=KEY, idle=30.0),
        live_idle=60.0,
        masks=(key_mask(KEY), *DEFAULT_MASKS),
        drain=DrainParameters(),
        events=len(templates),
        dimension=8,
        features=0,
        network=config.to_json(),
        data=[{"role": "target", "name": "pümps", "sessions": 3, "normal_labels": 2,
               "anomaly_labels": 1, "fingerprint": "f"}],
    )  # fmt: skip
    folder.mkdir(parents=True)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    write_bundle(folder, manifest, config.shape(), weights, templates, embedder)
    return folder
