"""``metalog-train suggest``: from a bundle and logs to a file of questions."""

import gzip
import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from models.bundle import Bundle
from models.errors import UserError
from tests.trainer.agent import scored_by_agent
from tests.trainer.conftest import Demo, fit_tiny
from trainer.bundling import export_bundle
from trainer.cli import app
from trainer.corpus import Corpus
from trainer.datasets.by_bundle import OwnLogs
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.demo import DemoSystem
from trainer.fit import train
from trainer.presets import PRESETS, preset
from trainer.sighting import see
from trainer.suggest import SuggestOptions, suggest

_DESCRIBED = preset(
    "default", network={**PRESETS["default"].network, "hidden": 8, "members": 1}, steps=6, batch=24
)


@pytest.fixture(scope="module")
def shop(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that reads statistics, of the shop."""
    folder = tmp_path_factory.mktemp("suggest")
    run = fit_tiny(
        [demo.corpus(demo.source)], demo.corpus(demo.target), folder / "run", chosen=_DESCRIBED
    )
    export_bundle(train(run, "cpu"), folder / "bundle")
    return folder / "bundle"


def own(demo: Demo, system: DemoSystem) -> OwnLogs:
    return OwnLogs(
        (demo.log(system),),
        format=system.line_format,
        line_regex=system.line_regex,
        time_format=system.time_format,
        key_regex=system.key_regex,
    )


def asked(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def of_system(demo: Demo, system: DemoSystem, bundle: Path, output: Path, **more: Any) -> Any:
    return suggest(SuggestOptions(bundle, own(demo, system), output, **more))


def test_lines_as_they_were_logged_and_nobody_elses_business(
    demo: Demo, shop: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ask.jsonl"
    done = of_system(demo, demo.target, shop, file, count=8)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    records = asked(file)
    assert len(records) == done.chosen == 8
    log = demo.log(demo.target).read_text().splitlines()
    for one in records:
        assert one["label"] is None
        lines = [line for line in log if one["id"] in line]
        assert len(lines) == len(one["events"])
        for line, event in zip(lines, one["events"], strict=True):
            assert line.endswith(f" {event}")
        weights = [reason["weight"] for reason in one["why"]]
        assert weights == sorted(weights, reverse=True)
        for reason in one["why"]:
            assert 1 <= reason["line"] <= len(one["events"])


def test_the_scores_of_a_known_system_are_the_agents(
    demo: Demo, shop: Path, tmp_path: Path
) -> None:
    done = of_system(demo, demo.target, shop, tmp_path / "ask.jsonl", count=10)
    assert done.by_bundle
    assert done.threshold == Bundle.load(shop).manifest.threshold
    scores = {one["key"]: one["score"] for one in scored_by_agent(shop, [demo.log(demo.target)])}
    for one in asked(tmp_path / "ask.jsonl"):
        assert one["score"] == pytest.approx(scores[one["id"]], abs=2e-6)


def test_sessions_of_another_system_are_described_by_each_other(
    demo: Demo, shop: Path, tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("one.jsonl", "two.jsonl")]
    for file in files:
        done = of_system(demo, demo.source, shop, file, count=6)
        assert not done.by_bundle
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(asked(files[0])) == 6
    corpus = Corpus.open(demo.corpus(demo.source))
    sighting = see(Bundle.load(shop), corpus, np.random.default_rng(0))
    assert len(set(sighting.scores.tolist())) > 10


def test_a_bundle_without_statistics_will_do(demo: Demo, bundle: Path, tmp_path: Path) -> None:
    done = of_system(demo, demo.source, bundle, tmp_path / "ask.jsonl", count=5)
    assert (done.chosen, done.by_bundle) == (5, True)


def test_what_was_answered_is_not_asked_again(demo: Demo, shop: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    of_system(demo, demo.target, shop, first, count=6)
    records = asked(first)
    records[0]["label"], records[1]["label"] = "anomaly", 0
    first.write_text("".join(json.dumps(one) + "\n" for one in records))
    of_system(demo, demo.target, shop, second, count=30, labels=(first,))
    again = {one["id"] for one in asked(second)}
    assert not again & {records[0]["id"], records[1]["id"]}
    # What was not answered may be asked again.
    assert again & {one["id"] for one in records[2:]}


def test_a_corpus_in_the_place_of_logs(demo: Demo, shop: Path, tmp_path: Path) -> None:
    system = demo.target
    prepare(
        PrepareOptions(
            logs=(demo.log(system),), format=system.line_format, output=tmp_path / "corpus",
            line_regex=system.line_regex, time_format=system.time_format,
            key_regex=system.key_regex,
        )
    )  # fmt: skip
    corpus = OwnLogs((tmp_path / "corpus",))
    suggest(SuggestOptions(shop, corpus, tmp_path / "masked.jsonl", count=7))
    of_system(demo, system, shop, tmp_path / "raw.jsonl", count=7)
    masked, raw = asked(tmp_path / "masked.jsonl"), asked(tmp_path / "raw.jsonl")
    assert [one["id"] for one in masked] == [one["id"] for one in raw]
    assert all("<KEY>" in " ".join(one["events"]) for one in masked)


def test_windows_and_gzip(demo: Demo, shop: Path, tmp_path: Path) -> None:
    packed = tmp_path / "shop.log.gz"
    packed.write_bytes(gzip.compress(demo.log(demo.target).read_bytes()))
    logs = OwnLogs((packed,), window=25)
    suggest(SuggestOptions(shop, logs, tmp_path / "ask.jsonl", count=5))
    lines = demo.log(demo.target).read_text().splitlines()
    for one in asked(tmp_path / "ask.jsonl"):
        assert one["source"] == packed.name
        number = int(one["id"].split("#")[1])
        window = lines[25 * number : 25 * number + 25]
        assert [line.endswith(event) for line, event in zip(window, one["events"], strict=True)]


def test_prepare_reads_what_is_filled_in(demo: Demo, shop: Path, tmp_path: Path) -> None:
    of_system(demo, demo.target, shop, tmp_path / "ask.jsonl", count=4)
    records = asked(tmp_path / "ask.jsonl")
    for one, label in zip(records, ("normal", " Anomaly ", 1, None), strict=True):
        one["label"] = label
    (tmp_path / "ask.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    counts = prepare(
        PrepareOptions(
            logs=(tmp_path / "ask.jsonl",), format="sessions", output=tmp_path / "corpus",
            key_regex=demo.target.key_regex,
        )
    )  # fmt: skip
    assert (counts["normal"], counts["anomalous"], counts["unlabelled"]) == (1, 2, 1)


def test_the_command(demo: Demo, shop: Path, tmp_path: Path) -> None:
    packed = tmp_path / "more.log.gz"
    packed.write_bytes(gzip.compress(demo.log(demo.target).read_bytes()))
    done = CliRunner().invoke(
        app,
        ["suggest", str(shop), "--logs", str(demo.log(demo.target)), str(packed), "-n", "3",
         "-o", str(tmp_path / "ask.jsonl")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len(asked(tmp_path / "ask.jsonl")) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": 0}, "-n 0"),
        ({"logs": OwnLogs((Path("absent.log"),))}, "no such file"),
        ({"bundle": Path("absent")}, "no such bundle"),
        ({"labels": (Path("absent.csv"),)}, "no such file"),
    ],
    ids=["count", "logs", "bundle", "labels"],
)
def test_bad_input_writes_nothing(
    change: dict[str, Any], said: str, demo: Demo, shop: Path, tmp_path: Path
) -> None:
    output = tmp_path / "ask.jsonl"
    options = {"bundle": shop, "logs": own(demo, demo.target), "output": output, **change}
    with pytest.raises(UserError, match=said):
        suggest(SuggestOptions(**options))
    assert list(tmp_path.iterdir()) == []


def test_answers_are_not_overwritten(demo: Demo, shop: Path, tmp_path: Path) -> None:
    output = tmp_path / "ask.jsonl"
    output.write_text("precious")
    with pytest.raises(UserError, match="--force"):
        of_system(demo, demo.target, shop, output)
    assert output.read_text() == "precious"
    of_system(demo, demo.target, shop, output, count=2, force=True)
    assert len(asked(output)) == 2


def test_options_of_log_files_do_not_go_with_a_corpus(
    demo: Demo, shop: Path, tmp_path: Path
) -> None:
    logs = OwnLogs((demo.corpus(demo.target),), key_regex="(x)")
    with pytest.raises(UserError, match="--key-regex goes with log files"):
        suggest(SuggestOptions(shop, logs, tmp_path / "ask.jsonl"))


def test_nothing_left_to_ask(demo: Demo, shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to ask"):
        suggest(SuggestOptions(shop, OwnLogs((demo.corpus(demo.target),)), tmp_path / "ask.jsonl"))
