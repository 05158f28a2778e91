"""One tiny trained run on demo logs, which most tests of the trainer look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from trainer.bundling import export_bundle
from trainer.corpus import Corpus
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.demo import DemoSystem, block_store, web_shop
from trainer.fit import FitOptions, start, train
from trainer.presets import Preset, preset
from trainer.run import Run
from trainer.splits import Fractions

TINY = preset(
    "words",
    network={"scaled": True, "pooling": "mean", "tanh": False, "hidden": 12},
    epochs=1,
    most_tasks=8,
    batch=18,
    rate=0.01,
)


@dataclass(frozen=True)
class Demo:
    """Demo logs and their corpora. A faster shop than the demo's: a few hundred sessions."""

    folder: Path
    source: DemoSystem
    target: DemoSystem

    def log(self, system: DemoSystem) -> Path:
        return self.folder / f"{system.name}.log"

    def labels(self, system: DemoSystem) -> Path:
        return self.folder / f"{system.name}.labels.csv"

    def corpus(self, system: DemoSystem) -> Path:
        return self.folder / system.name


def prepare_demo(demo: Demo, system: DemoSystem, output: Path) -> None:
    prepare(
        PrepareOptions(
            logs=(demo.log(system),),
            format=system.line_format,
            output=output,
            labels=demo.labels(system),
            line_regex=system.line_regex,
            time_format=system.time_format,
            key_regex=system.key_regex,
        )
    )


def fit_tiny(
    sources: Sequence[Path],
    target: Path,
    run: Path,
    *,
    chosen: Preset = TINY,
    seed: int = 3,
    vectors: str | None = None,
) -> Run:
    fractions = Fractions(normal=0.5, anomaly=0.3)
    options = FitOptions(
        tuple(sources), target, run, chosen, fractions, vectors=vectors, device="cpu", seed=seed
    )
    return start(options)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    made = Demo(
        folder,
        block_store(sessions=150, seed=1, anomaly_share=0.2),
        web_shop(sessions=200, seed=1, anomaly_share=0.2),
    )
    for system in (made.source, made.target):
        system.write(folder)
        prepare_demo(made, system, made.corpus(system))
    return made


@pytest.fixture(scope="session")
def target(demo: Demo) -> Corpus:
    return Corpus.open(demo.corpus(demo.target))


@pytest.fixture(scope="session")
def run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained for a few steps; nobody may write to it."""
    path = tmp_path_factory.mktemp("runs") / "run"
    made = fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path)
    train(made, "cpu")
    return made


@pytest.fixture(scope="session")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "shop"
    export_bundle(run, path)
    return path
