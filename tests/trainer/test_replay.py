"""``benchmarks.replay``: logs with labels, replayed through the agent on a clock of their own."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.replay.__main__ import HEADING, main
from benchmarks.replay.drift import SCENARIOS, Realised, at_pace
from benchmarks.replay.figures import by_day, by_spans, cut_for, figures
from benchmarks.replay.host import Judged, Replayed, replay
from benchmarks.replay.logs import SYSTEMS, LabelledLog, by_key, by_window, evenly
from benchmarks.replay.records import Measured
from benchmarks.replay.trials import HISTORY, UNLABELLED, Outcome, Trial
from benchmarks.results.page import Page
from benchmarks.results.section import refresh
from models.bundle import Bundle
from models.errors import UserError
from models.session_rule import SessionRule
from tests.agent.orders import session
from tests.models.shops import KEY, write_shop
from tests.trainer.agent import scored_by_agent
from tests.trainer.conftest import Demo
from trainer.bundling import export_bundle
from trainer.demo import web_shop
from trainer.fit import FitOptions, start, train
from trainer.presets import ADAPTATION, PRESETS, preset
from trainer.splits import Fractions

NORMAL = ("opened", "paid", "shipped")
FAILURE = ("opened", "failed")


def shop_log(orders: int, every: int) -> LabelledLog:
    """A failure every so many orders; a line every ten seconds, each order after the other."""
    lines: list[str] = []
    labels = {}
    for number in range(orders):
        odd = number % every == every - 1
        lines += session(number, *(FAILURE if odd else NORMAL))
        labels[f"ord-{number}"] = int(odd)
    return by_key("shop", lines, evenly(lines, 10.0), labels, KEY, idle=60.0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shops") / "shop")


def test_a_replay_scores_as_the_agent_does(shop: Path, tmp_path: Path) -> None:
    log = shop_log(orders=40, every=10)
    done = replay(Bundle.load(shop), log, alerts_per_day=None)

    (tmp_path / "shop.log").write_text("".join(f"{line}\n" for line in log.lines))
    other = {one["key"]: one["score"] for one in scored_by_agent(shop, [tmp_path / "shop.log"])}
    assert {one.session: one.score for one in done.judged} == pytest.approx(other, abs=1e-5)
    assert [one.session for one in done.judged] == list(log.labels)
    assert {one.session for one in done.judged if one.alerted} == {
        name for name, label in log.labels.items() if label
    }
    ends = dict(zip(log.sessions, log.seconds, strict=True))
    for one in done.judged:
        # The agent looks every ten seconds, and at what it has found at its next look.
        assert 60 <= one.seconds - ends[one.session] <= 60 + 3 * 10
    found = figures(done, log)
    assert (found.sessions, found.anomalous) == (40, 4)
    assert (found.recall, found.false_alarms, found.auroc) == (1.0, 0.0, 1.0)
    assert (found.own_threshold, found.own_recall, found.own_false_alarms) == (0.5, 1.0, 0.0)


def test_a_replay_keeps_to_its_budget(shop: Path) -> None:
    log = shop_log(orders=600, every=2)
    done = replay(Bundle.load(shop), log, alerts_per_day=20.0)
    assert 0 < sum(one.alerted for one in done.judged) <= 20 * log.days + 41
    assert figures(done, log).own_recall == 1.0 > figures(done, log).budget_recall


def test_windows_are_labelled_by_their_lines(shop: Path) -> None:
    lines = [line for number in range(30) for line in session(number, "opened", "paid")]
    odd = [number == 25 for number in range(60)]
    log = by_window("shop", lines, evenly(lines, 1.0), odd, idle=600.0)
    assert log.labels == {"0": 0, "1": 1, "2": 0}
    bundle = Bundle.load(shop)
    by_20 = replace(bundle, manifest=replace(bundle.manifest, rule=SessionRule(window=20)))
    done = replay(by_20, log.part(slice(20, None)), alerts_per_day=None)
    assert [one.session for one in done.judged] == ["1", "2"]


def test_what_is_left_out_is_left_out_whole() -> None:
    log = shop_log(orders=100, every=2)
    thin = log.thinned(seed=1, share=0.2)
    assert (len(thin.labels), thin.anomalous) == (63, 13)
    assert set(thin.sessions) == set(thin.labels)
    assert thin.thinned(seed=1, share=0.2) == thin
    assert thin.labels != log.thinned(seed=2, share=0.2).labels
    past, rest = thin.split(0.4)
    assert len(past.labels) + len(rest.labels) == 63
    assert past.seconds[-1] < rest.seconds[0]


def test_sessions_in_both_parts_are_in_none() -> None:
    lines = ["a 1", "b 1", "a 2", "c 1", "b 2", "c 2", "nobody's"]
    labels = {"a": 0, "b": 1, "c": 0}
    log = by_key("abc", lines, evenly(lines, 1.0), labels, r"^(\w) ", idle=1.0)
    past, rest = log.split(0.67)
    assert (past.lines, past.labels) == (("a 1", "a 2"), {"a": 0})
    assert (rest.lines, rest.labels) == (("c 1", "c 2", "nobody's"), {"c": 0})


def test_the_cut_leaves_as_many_false_alarms_as_may_be() -> None:
    normal = np.arange(1000.0)
    assert (normal > cut_for(normal, 5)).sum() == 5
    assert (normal[:199] > cut_for(normal[:199], 5)).sum() == 0
    # Of a tie all or none are alarms.
    assert not (np.ones(1000) > cut_for(np.ones(1000), 5)).any()


def test_figures_of_parts() -> None:
    log = by_key("ab", ["a 1", "b 1", "a 2"], [0.0, 1.0, 2.0], {"a": 1, "b": 0}, r"^(\w) ", 1.0)
    judged = [
        Judged("a", 0.1, False, 5.0),
        Judged("b", 0.6, True, 6.0),
        Judged("a", 0.7, True, 7.0),
    ]
    found = figures(Replayed(judged, 0.65), log)
    assert (found.recall, found.own_recall, found.own_false_alarms) == (1.0, 1.0, 0.0)
    assert (found.budget_recall, found.budget_false_alarms) == (1.0, 1000.0)
    assert found.rate == pytest.approx(2 / 0.01)


def test_alerts_are_counted_by_day_and_by_quarter() -> None:
    day = 86_400.0
    judged = [Judged("x", 1.0, True, at * day) for at in (0.1, 0.2, 1.5, 2.2)]
    judged.append(Judged("y", 0.1, False, 0.3 * day))
    assert by_day(judged, 0.0, 2.5 * day) == [2, 1]
    assert by_day(judged, 0.0, 0.5 * day) == []
    assert by_spans(judged, 0.0, 4 * day, 4) == [2, 1, 1, 0]


def test_a_log_at_a_pace() -> None:
    log = at_pace(shop_log(orders=100, every=10), per_day=25)
    assert log.days == pytest.approx(4, rel=0.01)


@pytest.fixture(scope="module")
def unknown(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made like the default bundle: for a system that is none of its sources."""
    folder = tmp_path_factory.mktemp("unknown")
    tiny = {**PRESETS["unlabelled"].network, "hidden": 8, "members": 2}
    options = FitOptions(
        (demo.corpus(demo.source), demo.corpus(demo.target)), None, folder / "run",
        preset("unlabelled", network=tiny, steps=2, batch=16), Fractions(), device="cpu", seed=0,
    )  # fmt: skip
    export_bundle(train(start(options), "cpu"), folder / "bundle")
    return folder / "bundle"


