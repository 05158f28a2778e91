"""What the agent learns on a host from the sessions that end, and what it must never learn."""

import json
import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.detector import Detector
from agent.state import Adopted, Changes, State
from agent.verdict import Verdict
from models.bundle import Bundle
from tests.agent.orders import session
from tests.models.shops import LOGITS, write_shop

# The environment that only the agent is installed in, where `make agent-env` made one.
AGENT = os.environ.get("METALOG_AGENT") or str(Path(sys.executable).with_name("metalog-agent"))
NORMAL = ("opened", "paid", "shipped")
UNUSUAL = ("opened", "shipped")
NEW = ("opened", "packed", "paid", "shipped")
FAILURE = ("opened", "failed")
# Sessions that an epoch takes, and more than the seconds that it lasts.
EPOCH, LATER = 500, 100.0


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.load(write_shop(tmp_path_factory.mktemp("shops") / "shop"))


def about(logit: float) -> Any:
    return pytest.approx(1 / (1 + math.exp(-logit)), abs=0.01)


class Host:
    """A detector and its clock."""

    def __init__(self, bundle: Bundle, *, state: State | None = None, learning: bool = True):
        saved = state.saved if state is not None else None
        self.now = 0.0
        self.number = 0
        trained = bundle.manifest.events
        self.detector = Detector(
            bundle,
            rule=bundle.manifest.rule.overridden(end_regex="shipped|failed"),
            threshold=bundle.manifest.threshold,
            provider="cpu",
            host_templates=saved.events[trained:] if saved else (),
            learning=learning,
            epoch=saved.epoch if saved else None,
        )

    def judge(self, words: Sequence[str], times: int = 1) -> list[Verdict]:
        lines = []
        for _ in range(times):
            self.number += 1
            lines += session(self.number, *words)
        verdicts = self.detector.add("app.log", lines, self.now)
        return verdicts + self.detector.take()

    def score(self, words: Sequence[str]) -> tuple[float, int]:
        [verdict] = self.judge(words)
        return verdict.score, verdict.epoch

    def wait(self) -> None:
        self.now += LATER
        self.detector.idle(self.now)


def test_in_one_epoch_the_same_session_has_the_same_score(shop: Bundle) -> None:
    host = Host(shop)
    kinds = (NORMAL, UNUSUAL, NEW, FAILURE)
    scores: dict[int, set[tuple[float, ...]]] = {}
    for _ in range(3):
        for _ in range(4):
            found = [host.score(words) for words in kinds]
            assert len({epoch for _, epoch in found}) == 1
            scores.setdefault(found[0][1], set()).add(tuple(score for score, _ in found))
            host.judge(NORMAL, 100)
            host.judge(UNUSUAL, 100)
        host.wait()
    assert sorted(scores) == [0, 1, 2]
    assert [len(found) for found in scores.values()] == [1, 1, 1]


def test_what_is_beyond_suspicion_becomes_known_with_the_next_epoch(shop: Bundle) -> None:
    host = Host(shop)
    before, epoch = host.score(UNUSUAL)
    assert (before, epoch) == (about(LOGITS["unusual"]), 0)
    host.judge(UNUSUAL, EPOCH)
    assert host.score(UNUSUAL) == (before, 0), "not before its time"
    host.wait()
    after, epoch = host.score(UNUSUAL)
    assert (after, epoch) == (about(LOGITS["known"]), 1)


@pytest.mark.parametrize(("threshold", "learnt"), [(0.5, False), (0.8, True)])
def test_a_new_event_becomes_known_only_where_its_sessions_were_under_the_guard(
    shop: Bundle, threshold: float, learnt: bool
) -> None:
    """Neither raises an alert; at 0.5 a score of 0.44 is too near to one."""
    host = Host(replace(shop, manifest=replace(shop.manifest, threshold=threshold)))
    host.judge(NORMAL, EPOCH)
    verdicts = host.judge(NEW, EPOCH)
    assert verdicts[0].score == about(LOGITS["new event"])
    assert not any(one.anomalous for one in verdicts)
    host.wait()
    after, epoch = host.score(NEW)
    assert epoch == 1
    assert after == about(LOGITS["known" if learnt else "new event"])


def test_an_incident_does_not_become_normal(shop: Bundle) -> None:
    host = Host(shop)
    epochs: set[int] = set()
    for _ in range(10):
        verdicts = host.judge(FAILURE, 100)
        assert all(one.anomalous for one in verdicts)
        assert min(one.score for one in verdicts) == about(LOGITS["failure"])
        epochs.update(one.epoch for one in verdicts)
        host.judge(NORMAL, EPOCH)
        host.wait()
    assert len(epochs) == 10, "while the statistics went on"


def test_a_threshold_above_the_bundles_does_not_open_the_guard(shop: Bundle) -> None:
    host = Host(shop)
    lenient = Detector(shop, rule=host.detector.rule, threshold=1.0, provider="cpu", learning=True)
    host.detector = lenient
    host.judge(FAILURE, 2 * EPOCH)
    host.wait()
    assert host.score(FAILURE)[1] == 0


def test_frozen_statistics_stay_those_of_the_bundle(shop: Bundle) -> None:
    host = Host(shop, learning=False)
    before = host.score(UNUSUAL)
    host.judge(UNUSUAL, 2 * EPOCH)
    host.wait()
    assert host.score(UNUSUAL) == before
    assert host.detector.take_epoch() is None


def test_a_bundle_without_statistics_has_nothing_to_learn(bundle: Bundle) -> None:
    host = Host(bundle)
    host.judge(NORMAL, 2 * EPOCH)
    host.wait()
    assert host.score(NORMAL)[1] == 0


