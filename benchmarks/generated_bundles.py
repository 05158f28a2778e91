"""Bundles of generated systems, for benchmarks of the agent: trained for a few steps only, which is
enough for the time that scoring takes and says nothing about what is found."""

import csv
from dataclasses import replace
from pathlib import Path

from benchmarks.generated_logs import write_log
from models.bundle import Bundle
from trainer.bundling import export_bundle
from trainer.corpus import Corpus
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.fit import FitOptions, start, train
from trainer.presets import preset
from trainer.splits import Fractions

_STEPS = 3
_LABELLED = 20


def generated_bundle(
    name: str, folder: Path, *, lines: int = 40_000, steps: int = _STEPS
) -> Bundle:
    """A bundle for logs like ``name`` (``SHAPES``), in ``folder``; made once."""
    path = folder / f"{name}-bundle"
    if not path.exists():
        other = "bgl" if name == "hdfs" else "hdfs"
        source = _corpus(other, folder / f"{name}-source", seed=11, lines=min(lines, 20_000))
        target = _corpus(name, folder / f"{name}-target", seed=12, lines=lines)
        chosen = replace(preset("default"), steps=steps)
        options = FitOptions((source,), target, folder / f"{name}-run", chosen, Fractions(1, 1, 1))
        run = train(start(options), "cpu")
        export_bundle(run, path)
    return Bundle.load(path)


def _corpus(name: str, path: Path, *, seed: int, lines: int) -> Path:
    log = write_log(name, path.with_suffix(".log"), seed=seed, lines=lines)
    keys = path.with_suffix(".csv")
    options = PrepareOptions(logs=(log,), format=name, output=path, name=name)
    prepare(options)
    corpus = Corpus.open(path)
    with keys.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("session", "label"))
        rows.writerows((key, int(i % 50 == 0)) for i, key in enumerate(corpus.keys))
    prepare(replace(options, labels=keys, force=True))
    return path
