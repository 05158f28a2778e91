"""Which messages many anomalous sessions make, on a clock that the test moves."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.alerts import Alert, Policy, Quiet, Reporter
from agent.alerts.silences import Silence, Silences
from tests.agent.alerts.conftest import Judge
from tests.agent.orders import ODD, session

KINDS = ("a" * 16, "b" * 16, "c" * 16)
POLICY = Policy(wait=10.0, repeat=4 * 3600.0, resolve=900.0, most_an_hour=60)


class Desk:
    """Sessions come in, messages go out; ``restart`` is a kill -9 after a save."""

    def __init__(self, reporter: Reporter, template: Alert, policy: Policy = POLICY) -> None:
        self.reporter, self.template, self.policy = reporter, template, policy
        self.quiet = Quiet(policy, reporter)
        self.now = 0.0
        self.told: list[Alert] = []
        self.rows: dict[str, str] = {}
        self.silences: list[Silence] = []
        self._number = count()

    def session(self, kind: str = KINDS[0], score: float = 0.9) -> str:
        ident = f"{next(self._number):032x}"
        alert = replace(
            self.template, id=ident, incident=ident, fingerprint=kind, score=score, key=ident
        )
        self.quiet.silences = Silences(self.silences)
        self.quiet.add(alert, ident.encode(), self.now, self.now)
        self.tick(0.0)
        return ident

    def tick(self, seconds: float) -> list[Alert]:
        """Time goes by, second by second where there is not too much of it."""
        new: list[Alert] = []
        end = self.now + seconds
        while True:
            self.quiet.silences = Silences(self.silences)
            new += [one.alert for one in self.quiet.due(self.now, self.now)]
            if self.now >= end:
                break
            self.now = min(end, self.now + max(1.0, seconds / 1000))
        self.told += new
        return new

    def restart(self) -> None:
        for fingerprint, body in self.quiet.take_changed().items():
            if body is None:
                self.rows.pop(fingerprint, None)
            else:
                self.rows[fingerprint] = body
        self.quiet = Quiet(self.policy, self.reporter, self.rows.items(), self.now)

    def words(self) -> list[tuple[str, int]]:
        return [(one.status, one.count) for one in self.told]


@pytest.fixture
def desk(judge: Judge, reporter: Reporter) -> Desk:
    [verdict] = judge(session(1, *ODD))
    return Desk(reporter, reporter.alert(verdict, 0.0))


def test_many_sessions_of_one_kind_are_one_alert(desk: Desk) -> None:
    first = desk.session(score=0.7)
    worst = desk.session(score=0.95)
    for _ in range(399):
        desk.session(score=0.95)
    assert desk.told == []
    desk.tick(10)
    [alert] = desk.told
    assert (alert.status, alert.count, alert.id, alert.incident) == ("firing", 401, first, first)
    assert alert.key == worst


def test_kinds_are_told_apart(desk: Desk) -> None:
    for kind in KINDS * 3:
        desk.session(kind)
    desk.tick(10)
    assert sorted(one.fingerprint for one in desk.told) == sorted(KINDS)


def test_what_goes_on_is_said_again_after_a_long_while_only(desk: Desk) -> None:
    first = desk.session()
    for _ in range(4 * 60 - 1):
        desk.tick(60)
        desk.session()
    assert desk.words() == [("firing", 1)]
    desk.tick(120)
    assert desk.words() == [("firing", 1), ("firing", 240)]
    again = desk.told[1]
    assert again.incident == first
    assert again.id != first
    desk.tick(1000)
    assert desk.words()[2:] == [("resolved", 240)]
    assert desk.told[2].incident == first
    assert len({one.id for one in desk.told}) == 3


def test_what_does_not_go_on_is_not_said_again(desk: Desk) -> None:
    desk.session()
    desk.tick(24 * 3600)
    assert desk.words() == [("firing", 1), ("resolved", 1)]


def test_after_its_end_it_is_another_incident(desk: Desk) -> None:
    first = desk.session()
    desk.tick(1000)
    second = desk.session()
    desk.tick(20)
    assert [one.incident for one in desk.told] == [first, first, second]
    assert desk.told[2].id == second
    assert desk.told[2].count == 1


def test_a_score_that_swings_around_the_threshold_does_not_flap(desk: Desk) -> None:
    """For a day there is an anomalous session every 20 minutes, which is longer than it takes to
    be resolved."""
    for _ in range(3 * 24):
        desk.session()
        desk.tick(20 * 60)
    statuses = [one.status for one in desk.told]
    # It relapses once; from then on it takes half an hour to be over, and goes on instead.
    assert statuses[:3] == ["firing", "resolved", "firing"]
    assert "resolved" not in statuses[3:]
    assert len(statuses) <= 3 + 24 / 4


def test_a_group_that_swings_more_slowly_relapses_ever_more_rarely(desk: Desk) -> None:
    for _ in range(24):
        desk.session()
        desk.tick(3600)
    resolved = [one for one in desk.told if one.status == "resolved"]
    assert 2 <= len(resolved) <= 3


def test_a_storm_of_kinds_ends_at_the_bound_and_one_alert_says_so(desk: Desk) -> None:
    for number in range(500):
        desk.session(f"{number:016x}")
    desk.tick(10)
    assert len(desk.told) == 60
    desk.tick(100)
    [word] = [one for one in desk.told if one.kind == "suppressed"]
    assert word.count == 440
    assert desk.quiet.suppressed == 440
    for _ in range(60):
        for number in range(500):
            desk.session(f"{number:016x}")
        desk.tick(59)
    words = [one for one in desk.told if one.kind == "suppressed"]
    assert len(words) <= 3, "one an hour"
    firing = [one for one in desk.told if (one.kind, one.status) == ("session", "firing")]
    assert len(firing) <= 60 + 61 + 1, "as many as an hour's worth more in an hour"


def test_without_a_bound_there_is_none(desk: Desk, judge: Judge, reporter: Reporter) -> None:
    free = Desk(reporter, desk.template, replace(POLICY, most_an_hour=0))
    for number in range(500):
        free.session(f"{number:016x}")
    free.tick(10)
    assert len(free.told) == 500


def test_a_held_back_kind_is_told_of_as_soon_as_there_is_room(
    desk: Desk, reporter: Reporter
) -> None:
    one = Desk(reporter, desk.template, replace(POLICY, most_an_hour=1))
    one.session(KINDS[0])
    one.session(KINDS[1])
    one.tick(10)
    assert [alert.fingerprint for alert in one.told] == [KINDS[0]]
    for _ in range(13):
        one.tick(300)
        one.session(KINDS[1])
    assert KINDS[1] in [alert.fingerprint for alert in one.told]


def test_without_grouping_every_session_is_an_alert_at_once(desk: Desk, reporter: Reporter) -> None:
    plain = Desk(reporter, desk.template, replace(POLICY, group=False))
    idents = [plain.session() for _ in range(100)]
    assert [one.id for one in plain.told] == idents
    plain.tick(10_000)
    assert len(plain.told) == 100


@pytest.mark.parametrize("group", [True, False])
def test_a_silence_holds_until_it_ends(desk: Desk, reporter: Reporter, group: bool) -> None:
    one = Desk(reporter, desk.template, replace(POLICY, group=group))
    one.silences = [Silence(KINDS[0], until=7200.0, made=0.0)]
    for _ in range(119):
        one.session()
        one.session(KINDS[1])
        one.tick(60)
    assert {alert.fingerprint for alert in one.told} == {KINDS[1]}
    assert one.quiet.silenced == 119
    one.tick(120)
    one.session()
    one.tick(10)
    assert one.told[-1].fingerprint == KINDS[0]


def test_a_lifted_silence_is_none(desk: Desk) -> None:
    desk.silences = [Silence(KINDS[0], until=None, made=0.0)]
    desk.session()
    desk.tick(10)
    assert desk.told == []
    desk.silences = []
    desk.session()
    desk.tick(1)
    assert desk.words() == [("firing", 2)]


def test_at_the_end_of_the_input_nothing_is_held_back(desk: Desk) -> None:
    for kind in KINDS:
        desk.session(kind)
        desk.session(kind)
    flushed = desk.quiet.flush(desk.now, desk.now)
    assert [one.alert.count for one in flushed] == [2, 2, 2]
    assert desk.quiet.flush(desk.now, desk.now) == []


def test_no_more_groups_are_held_than_fit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.alerts.quiet._MOST_GROUPS", 3)
    idents = [desk.session(f"{number:016x}") for number in range(10)]
    desk.tick(20)
    firing = [one.id for one in desk.told if one.status == "firing"]
    assert firing == idents, "given up, and told of before that"
    desk.restart()
    assert len([row for row in desk.rows if row]) == 3


def test_what_an_earlier_release_left_is_no_obstacle(desk: Desk) -> None:
    desk.session()
    desk.restart()
    quiet = Quiet(POLICY, desk.reporter, [*desk.rows.items(), ("x", "{}"), ("y", "no")], 0.0)
    assert [one.alert.count for one in quiet.due(10.0, 10.0)] == [1]


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("session"), st.sampled_from(KINDS)),
        st.tuples(st.just("tick"), st.sampled_from([1.0, 9.0, 300.0, 1000.0, 20_000.0])),
        st.tuples(st.just("silence"), st.sampled_from(KINDS)),
        st.tuples(st.just("lift"), st.sampled_from(KINDS)),
    ),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, restarts=st.sets(st.integers(0, 40)))
def test_a_restart_changes_no_message(
    desk: Desk, steps: Sequence[tuple[str, object]], restarts: set[int]
) -> None:
    # The fixture only lends what does not change.
    through, stopped = (Desk(desk.reporter, desk.template) for _ in range(2))
    for number, (what, given_with) in enumerate(steps):
        for one in (through, stopped):
            if what == "session":
                one.session(str(given_with))
            elif what == "tick":
                assert isinstance(given_with, float)
                one.tick(given_with)
            elif what == "silence":
                one.silences.append(Silence(str(given_with), None, 0.0))
            else:
                one.silences = [two for two in one.silences if two.fingerprint != given_with]
        if number in restarts:
            stopped.restart()
    said = [[alert.to_json() for alert in one.told] for one in (through, stopped)]
    assert said[0] == said[1]
    idents = [alert.id for alert in through.told]
    assert len(set(idents)) == len(idents)
    # A receiver that keeps a list of what is firing is never surprised.
    firing: set[str] = set()
    for alert in through.told:
        if alert.status == "firing":
            firing.add(alert.incident)
        else:
            firing.remove(alert.incident)
