"""Bundles that are replaced while the agent runs: nothing is lost, what is bad is refused."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.bundle_watch import BundleWatch
from agent.judging import Judging, Knowledge
from agent.state import Glance
from models.bundle import Bundle
from tests.agent.conftest import make_bundle
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.running import append, watching
from tests.models.shops import TEMPLATES, write_shop

# The environment that only the agent is installed in, where `make agent-env` made one.
AGENT = os.environ.get("METALOG_AGENT") or str(Path(sys.executable).with_name("metalog-agent"))
UNUSUAL = ("opened", "shipped")


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Looking:
    """A watch on a bundle, and its clock."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.loads = 0
        self.watch = BundleWatch(path, Bundle.load(path), self._load, self.clock)

    def _load(self, path: Path) -> Bundle:
        self.loads += 1
        return Bundle.load(path)

    def looks(self, times: int = 1) -> list[Bundle]:
        found = []
        for _ in range(times):
            self.clock.now += 2.0
            bundle = self.watch.take()
            if bundle is not None:
                self.watch.accept(bundle)
                found.append(bundle)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


def replace_with(place: Path, other: Path) -> None:
    """As a careful program does it."""
    place.rename(place.with_name("before"))
    other.rename(place)


def test_a_bundle_that_stays_is_not_read_again(
    place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Looking(place)
    assert looking.looks(5) == []
    shutil.copytree(place, tmp_path / "same")
    replace_with(place, tmp_path / "same")
    assert looking.looks(5) == []
    assert caplog.text == ""
    assert looking.loads == 0


def test_another_one_is_taken_once_it_has_settled(place: Path, tmp_path: Path) -> None:
    looking = Looking(place)
    looking.looks(2)
    replace_with(place, make_bundle(tmp_path / "other", seed=9, name="other"))
    assert looking.looks() == []
    assert [one.manifest.name for one in looking.looks(3)] == ["other"]


def test_one_that_is_copied_file_by_file_is_let_finish(
    place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Looking(place)
    other = make_bundle(tmp_path / "other", seed=9, name="other")
    for file in sorted(other.iterdir()):
        shutil.copy(file, place / file.name)
        assert looking.looks() == []
    assert [one.manifest.name for one in looking.looks(2)] == ["other"]
    assert caplog.text == ""


def test_a_bad_one_is_refused_once_until_it_is_mended(
    place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Looking(place)
    other = make_bundle(tmp_path / "other", seed=9, name="other")
    whole = (other / "network.onnx").read_bytes()
    (other / "network.onnx").write_bytes(whole[:-1])
    replace_with(place, other)
    assert looking.looks(5) == []
    [record] = caplog.records
    assert "network.onnx is damaged" in record.message
    (place / "network.onnx").write_bytes(whole)
    assert [one.manifest.name for one in looking.looks(3)] == ["other"]


def test_one_that_is_gone_is_said_and_looked_for(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Looking(place)
    place.rename(place.with_name("away"))
    assert looking.looks(5) == []
    [record] = caplog.records
    assert "no such bundle" in record.message
    place.with_name("away").rename(place)
    assert looking.looks(5) == []
    assert len(caplog.records) == 1


def test_a_tar_may_be_replaced_too(place: Path, tmp_path: Path) -> None:
    packed = tmp_path / "bundle.tar"

    def pack(folder: Path) -> None:
        with tarfile.open(tmp_path / "new.tar", "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.add(file, file.name)
        (tmp_path / "new.tar").rename(packed)

    pack(place)
    looking = Looking(packed)
    looking.looks(2)
    pack(make_bundle(tmp_path / "other", seed=9, name="other"))
    assert [one.manifest.name for one in looking.looks(3)] == ["other"]
    assert looking.loads == 1


def test_what_was_learnt_goes_on_where_the_templates_are_the_same(tmp_path: Path) -> None:
    """The new bundle knows another event before them, so that their ids are others."""
    judging = Judging(
        rule=lambda bundle: bundle.manifest.rule.overridden(end_regex="shipped|failed"),
        provider="cpu",
        alerts_per_day=5,
    )
    old = Bundle.load(write_shop(tmp_path / "old"))
    other = ("shop[<NUM>]: order <KEY> archived", *TEMPLATES)
    new = Bundle.load(write_shop(tmp_path / "new", templates=other, known=[[1, 2, 3]] * 40))
    detector = judging.detector(old, Knowledge())
    lines = [line for number in range(600) for line in session(number, *UNUSUAL)]
    packed = ("opened", "packed", "shipped")
    lines += [line for number in range(600, 800) for line in session(number, *packed)]
    detector.add("app.log", lines, 0.0)
    detector.take()
    detector.add("app.log", session(1, *NORMAL), 100.0)
    detector.take()
    assert detector.statistics is not None

    known = Knowledge.carried(
        detector.statistics, detector.events.templates, detector.tuning(), new
    )
    assert known.fresh and known.epoch is not None and known.epoch.learnt is not None
    assert known.epoch.learnt.sessions == detector.statistics.learnt.sessions  # type: ignore[union-attr]
    moved = judging.detector(new, known)
    assert moved.budget is not None and detector.budget is not None
    assert moved.budget.threshold == pytest.approx(detector.budget.threshold)

    def score(one: Any, words: Sequence[str]) -> float:
        events = one.events.parse([f"shop[311]: order ord-1 {word}" for word in words])
        one.take_templates()
        return float(one.scorer.score([events])[0].probability)

    blank = judging.detector(new, Knowledge())
    assert score(moved, UNUSUAL) == pytest.approx(score(detector, UNUSUAL), abs=0.005)
    assert score(moved, UNUSUAL) < score(blank, UNUSUAL) - 0.1


def test_what_the_new_bundle_tells_apart_otherwise_is_forgotten(tmp_path: Path) -> None:
    judging = Judging(
        rule=lambda bundle: bundle.manifest.rule.overridden(end_regex="shipped|failed"),
        provider="cpu",
    )
    old = Bundle.load(write_shop(tmp_path / "old"))
    coarse = ("shop[<NUM>]: order <KEY> opened", "shop[<NUM>]: order <KEY> <*>")
    new = Bundle.load(write_shop(tmp_path / "new", templates=coarse, known=[[0, 1]] * 40))
    detector = judging.detector(old, Knowledge())
    lines = [line for number in range(600) for line in session(number, *UNUSUAL)]
    detector.add("app.log", lines, 0.0)
    detector.take()
    detector.add("app.log", session(1, *NORMAL), 100.0)
    detector.take()
    known = Knowledge.carried(
        detector.statistics, detector.events.templates, detector.tuning(), new
    )
    assert known.epoch is None


def test_a_running_agent_changes_bundles_without_losing_a_line(place: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    lines = session(5, *ODD)
    append(log, [*session(1, *NORMAL, "lost"), *lines[:2]])
    other = make_bundle(tmp_path / "other", seed=9, name="other", events=2)
    options = (
        log, "--bundle", place, "--state-dir", state, "--from-beginning", "--threshold", 0,
        "--end-regex", "lost", "--no-grouping",
    )  # fmt: skip
    with watching(*options) as agent:
        assert agent.alerts.get(timeout=60)["bundle"] == "tiny"
        # A bad one first: the agent goes on with what it has.
        network = (other / "network.onnx").read_bytes()
        (other / "network.onnx").write_bytes(b"")
        replace_with(place, other)
        agent.said("the bundle in use stays in use")
        append(log, session(2, *NORMAL, "lost"))
        assert agent.alerts.get(timeout=60)["bundle"] == "tiny"
        (place / "network.onnx").write_bytes(network)
        append(log, lines[2:3])
        assert "other" in agent.said("the bundle was replaced")
        append(log, lines[3:])
        alert = agent.alerts.get(timeout=60)
        assert agent.stop() == []
    assert (alert["key"], alert["lines"], alert["bundle"]) == ("ord-5", 4, "other")
    assert [one["line"] for one in alert["context"]]
    whole = tmp_path / "whole.log"
    append(whole, lines)
    done = subprocess.run(
        [AGENT, "score", whole, "--bundle", place, "--threshold", "0"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert alert["score"] == pytest.approx(json.loads(done.stdout)["score"], abs=1e-6)
    glance = Glance.at(state)
    assert glance.bundle == Bundle.load(place).fingerprint
    assert glance.report["bundle"] == "other"
    assert glance.report["counts"]["lines_read"] == 12
    assert glance.report["counts"]["sessions_scored"] == 3
    # And the state that it leaves is one to go on with.
    with watching(*options) as agent:
        append(log, session(6, *NORMAL, "lost"))
        alert = agent.alerts.get(timeout=60)
        assert (alert["key"], alert["bundle"]) == ("ord-6", "other")
        assert agent.stop() == []
