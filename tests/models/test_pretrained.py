"""The bundle that travels with metalog."""

from pathlib import Path

import models
from models.bundle import Bundle
from models.scorer import Scorer
from models.words import shipped_word_table

SHIPPED = Path(models.__file__).parent / "pretrained" / "bundle"


def test_it_is_whole_and_holds_nothing_of_a_log() -> None:
    bundle = Bundle.load(SHIPPED)
    assert (bundle.templates, bundle.manifest.events) == ((), 0)
    assert bundle.words.words == shipped_word_table().words
    assert {one["role"] for one in bundle.manifest.data} == {"source"}
    history = Scorer(bundle, "cpu").history
    assert history is not None
    assert history.sessions == 0


def test_its_card_says_where_it_comes_from_and_what_it_is_not_for() -> None:
    card = (SHIPPED / "README.md").read_text()
    for title in ("## Data and licences", "## Results", "## Limits", "## What not to use it for"):
        assert title in card
    for one in Bundle.load(SHIPPED).manifest.data:
        assert one["fingerprint"][:12] in card
    assert "$" not in card


def test_it_is_small_enough_to_travel() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 10 * 2**20
