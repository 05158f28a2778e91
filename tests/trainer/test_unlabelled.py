"""A target without labels: other systems' labels, its own history, and then used as any."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.bundle import Bundle
from tests.trainer.agent import same_verdicts, scored_by_agent
from tests.trainer.conftest import Demo, fit_tiny
from trainer.bundling import export_bundle
from trainer.cli import app
from trainer.corpus import UNLABELLED, Corpus
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.evaluate import evaluate
from trainer.fit import train
from trainer.lessons import described
from trainer.presets import PRESETS, Preset, preset
from trainer.run import Run
from trainer.splits import Fractions, draw

_TINY = {**PRESETS["unlabelled"].network, "hidden": 8, "members": 2}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> Preset:
    small = preset("unlabelled", network=_TINY, steps=6, batch=24)
    monkeypatch.setitem(PRESETS, "unlabelled", small)
    return small


@pytest.fixture
def unlabelled(demo: Demo, tmp_path: Path) -> Path:
    system = demo.target
    path = tmp_path / "unlabelled"
    prepare(
        PrepareOptions(
            logs=(demo.log(system),), format=system.line_format, output=path,
            line_regex=system.line_regex, time_format=system.time_format,
            key_regex=system.key_regex, name=system.name,
        )
    )  # fmt: skip
    return path


@pytest.fixture
def run(demo: Demo, unlabelled: Path, tmp_path: Path) -> Run:
    made = fit_tiny(
        [demo.corpus(demo.source)], unlabelled, tmp_path / "run", chosen=preset("default")
    )
    return train(made, "cpu")


def test_the_preset_without_labels_takes_over(run: Run) -> None:
    assert run.preset.name == "unlabelled"
    assert (run.target.normal_labels, run.target.anomaly_labels) == (0, 0)
    assert "0 of them labelled" in run.threshold_origin
    assert not run.description().history.labelled


def test_the_agent_gives_every_session_the_score_of_evaluate(
    run: Run, demo: Demo, tmp_path: Path
) -> None:
    export_bundle(run, tmp_path / "bundle")
    assert Bundle.load(tmp_path / "bundle").manifest.evaluation is None
    verdicts = scored_by_agent(tmp_path / "bundle", [demo.log(demo.target)])
    same_verdicts(evaluate(run, device="cpu").predictions, verdicts)


def test_a_few_labels_are_used_and_hidden_ones_are_not(demo: Demo, target: Corpus) -> None:
    labels = np.array(target.labels)
    few = np.full(len(labels), UNLABELLED, dtype=np.int8)
    paid = [int(np.flatnonzero(labels == 1)[0]), *np.flatnonzero(labels == 0)[:3].tolist()]
    few[paid] = labels[paid]
    seen = draw(
        [], dataclasses.replace(target, labels=few), Fractions(normal=0.5), np.random.default_rng(1)
    )
    assert paid[0] in seen.labelled
    assert set(seen.labelled.tolist()) <= set(paid)
    assert (few[seen.unlabelled] == UNLABELLED).all()
    assert len(seen.labelled) + len(seen.unlabelled) == 1 + round(0.5 * (len(labels) - 1))


def test_another_source_stands_for_the_target(run: Run) -> None:
    lessons = described(run, run.systems(), run.embedder())
    assert all(one is lessons.sources[0] for member in lessons.targets for one in member)
    assert {label for part in lessons.left_out for label in part.labels.tolist()} == {UNLABELLED}


@pytest.mark.parametrize(
    "protocol",
    [["zero-shot"], ["unlabelled"], ["budget", "--labels", "30"]],
    ids=lambda given: given[0],
)
def test_the_network_runs_in_every_protocol(
    protocol: list[str], demo: Demo, tmp_path: Path
) -> None:
    found = []
    for name in ("one.json", "two.json"):
        done = CliRunner().invoke(
            app,
            [
                "benchmark", "--protocol", *protocol, "--source", str(demo.corpus(demo.source)),
                "--target", str(demo.corpus(demo.target)), "--target-anomaly-ratio", "0.1",
                "--methods", "default", "--seeds", "1", "--json", str(tmp_path / name),
            ],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        found.append(json.loads((tmp_path / name).read_text()))
    assert found[0]["results"] == found[1]["results"]
    raw = next(row for row in found[0]["results"] if row["split"] == "raw")
    assert 0 <= raw["auroc"] <= 1


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("words", "learns from labels of the target"),
        ("target-only", "needs labels of both sides"),
        ("default/colour=3", "no field"),
    ],
)
def test_what_cannot_run_without_labels_is_refused(method: str, said: str, demo: Demo) -> None:
    from models.errors import UserError

    with pytest.raises(UserError, match=said):
        CliRunner().invoke(
            app,
            [
                "benchmark", "--protocol", "unlabelled", "--source",
                str(demo.corpus(demo.source)), "--target", str(demo.corpus(demo.target)),
                "--methods", method, "--seeds", "1",
            ],
            catch_exceptions=False,
        )  # fmt: skip
