"""The first hour on a host, of a bundle that knows no system yet."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.budget import HIGHEST
from agent.detector import Detector
from agent.judging import BUDGET, THRESHOLD, WARM_UP, Judging, Knowledge
from agent.old_logs import found, learn
from agent.state import Adopted, Changes, State
from agent.verdict import Verdict
from agent.warm_up import BEYOND_DOUBT, found_threshold
from models.bundle import Bundle
from models.errors import UserError
from tests.agent.orders import session
from tests.models.shops import write_shop

NORMAL = ("opened", "paid", "shipped")
UNUSUAL = ("opened", "shipped")
DEPLOYED = ("opened", "packed", "paid", "shipped")
FAILURE = ("opened", "failed")
JUDGING = Judging(
    rule=lambda bundle: bundle.manifest.rule.overridden(end_regex="shipped|failed"), provider="cpu"
)


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Knows no template and no session; a failure scores beyond doubt, to it, too."""
    folder = tmp_path_factory.mktemp("shops") / "blank"
    return Bundle.load(write_shop(folder, known=(), templates=(), severity=12.0))


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.load(write_shop(tmp_path_factory.mktemp("shops") / "taught"))


class Host:
    """A detector and its clock."""

    def __init__(self, bundle: Bundle, judging: Judging = JUDGING, known: Knowledge | None = None):
        self.now = 0.0
        self.number = 0
        self.detector: Detector = judging.detector(bundle, known or Knowledge())

    def judge(self, words: Sequence[str], times: int = 1) -> list[Verdict]:
        """Verdicts on those that are anomalous."""
        lines = []
        for _ in range(times):
            self.number += 1
            lines += session(self.number, *words)
        return self.detector.add("app.log", lines, self.now) + self.detector.take()

    def score(self, words: Sequence[str]) -> float:
        """What the session would score now; nothing is learnt from it."""
        events = self.detector.events.parse([f"shop[311]: order ord-1 {word}" for word in words])
        self.detector.take_templates()
        [score] = self.detector.scorer.score([events])
        return score.probability


def test_it_tells_only_of_what_is_beyond_doubt_until_it_is_over(blank: Bundle) -> None:
    host = Host(replace(blank, manifest=replace(blank.manifest, threshold=0.01)))
    assert not host.judge(NORMAL, 300)
    assert not host.judge(UNUSUAL, 300)
    assert 0.01 < host.score(DEPLOYED) < BEYOND_DOUBT
    assert not host.judge(DEPLOYED)
    [alert] = host.judge(FAILURE)
    assert alert.threshold == BEYOND_DOUBT <= alert.score
    assert host.detector.warm_up is not None
    assert host.detector.warm_up.seen == 602
    host.judge(NORMAL, 1398)
    host.judge(NORMAL)
    assert host.detector.warm_up is None
    assert not host.judge(NORMAL, 10)


def test_it_finds_the_threshold_that_usual_sessions_stay_below(blank: Bundle) -> None:
    """Not the bundle's, where what is usual here looks worse to it than that."""
    host = Host(replace(blank, manifest=replace(blank.manifest, threshold=0.01)))
    for _ in range(200):
        host.judge(NORMAL, 8)
        host.judge(UNUSUAL, 2)
    assert not host.judge(NORMAL)
    assert host.detector.warm_up is None
    assert 0.01 < host.score(UNUSUAL) < host.detector.threshold < host.score(FAILURE)
    assert host.detector.tuning() == {THRESHOLD: repr(host.detector.threshold)}


@given(st.lists(st.floats(0, 1), max_size=3000), st.floats(0, 1))
def test_the_threshold_found_is_above_all_but_one_of_200(
    scores: list[float], lowest: float
) -> None:
    threshold = found_threshold(scores, lowest)
    assert lowest <= threshold <= max(lowest, HIGHEST)
    above = sum(score >= threshold for score in scores if 0 < score < HIGHEST)
    assert above <= len(scores) / 200


def test_an_hour_is_enough_and_begins_with_the_first_session(blank: Bundle) -> None:
    host = Host(blank)
    host.now = 7200.0
    host.detector.idle(host.now)
    host.judge(NORMAL, 30)
    host.now += 3599.0
    host.judge(UNUSUAL, 30)
    assert host.detector.warm_up is not None and host.detector.epoch == 0
    host.now += 1.0
    host.judge(NORMAL)
    assert host.detector.warm_up is None and host.detector.epoch == 1
    assert host.detector.statistics is not None
    learnt = host.detector.statistics.learnt
    assert learnt is not None and learnt.sessions == 60


def test_what_is_usual_is_known_before_it_is_over(blank: Bundle) -> None:
    """An epoch takes as many sessions as all before it, also of those that come together."""
    host = Host(blank)
    host.judge(NORMAL, 1999)
    assert host.detector.epoch == 3
    known = host.score(NORMAL)
    host.judge(NORMAL)
    host.judge(NORMAL)
    assert host.detector.epoch == 4
    assert host.score(NORMAL) <= known < host.score(UNUSUAL) < host.score(DEPLOYED)


