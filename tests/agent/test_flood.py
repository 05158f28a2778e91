"""Floods of events that nobody trained on: what stays, what is forgotten, and that nobody is made
blind by them."""

import itertools
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.detector import Detector
from agent.state import Adopted, Changes, State
from agent.verdict import Verdict
from models.bundle import Bundle
from models.events import MOST_HOST_TEMPLATES
from models.history import History
from tests.agent.orders import line, session
from tests.models.shops import write_shop

FAILURE = ("opened", "failed with a wrapped order", "shipped")
LETTERS = "bcdfghjklm"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.load(write_shop(tmp_path_factory.mktemp("shops") / "shop"))


def detector_of(bundle: Bundle, **options: Any) -> Detector:
    # Other orders go on until somebody says that they are over.
    rule = bundle.manifest.rule.overridden(end_regex="shipped|stopped")
    given = {"threshold": 0.5, "provider": "cpu", **options}
    return Detector(bundle, rule=rule, **given)


def junk(count: int, first: int = 0) -> Iterator[str]:
    """Distinct words."""
    for letters in itertools.islice(itertools.product(LETTERS, repeat=5), first, first + count):
        yield "".join(f"{one}a" for one in letters)


def judge(detector: Detector, lines: Sequence[str], now: float = 0.0) -> list[Verdict]:
    return [*detector.add("app.log", lines, now), *detector.take()]


def flood(detector: Detector, count: int, first: int = 0, orders: int = 1000) -> list[Verdict]:
    """Sessions of five junk lines each."""
    words = list(junk(count, first))
    lines = []
    for number, start in enumerate(range(0, count, 5)):
        lines += session(orders + number, *words[start : start + 5], "stopped")
    return judge(detector, lines)


def test_after_a_flood_a_new_event_is_as_new_as_ever(shop: Bundle) -> None:
    """With the real capacity."""
    host = detector_of(shop)
    flood(host, 30_000)
    assert 2500 < host.events.host_count <= MOST_HOST_TEMPLATES
    assert host.events.evicted >= 20_000
    assert host.events.overflowed == 0
    assert len(host.events.templates) <= 3 + MOST_HOST_TEMPLATES
    [found] = judge(host, session(1, *FAILURE))
    [expected] = judge(detector_of(shop), session(1, *FAILURE))
    assert found.score == pytest.approx(expected.score, abs=1e-6)
    assert found.anomalous and expected.anomalous
    assert [(one.template, one.new, one.count) for one in found.weighed] == [
        (one.template, one.new, one.count) for one in expected.weighed
    ]
    assert [one.weight for one in found.weighed] == pytest.approx(
        [one.weight for one in expected.weighed], abs=1e-5
    )


def test_what_many_sessions_had_keeps_its_id_and_what_few_had_is_new_again(shop: Bundle) -> None:
    host = detector_of(shop, most_host_templates=100)
    for number in range(8):
        judge(host, session(number, "opened", "packed well", "shipped"))
    [often] = host.take_templates()
    [before] = judge(host, session(20, "opened", "wrapped twice", "shipped"))
    [seldom] = host.take_templates()
    flood(host, 1000)
    assert host.events.template(often).endswith("packed well")
    assert not any(one.endswith("wrapped twice") for one in host.events.templates)
    assert host.events.template(seldom) != "", "its id is somebody else's now"
    [again] = judge(host, session(21, "opened", "wrapped twice", "shipped"))
    assert again.score == pytest.approx(before.score, abs=1e-6)


def test_what_statistics_hold_keeps_its_id(shop: Bundle) -> None:
    # By this threshold sessions with a new event are harmless; later they are not.
    host = detector_of(shop, threshold=None, learning=True, most_host_templates=100)
    host._bundles_threshold = 0.66
    new = ("opened", "packed well", "shipped")
    # Few sessions have it, too few to be established.
    for number in range(5):
        judge(host, session(number, *new), now=1.0)
    for number in range(600):
        judge(host, session(100 + number, "opened", "paid", "shipped"), now=2.0)
    [before] = judge(host, session(900, *new), now=100.0)
    assert host.epoch == 1
    [event] = [
        number for number, one in enumerate(host.events.templates) if one.endswith("packed well")
    ]
    host._bundles_threshold = 0.5
    flood(host, 1000)
    assert host.events.evicted > 900
    assert host.events.template(event).endswith("packed well")
    [after] = judge(host, session(901, *new), now=100.0)
    assert host.epoch == 1
    assert after.score == pytest.approx(before.score, abs=1e-6)


def test_a_session_that_is_open_in_a_flood_keeps_its_events(shop: Bundle) -> None:
    host = detector_of(shop, most_host_templates=100)
    assert judge(host, session(1, *FAILURE[:2])) == []
    flood(host, 1000)
    assert host.sessions.ended_early == 0
    [found] = judge(host, [line(1, FAILURE[2])])
    [expected] = judge(detector_of(shop), session(1, *FAILURE))
    assert found.score == pytest.approx(expected.score, abs=1e-6)


