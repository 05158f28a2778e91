"""``metalog-train benchmark`` from the command line."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from models.errors import UserError
from tests.trainer.conftest import Demo
from trainer.benchmark.baselines import BASELINES
from trainer.benchmark.figures import METRICS, SPLITS
from trainer.cli import app

VOLATILE = {"costs", "wall_seconds", "peak_memory_mib"}


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["benchmark", *map(str, arguments)])


def benchmark(output: Path, *arguments: object) -> tuple[dict[str, Any], Result]:
    result = invoke(*arguments, "--json", output)
    assert result.exit_code == 0, result.output
    return json.loads(output.read_bytes()), result


def refusal(*arguments: object) -> str:
    """The one line that ``main`` would print."""
    error = invoke(*arguments).exception
    assert isinstance(error, UserError), error
    assert "\n" not in str(error)
    return str(error)


def write_sessions(folder: Path, sessions: Sequence[tuple[str, int | None, list[str]]]) -> Path:
    folder.mkdir(parents=True)
    with gzip.open(folder / "sessions.jsonl.gz", "wt") as file:
        for key, label, events in sessions:
            marked = {} if label is None else {"label": label}
            file.write(json.dumps({"id": key, **marked, "events": events}) + "\n")
    return folder


def pair_of(demo: Demo) -> list[object]:
    return ["--source", demo.corpus(demo.source), "--target", demo.corpus(demo.target)]


@pytest.fixture
def hand_made(tmp_path: Path) -> list[object]:
    """A target whose 40 normal sessions are of three events and 40 lengths, and whose 20 anomalies
    have, half of them each, the line "disk failed" or "window broke"; and a source."""
    target = [(f"n{i}", 0, ["open door", *["walk in"] * (i + 1), "leave"]) for i in range(40)]
    for i in range(20):
        trouble = "disk failed" if i % 2 else "window broke"
        target.append((f"a{i}", 1, ["open door", *[trouble] * (i // 4 + 1), "leave"]))
    source = [(f"s{i}", i % 2, ["login", "denied" if i % 2 else "welcome"]) for i in range(20)]
    return [
        "--source", write_sessions(tmp_path / "gate" / "sessions", source),
        "--target", write_sessions(tmp_path / "house" / "sessions", target),
    ]  # fmt: skip


def test_rules_by_hand(hand_made: list[object], tmp_path: Path) -> None:
    report, result = benchmark(
        tmp_path / "report.json", "--protocol", "bilateral", *hand_made, "--normal-fraction", "0.5",
        "--methods", "new-event,keywords", "--seeds", 2, "--jobs", 1,
    )  # fmt: skip

    assert report["labels"] == {"normal": 20, "anomalous": 5}
    assert [system["name"] for system in report["systems"]] == ["gate/sessions", "house/sessions"]
    # 20 normal sessions and 15 anomalies are left; the latter are of 10 sequences.
    tested = {row["split"]: row for row in report["tested"]}
    assert (tested["raw"]["sessions"], tested["raw"]["anomalous"]) == (35, 15)
    assert tested["distinct"]["sessions"] == 20 + tested["distinct"]["anomalous"]
    assert tested["unseen"]["sessions"] == 20 + tested["unseen"]["anomalous"]
    assert 5 <= tested["unseen"]["anomalous"] <= tested["distinct"]["anomalous"] <= 10
    for row in report["results"]:
        assert row["precision"] == 1, row
        assert row["false_alarms_per_1000"] == 0, row
        if row["method"] == "new-event":
            # Both kinds of trouble are events that no normal session has.
            assert row["f1"] == row["auroc"] == row["auprc"] == row["mcc"] == 1
            assert row["f1_interval"] == [1, 1]
        else:
            # Only "failed" is a word of trouble; what it misses ties with the normal sessions.
            found = round(row["recall"] * row["anomalous"])
            assert row["recall"] == pytest.approx(found / row["anomalous"], abs=1e-6)
            assert row["f1"] == pytest.approx(2 * found / (found + row["anomalous"]), abs=1e-6)
            assert row["auroc"] == pytest.approx((1 + row["recall"]) / 2, abs=1e-5)
            if row["split"] == "raw":
                assert 5 <= found <= 10
    assert "5 anomalous labels of the target are the fewest" in result.stderr
    assert "fewer than 20 anomalies" in result.stderr
    assert "warning: 2 seed(s)" in result.stderr
    assert "house/sessions: 20 normal and 5 anomalous labels of 60 sessions" in result.stderr


@pytest.mark.parametrize(
    "protocol",
    [
        ["bilateral", "--anomaly-fraction", "0.2"],
        ["zero-shot"],
        ["unlabelled", "--target-anomaly-ratio", "0.1"],
        ["budget", "--labels", "30"],
    ],
    ids=lambda protocol: protocol[0],
)
def test_the_json_has_the_promised_form(protocol: list[str], demo: Demo, tmp_path: Path) -> None:
    report, result = benchmark(
        tmp_path / "report.json", "--protocol", *protocol, *pair_of(demo),
        "--methods", "rules", "--seeds", 1, "--first-seed", 4, "--jobs", 1,
    )  # fmt: skip

    assert report["protocol"] == protocol[0]
    assert report["labels"].keys() == {"normal", "anomalous"}
    if protocol[0] == "budget":
        assert sum(report["labels"].values()) == 30
    if protocol[0] in ("zero-shot", "unlabelled"):
        assert report["labels"] == {"normal": 0, "anomalous": 0}
    assert report["seeds"] == [4]
    assert [system["role"] for system in report["systems"]] == ["source", "target"]
    assert all(len(system["fingerprint"]) == 64 for system in report["systems"])
    assert len(report["configuration"]) == 64
    assert report["version"]
    assert report["wall_seconds"] > 0
    assert report["peak_memory_mib"] > 10
    methods = {row["method"] for row in report["results"]}
    assert methods <= set(BASELINES)
    assert len(report["results"]) == len(methods) * len(SPLITS)
    for row in report["results"]:
        assert row["seed"] == 4
        for metric in METRICS:
            low, high = {"mcc": (-1, 1), "false_alarms_per_1000": (0, 1000)}.get(metric, (0, 1))
            assert low <= row[metric] <= high
        assert ("f1_interval" in row) == (row["anomalous"] < 20)
    assert {(curve["method"], curve["seed"]) for curve in report["curves"]} == {
        (method, 4) for method in methods
    }
    for curve in report["curves"]:
        assert curve["roc"][-1] == [1, 1]
        assert curve["precision_recall"][-1] == [0, 1]
    for method in methods:
        assert sum(line.startswith(f"{method} ") for line in result.stdout.splitlines()) == 3


def test_seeds_decide_everything_and_processes_nothing(demo: Demo, tmp_path: Path) -> None:
    arguments = ["--protocol", "bilateral", *pair_of(demo), "--methods", "rules", "--seeds", 2]
    one, _ = benchmark(tmp_path / "one.json", *arguments, "--jobs", 1)
    two, _ = benchmark(tmp_path / "two.json", *arguments, "--jobs", 2)

    assert {k: v for k, v in one.items() if k not in VOLATILE} == {
        k: v for k, v in two.items() if k not in VOLATILE
    }
    by_seed = [[row for row in one["results"] if row["seed"] == seed] for seed in (0, 1)]
    assert [row["auroc"] for row in by_seed[0]] != [row["auroc"] for row in by_seed[1]]


def test_the_configuration_is_what_decides_the_figures(demo: Demo, tmp_path: Path) -> None:
    def configuration(*arguments: object) -> str:
        report, _ = benchmark(
            tmp_path / "report.json", *pair_of(demo), "--methods", "new-event", "--seeds", 1,
            *arguments,
        )  # fmt: skip
        return str(report["configuration"])

    plain = configuration("--protocol", "unlabelled", "--jobs", 1)
    assert configuration("--protocol", "unlabelled") == plain
    assert configuration("--protocol", "unlabelled", "--target-anomaly-ratio", "0.1") != plain
    assert configuration("--protocol", "budget", "--labels", 20) != plain


def test_a_network_is_tested_on_the_same_sessions_as_the_rules(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.trainer.conftest import TINY
    from trainer.presets import PRESETS

    monkeypatch.setitem(PRESETS, "default", TINY)
    report, _ = benchmark(
        tmp_path / "report.json", "--protocol", "bilateral", *pair_of(demo),
        "--anomaly-fraction", "0.3", "--methods", "default,new-event", "--seeds", 1, "--jobs", 1,
    )  # fmt: skip

    network, rule = (
        [row for row in report["results"] if row["method"] == method]
        for method in ("default", "new-event")
    )
    for one, other in zip(network, rule, strict=True):
        assert (one["sessions"], one["anomalous"]) == (other["sessions"], other["anomalous"])
    assert network[0]["auroc"] != 0.5


def test_unlabelled_sessions_and_those_put_aside_are_not_tested(
    hand_made: list[object], tmp_path: Path
) -> None:
    target = Path(str(hand_made[3]))
    with gzip.open(target / "sessions.jsonl.gz", "at") as file:
        file.write(json.dumps({"id": "u", "events": ["open door"]}) + "\n")
    report, _ = benchmark(
        tmp_path / "report.json", "--protocol", "zero-shot", *hand_made, "--methods", "keywords",
        "--target-anomaly-ratio", "0.2", "--seeds", 1,
    )  # fmt: skip

    assert report["tested"][0] == {"split": "raw", "seed": 0, "sessions": 50, "anomalous": 10}


def test_a_method_that_means_nothing_here_is_refused(demo: Demo) -> None:
    def methods(names: str, *protocol: object) -> str:
        return refusal(*pair_of(demo), "--methods", names, "--protocol", *protocol)

    assert "--methods oracle: not known; one of" in methods("rules,oracle", "bilateral")
    assert "count-knn: needs more of the target" in methods("count-knn", "unlabelled")
    assert "rarity: needs more of the target" in methods("rarity", "zero-shot")
    assert "--protocol sideways: not known" in methods("rules", "sideways")


def test_systems_that_overlap_are_refused(demo: Demo, tmp_path: Path) -> None:
    shop = demo.corpus(demo.target)
    assert "holds the same sessions as" in refusal(
        "--protocol", "bilateral", "--source", shop, "--target", shop, "--methods", "rules"
    )
    shared = [(f"k{i}", i % 2, ["open", f"close {'well' if i % 2 else 'badly'}"]) for i in range(9)]
    one = write_sessions(tmp_path / "one", shared)
    two = write_sessions(tmp_path / "two", [*shared[:4], ("z", 0, ["open"]), ("y", 1, ["shut"])])
    assert f"{two}: shares 4 of its 6 sessions with {one}" in refusal(
        "--protocol", "bilateral", "--source", one, "--target", two, "--methods", "rules"
    )


def test_a_target_without_the_labels_it_is_tested_by_is_refused(demo: Demo, tmp_path: Path) -> None:
    quiet = write_sessions(tmp_path / "quiet", [(f"k{i}", 0, ["open", "close"]) for i in range(9)])
    silent = write_sessions(tmp_path / "silent", [("k", None, ["open", "close"])])
    source = demo.corpus(demo.source)
    for protocol in ("bilateral", "zero-shot", "unlabelled"):
        said = refusal(
            "--protocol", protocol, "--source", source, "--target", quiet, "--methods", "rules"
        )
        assert said.startswith(f"{quiet}: the target has no anomalous session")
    for name, one in (("anomalous", quiet), ("anomalous", silent)):
        said = refusal(
            "--protocol", "bilateral", "--source", one, "--target", source, "--methods", "rules"
        )
        assert said.startswith(f"{one}: the source has no {name} session")


def test_what_is_no_corpus_is_refused_by_the_path_that_was_given(
    demo: Demo, tmp_path: Path
) -> None:
    source = demo.corpus(demo.source)
    for path in (tmp_path / "nowhere", tmp_path):
        said = refusal(
            "--protocol", "bilateral", "--source", source, "--target", path, "--methods", "rules"
        )
        assert said.startswith(f"{path}: is ")
        assert "no corpus; make one with `metalog-train prepare LOG" in said
