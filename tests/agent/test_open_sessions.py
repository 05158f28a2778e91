import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.open_sessions import OpenSessions
from models.sessions import Entry, Session, SessionRule

BY_KEY = SessionRule(key_regex=r"(k\d+)")


def add(sessions: OpenSessions, key: str, now: float = 0.0, source: str = "a") -> list[str]:
    keys = sessions.keys(key)
    entry = Entry(key, keys, source, 0, None, now)
    ended = list(sessions.add(entry)) + list(sessions.shed())
    return [session.key for session in ended]


def test_of_too_many_sessions_the_longest_idle_are_over(caplog: pytest.LogCaptureFixture) -> None:
    sessions = OpenSessions(BY_KEY, most_sessions=2)
    with caplog.at_level(logging.WARNING):
        assert [add(sessions, key) for key in ("k1", "k2", "k1", "k3", "k4")] == [
            [], [], [], ["k2"], ["k1"],
        ]  # fmt: skip
    assert (len(sessions), sessions.ended_early, sessions.events) == (2, 2, 2)
    assert len(caplog.records) == 1, "said once"
    assert set(sessions.take_changed()) == {"k1", "k2", "k3", "k4"}


def test_of_too_many_events_the_longest_idle_are_over() -> None:
    sessions = OpenSessions(BY_KEY, most_events=4)
    for key in ("k1", "k2", "k1", "k2"):
        assert add(sessions, key) == []
    assert add(sessions, "k3") == ["k1"]
    assert (len(sessions), sessions.events) == (2, 3)


@given(
    st.lists(st.tuples(st.sampled_from(["k1", "k2", "k3"]), st.booleans()), max_size=40),
    st.sampled_from([BY_KEY, SessionRule(window=4), SessionRule(window=4, stride=2)]),
)
def test_it_knows_how_many_events_are_open_and_loses_no_change(
    lines: list[tuple[str, bool]], rule: SessionRule
) -> None:
    sessions = OpenSessions(rule, most_events=6)
    seen: dict[str, Session[int] | None] = {}
    for key, saved in lines:
        add(sessions, key, source=key)
        assert sessions.events <= 6
        if saved:
            seen.update(sessions.take_changed())
    seen.update(sessions.take_changed())
    found = [session for session in seen.values() if session is not None]
    assert len(found) == len(sessions)
    assert sum(len(session.items) for session in found) == sessions.events
