"""Alerts on sessions that are not over: said once, and only where the end could not change them."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from agent.detector import Detector
from models.bundle import Bundle
from tests.agent.orders import session
from tests.agent.test_learning import AGENT
from tests.models.shops import write_shop

NORMAL = ("opened", "paid", "shipped")
FAILURE = ("opened", "failed", "paid")


@pytest.fixture(scope="module")
def shop_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shops") / "shop")


def judging(path: Path) -> Detector:
    bundle = Bundle.load(path)
    detector = Detector(
        bundle,
        rule=bundle.manifest.rule,
        threshold=bundle.manifest.threshold,
        provider="cpu",
        only_anomalous=True,
    )
    assert detector.early() == []
    return detector


def test_a_session_is_told_of_when_nothing_can_make_it_good(shop_path: Path) -> None:
    detector = judging(shop_path)
    opened, failed, paid = session(1, *FAILURE)
    detector.add("a", [opened], 0.0)
    assert detector.early() == []
    detector.add("a", [failed], 0.0, [100])
    [verdict] = detector.early()
    assert (verdict.open, verdict.anomalous, verdict.lines) == (True, True, 2)
    assert verdict.weighed[0].template.endswith("failed")
    assert verdict.last_place == "a:100"
    detector.add("a", [paid], 0.0)
    assert detector.early() == []
    detector.close()
    assert detector.take() == [], "it was told of"
    assert detector.sessions_scored == 1


def test_no_beginning_of_a_known_session_is_told_of(shop_path: Path) -> None:
    detector = judging(shop_path)
    detector.threshold = 0.3
    for order, words in enumerate((NORMAL, ("opened", "paid", "paid", "shipped"))):
        for line in session(order, *words):
            detector.add("a", [line], 0.0)
            assert detector.early() == []
    detector.close()
    assert detector.take() == []


def test_what_was_told_of_is_not_learnt_from(shop_path: Path) -> None:
    bundle = Bundle.load(shop_path)
    detector = Detector(
        bundle, rule=bundle.manifest.rule, threshold=0.5, provider="cpu", learning=True
    )
    detector.early()
    detector.add("a", session(1, "opened", "failed"), 0.0)
    [verdict] = detector.early()
    assert verdict.open
    detector.threshold = 1.0
    detector.close()
    assert [one.anomalous for one in detector.take()] == [False]
    assert detector._epochs is not None
    assert detector._epochs._offered == 0


@pytest.mark.parametrize("when_over", [False, True])
def test_a_running_agent_does_not_wait_for_the_end(
    shop_path: Path, tmp_path: Path, when_over: bool
) -> None:
    log = tmp_path / "app.log"
    log.touch()
    command = [
        AGENT, "watch", str(log), "--bundle", str(shop_path), "--no-grouping", "--idle", "1",
        "--state-dir", str(tmp_path / "state"), *["--when-over"][: int(when_over)],
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stderr is not None
        assert agent.stdout is not None
        while "following" not in agent.stderr.readline():
            assert agent.poll() is None
        with log.open("a") as file:
            file.writelines(f"{line}\n" for line in session(1, *FAILURE))
        alert = json.loads(agent.stdout.readline())
        assert (alert["open"], alert["key"]) == (not when_over, "ord-1")
        # Over by now, and another one, to see that nothing is said of the first in between.
        time.sleep(0 if when_over else 2)
        with log.open("a") as file:
            file.writelines(f"{line}\n" for line in session(2, *FAILURE))
        assert json.loads(agent.stdout.readline())["key"] == "ord-2"
        agent.terminate()
