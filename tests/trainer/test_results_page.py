"""The results page: its experiments are commands that exist, and its tables what they have left."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks.results import page
from benchmarks.results.corpora import RECIPES, Recipe
from benchmarks.results.experiments import EXPERIMENTS, FIRST_SEED, SYSTEMS, Experiment
from benchmarks.results.records import Record, read
from benchmarks.results.runs import chosen, result_of, run
from models.errors import UserError
from tests.trainer.conftest import TINY, Demo, prepare_demo
from trainer.benchmark.methods import RULES
from trainer.benchmark.methods import chosen as methods_of
from trainer.benchmark.protocols import Protocol
from trainer.benchmark.table import spread
from trainer.cli import app
from trainer.corpus import Corpus
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.presets import PRESETS

# What the page is made of here: small, and something for nearly every block.
SMALL = {
    name: replace(EXPERIMENTS[name], methods=methods, seeds=seeds)
    for name, methods, seeds in (
        ("bilateral-hdfs-bgl", ("default", "target-only", "rules"), 2),
        ("unlabelled-openstack", ("rules",), 1),
        ("budget-20-openstack", ("rules",), 1),
        ("budget-50-openstack", ("rules",), 1),
        ("anomalies-0.1-hdfs-bgl", ("default", "new-event", "count-distance"), 1),
        ("without-hdfs-bgl", EXPERIMENTS["without-hdfs-bgl"].methods, 1),
        ("beta-hdfs-bgl", EXPERIMENTS["beta-hdfs-bgl"].methods, 1),
        ("paper-hdfs-bgl", ("paper",), 1),
        ("paper-last-state-hdfs-bgl", EXPERIMENTS["paper-last-state-hdfs-bgl"].methods, 1),
    )
}


def write_odd(folder: Path, name: str, sessions: int) -> Path:
    """A corpus of its own words; a fifth of it has a line that is rare."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    with (folder / "sessions.jsonl").open("w") as file:
        for number in range(sessions):
            label = int(number % 5 == 0)
            events = [f"{name} step {word}" for word in rng.choice(["a", "b", "c"], size=6)]
            if label and number % 10 == 0:
                events.append(f"{name} broke down")
            file.write(json.dumps({"id": f"{name}-{number}", "label": label, "events": events}))
            file.write("\n")
    corpus = folder / name
    prepare(PrepareOptions(logs=(folder,), format="sessions", output=corpus))
    return corpus


