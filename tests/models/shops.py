"""A small bundle whose network reads statistics. Its weights are set by hand, so that it is plain
what a session's score is made of: see ``LOGITS``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from export.writing import write_bundle
from models.bundle import Manifest
from models.description import EVENT_INPUTS, MEANING, STRUCTURE
from models.embedding import DocumentFrequencies, EventEmbedder
from models.events import DrainParameters
from models.history import History
from models.lines import FORMATS
from models.masks import DEFAULT_MASKS, key_mask
from models.reading import Description
from models.session_inputs import SESSION_INPUTS
from models.session_rule import SessionRule
from models.words import WordTable
from trainer.network import Ensemble, NetworkConfig

WORDS = ("shop", "order", "opened", "paid", "shipped", "packed", "wrapped", "failed")
TEMPLATES = (
    "shop[<NUM>]: order <KEY> opened",
    "shop[<NUM>]: order <KEY> paid",
    "shop[<NUM>]: order <KEY> shipped",
)
KEY = r"(ord-\d+)"
# Of normal sessions, by event: what the bundle's history holds.
KNOWN = [[0, 1, 2]] * 30 + [[0, 1, 1, 2]] * 10
# Log-odds of an anomaly: a count vector that is known, one that is not, one with a new event, and
# one whose new event speaks of a failure. Rarity and strangeness add no more than 0.02.
LOGITS = {"known": -3.2, "unusual": -1.2, "new event": -0.23, "failure": 3.74}


def write_shop(
    folder: Path,
    *,
    threshold: float = 0.5,
    known: Sequence[Sequence[int]] = KNOWN,
    templates: tuple[str, ...] = TEMPLATES,
    name: str = "shop",
    severity: float = 4.0,
) -> Path:
    """known: sessions of its history, maybe none; templates: whose ids they are; severity: what a
    failure adds to the log-odds."""
    table = WordTable.from_vectors(WORDS, np.eye(len(WORDS)))
    embedder = EventEmbedder(table, DocumentFrequencies.of(templates))
    config = NetworkConfig(
        dimension=len(WORDS), features=EVENT_INPUTS, session=SESSION_INPUTS, hidden=4, tanh=False,
        scaled=True, pooling="mean", projection=4, pooled=3, head=3, members=1,
    )  # fmt: skip
    torch.manual_seed(4)
    network = Ensemble(config)
    [member] = network.networks()
    with torch.no_grad():
        member.head.weight.zero_()
        member.head.bias.zero_()
        member.head.weight[0, len(STRUCTURE) + MEANING.index("largest severity")] = 3
        member.head.weight[1, STRUCTURE.index("new kinds of events")] = 3
        member.head.weight[2, STRUCTURE.index("largest rarity")] = 1
        member.head.weight[2, len(STRUCTURE) + MEANING.index("largest strangeness")] = 2
        member.output.weight.zero_()
        member.output.weight[0, :3] = torch.tensor([severity, 1.0, 0.02])
        member.output.bias.fill_(-1.2)
        member.familiar.fill_(-2.0)
    history = History.of([np.array(row) for row in known], [], len(templates))
    description = Description(history, templates, embedder.embed_all(templates), table)
    manifest = Manifest(
        name=name, created="2026-01-01T00:00:00+00:00", version="0", revision=None,
        threshold=threshold, threshold_origin="a test", line_format=FORMATS["syslog"],
        rule=SessionRule(key_regex=KEY), live_idle=60.0,
        masks=(key_mask(KEY), *DEFAULT_MASKS), drain=DrainParameters(), events=len(templates),
        dimension=len(WORDS), features=EVENT_INPUTS, network=config.to_json(), data=[],
    )  # fmt: skip
    folder.mkdir(parents=True)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    write_bundle(folder, manifest, config.shape(), weights, templates, embedder, description)
    return folder
