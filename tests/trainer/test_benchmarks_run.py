"""Every benchmark runs, at sizes that say nothing: none may break unnoticed.

Left out, because the least they can do takes minutes: ``benchmarks.pretrained`` trains on four
real systems, ``benchmarks.faults`` waits for logrotate again and again. ``benchmarks.alert_storm``
is run by tests/agent/test_delivering.py, ``benchmarks.results`` by test_results_page.py.
"""

import gc
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import tailer
from benchmarks.generated_bundles import generated_bundle
from benchmarks.generated_logs import write_log
from benchmarks.parsing import REAL
from benchmarks.peers import PEERS, mined
from benchmarks.pipeline import WAYS
from benchmarks.word_pieces import COMPUTING
from models.session_rule import SessionRule
from models.words import shipped_word_table
from tests.trainer.conftest import Demo
from trainer.datasets.raw import DEFAULT_RULES
from trainer.run import Run

Benchmark = Callable[..., str]
LINES = 300


@pytest.fixture
def benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Benchmark]:
    """Runs one by its name and arguments, in this process; returns what it printed."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        importlib.import_module(f"benchmarks.{name}").main()
        return capsys.readouterr().out

    # The agent settles the collector of its process, and torch gets one thread.
    thresholds, threads = gc.get_threshold(), torch.get_num_threads()
    yield run
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles that benchmarks take for theirs."""
    folder = tmp_path_factory.mktemp("bundles")
    generated_bundle("hdfs", folder, lines=2000, steps=1)
    return folder


