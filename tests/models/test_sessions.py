"""Sessions: every line where it belongs, whatever is cut by, and the same after a restart."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise, zip_longest
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from models.session_rule import SessionRule
from models.sessions import Entries, Entry, KeptLine, Session, Sessionizer


class Raw(NamedTuple):
    """A line as the tests write it: what it says, who wrote it, and when."""

    text: str
    source: str = "app.log"
    time: float | None = None


Number = Session[int]


def feed(sessions: Sessionizer[int], lines: Iterable[tuple[int, Raw]]) -> list[Number]:
    """Sessions that ended on the way; the item of a line is its number."""
    ended: list[Number] = []
    for number, line in lines:
        now = line.time or 0.0
        ended += sessions.idle(now)
        keys = sessions.keys(line.text)
        if sessions.belongs(keys):
            entry = Entry(line.text, keys, line.source, number, line.time, now, f"p{number}")
            ended += sessions.add(entry)
    return ended


def cut(rule: SessionRule, lines: Sequence[Raw]) -> list[Number]:
    sessions: Sessionizer[int] = Sessionizer(rule)
    ended = feed(sessions, enumerate(lines))
    ended += sessions.close()
    assert not len(sessions)
    return ended


def items(sessions: Iterable[Number]) -> dict[str, list[list[int]]]:
    """Items of sessions by key, in the order in which they ended."""
    found: dict[str, list[list[int]]] = defaultdict(list)
    for session in sessions:
        found[session.key].append(session.items)
    return dict(found)


SOURCES = st.sampled_from(["a", "b", "c"])
LINES = st.lists(st.builds(Raw, st.just("x"), SOURCES), max_size=60)
KEYED = st.lists(
    st.builds(
        lambda keys, end: Raw(" ".join(f"k{key}" for key in keys) + end, "app.log"),
        st.lists(st.integers(0, 4), max_size=3),
        st.sampled_from(["", "", "", " end"]),
    ),
    max_size=60,
)


RULES = st.sampled_from(
    [
        SessionRule(key_regex=r"(k\d)"),
        SessionRule(key_regex=r"(k\d)", idle=2, end_regex="end", max_lines=4),
        SessionRule(window=4, stride=2, idle=3),
        SessionRule(seconds=3, idle=2),
    ]
)


class Keeping(Sessionizer[int]):
    """Keeps the first line of an item, two in a session; items are numbers."""

    def __init__(self, rule: SessionRule) -> None:
        super().__init__(rule)
        self._most_kept = 2

    def _keep(self, session: Session[int], item: int, line: KeptLine) -> None:
        session.kept = session.kept or {}
        if item not in session.kept and len(session.kept) < self._most_kept:
            session.kept[item] = line


@given(
    lines=KEYED,
    rule=RULES,
    moments=st.lists(st.none() | st.integers(0, 9).map(float)),
    cuts=st.lists(st.integers(1, 60)),
    by_line=st.booleans(),
)
def test_many_lines_at_once_make_the_sessions_that_one_after_the_other_make(
    lines: list[Raw],
    rule: SessionRule,
    moments: list[float | None],
    cuts: list[int],
    by_line: bool,
) -> None:
    one_by_one, at_once = Keeping(rule), Keeping(rule)
    expected: list[Number] = []
    found: list[Number] = []
    keyed = [(line.text, one_by_one.keys(line.text)) for line in lines]
    times = [time for time, _ in zip_longest(moments[: len(lines)], lines)]
    clock, start = 0.0, 0
    for stop in [*sorted(cuts), len(lines)]:
        numbers = [i for i in range(start, stop) if i < len(lines)]
        numbers = [i for i in numbers if one_by_one.belongs(keyed[i][1])]
        start = max(start, stop)
        for i in numbers:
            (text, keys), time = keyed[i], times[i]
            if by_line and time is not None and time > clock:
                clock = time
                expected += one_by_one.idle(clock)
            now = clock if by_line else float(stop)
            expected += one_by_one.add(Entry(text, keys, "app.log", i % 3, time, now, f"f:{i}"))
        found += at_once.add_all(
            Entries(
                [keyed[i][0] for i in numbers],
                [keyed[i][1] for i in numbers],
                ["app.log"] * len(numbers),
                [i % 3 for i in numbers],
                [times[i] for i in numbers],
                None if by_line else float(stop),
                "f",
                numbers,
            )
        )
        assert at_once.take_changed() == one_by_one.take_changed()
    found += at_once.close()
    expected += one_by_one.close()
    assert found == expected
    assert [one.last_place for one in found] == [one.last_place for one in expected]


@given(LINES, st.integers(1, 9))
def test_every_line_is_in_exactly_one_tumbling_window(lines: list[Raw], window: int) -> None:
    sessions = cut(SessionRule(window=window), lines)
    assert sorted(i for session in sessions for i in session.items) == list(range(len(lines)))
    assert all(1 <= len(session.items) <= window for session in sessions)
    assert len({session.key for session in sessions}) == len(sessions)
    for session in sessions:
        assert {lines[i].source for i in session.items} == {session.source}
        assert session.items == sorted(session.items)
        assert session.place == f"p{session.items[0]}"
    by_source = Counter(line.source for line in lines)
    assert len(sessions) == sum(-(-count // window) for count in by_source.values())


def sliding_windows(count: int, window: int, stride: int) -> list[list[int]]:
    """The definition: a window every ``stride`` lines, the last one being the rest."""
    windows = [list(range(i, i + window)) for i in range(0, count - window + 1, stride)]
    covered = windows[-1][-1] + 1 if windows else 0
    if covered < count:
        windows.append(list(range(len(windows) * stride, count)))
    return windows


@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9))
def test_sliding_windows(count: int, window: int, stride: int) -> None:
    if stride > window:
        with pytest.raises(UserError, match="stride"):
            SessionRule(window=window, stride=stride)
        return
    sessions = cut(SessionRule(window=window, stride=stride), [Raw("x")] * count)
    assert [session.items for session in sessions] == sliding_windows(count, window, stride)


@given(KEYED, st.integers(1, 5), st.booleans())
def test_sessions_by_key_against_their_definition(
    lines: list[Raw], longest: int, with_end: bool
) -> None:
    rule = SessionRule(
        key_regex=r"(k\d)", max_lines=longest, end_regex="end$" if with_end else None
    )
    expected: dict[str, list[list[int]]] = defaultdict(list)
    running: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        for key in dict.fromkeys(word for word in line.text.split() if word != "end"):
            running.setdefault(key, []).append(number)
            if len(running[key]) == longest or (with_end and line.text.endswith("end")):
                expected[key].append(running.pop(key))
    for key, rest in running.items():
        expected[key].append(rest)
    assert items(cut(rule, lines)) == dict(expected)


def test_a_line_with_two_keys_belongs_to_both_and_to_each_once() -> None:
    lines = [Raw("blk_1 and blk_-2 and blk_1"), Raw("blk_-2"), Raw("no key")]
    rule = SessionRule(key_regex=r"(blk_-?\d+)")
    assert items(cut(rule, lines)) == {"blk_1": [[0]], "blk_-2": [[0, 1]]}


def test_a_key_that_is_empty_names_no_session() -> None:
    sessions: Sessionizer[int] = Sessionizer(SessionRule(key_regex=r"(?:id=(\w*)|ping)"))
    assert sessions.keys("ping id= id=7") == ("7",)
    assert sessions.keys("ping") == ()
    assert not sessions.belongs(())


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 4)), max_size=50), st.floats(0.5, 5))
def test_a_session_ends_when_it_was_idle(steps: list[tuple[int, float]], idle: float) -> None:
    lines: list[Raw] = []
    clock = 1000.0
    for key, pause in steps:
        clock += pause
        lines.append(Raw(f"k{key}", time=clock))
    expected: dict[str, list[list[int]]] = defaultdict(list)
    last: dict[str, float] = {}
    for number, line in enumerate(lines):
        assert line.time is not None
        if line.text in last and line.time - last[line.text] < idle:
            expected[line.text][-1].append(number)
        else:
            expected[line.text].append([number])
        last[line.text] = line.time
    sessions = cut(SessionRule(key_regex=r"(k\d)", idle=idle), lines)
    assert items(sessions) == dict(expected)
    for session in sessions:
        times = [lines[i].time or 0.0 for i in session.items]
        assert (session.first_time, session.last_time) == (times[0], times[-1])
        gaps = [after - before for before, after in pairwise(times)]
        assert session.longest_gap == max(gaps, default=0.0)


def test_the_longest_idle_session_ends_first() -> None:
    sessions: Sessionizer[int] = Sessionizer(SessionRule(key_regex=r"(k\d)", idle=5))
    lines = [Raw("k1", time=0), Raw("k2", time=1), Raw("k3", time=2), Raw("k1", time=3)]
    assert feed(sessions, enumerate(lines)) == []
    assert [session.key for session in sessions.idle(6.0)] == ["k2"]
    assert [session.key for session in sessions.idle(8.0)] == ["k3", "k1"]


def test_idle_time_ends_windows_too_and_they_start_again() -> None:
    lines = [Raw("x", time=t) for t in (0, 1, 2, 50, 51)]
    assert [s.items for s in cut(SessionRule(window=4, idle=10), lines)] == [[0, 1, 2], [3, 4]]
    sliding = cut(SessionRule(window=2, stride=1, idle=10), lines)
    assert [s.items for s in sliding] == [[0, 1], [1, 2], [3, 4]]


@given(st.lists(st.tuples(SOURCES, st.floats(0, 30)), max_size=50), st.floats(0.5, 40))
def test_spans_of_time(steps: list[tuple[str, float]], seconds: float) -> None:
    lines: list[Raw] = []
    clock = 1000.0
    for source, pause in steps:
        clock += pause
        lines.append(Raw("x", source, clock))
    expected: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        expected[line.source, int((line.time or 0) // seconds)].append(number)
    sessions = cut(SessionRule(seconds=seconds), lines)
    assert {(s.key): s.items for s in sessions} == {
        f"{source}@{span}": numbers for (source, span), numbers in expected.items()
    }
    assert len(sessions) == len(expected)


def test_a_late_line_stays_with_the_span_it_arrived_in() -> None:
    lines = [Raw("x", time=t) for t in (5, 12, 9, 13, 25)]
    assert [s.items for s in cut(SessionRule(seconds=10), lines)] == [[0], [1, 2, 3], [4]]


RULES = st.sampled_from(
    [
        SessionRule(key_regex=r"(k\d)"),
        SessionRule(key_regex=r"(k\d)", idle=3, max_lines=4),
        SessionRule(key_regex=r"(k\d)", end_regex="end$"),
        SessionRule(window=3),
        SessionRule(window=3, idle=4),
        SessionRule(window=4, stride=2, end_regex="end$"),
        SessionRule(window=5, stride=1, idle=2),
        SessionRule(seconds=4),
        SessionRule(seconds=4, max_lines=2),
    ]
)
STREAM = st.lists(
    st.builds(
        lambda key, end, source, pause: (Raw(f"k{key}{end}", source), pause),
        st.integers(0, 3),
        st.sampled_from(["", "", " end"]),
        SOURCES,
        st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    ),
    max_size=40,
)


@given(RULES, STREAM, st.data())
def test_a_restart_changes_nothing(
    rule: SessionRule, stream: list[tuple[Raw, float]], data: st.DataObject
) -> None:
    clock = 100.0
    lines: list[Raw] = []
    for line, pause in stream:
        clock += pause
        lines.append(line._replace(time=clock))
    pauses = data.draw(st.lists(st.integers(0, len(lines)), max_size=4).map(sorted))

    whole = cut(rule, lines)

    sessions: Sessionizer[int] = Sessionizer(rule)
    saved: dict[str, Number] = {}
    parts: list[Number] = []
    start = 0
    for stop in [*pauses, len(lines)]:
        parts += feed(sessions, list(enumerate(lines))[start:stop])
        # What an agent does when it saves its state: only what changed.
        for key, session in sessions.take_changed().items():
            if session is None:
                saved.pop(key, None)
            else:
                # As a database keeps them: places in it say nothing about the order.
                saved[key] = replace(session, items=list(session.items))
        counters = sessions.counters()
        sessions = Sessionizer(rule)
        kept = [replace(one, items=list(one.items)) for one in saved.values()]
        sessions.restore(kept, counters)
        start = stop
    parts += sessions.close()

    # Those that were last touched in the same moment may end in another order.
    def told(found: list[Number]) -> list[tuple[str, list[int], str, float | None]]:
        return sorted((s.key, s.items, s.place, s.last_time) for s in found)

    assert told(parts) == told(whole)


def test_restored_sessions_end_in_the_order_in_which_they_were_touched() -> None:
    rule = SessionRule(key_regex=r"(k\d)", idle=5)
    first: Sessionizer[int] = Sessionizer(rule)
    feed(first, enumerate([Raw("k1", time=1), Raw("k2", time=2), Raw("k1", time=3)]))
    saved = [one for one in first.take_changed().values() if one is not None]
    second: Sessionizer[int] = Sessionizer(rule)
    second.restore(saved[::-1], first.counters())
    assert set(second.take_changed()) == {"k1", "k2"}
    assert [session.key for session in second.close()] == ["k2", "k1"]


def test_only_what_changed_is_named() -> None:
    sessions: Sessionizer[int] = Sessionizer(SessionRule(key_regex=r"(k\d)", end_regex="end"))
    feed(sessions, [(0, Raw("k1")), (1, Raw("k2"))])
    assert set(sessions.take_changed()) == {"k1", "k2"}
    feed(sessions, [(2, Raw("k2 end"))])
    assert sessions.take_changed() == {"k2": None}
    assert sessions.take_changed() == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "none of them"),
        ({"key_regex": "(a)", "window": 3}, "key_regex and window"),
        ({"window": 3, "seconds": 3.0}, "window and seconds"),
        ({"key_regex": "a"}, "exactly one group"),
        ({"key_regex": "(a)(b)"}, "exactly one group"),
        ({"key_regex": "("}, "no regular expression"),
        ({"key_regex": "(a)", "end_regex": "["}, "end regex"),
        ({"window": 0}, "window must be larger than 0"),
        ({"window": 3, "stride": 0}, "stride must be larger than 0"),
        ({"seconds": -1.0}, "seconds must be larger than 0"),
        ({"seconds": float("nan")}, "seconds must be larger than 0"),
        ({"window": 3, "idle": 0.0}, "idle must be larger than 0"),
        ({"window": 3, "max_lines": 0}, "max lines must be larger than 0"),
        ({"key_regex": "(a)", "stride": 3}, "stride goes with a window"),
    ],
)
def test_rules_that_are_none(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        SessionRule(**fields)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_what_a_user_asks_for_beats_the_rule() -> None:
    rule = SessionRule(window=9, stride=3, idle=7, end_regex="x")
    assert rule.overridden() == rule
    assert rule.overridden(key_regex="(k)") == SessionRule(key_regex="(k)", idle=7, end_regex="x")
    assert rule.overridden(window=4) == SessionRule(window=4, idle=7, end_regex="x")
    assert rule.overridden(idle=1.5, end_regex="y") == replace(rule, idle=1.5, end_regex="y")
    with pytest.raises(UserError, match="two rules"):
        rule.overridden(key_regex="(k)", window=4)
