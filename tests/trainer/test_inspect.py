"""``inspect`` says what is in a corpus, a run and a bundle."""

import json
import shutil
from pathlib import Path

import pytest

from models.bundle import CARD, NETWORK, STEPS, TEMPLATES, WORDS
from models.errors import UserError
from tests.trainer.conftest import Demo
from trainer.corpus import Corpus
from trainer.inspect import inspect, readable
from trainer.run import Run


def test_a_corpus(demo: Demo, target: Corpus) -> None:
    found = inspect(demo.corpus(demo.target))
    assert found["kind"] == "corpus"
    assert found["sessions"] == 200
    assert found["anomalous"] == sum(one.fault is not None for one in demo.target.sessions)
    assert found["lines"] == len(demo.target.lines())
    assert found["events"] + found["lines_without_session"] >= found["lines"]
    assert 0 < found["templates"] <= found["messages"]
    assert found["rule"] == {"key_regex": demo.target.key_regex, "max_lines": 2000}
    [log, labels] = found["provenance"]["inputs"]
    assert (log["name"], labels["name"]) == ("web-shop.log", "web-shop.labels.csv")
    assert log["bytes"] == demo.log(demo.target).stat().st_size
    assert found["fingerprint"] == target.fingerprint


def test_a_run(run: Run) -> None:
    found = inspect(run.path)
    assert (found["kind"], found["steps"], found["seed"]) == ("run", 8, 3)
    assert [one["role"] for one in found["systems"]] == ["source", "target"]
    assert found["systems"][1]["normal_labels"] == run.target.normal_labels


def test_a_run_that_has_not_begun(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    (tmp_path / "run" / "checkpoint.npz").unlink()
    assert inspect(tmp_path / "run")["steps"] == 0


def test_a_bundle(bundle: Path, run: Run) -> None:
    found = inspect(bundle)
    assert (found["kind"], found["name"], found["dimension"]) == ("bundle", "shop", 100)
    assert found["events"] == len(run.target_templates()[0])
    assert found["words"] > 30_000
    assert set(found["files"]) == {NETWORK, *STEPS, TEMPLATES, WORDS, CARD}


def test_all_of_them_are_json_and_readable(demo: Demo, run: Run, bundle: Path) -> None:
    for path in (demo.corpus(demo.source), run.path, bundle):
        found = inspect(path)
        assert json.loads(json.dumps(found)) == found
        text = readable(found)
        assert text.startswith(f"kind: {found['kind']}\n")
        assert f"name: {found['name']}" in text
        assert all(line.strip() for line in text.split("\n"))


def test_anything_else(tmp_path: Path, demo: Demo) -> None:
    for path, message in (
        (tmp_path / "absent", "no such file"),
        (tmp_path, "neither a corpus"),
        (demo.log(demo.source), "neither a corpus"),
    ):
        with pytest.raises(UserError, match=message):
            inspect(path)
