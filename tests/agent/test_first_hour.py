"""Warm-up, old logs, alert budget and signatures, of ``metalog-agent`` as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.assembly import Assembly
from agent.config import configured
from models.errors import UserError
from tests.agent.follow.harness import as_nobody, open_folder
from tests.agent.orders import session
from tests.agent.running import append, until, watching
from tests.models.keys import sign, write_keys
from tests.models.shops import write_shop

# The environment that only the agent is installed in, where `make agent-env` made one.
AGENT = os.environ.get("METALOG_AGENT") or str(Path(sys.executable).with_name("metalog-agent"))
NORMAL = ("opened", "paid", "shipped")
UNUSUAL = ("opened", "shipped")
FAILURE = ("opened", "failed")


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Knows no template and no session; a failure scores beyond doubt, to it, too."""
    folder = tmp_path_factory.mktemp("shops") / "blank"
    return write_shop(folder, known=(), templates=(), severity=12.0)


def lines(words: Sequence[str], first: int, times: int) -> list[str]:
    return [line for number in range(first, first + times) for line in session(number, *words)]


def status(state: Path, *options: str) -> str:
    done = subprocess.run(
        [AGENT, "status", "--state-dir", state, *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def said(state: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(status(state, "--json"))
    return found


def test_a_warm_up_that_rotation_and_restart_do_not_disturb(blank: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    log.touch()
    options = (
        log, "--bundle", blank, "--state-dir", state, "--end-regex", "shipped|failed",
        "--no-grouping", "--alerts-per-day", 5,
    )  # fmt: skip
    with watching(*options) as agent:
        append(log, [*lines(NORMAL, 0, 300), *lines(FAILURE, 5000, 1)])
        alert = agent.alerts.get(timeout=60)
        assert (alert["key"], alert["threshold"]) == ("ord-5000", 0.99)
        assert agent.stop() == []
    assert said(state)["warm_up"]["sessions"] == 301
    assert "301 of 2000 sessions" in status(state)
    with watching(*options) as agent:
        append(log, lines(UNUSUAL, 1000, 600))
        log.rename(tmp_path / "app.log.1")
        append(log, [*lines(NORMAL, 2000, 1200), *lines(FAILURE, 6000, 1)])
        assert agent.alerts.get(timeout=60)["key"] == "ord-6000"
        append(log, lines(NORMAL, 4000, 10))
        assert "2102 sessions" in agent.said("what is usual here was learnt")
        append(log, [*lines(UNUSUAL, 4100, 10), *lines(FAILURE, 7000, 1)])
        assert agent.alerts.get(timeout=60)["key"] == "ord-7000"
        assert agent.stop() == []
    found = said(state)
    assert (found["warm_up"], found["alerts_per_day"]) == (None, 5)
    assert found["epoch"] >= 4
    assert "set for 5 alerts a day" in status(state)


def as_cri(line: str) -> list[str]:
    """In two parts, as a runtime splits a long one."""
    time = "2026-03-01T12:00:00.123456789Z"
    return [f"{time} stdout P {line[:20]}", f"{time} stdout F {line[20:]}"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_old_logs_are_learnt_from_once(wrapped: bool, blank: Path, tmp_path: Path) -> None:
    log, state, old = tmp_path / "app.log", tmp_path / "state", tmp_path / "old.log.1"
    log.touch()
    past = [*lines(NORMAL, 0, 400), *lines(UNUSUAL, 1000, 100)]
    append(old, [part for line in past for part in as_cri(line)] if wrapped else past)
    options = (
        log, "--bundle", blank, "--state-dir", state, "--end-regex", "shipped|failed",
        "--no-grouping", "--history", tmp_path / "old.log.*",
    )  # fmt: skip
    with watching(*options) as agent:
        append(log, [*lines(UNUSUAL, 1, 10), *lines(FAILURE, 5000, 1)])
        alert = agent.alerts.get(timeout=60)
        assert (alert["key"], alert["threshold"], alert["epoch"]) == ("ord-5000", 0.5, 2)
        assert agent.stop() == []
    with watching(*options) as agent:
        append(log, lines(FAILURE, 6000, 1))
        again = agent.alerts.get(timeout=60)
        assert (again["epoch"], again["score"]) == (2, pytest.approx(alert["score"], abs=1e-6))
        assert agent.stop() == []


def test_score_takes_off_what_a_runtime_writes_around_lines(blank: Path, tmp_path: Path) -> None:
    plain, wrapped = tmp_path / "a" / "app.log", tmp_path / "b" / "app.log"
    log = lines(NORMAL, 0, 3)
    for place, text in ((plain, log), (wrapped, [part for line in log for part in as_cri(line)])):
        place.parent.mkdir()
        append(place, text)

    def scored(*arguments: object) -> tuple[str, str]:
        command = [str(one) for one in (AGENT, "score", "--bundle", blank, *arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout, done.stderr

    assert len(scored(plain)[0].splitlines()) == 3
    assert scored(wrapped) == scored(plain) == scored(wrapped, "--unwrap", "cri")
    # The key is in the second part of each line.
    assert "9 of 18 lines belong to no session" in scored(wrapped, "--unwrap", "none")[1]


def test_the_budget_bounds_a_flood_and_is_kept(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    log, state = tmp_path / "app.log", tmp_path / "state"
    append(log, lines(FAILURE, 0, 300))
    options = (
        log, "--bundle", shop, "--state-dir", state, "--from-beginning", "--no-grouping",
        "--end-regex", "shipped|failed", "--alerts-per-day", 10,
    )  # fmt: skip
    with watching(*options) as agent:
        first = agent.alerts.get(timeout=60)
        append(log, lines(FAILURE, 1000, 300))
        until(lambda: said(state)["counts"]["sessions_scored"] == 600)
        alerts = [first, *agent.stop()]
    assert first["threshold"] == pytest.approx(0.5)
    assert 1 < len(alerts) < 10
    thresholds = [one["threshold"] for one in alerts]
    assert thresholds == sorted(thresholds)
    assert all(one["score"] >= one["threshold"] for one in alerts)
    before = said(state)["threshold"]
    assert before > alerts[-1]["score"]
    with watching(*options) as agent:
        append(log, lines(FAILURE, 2000, 50))
        until(lambda: said(state)["counts"]["sessions_scored"] == 650)
        assert agent.stop() == []
    assert said(state)["threshold"] == pytest.approx(before, abs=0.001)


def test_a_bundle_must_be_signed_where_that_is_asked_for(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    private, public = write_keys(tmp_path)
    log = tmp_path / "app.log"
    append(log, lines(FAILURE, 0, 1))

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AGENT, "watch", log, "--once", "--bundle", shop, "--verify", public],
            capture_output=True, text=True,
        )  # fmt: skip

    done = run()
    assert done.returncode == 2
    [said] = done.stderr.splitlines()
    assert "is not signed" in said
    sign(shop, private)
    assert len(run().stdout.splitlines()) == 1


def test_an_unsigned_bundle_does_not_replace_a_signed_one(tmp_path: Path) -> None:
    place, log = write_shop(tmp_path / "shop"), tmp_path / "app.log"
    private, public = write_keys(tmp_path)
    sign(place, private)
    log.touch()
    options = (log, "--bundle", place, "--state-dir", tmp_path / "state", "--verify", public)
    with watching(*options) as agent:
        other = write_shop(tmp_path / "other", name="other")
        place.rename(tmp_path / "before")
        other.rename(place)
        refusal = agent.said("the bundle in use stays in use")
        assert "is not signed" in refusal
        sign(place, private)
        assert "other" in agent.said("the bundle was replaced")
        assert agent.stop() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--alerts-per-day", "5", "--threshold", "0.5"], "leave out one"),
        (["--alerts-per-day", "5", "--once"], "leave out one"),
        (["--alerts-per-day", "0"], "at least 0.01"),
        (["--warmup", "soon"], "--warmup 'soon': expected a duration"),
        (["--history", "nowhere.log"], "--history nowhere.log: no such file"),
        (["--verify", "nowhere.pem"], "--verify nowhere.pem: cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(
    blank: Path, tmp_path: Path, options: list[str], expected: str
) -> None:
    log = tmp_path / "app.log"
    append(log, lines(NORMAL, 0, 1))
    done = subprocess.run(
        [AGENT, "watch", log, "--bundle", blank, "--state-dir", tmp_path / "state", *options],
        capture_output=True, text=True, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    [said] = done.stderr.splitlines()
    assert expected in said


def test_what_reads_and_ends_does_not_end_well_where_it_may_read_nothing(blank: Path) -> None:
    with open_folder() as folder:
        bundle, log = folder / "bundle", folder / "app.log"
        shutil.copytree(blank, bundle)
        for path in (bundle, *bundle.iterdir()):
            path.chmod(0o755)
        append(log, lines(NORMAL, 0, 3))
        configuration = configured(file=None, paths=[str(log)], options={"bundle": str(bundle)})
        [one] = configuration.inputs
        assembly = Assembly(once=True)
        assembly.prepare(configuration, one)
        log.chmod(0o000)
        with as_nobody(), pytest.raises(UserError, match="no log file there that could be read"):
            assembly.prepare(configuration, one)
