"""``metalog-train compare`` on demo logs: rows, pages, plots, and what is not run again."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.trainer.conftest import Demo, prepare_demo
from trainer.benchmark.methods import chosen
from trainer.benchmark.papers.catalogue import PAPERS
from trainer.benchmark.protocols import Protocol, Setting
from trainer.cli import app
from trainer.compare.published import PUBLISHED
from trainer.compare.rows import ROWS, RULES
from trainer.compare.tables import table
from trainer.demo import block_store
from trainer.splits import Fractions


def arguments_of(demo: Demo, output: Path, *arguments: object) -> list[str]:
    given = (
        "compare", "--source", demo.corpus(demo.source), "--target", demo.corpus(demo.target),
        "-o", output, "--normal-fraction", 0.5, "--anomaly-fraction", 0.2, "--seeds", 2,
        "--jobs", 1, *arguments,
    )  # fmt: skip
    return [str(one) for one in given]


def compare(demo: Demo, output: Path, *arguments: object) -> Any:
    return CliRunner().invoke(app, arguments_of(demo, output, *arguments))


def test_every_method_of_a_paper_has_a_row_and_every_row_is_a_method() -> None:
    setting = Setting(Protocol.BILATERAL, Fractions(), reserved=0.3)
    names = [row.method for row in (*ROWS, *RULES)]
    assert chosen(",".join(names), setting) == tuple(names)
    assert set(PAPERS) <= set(names)
    for published in PUBLISHED.values():
        assert set(published) == {row.method for row in ROWS if row.block}


def test_a_comparison_leaves_a_page_and_is_not_run_twice(demo: Demo, tmp_path: Path) -> None:
    output = tmp_path / "out"
    rows = ("--methods", "logrobust:b,count-distance", "--sweep-seeds", 0)
    done = compare(demo, output, *rows)
    assert done.exit_code == 0, done.output
    assert "logrobust:b" in done.stdout
    page = (output / "compare.md").read_text()
    assert page.startswith(f"# {demo.source.name} to {demo.target.name}\n")
    assert "| b2 | LogRobust | all labels of the target's training part |" in page
    assert (output / "roc.svg").read_text().startswith("<?xml")
    report = json.loads((output / "table.json").read_bytes())
    assert report["setting"]["reserved"] == 0.5
    half = [row["at_half"] for row in report["results"] if row["method"] == "logrobust:b"]
    assert all(set(one) == {"precision", "recall", "f1"} for one in half)
    assert not any("at_half" in row for row in report["results"] if row["method"] != "logrobust:b")

    stamp = (output / "table.json").stat().st_mtime_ns
    assert compare(demo, output, *rows).exit_code == 0
    assert (output / "table.json").stat().st_mtime_ns == stamp
    assert compare(demo, output, *rows, "--first-seed", 1).exit_code == 0
    assert (output / "table.json").stat().st_mtime_ns != stamp


def test_figures_6_to_9_are_drawn_of_few_seeds(demo: Demo, tmp_path: Path) -> None:
    """Of rules alone: networks would take minutes."""
    another = block_store(sessions=150, seed=5, anomaly_share=0.2)
    third = Demo(tmp_path, another, another)
    another.write(tmp_path)
    prepare_demo(third, another, tmp_path / "third")
    description = tmp_path / "third" / "corpus.json"
    # As of a folder of sessions.
    text = description.read_text()
    assert '"name": "third"' in text
    description.write_text(text.replace('"name": "third"', '"name": "a/third"'))
    output = tmp_path / "out"
    given = ("--zero-shot", tmp_path / "third", "--methods", "logrobust:d,keywords")
    done = compare(demo, output, *given, "--sweep-seeds", 1)
    assert done.exit_code == 0, done.output
    report = json.loads((output / "zero-shot-a-third.json").read_bytes())
    assert report["seeds"] == [0]
    assert {row["method"] for row in report["results"]} == {"logrobust:d", "keywords"}
    page = (output / "compare.md").read_text()
    assert "| a-third | LogRobust |" in page
    assert "](zero-shot.svg)" in page
    assert not (output / "beta.json").exists(), "beta is of the preset default"
    again = compare(demo, tmp_path / "none", *given, "--sweep-seeds", 0)
    assert again.exit_code == 0, again.output
    assert [path.name for path in (tmp_path / "none").glob("*.json")] == ["table.json"]


def test_published_figures_stand_beside_those_of_the_same_pair(demo: Demo, tmp_path: Path) -> None:
    rows = ("--methods", "logrobust:a", "--sweep-seeds", 0, "--seeds", 1)
    assert compare(demo, tmp_path, *rows).exit_code == 0
    report = json.loads((tmp_path / "table.json").read_bytes())
    assert "published" not in table(report)
    for place, name in ((0, "hdfs"), (-1, "bgl")):
        report["systems"][place]["name"] = name
    shown = table(report).splitlines()
    assert "published, full data: P" in shown[0]
    assert shown[2].endswith("| 94.60 | 72.95 | 82.38 |")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--methods", "target-only"), "--methods target-only: is no row"),
        (("--methods", "logrobust"), "--methods logrobust: not known"),
        (("--normal-fraction", "0"), "--normal-fraction 0.0"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arguments: tuple[str, ...], said: str, demo: Demo, tmp_path: Path
) -> None:
    done = compare(demo, tmp_path, *arguments)
    assert done.exit_code != 0
    assert said in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_where_no_folder_can_be_is_said_before_anything_is_run(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = compare(demo, tmp_path / "file")
    assert str(done.exception).endswith("file: no folder can be made there: File exists")


def test_seeds_that_are_done_outlive_a_kill(demo: Demo, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from trainer.cli import main; main()"]
    first = tmp_path / "unfinished" / "table-0.json"
    rows = ("--methods", "words,count-distance", "--sweep-seeds", 0)
    with subprocess.Popen(
        [*command, *arguments_of(demo, tmp_path, *rows)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        while not first.exists():
            assert running.poll() is None
            time.sleep(0.01)
        running.kill()
    kept = json.loads(first.read_bytes())
    kept["costs"][1]["fit_seconds"] = 12345.0
    first.write_text(json.dumps(kept))
    assert compare(demo, tmp_path, *rows).exit_code == 0
    report = json.loads((tmp_path / "table.json").read_bytes())
    assert report["seeds"] == [0, 1]
    assert [cost["seed"] for cost in report["costs"] if cost["fit_seconds"] == 12345.0] == [0]
    assert not first.parent.exists()


def test_a_seed_of_another_configuration_is_run_again(demo: Demo, tmp_path: Path) -> None:
    rows = ("--methods", "count-distance", "--sweep-seeds", 0)
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "table-0.json").write_text('{"configuration": "other"}')
    (unfinished / "table-1.json").write_text("cut of")
    assert compare(demo, tmp_path, *rows).exit_code == 0
    assert len(json.loads((tmp_path / "table.json").read_bytes())["costs"]) == 2
