"""Bundles that are made like the default one, each without some of its systems; made once."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.pretrained import make
from models.bundle import MANIFEST


def bundle_without(systems: Sequence[str], data: Path, cache: Path) -> Path:
    """Below ``cache``, trained with seed 0 unless it is there. Raises UserError."""
    output = cache / f"without-{'-'.join(sorted(systems))}"
    if not (output / MANIFEST).exists():
        corpora = cache / "corpora"
        corpora.mkdir(parents=True, exist_ok=True)
        # A run that was stopped is none to go on from.
        make(data, output, corpora, seed=0, without=systems)
    return output