def test_a_past_is_learnt_from_and_labelled(
    unknown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for statistics, chosen in list(ADAPTATION.items()):
        monkeypatch.setitem(ADAPTATION, statistics, replace(chosen, steps=2, batch=16))
    system = web_shop(sessions=60, seed=4, anomaly_share=0.2)
    lines = system.lines()
    labels = {one.key: int(one.fault is not None) for one in system.sessions}
    log = by_key("shop", lines, evenly(lines, 10.0), labels, system.key_regex, idle=600.0)
    past, rest = log.split(0.5)
    trial = Trial(unknown, past, rest, tmp_path, seed=0)
    outcomes = [trial.outcome(*cell) for cell in ((HISTORY, 0), (UNLABELLED, 0), ("suggest", 6))]
    assert [one.normal + one.odd for one in outcomes] == [0, 0, 6]
    assert {(one.figures.sessions, one.figures.anomalous) for one in outcomes} == {
        (len(rest.labels), rest.anomalous)
    }
    measured = Measured()
    measured.add(outcomes, [_realised()])
    measured.write(tmp_path / "measured.json")
    again = Measured.read(tmp_path / "measured.json")
    assert (again.outcomes, again.drift) == (measured.outcomes, measured.drift)
    (tmp_path / "measured.json").write_text('{"outcomes": [{}]}')
    with pytest.raises(UserError, match=r"measured\.json: no JSON of `benchmarks.replay`"):
        Measured.read(tmp_path / "measured.json")


def test_its_section_of_the_page_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    page = tmp_path / "results.md"
    page.write_text(f"# Results\n\n{HEADING}\n\nold\n\n## Cost\n\nthe rest\n")
    found = figures(
        Replayed([Judged("a", 0.7, True, 1.0), Judged("b", 0.1, False, 2.0)], 0.5), _ab()
    )
    measured = Measured()
    measured.add(
        [
            Outcome("hdfs", pick, count, seed, count, 0, 1.0, replace(found, recall=recall))
            for seed, recall in ((0, 0.5), (1, 0.7))
            for pick, count in ((HISTORY, 0), (UNLABELLED, 0), ("random", 20), ("suggest", 20))
        ],
        [_realised()],
    )
    refresh(tmp_path, HEADING, Page({}, measured))
    text = page.read_text()
    assert text.startswith("# Results\n\n## On a host")
    assert text.endswith("## Cost\n\nthe rest\n")
    assert "old" not in text.split("## Cost")[0].split(HEADING)[1].split("\n")[2]
    assert "| 20 | suggest | 0 | 100.0 ± 0.0 | 60.0 ± 14.1 |" in text
    assert "Not run yet: `benchmarks.replay --system bgl`." in text
    assert (tmp_path / "results" / "replay.svg").stat().st_size > 1000
    page.write_text("# Results\n")
    with pytest.raises(UserError, match="has no section"):
        refresh(tmp_path, HEADING, Page({}, measured))


def test_the_systems_are_logs_in_order(real_data: Path) -> None:
    for make in SYSTEMS.values():
        log = make(real_data).thinned(seed=0)
        assert all(np.diff(log.seconds) >= 0)
        assert 0.02 < log.anomalous / len(log.labels) <= 0.0503


def test_a_folder_without_logs_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["replay", "--data", str(tmp_path), "--cache", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not there; --data names the folder of logs" in said


def _ab() -> LabelledLog:
    return by_key("ab", ["a 1", "b 1"], [0.0, 1.0], {"a": 1, "b": 0}, r"^(\w) ", 1.0)


def _realised() -> Realised:
    name = next(iter(SCENARIOS))
    return Realised(name, "history", 0, 4.0, 900, 40, 20, 1, 1.0, [1.0, 1.0, 2.0, 0.0], 1.4)
