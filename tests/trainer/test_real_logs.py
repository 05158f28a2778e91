"""Preparing real logs, where they are at hand: counts that are known from elsewhere."""

import gzip
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.archive import read_lines
from models.lines import FORMATS, LineParser
from models.sessions import Sessionizer
from tests.trainer.agent import same_verdicts, scored_by_agent
from tests.trainer.conftest import TINY, Demo
from trainer.bundling import export_bundle
from trainer.corpus import Corpus
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.datasets.raw import DEFAULT_RULES
from trainer.evaluate import evaluate
from trainer.fit import FitOptions, start, train
from trainer.splits import Fractions


def counts_of(output: Path, form: str, *logs: Path, **options: Any) -> dict[str, int]:
    return prepare(PrepareOptions(logs=logs, format=form, output=output, **options))


@pytest.fixture(scope="module")
def hdfs(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = real_data / "HDFS" / "raw_2pct"
    path = tmp_path_factory.mktemp("corpora") / "hdfs"
    counts_of(path, "hdfs", folder / "HDFS_2pct.log.gz", labels=folder / "labels.csv.gz")
    return path


def test_hdfs(hdfs: Path) -> None:
    counts = Corpus.open(hdfs).counts
    assert (counts["sessions"], counts["anomalous"]) == (11_501, 350)
    assert (counts["unlabelled"], counts["lines_of_odd_format"]) == (0, 0)
    assert counts["events"] == counts["lines"] == 222_579


def test_every_block_of_hdfs_scores_the_same_on_a_host(
    real_data: Path, hdfs: Path, demo: Demo, tmp_path: Path
) -> None:
    run = start(
        FitOptions(
            (demo.corpus(demo.source),), hdfs, tmp_path / "run", replace(TINY, most_tasks=3),
            Fractions(), device="cpu",
        )
    )  # fmt: skip
    train(run, "cpu")
    export_bundle(run, tmp_path / "bundle")
    result = evaluate(run, device="cpu")
    verdicts = scored_by_agent(
        tmp_path / "bundle", [real_data / "HDFS" / "raw_2pct" / "HDFS_2pct.log.gz"]
    )
    assert len(verdicts) == 11_501
    same_verdicts(result.predictions, verdicts)


@pytest.mark.parametrize(
    ("folder", "sessions", "anomalous"),
    [("BGL/sessions", 9_095, 3_221), ("HDFS/sessions", 21_220, 15_920)],
)
def test_parsed_sessions(
    real_data: Path, tmp_path: Path, folder: str, sessions: int, anomalous: int
) -> None:
    counts = counts_of(tmp_path / "corpus", "sessions", real_data / folder)
    assert (counts["sessions"], counts["anomalous"]) == (sessions, anomalous)


@pytest.mark.parametrize(
    ("form", "file", "lines", "alerts"),
    [
        ("bgl", "BGL/raw_samples/BGL_2k.log.gz", 2_000, 143),
        ("bgl", "BGL/raw_samples/BGL_first10k.log.gz", 10_000, 0),
        ("thunderbird", "Thunderbird/raw_68min/Thunderbird_19k.log.gz", 19_350, 715),
    ],
)
def test_labelled_lines(
    real_data: Path, tmp_path: Path, form: str, file: str, lines: int, alerts: int
) -> None:
    counts = counts_of(tmp_path / "corpus", form, real_data / file)
    assert (counts["lines"], counts["lines_of_odd_format"]) == (lines, 0)
    assert counts["unlabelled"] == 0
    # With windows of one line the anomalous sessions are the alert lines.
    counts = counts_of(tmp_path / "lines", form, real_data / file, window=1)
    assert (counts["sessions"], counts["anomalous"]) == (lines, alerts)


OPENSTACK = (
    "openstack-nova-sample", "openstack-nova-dhcpoff",
    "openstack-vm-destroy-immediately-after-create",
)  # fmt: skip


def test_openstack(real_data: Path, tmp_path: Path) -> None:
    """The sessions are those that others found in the same logs, line by line."""
    folder = real_data / "OpenStack" / "raw"
    with gzip.open(folder / "sessions.jsonl.gz", "rt", encoding="utf-8") as file:
        known = {one["id"]: one for one in map(json.loads, file)}
    sessions: Sessionizer[int] = Sessionizer(DEFAULT_RULES["openstack"])
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    parser = LineParser(FORMATS["openstack"])
    odd: list[str] = []
    for name in OPENSTACK:
        for line in read_lines(folder / f"{name}.log.gz"):
            for key in sessions.keys(line):
                found[key][f"{name}.log"].append(line)
            if line.strip() and not parser.parse(line).fits:
                odd.append(line)
    assert set(found) == set(known)
    assert all(found[key][one["source"]] == one["events"] for key, one in known.items())
    # What does not fit are the further lines of records of several lines, never a record's first.
    assert not [line for line in odd if line.lstrip().startswith(("INFO ", "WARNING ", "ERROR "))]

    logs = [folder / f"{name}.log.gz" for name in OPENSTACK]
    labels = tmp_path / "labels.csv"
    labels.write_text("".join(f"{key},{one['label']}\n" for key, one in known.items()))
    counts = counts_of(tmp_path / "corpus", "openstack", *logs, labels=labels)
    assert (counts["sessions"], counts["anomalous"], counts["unlabelled"]) == (1_432, 450, 0)
    messages = Corpus.open(tmp_path / "corpus").messages
    lifecycle = [message for message in messages if "Lifecycle" in message]
    assert "[instance: <KEY>] VM Started (Lifecycle Event)" in lifecycle
    assert "[instance: <KEY>] VM Paused (Lifecycle Event)" in lifecycle
