"""Trained for a system that nobody has seen: from the command line to a host."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.arrays import load_arrays
from models.bundle import Bundle
from models.line_reader import LineReader
from models.masks import DEFAULT_MASKS
from models.words import shipped_word_table, tokenize
from tests.trainer.agent import scored_by_agent
from tests.trainer.conftest import Demo
from trainer.bundling import export_bundle
from trainer.cli import app
from trainer.corpus import Corpus
from trainer.inspect import inspect
from trainer.lessons import described
from trainer.presets import PRESETS, preset
from trainer.run import Run
from trainer.unknown import WINDOW

_TINY = {**PRESETS["unlabelled"].network, "hidden": 8, "members": 2}


@pytest.fixture(scope="module")
def run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("unknown") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "unlabelled", preset("unlabelled", network=_TINY, steps=6, batch=24))
        done = CliRunner().invoke(
            app,
            ["fit", "--source", str(demo.corpus(demo.source)), "--source",
             str(demo.corpus(demo.target)), "-o", str(path)],
        )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "target" not in done.output
    assert "next: metalog-train export" in done.output
    return Run.open(path)


@pytest.fixture(scope="module")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unknown") / "any"
    _, difference = export_bundle(run, path)
    assert difference <= 1e-5
    return path


def test_the_sources_stand_for_it_in_turn(run: Run) -> None:
    assert run.preset.name == "unlabelled"
    assert run.threshold_origin == "fixed: nothing was known of the target"
    lessons = described(run, run.systems(), run.embedder())
    assert len(lessons.sources) == 2
    assert all(one in lessons.sources for member in lessons.targets for one in member)
    assert [one["role"] for one in inspect(run.path)["systems"]] == ["source", "source"]


def test_there_is_nothing_of_its_own_to_evaluate_on(run: Run, demo: Demo) -> None:
    refused = CliRunner().invoke(app, ["evaluate", str(run.path)])
    assert "--on CORPUS" in str(refused.exception)
    # Of a system it was trained on, nothing is left.
    refused = CliRunner().invoke(
        app, ["evaluate", str(run.path), "--on", str(demo.corpus(demo.source))]
    )
    assert "was trained on every session" in str(refused.exception)


def test_what_the_bundle_says(bundle: Path, demo: Demo) -> None:
    loaded = Bundle.load(bundle)
    manifest = loaded.manifest
    assert (manifest.events, loaded.templates) == (0, ())
    assert manifest.line_format.name == "any"
    assert (manifest.rule.window, manifest.rule.key_regex) == (WINDOW, None)
    assert manifest.masks == DEFAULT_MASKS
    assert [(one["role"], one["name"]) for one in manifest.data] == [
        ("source", demo.source.name), ("source", demo.target.name),
    ]  # fmt: skip
    assert manifest.evaluation is None
    description = loaded.description()
    assert description is not None
    assert (description.history.sessions, description.history.labelled) == (0, False)
    assert "none of which it has seen" in (bundle / "README.md").read_text()


def test_nothing_of_the_logs_is_in_it(bundle: Path, demo: Demo) -> None:
    """Not a line, a template, a key, nor a word that is not the shipped table's."""
    loaded = Bundle.load(bundle)
    shipped = shipped_word_table()
    assert loaded.words.words == shipped.words
    assert np.array_equal(loaded.words.rows, shipped.rows)
    held = []
    for file in bundle.iterdir():
        held.append(file.read_bytes())
        if file.suffix == ".npz":
            arrays = load_arrays(file)
            assert not any(array.dtype.kind in "OSU" for array in arrays.values())
            held += [array.tobytes() for name, array in arrays.items() if name != "words"]
    texts: set[str] = set()
    for system in (demo.source, demo.target):
        corpus = Corpus.open(demo.corpus(system))
        texts |= {*corpus.messages, *corpus.keys}
        texts |= {word for one in corpus.messages for word in tokenize(one) if word not in shipped}
    texts = {text for text in texts if len(text) > 4}
    assert len(texts) > 300
    for text in texts:
        assert not any(text.encode() in content for content in held), text


def test_a_host_reads_lines_of_any_form_alike(bundle: Path, tmp_path: Path) -> None:
    said = ["till[7]: order 17 paid", "till[7]: order 18 lost: no such card", "kernel: up"] * 25
    forms = {
        "rfc3164": [f"Jan  5 03:04:05 web1 {one}" for one in said],
        "iso": [f"2024-01-05T03:04:05.{i:03}+02:00 web1 {one}" for i, one in enumerate(said)],
        "app": [f"[2024-01-05 03:04:05,{i:03}] {one}" for i, one in enumerate(said)],
        "jsonl": [json.dumps({"ts": 1.7e9 + i, "msg": one}) for i, one in enumerate(said)],
        "plain": said,
    }
    manifest = Bundle.load(bundle).manifest
    expected: list[dict[str, object]] = []
    for name, lines in forms.items():
        reader = LineReader(manifest.line_format, manifest.rule, manifest.masks)
        assert set(reader.columns(lines).messages) == {
            "till[<NUM>]: order <NUM> paid", "till[<NUM>]: order <NUM> lost: no such card",
            "kernel: up",
        }  # fmt: skip
        log = tmp_path / f"{name}.log"
        log.write_text("".join(f"{line}\n" for line in lines))
        verdicts = scored_by_agent(bundle, [log])
        assert [one["lines"] for one in verdicts] == [20, 20, 20, 15]
        scores = [{**one, "key": "", "source": ""} for one in verdicts]
        expected = expected or scores
        assert scores == expected


def test_a_run_goes_on_where_it_was(run: Run) -> None:
    assert Run.open(run.path) == dataclasses.replace(run)
    [*sources, target] = run.systems()
    assert len(sources) == 2
    assert len(target.corpus) == 0