def table(text: str) -> dict[str, list[str]]:
    """Rows of all tables by their first cell."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows}


def test_pipeline_with_peers(benchmark: Benchmark, bundles: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    said = benchmark(
        "pipeline", "--only", "hdfs", "--peers", "--lines", LINES, "--turns", 1,
        "--folder", bundles, "--json", output,
    )  # fmt: skip

    rows = table(said)
    assert rows["lines like"] == [*WAYS, *PEERS]
    assert len(rows["hdfs"]) == len(WAYS) + len(PEERS)
    found = json.loads(output.read_text())
    seconds, ratios = (found["systems"]["hdfs"][kind] for kind in ("seconds", "ratios"))
    assert found["tailer"] == tailer.installed()
    for way, taken in seconds.items():
        if taken is None:
            assert (way, tailer.installed()) == (PEERS[-1], None)
        else:
            assert ratios[way] == pytest.approx(seconds["drain3"] / taken, rel=2e-3)


def test_pipeline_without_a_tailer_goes_on(
    benchmark: Benchmark, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailer, "PROGRAM", None)
    said = benchmark(
        "pipeline", "--only", "hdfs", "--peers", "--lines", LINES, "--turns", 1,
        "--folder", bundles,
    )  # fmt: skip

    assert table(said)["hdfs"][-1] == "not installed"
    assert re.fullmatch(r"\d+ \(\d+\.\d\)", table(said)["hdfs"][-2])


@pytest.mark.skipif(tailer.installed() is None, reason="no rsyslog here")
def test_the_tailer_counts_its_lines(tmp_path: Path) -> None:
    log = write_log("hdfs", tmp_path / "hdfs.log", seed=1, lines=LINES)

    assert (tailer.seconds(log, LINES) or 0) > 0
    with pytest.raises(SystemExit, match=f"rsyslog wrote {LINES} of {LINES - 1} lines"):
        tailer.seconds(log, LINES - 1)


@pytest.mark.parametrize(
    ("name", "rule"),
    [("hdfs", DEFAULT_RULES["hdfs"]), ("bgl", SessionRule(window=7))],
)
def test_peers_find_every_line_once(name: str, rule: SessionRule, tmp_path: Path) -> None:
    log = write_log(name, tmp_path / "some.log", seed=3, lines=LINES)
    sessions, miner = mined(log, name, rule)

    assert sum(map(len, sessions)) == LINES
    sizes = np.bincount(np.concatenate(sessions))
    assert sizes.tolist() == [one.size for one in miner.drain.clusters]


def test_growth(benchmark: Benchmark, bundles: Path) -> None:
    said = benchmark("growth", "--folder", bundles, "--turns", 1, "--lines", LINES, "--most", 100)

    assert said.count("| 10 |") == 2 and said.count("| 100 |") == 3


def test_footprint(benchmark: Benchmark, bundles: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    benchmark("footprint", "--folder", bundles, "--seconds", 1, "--open", 100, "--json", output)

    found = json.loads(output.read_text())
    assert found["latency, alerts"] == 20
    assert {"idle, MiB", "100 open sessions, MiB", "start, seconds"} <= found.keys()


def test_scoring(benchmark: Benchmark, tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    benchmark("scoring", "--lines", LINES, "--longest", 10, "--turns", 1, "--json", output)

    found = json.loads(output.read_text())
    assert [row["label"] for row in found["HDFS"]] == ["paper", "default"]
    assert found["HDFS"][0]["ratios"]["exported"] == 1


def test_meta_step(benchmark: Benchmark, tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    benchmark("meta_step", "--lines", LINES, "--batch", 6, "--turns", 1, "--json", output)

    found = json.loads(output.read_text())
    assert {*found["networks"]} == {"paper", "default"}
    assert found["networks"]["paper"]["difference"] < 1e-6


def test_parsing(benchmark: Benchmark, tmp_path: Path) -> None:
    rows = table(benchmark("parsing", "--lines", LINES, "--turns", 1))
    assert {"hdfs", "bgl", "openstack"} <= rows.keys()

    for name, path in REAL.items():
        (tmp_path / path).parent.mkdir(parents=True)
        shape = "bgl" if name == "thunderbird" else name
        # Reading goes by what is in a file, not by its name.
        write_log(shape, tmp_path / path, seed=1, lines=LINES)
    rows = table(benchmark("parsing", "--lines", LINES, "--turns", 1, "--data", tmp_path))
    assert rows.keys() == {"lines like", *REAL}


def test_preparing(benchmark: Benchmark, tmp_path: Path) -> None:
    log, output = tmp_path / "hdfs.log", tmp_path / "found.json"
    benchmark("generated_logs", "hdfs", LINES, log)
    benchmark("preparing", log, "--turns", 1, "--json", output)

    found = json.loads(output.read_text())
    assert (found["lines"], {*found["seconds"]}) == (LINES, {"simple", "quick"})


def test_state_writes_and_epoch_change(benchmark: Benchmark) -> None:
    said = benchmark("state_writes", "--open", 50, "--changing", 5, "--saves", 2)
    assert "2 saves, 5 sessions changed in each" in said
    said = benchmark("epoch_change", "--sessions", 50, "--epochs", 1)
    assert said.count("  change   median") == 2


def test_what_looks_at_a_trained_run(
    benchmark: Benchmark, demo: Demo, run: Run, bundle: Path, tmp_path: Path
) -> None:
    said = benchmark("early", run.path, bundle, "--normal", 10, "--anomalous", 5)
    assert "anomalous: 5 sessions" in said
    said = benchmark("why", bundle, demo.corpus(demo.target), "--threshold", 0)
    assert re.search(r": [1-9]\d* alerts on anomalous sessions", said)
    with pytest.raises(SystemExit, match=r"no anomalous session .* would be an alert"):
        benchmark("why", bundle, demo.corpus(demo.target), "--threshold", 1)
    table_of_words = shipped_word_table()
    np.save(tmp_path / "vectors.npy", vectors_of(table_of_words.words))
    (tmp_path / "words.txt").write_text("\n".join(table_of_words.words), encoding="utf-8")
    said = benchmark("word_table", run.path, tmp_path)
    assert "verdicts that change: 0 of" in said


def vectors_of(words: tuple[str, ...]) -> Any:
    found = shipped_word_table()
    return np.array([found.vector(word) for word in words]).astype(np.float16)


def test_word_pieces(benchmark: Benchmark, tmp_path: Path) -> None:
    words = (*COMPUTING, "serverkernel", "kernelserver")
    vectors = vectors_of(COMPUTING)
    np.save(tmp_path / "vectors.npy", np.concatenate([vectors, vectors[:2]]))
    (tmp_path / "words.txt").write_text("\n".join(words))

    assert "2 words of four letters or more" in benchmark("word_pieces", tmp_path)


def test_adaptation(benchmark: Benchmark, demo: Demo, bundles: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    benchmark(
        "adaptation", bundles / "hdfs-bundle", "--target", demo.corpus(demo.target),
        "--labels", "0,10", "--picks", "suggest", "--seeds", 1, "--json", output,
    )  # fmt: skip

    assert [row["labels"] for row in json.loads(output.read_text())] == [0, 10]