@pytest.fixture(scope="module")
def corpora(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Made-up systems under the names of the real ones."""
    folder = tmp_path_factory.mktemp("systems")
    for system, name in ((demo.source, "hdfs"), (demo.target, "bgl")):
        prepare_demo(demo, system, folder / name)
    made = {name: folder / name for name in ("hdfs", "bgl")}
    for name in ("openstack", "thunderbird"):
        made[name] = write_odd(folder / f"{name}-log", name, 400)
    return made


@pytest.fixture(scope="module")
def results(corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NAME.json of every experiment in SMALL, with networks that are trained for a few steps."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        for preset in ("default", "words", "paper"):
            patch.setitem(PRESETS, preset, replace(TINY, name=preset))
        for experiment in SMALL.values():
            options = experiment.options(corpora.__getitem__, FIRST_SEED)
            output = str(result_of(folder, experiment))
            done = CliRunner().invoke(app, ["benchmark", *options, "--jobs", "1", "--json", output])
            assert done.exit_code == 0, done.output + str(done.exception)
    return folder


@pytest.fixture(scope="module")
def records(results: Path) -> dict[str, Record]:
    return read(SMALL, results)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS.keys())
def test_every_experiment_is_a_benchmark_that_can_be_asked_for(experiment: Experiment) -> None:
    group = typer.main.get_command(app)
    command = group.commands["benchmark"]  # type: ignore[attr-defined]
    options = experiment.options(lambda name: name, FIRST_SEED)
    given = command.make_context("benchmark", options).params

    setting = experiment.setting
    assert given["protocol"] == setting.protocol.value
    assert [*map(str, given["source"])] == [*experiment.sources]
    assert (given["labels"], given["target_anomaly_ratio"]) == (
        setting.labels,
        setting.anomaly_ratio,
    )
    for share in ("source", "normal", "anomaly"):
        assert given[f"{share}_fraction"] == getattr(setting.fractions, share)
    assert (given["seeds"], given["first_seed"]) == (experiment.seeds, FIRST_SEED)
    assert {*experiment.systems} <= RECIPES.keys()
    assert set(experiment.methods) - {RULES} <= {*methods_of(",".join(experiment.methods), setting)}


def test_the_experiments_are_those_that_the_page_promises_the_important_ones_first() -> None:
    names = [*EXPERIMENTS]

    assert names[:2] == ["bilateral-hdfs-bgl", "bilateral-bgl-hdfs"]
    assert names[-1].startswith("paper-")
    for protocol in (Protocol.UNLABELLED, Protocol.ZERO_SHOT):
        of = [one for one in EXPERIMENTS.values() if one.setting.protocol is protocol]
        assert [one.target for one in of] == [*SYSTEMS]
        assert all({*one.systems} == {*SYSTEMS} for one in of)
    for k in (20, 50, 100, 200):
        assert all(f"budget-{k}-{target}" in names for target in SYSTEMS)
    assert [one.name for one in chosen(EXPERIMENTS, ["budget-50-*", "beta-*"])] == [
        *(f"budget-50-{target}" for target in SYSTEMS),
        "beta-hdfs-bgl",
    ]
    with pytest.raises(UserError, match=r"--only budget-7\*: no experiment"):
        chosen(EXPERIMENTS, ["budget-7*"])


def test_runs_go_on_where_they_were_and_after_a_failure(
    corpora: dict[str, Path], tmp_path: Path
) -> None:
    good = replace(EXPERIMENTS["unlabelled-openstack"], methods=("rules",), seeds=1)
    bad = replace(good, name="bad", methods=("oracle",))
    said: list[str] = []
    failed = run([bad, good], corpora.__getitem__, tmp_path, 3, 1, said.append)

    assert failed == ["bad"]
    assert any("--methods oracle: not known" in line for line in said)
    assert not result_of(tmp_path, bad).exists()
    assert json.loads(result_of(tmp_path, good).read_bytes())["seeds"] == [3]
    before = result_of(tmp_path, good).stat().st_mtime_ns
    said.clear()
    assert run([good], corpora.__getitem__, tmp_path, 3, 1, said.append) == []
    assert said == ["1/1 unlabelled-openstack: is there"]
    assert result_of(tmp_path, good).stat().st_mtime_ns == before


def test_a_recipe_prepares_once_with_labels_from_sessions(demo: Demo, tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "corpora"
    (data / "logs").mkdir(parents=True)
    folder.mkdir()
    key = "11111111-2222-3333-4444-55555555555"
    for file, numbers in (("one.log", (0, 1)), ("two.log", (2,))):
        lines = [f"INFO nova.compute [instance: {key}{number}] Creating" for number in numbers]
        (data / "logs" / file).write_text("\n".join(lines) + "\n")
    sessions = [
        {"id": f"{key}{number}", "label": number % 2, "events": ["e"]} for number in (0, 1, 2)
    ]
    (data / "sessions.jsonl").write_text("\n".join(map(json.dumps, sessions)) + "\n")
    recipe = Recipe(
        "nova", ("logs/one.log", "logs/two.log"), "openstack", labels_of="sessions.jsonl"
    )
    corpus = recipe.prepared(data, folder)

    assert Corpus.open(corpus).name == "nova"
    counts = Corpus.open(corpus).counts
    assert (counts["normal"], counts["anomalous"]) == (2, 1)
    (data / "sessions.jsonl").unlink()
    assert recipe.prepared(data, folder) == corpus
    assert recipe.command == (
        "metalog-train prepare logs/one.log logs/two.log --format openstack --labels nova.csv "
        "-o nova"
    )
    with pytest.raises(UserError, match="is not there; --data"):
        replace(recipe, name="other").prepared(data, folder)


def cells(line: str) -> list[str]:
    return [cell.strip(" *") for cell in line.strip("|").split("|")]


def table_under(text: str, heading: str) -> dict[str, list[str]]:
    """Rows by title of the first table behind a heading."""
    after = text[text.index(heading) :]
    lines = after[after.index("\n| ") + 1 :].split("\n\n")[0].splitlines()
    return {cells(line)[0]: cells(line)[1:] for line in lines}


def test_tables_have_what_was_measured(records: dict[str, Record]) -> None:
    text = page.Page(records).text(page.TEMPLATE.read_text())
    table = table_under(text, "### HDFS to BGL")

    rows = records["bilateral-hdfs-bgl"].report["results"]
    heading = table[""]
    for title, method in (
        ("default", "default"),
        ("rule: an event that no known normal session has", "new-event"),
    ):
        for column, split, figure, factor in (
            ("F1 raw", "raw", "f1", 100),
            ("F1 unseen", "unseen", "f1", 100),
            ("AUROC raw", "raw", "auroc", 100),
            ("false alarms", "raw", "false_alarms_per_1000", 1),
        ):
            values = [
                row[figure] for row in rows if (row["method"], row["split"]) == (method, split)
            ]
            assert len(values) == 2
            found = table[title][heading.index(column)].split(" (")[0]
            assert found.replace(" ", "") == spread(values, factor, 1)
    assert table["MetaLog, as published (full data, not rerun)"][heading.index("F1 raw")] == "92.93"
    best = max(
        (row for row in table if row.startswith("rule: ")),
        key=lambda row: float(table[row][heading.index("F1 raw")].split(" ")[0]),
    )
    assert f"| **{best}** |" in text
    best_of_all = table["the best rule of each column"][heading.index("F1 raw")]
    assert best_of_all == table[best][heading.index("F1 raw")]


def test_a_table_says_command_labels_test_part_and_seeds(records: dict[str, Record]) -> None:
    text = page.Page(records).text(
        "{{figures bilateral-hdfs-bgl}}\n{{figures budget-50-openstack}}"
    )

    assert "    metalog-train benchmark --protocol bilateral --source hdfs --target bgl" in text
    report = records["bilateral-hdfs-bgl"].report
    labels, tested = report["labels"], report["tested"][0]
    assert (
        f"{labels['normal']} normal and {labels['anomalous']} anomalous of bgl, the target" in text
    )
    assert f"Tested on {tested['sessions']} sessions ({tested['anomalous']} anomalous)" in text
    assert f"Seeds {FIRST_SEED} to {FIRST_SEED + 1}, mean ± standard deviation" in text
    assert f"Seed {FIRST_SEED}." in text
    assert "more of its sessions seen without)" in text
    assert "none of openstack, the target (" in page.Page(records).text(
        "{{figures unlabelled-openstack}}"
    )
    # Some test part there has fewer than 20 anomalies.
    few = records["budget-50-openstack"].report["tested"]
    assert min(row["anomalous"] for row in few) < 20
    assert re.search(r"\d \(\d+\.\.\d+\) \|", text)


def test_the_same_results_give_the_same_page_and_plots(
    records: dict[str, Record], tmp_path: Path
) -> None:
    template = page.TEMPLATE.read_text()
    one = page.write(records, tmp_path / "one", template)
    two = page.write(records, tmp_path / "two", template)

    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    names = {path.name for path in one}
    assert {"results.md", "curves-bilateral-hdfs-bgl.svg", "budgets.svg", "without.svg"} <= names
    text = (tmp_path / "one" / "results.md").read_text()
    for path in one[:-1]:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
        assert f"](results/{path.name})" in text
    assert "{{" not in text
    assert "Not run yet: `bilateral-bgl-hdfs`." in text
    assert "Not run yet: `budget-*-hdfs`." in text
    for row in ("1 (the preset's)", "without attention", "paper, short, attention=none"):
        assert re.search(rf"^\| (\*\*)?{re.escape(row)}(\*\*)? \| ", text, re.MULTILINE)


def change(results: Path, folder: Path, old: str, new: str) -> None:
    folder.mkdir()
    name = "bilateral-hdfs-bgl.json"
    text = (results / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"anomaly": 0.01', '"anomaly": 0.02', "its setting is not that of the experiment"),
        ('"method": "target-only"', '"method": "else"', "has no target-only; delete it"),
        ('"name": "hdfs"', '"name": "thunderbird"', "its systems is not"),
        ('"seeds"', '"seedlings"', "no JSON of `metalog-train benchmark`"),
    ],
)
def test_a_result_of_something_else_is_refused(
    results: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    change(results, tmp_path / "changed", old, new)
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        read(SMALL, tmp_path / "changed")
    assert "\n" not in str(caught.value)


def test_an_empty_folder_and_an_unknown_block_are_refused(
    records: dict[str, Record], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="holds no result"):
        read(SMALL, tmp_path)
    with pytest.raises(UserError, match=re.escape("{{figure x}} is no block")):
        page.Page(records).text("{{figure x}}")
    with pytest.raises(UserError, match=re.escape("{{figures}} is no block")):
        page.Page(records).text("{{figures}}")


def test_the_command_line_refuses_in_one_line(tmp_path: Path) -> None:
    def refused(*arguments: Sequence[str] | str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.results", *map(str, arguments)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert "holds no result" in refused("page", "--out", str(tmp_path))