def test_an_incident_at_the_start_does_not_become_normal(blank: Bundle) -> None:
    host = Host(blank)
    for _ in range(20):
        assert len(host.judge(FAILURE, 50)) == 50
        host.judge(NORMAL, 50)
    host.judge(NORMAL)
    assert host.detector.warm_up is None
    alerts = host.judge(FAILURE, 10)
    assert len(alerts) == 10
    assert min(one.score for one in alerts) >= BEYOND_DOUBT
    assert host.detector.statistics is not None
    learnt = host.detector.statistics.learnt
    assert learnt is not None
    failed = [
        event
        for event, template in enumerate(host.detector.events.templates)
        if "failed" in template
    ]
    assert not learnt.vectors[:, failed].any()


def test_neither_a_quiet_night_nor_a_deployment_sets_it_off(blank: Bundle) -> None:
    host = Host(blank)
    assert not host.judge(NORMAL, 1500) + host.judge(UNUSUAL, 600)
    for _ in range(3):
        host.now += 8 * 3600.0
        host.detector.idle(host.now)
        assert not host.judge(NORMAL, 5) + host.judge(UNUSUAL, 5)
        assert not host.judge(DEPLOYED, 100)
    assert len(host.judge(FAILURE)) == 1


def test_the_statistics_go_on_afterwards(blank: Bundle) -> None:
    host = Host(blank)
    host.judge(NORMAL, 2001)
    before = host.score(UNUSUAL)
    for _ in range(4):
        host.judge(UNUSUAL, 200)
        host.now += 100.0
    host.judge(NORMAL)
    assert host.score(UNUSUAL) < before


@pytest.mark.parametrize(
    "judging",
    [
        replace(JUDGING, threshold=0.3),
        replace(JUDGING, warm_up=0.0),
        replace(JUDGING, learning=False),
    ],
)
def test_there_is_none_where_it_is_not_wanted(blank: Bundle, judging: Judging) -> None:
    detector = Host(blank, judging).detector
    assert detector.warm_up is None
    assert detector.threshold == (0.5 if judging.threshold is None else 0.3)


def test_a_bundle_that_knows_its_system_needs_none(taught: Bundle, bundle: Bundle) -> None:
    """Nor does one whose network reads no statistics."""
    for one in (taught, bundle):
        assert Host(one).detector.warm_up is None


def test_the_budget_begins_with_what_the_warm_up_has_seen(blank: Bundle) -> None:
    host = Host(blank, replace(JUDGING, alerts_per_day=5))
    for _ in range(60):
        host.judge(NORMAL, 8)
        host.judge(UNUSUAL, 2)
        host.now += 60.0
    host.judge(NORMAL)
    budget = host.detector.budget
    assert budget is not None and host.detector.warm_up is None
    # Too few to say where five of the day's 14,400 are cut off: a step above the largest.
    assert host.detector.threshold > host.score(UNUSUAL)
    alerts = host.judge(FAILURE, 200)
    assert len(alerts) == 200, "above its highest threshold all are told of"
    assert all(one.score >= one.threshold for one in alerts)


def save(state: State, bundle: Bundle, host: Host, *, adopt: bool = False) -> None:
    templates = host.detector.take_templates()
    adopted = Adopted(bundle.fingerprint, host.detector.events.all) if adopt else None
    state.save(
        Changes(
            wall=1000.0, now=host.now, age=host.now, templates=templates, adopted=adopted,
            epoch=host.detector.take_epoch(), tuning=host.detector.tuning(),
        )
    )  # fmt: skip


def test_a_restart_goes_on_with_it(tmp_path: Path, blank: Bundle) -> None:
    judging = replace(JUDGING, alerts_per_day=5)
    host = Host(blank, judging)
    state = State(tmp_path)
    host.judge(NORMAL, 1500)
    host.now = 600.0
    host.judge(NORMAL)
    save(state, blank, host, adopt=True)
    state.close()

    state = State(tmp_path)
    assert set(state.saved.tuning) == {BUDGET, WARM_UP}
    host = Host(blank, judging, Knowledge.of(state.saved, blank))
    assert host.detector.warm_up is not None
    assert (host.detector.warm_up.seen, host.detector.epoch) == (1501, 3)
    host.now = 700.0
    host.judge(NORMAL, 501)
    host.judge(NORMAL)
    assert host.detector.warm_up is None
    save(state, blank, host)
    threshold = host.detector.threshold
    state.close()

    state = State(tmp_path)
    assert set(state.saved.tuning) == {BUDGET, THRESHOLD}
    detector = Host(blank, judging, Knowledge.of(state.saved, blank)).detector
    assert detector.warm_up is None
    assert detector.threshold == pytest.approx(threshold)
    state.close()