def test_sessions_that_were_cut_short_teach_nothing(shop: Bundle) -> None:
    host = Host(shop)
    host.detector.sessions._most_sessions = 0
    # The lines that would end them are still to come.
    for number in range(2 * EPOCH):
        lines = session(number, "opened", "paid")
        host.detector.add("app.log", lines, host.now)
    assert host.detector.sessions.ended_early == 2 * EPOCH
    host.detector.take()
    host.wait()
    assert host.score(NORMAL)[1] == 0


def save(state: State, bundle: Bundle, host: Host, *, adopt: bool = False) -> None:
    templates = host.detector.take_templates()
    state.save(
        Changes(
            wall=1000.0, now=host.now, age=host.now, templates=templates,
            epoch=host.detector.take_epoch(),
            adopted=Adopted(bundle.fingerprint, host.detector.events.all) if adopt else None,
        )
    )  # fmt: skip


def test_after_a_restart_scores_are_the_same(tmp_path: Path, shop: Bundle) -> None:
    """Although a template of the host has changed since the epoch began."""
    lenient = replace(shop, manifest=replace(shop.manifest, threshold=0.8))
    state = State(tmp_path)
    host = Host(lenient)
    save(state, lenient, host, adopt=True)
    paper = "wrapped in blue paper by old {} at noon"
    host.judge(("opened", paper.format("paid"), "shipped"), EPOCH)
    host.judge(UNUSUAL, EPOCH)
    host.wait()
    kinds = (NORMAL, UNUSUAL, NEW, FAILURE, ("opened", "wrapped", "shipped"))
    first = [host.score(words) for words in kinds]
    host.judge(("opened", paper.format("packed"), "shipped"))
    assert host.detector.events.templates[3].endswith("by old <*> at noon")
    before = [host.score(words) for words in kinds]
    assert before == first
    save(state, lenient, host)
    state.close()

    state = State(tmp_path)
    again = Host(lenient, state=state)
    after = [again.score(words) for words in kinds]
    assert [score for score, _ in after] == pytest.approx([score for score, _ in before], abs=1e-6)
    assert {epoch for _, epoch in after} == {1}
    assert {epoch for _, epoch in before} == {1}
    again.judge(UNUSUAL, EPOCH)
    again.judge(NORMAL, EPOCH)
    again.wait()
    assert again.score(NORMAL)[1] == 2
    state.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), (1, "known")), (("--frozen",), (0, "unusual")), (("--once",), (0, "unusual"))],
)
def test_the_command_goes_on_with_what_was_learnt_unless_told_not_to(
    tmp_path: Path, shop: Bundle, options: tuple[str, ...], expected: tuple[int, str]
) -> None:
    folder = write_shop(tmp_path / "shop")
    assert Bundle.load(folder).fingerprint == shop.fingerprint
    state = State(tmp_path / "state")
    host = Host(shop)
    save(state, shop, host, adopt=True)
    host.judge(UNUSUAL, EPOCH)
    host.wait()
    host.judge(NORMAL)
    save(state, shop, host)
    state.close()
    log = tmp_path / "app.log"
    log.write_text("".join(f"{line}\n" for line in session(7, *UNUSUAL)))
    command = [
        AGENT, "watch", log, "--bundle", folder, "--state-dir", tmp_path / "state",
        "--from-beginning", "--threshold", 0, "--end-regex", "shipped", "--no-grouping", *options,
    ]  # fmt: skip
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        alert = json.loads(process.stdout.readline())
        process.terminate()
        process.wait(timeout=30)
    finally:
        process.kill()
        process.communicate()
    number, kind = expected
    assert (alert["epoch"], alert["score"]) == (number, about(LOGITS[kind]))


def test_another_bundle_begins_at_epoch_0(tmp_path: Path, shop: Bundle) -> None:
    state = State(tmp_path)
    host = Host(shop)
    save(state, shop, host, adopt=True)
    host.judge(NORMAL, EPOCH)
    host.wait()
    host.judge(NORMAL)
    save(state, shop, host)
    state.close()
    state = State(tmp_path)
    assert state.saved.epoch is not None and state.saved.epoch.number == 1
    save(state, shop, Host(shop), adopt=True)
    state.close()
    state = State(tmp_path)
    assert state.saved.epoch is None
    state.close()


def test_a_state_from_before_there_were_epochs_goes_on(tmp_path: Path, shop: Bundle) -> None:
    state = State(tmp_path)
    host = Host(shop)
    save(state, shop, host, adopt=True)
    state.close()
    with closing(sqlite3.connect(state.path)) as connection, connection:
        connection.execute("drop table epoch")
        connection.execute("drop table tuning")
        for column in ("born", "sessions"):
            connection.execute(f"alter table templates drop column {column}")
        connection.execute("pragma user_version = 4")
    state = State(tmp_path)
    assert (state.saved.saved_wall, state.saved.epoch) == (1000.0, None)
    host.judge(NORMAL, EPOCH)
    host.wait()
    host.judge(NORMAL)
    save(state, shop, host)
    state.close()
    state = State(tmp_path)
    assert state.saved.epoch is not None and state.saved.epoch.number == 1
    state.close()


def test_a_damaged_epoch_is_a_damaged_state(
    tmp_path: Path, shop: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    state = State(tmp_path)
    save(state, shop, Host(shop), adopt=True)
    state.close()
    with closing(sqlite3.connect(tmp_path / "agent.sqlite")) as connection, connection:
        connection.execute("insert into epoch values (1, 3, x'00')")
    state = State(tmp_path)
    assert state.saved.saved_wall is None
    assert "statistics of epoch 3" in caplog.text
    state.close()
