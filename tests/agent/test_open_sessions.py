import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.open_sessions import OpenSessions, shortened
from models.session_rule import SessionRule
from models.sessions import Entry, Session

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


_WORDS = st.sampled_from(["one", "two", "three"])


@given(
    st.lists(st.tuples(st.sampled_from(["k1", "k2"]), _WORDS, st.booleans()), max_size=40),
    st.sampled_from([BY_KEY, SessionRule(window=4), SessionRule(window=4, stride=2)]),
    st.sampled_from([0, 1000, 2**20]),
)
def test_lines_are_kept_within_their_bound(
    lines: list[tuple[str, str, bool]], rule: SessionRule, bound: int
) -> None:
    sessions = OpenSessions(rule, most_kept_bytes=bound)
    events = {"one": 1, "two": 2, "three": 3}
    ended: list[Session[int]] = []
    for number, (key, word, closing) in enumerate(lines):
        text = f"{key} {word} {number}"
        entry = Entry(text, sessions.keys(text), key, events[word], None, 0.0, f"a:{number}")
        ended += sessions.add(entry)
        if closing:
            ended += sessions.close()
        # The last one may go over it.
        assert 0 <= sessions.kept_bytes <= (bound and bound + 400)
        again = OpenSessions(rule, most_kept_bytes=bound)
        changed = [one for one in sessions.take_changed().values() if one is not None]
        again.restore(changed, sessions.counters())
        assert again.kept_bytes <= sessions.kept_bytes
    ended += sessions.close()
    assert sessions.kept_bytes == 0
    for session in ended:
        for event, line in (session.kept or {}).items():
            assert session.items[line.number] == event
            assert event not in session.items[: line.number] or rule.stride or bound == 1000
            assert {1: "one", 2: "two", 3: "three"}[event] in line.text
        if bound == 2**20 and rule.stride is None:
            assert set(session.kept or {}) == set(session.items)
    if not bound:
        assert not any(session.kept for session in ended)


def test_where_memory_is_scarce_lines_of_common_events_are_not_kept() -> None:
    sessions = OpenSessions(BY_KEY, most_kept_bytes=4000)
    sessions.common = frozenset({1})
    for number in range(12):
        for event in (1, 2):
            key = f"k{number}"
            list(sessions.add(Entry(key, (key,), "a", event, None, 0.0, f"a:{number}")))
        list(sessions.shed())
    kept = [set(session.kept or {}) for session in sessions]
    assert kept[:4] == [{1, 2}] * 4
    assert kept[4:8] == [{2}] * 4
    assert sessions.kept_bytes <= 4000 + 252


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("short", "short"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 16 + " ..."),
        ("one two three four five", "one two three ..."),
        ("write to bo a.b@example.org", "write to bo ..."),
        ("0123456789abcdef ghijk", "0123456789abcdef ..."),
    ],
)
def test_a_long_line_is_cut_between_words(line: str, expected: str) -> None:
    assert shortened(line, 20) == expected