def test_damage_begins_anew(blank: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    known = Knowledge(tuning={BUDGET: "{}", WARM_UP: '{"seen": -1, "began": 0}'})
    detector = Host(blank, replace(JUDGING, alerts_per_day=5), known).detector
    assert detector.budget is not None and detector.budget.threshold == pytest.approx(0.5)
    assert "the alert budget" in caplog.text and "the warm-up" in caplog.text


def write(path: Path, *kinds: Sequence[str], times: int) -> Path:
    lines = [
        line for number in range(times) for line in session(number, *kinds[number % len(kinds)])
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_old_logs_teach_at_once(tmp_path: Path, blank: Bundle) -> None:
    logs = [write(tmp_path / f"app.log.{n}", NORMAL, UNUSUAL, NORMAL, times=900) for n in (2, 1)]
    judging = replace(JUDGING, alerts_per_day=5)
    known = learn(logs, blank, judging, Knowledge())
    assert known.warmed_up and known.fresh
    host = Host(blank, judging, known)
    assert host.detector.warm_up is None
    assert host.detector.take_epoch() is known.epoch, "nobody has saved it yet"
    assert host.score(NORMAL) < host.score(DEPLOYED)
    assert host.score(UNUSUAL) < host.score(DEPLOYED)
    assert not host.judge(NORMAL, 10) + host.judge(UNUSUAL, 10)
    assert len(host.judge(FAILURE)) == 1


@pytest.mark.parametrize(("chosen", "in_use"), [(None, 0.5), (0.8, 0.8), (0.1, 0.1)])
def test_the_threshold_that_old_logs_end_with_is_the_one_in_use(
    tmp_path: Path, blank: Bundle, caplog: pytest.LogCaptureFixture,
    chosen: float | None, in_use: float,
) -> None:  # fmt: skip
    caplog.set_level("INFO", "metalog")
    log = write(tmp_path / "app.log.1", NORMAL, UNUSUAL, times=300)
    judging = replace(JUDGING, threshold=chosen)
    known = learn([log], blank, judging, Knowledge())
    assert f"threshold {in_use:.3g} from here on" in caplog.text
    assert Host(blank, judging, known).detector.threshold == in_use
    assert "say little" not in caplog.text


def test_few_old_sessions_are_learnt_from_with_a_warning(
    tmp_path: Path, blank: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    known = learn([write(tmp_path / "app.log.1", NORMAL, times=30)], blank, JUDGING, Knowledge())
    assert known.warmed_up
    assert "--history: 30 sessions say little of what is usual here" in caplog.text


@pytest.mark.parametrize(("stamp", "warned"), [("", True), ("Mar  1 12:00:01 web ", False)])
def test_old_logs_without_a_time_are_not_cut_as_live_ones_are(
    tmp_path: Path, blank: Bundle, caplog: pytest.LogCaptureFixture, stamp: str, warned: bool
) -> None:
    log = tmp_path / "app.log.1"
    log.write_text("".join(f"{stamp}shop[3]: order ord-{n} opened\n" for n in range(50)))
    judging = replace(JUDGING, rule=lambda bundle: bundle.manifest.rule.overridden(idle=60))
    learn([log], blank, judging, Knowledge())
    assert ("give --idle what a session may pause" in caplog.text) == warned


def test_old_logs_are_added_to_what_a_bundle_knows(tmp_path: Path, taught: Bundle) -> None:
    log = write(tmp_path / "app.log.1", UNUSUAL, FAILURE, times=600)
    before = Host(taught)
    host = Host(taught, known=learn([log], taught, JUDGING, Knowledge()))
    assert host.score(UNUSUAL) < before.score(UNUSUAL)
    assert host.score(FAILURE) == pytest.approx(before.score(FAILURE), abs=0.01), "an incident"


def test_old_logs_by_glob_are_read_from_the_oldest_on(tmp_path: Path) -> None:
    for age, name in enumerate(("b.log.1", "a.log.2", "c.log.3")):
        (tmp_path / name).write_text("line\n")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    names = [path.name for path in found([str(tmp_path / "*.log.*"), str(tmp_path / "b.log.1")])]
    assert names == ["c.log.3", "a.log.2", "b.log.1", "b.log.1"]
    with pytest.raises(UserError, match=r"--history .*nothing"):
        found([str(tmp_path / "nothing*")])


def test_old_logs_that_teach_nothing_are_refused(
    tmp_path: Path, blank: Bundle, bundle: Bundle
) -> None:
    log = tmp_path / "app.log"
    log.write_text("no order in it\n")
    with pytest.raises(UserError, match="no session in 1 lines"):
        learn([log], blank, JUDGING, Knowledge())
    with pytest.raises(UserError, match="reads no statistics"):
        learn([log], bundle, JUDGING, Knowledge())