def test_sessions_that_hold_too_many_events_are_over_early_and_lose_none(shop: Bundle) -> None:
    host = detector_of(shop, most_host_templates=100)
    judge(host, session(1, *FAILURE[:2]))
    verdicts = []
    words = list(junk(1000))
    for start in range(0, len(words), 40):
        lines = [line(2 + start, word) for word in words[start : start + 40]]
        verdicts += judge(host, lines)
    assert host.sessions.ended_early > 15
    assert host.events.overflowed == 0
    assert all(len({*one.items}) == one.lines for one in verdicts if one.anomalous)
    assert sum(one.lines for one in verdicts) + host.sessions.events == 1002
    # Not this one: it holds few.
    [found] = judge(host, [line(1, FAILURE[2])])
    assert found.lines == 3
    [expected] = judge(detector_of(shop), session(1, *FAILURE))
    assert found.score == pytest.approx(expected.score, abs=1e-6)


def test_it_is_said_once_an_hour_and_counted(
    shop: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    host = detector_of(shop, most_host_templates=100)
    with caplog.at_level(logging.WARNING, "metalog"):
        flood(host, 80)
        assert not caplog.records
        flood(host, 1000)
        flood(host, 1000, first=2000)
    [record] = caplog.records
    assert "that nobody trained on" in record.getMessage()
    assert host.report()["host_events"] == host.events.host_count <= 100
    assert host.events.evicted + host.events.host_count == 2000 + len({"stopped"})


# Orders that are open beside each other, and words of which a host keeps a few only.
TURNS = st.lists(
    st.one_of(
        st.tuples(
            st.integers(1, 4),
            st.sampled_from(["opened", "paid", "packed", "failed", "shipped", *junk(30)]),
        ),
        st.sampled_from(["save", "crash", "crash"]),
    ),
    max_size=80,
)


class Saving:
    """A detector with few host events, and the state that it goes on from after a crash."""

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        self._bundle = bundle
        self._folder = folder
        self._state = State(folder)
        self._unsaved: list[str] = []
        self.detector = self._started()
        self.save(Adopted(bundle.fingerprint, self.detector.events.all))

    def _started(self) -> Detector:
        saved = self._state.saved
        detector = detector_of(
            self._bundle,
            most_host_templates=12,
            host_templates=saved.events[self._bundle.manifest.events :],
        )
        detector.sessions.restore(list(saved.sessions), saved.counters)
        return detector

    def add(self, line: str) -> list[Verdict]:
        self._unsaved.append(line)
        return judge(self.detector, [line])

    def save(self, adopted: Adopted | None = None) -> None:
        self._unsaved.clear()
        self._state.save(
            Changes(
                wall=0.0, now=100.0, age=0.0, adopted=adopted,
                templates=self.detector.take_templates(),
                sessions=self.detector.sessions.take_changed(),
                counters=self.detector.sessions.counters(),
            )
        )  # fmt: skip

    def crash(self) -> list[Verdict]:
        """What is read again is said again."""
        self._state.close()
        self._state = State(self._folder)
        self.detector = self._started()
        return judge(self.detector, self._unsaved)

    def close(self) -> None:
        self._state.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TURNS)
def test_neither_a_crash_nor_what_is_forgotten_changes_a_score(
    shop: Bundle, turns: list[tuple[int, str] | str]
) -> None:
    """Beside a host that never forgets and never stops. Sessions may be over early where they hold
    too much; then they are so because of their events, and what is left has no twin there."""
    lasting = detector_of(shop)
    with tempfile.TemporaryDirectory() as folder:
        host = Saving(shop, Path(folder))
        expected: list[Verdict] = []
        found: dict[str, Verdict] = {}
        for second, turn in enumerate(turns):
            if isinstance(turn, str):
                if turn == "save":
                    host.save()
                else:
                    found.update((f"{one.key}@again{second}", one) for one in host.crash())
            else:
                order, word = turn
                text = line(order, word, second % 60)
                found.update((f"{one.key}@{second}", one) for one in host.add(text))
                expected += judge(lasting, [text])
            known = host.detector.events
            assert known.host_count <= 12 and known.overflowed == 0
            for open_session in host.detector.sessions:
                assert all(known.template(event) for event in open_session.items)
        host.close()
    if not host.detector.sessions.ended_early:
        scores = sorted((one.key, one.lines, round(one.score, 5)) for one in expected)
        assert {(one.key, one.lines, round(one.score, 5)) for one in found.values()} >= set(scores)


def test_statistics_grow_only_by_what_was_learnt(shop: Bundle) -> None:
    """A flood leaves the room for count vectors that there is."""
    host = detector_of(shop, threshold=None, learning=True)
    flood(host, 3000)
    for number in range(600):
        judge(host, session(100 + number, "opened", "paid", "shipped"), now=1.0)
    judge(host, session(900, "opened", "paid", "shipped"), now=100.0)
    history = host.scorer.history
    assert host.epoch == 1 and isinstance(history, History)
    assert history.events == 3
