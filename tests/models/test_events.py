"""Events: which lines are one, which stay apart, and that ids hold."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.archive import read_lines
from models.events import DrainParameters, EventParser, mine
from models.host_events import ESTABLISHED
from models.lines import FORMATS, LineParser
from models.masks import DEFAULT_MASKS
from models.sessions import Sessionizer
from trainer.datasets.raw import DEFAULT_RULES, masks_of

DRAIN = DrainParameters()

# Few words, so that messages of equal length are often alike.
TOKENS = st.sampled_from(
    ["VM", "Started", "Paused", "<NUM>", "<*>", "a", "b", "node7", "x=1", "of"]
)
MESSAGES = st.lists(st.lists(TOKENS, max_size=9).map(" ".join), max_size=40)


def parser(*templates: str, **options: Any) -> EventParser:
    return EventParser(templates, DEFAULT_MASKS, DRAIN, **options)


@pytest.mark.parametrize(
    "shape",
    [
        "VM {}",
        "VM {} (Lifecycle Event)",
        "[instance: <KEY>] VM {} (Lifecycle Event)",
        "Instance {} successfully.",
    ],
)
def test_started_and_paused_stay_apart(shape: str) -> None:
    messages = [shape.format(word) for word in ("Started", "Paused", "Resumed")]
    assert mine(messages, DRAIN) == messages
    known = parser(messages[0])
    assert known.parse(messages) == [0, 1, 2]
    assert known.template(1) == messages[1]


def test_numbers_make_no_new_event() -> None:
    known = parser("took <NUM> ms on <IP>")
    assert known.parse(["took 3 ms on 10.0.0.1", "took 4.5 ms on /10.0.0.2:80"]) == [0, 0]
    assert known.host_templates == ()


@given(MESSAGES)
def test_every_mined_message_finds_its_way_back(messages: list[str]) -> None:
    templates = mine(messages, DRAIN)
    found = EventParser(templates, (), DRAIN).parse(messages)
    for message, event in zip(messages, found, strict=True):
        assert event < len(templates)
        pairs = zip(templates[event].split(), message.split(), strict=True)
        assert all(ours in (theirs, "<*>") for ours, theirs in pairs)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("hdfs", "HDFS/raw_2pct/HDFS_2pct.log.gz"),
        ("bgl", "BGL/raw_samples/BGL_2k.log.gz"),
        ("thunderbird", "Thunderbird/raw_68min/Thunderbird_19k.log.gz"),
        ("openstack", "OpenStack/raw/openstack-nova-sample.log.gz"),
    ],
)
def test_every_mined_message_of_real_logs_finds_its_way_back(
    real_data: Path, name: str, file: str
) -> None:
    rule = DEFAULT_RULES[name]
    sessions: Sessionizer[int] = Sessionizer(rule)
    lines = LineParser(FORMATS[name])
    known = EventParser((), masks_of(rule), DRAIN)
    contents = [
        lines.parse(line).content
        for line, _ in zip(read_lines(real_data / file), range(20_000), strict=False)
        if sessions.belongs(sessions.keys(line))
    ]
    masked = list(dict.fromkeys(known._masker.mask_all(contents)))
    templates = mine(masked, DRAIN)
    again = EventParser(templates, (), DRAIN)
    assert max(again.parse(masked)) < len(templates)
    assert again.host_templates == ()


@given(MESSAGES, MESSAGES)
def test_trained_templates_never_change(history: list[str], live: list[str]) -> None:
    templates = tuple(mine(history, DRAIN))
    known = EventParser(templates, (), DRAIN, memory=1)
    before = known.parse(history)
    known.parse(live)
    assert known.templates[: len(templates)] == templates
    # Even where nothing is remembered: what training knows keeps its id whatever came between.
    assert known.parse(history) == before


def by_age(parser: EventParser) -> list[tuple[int, str, int]]:
    """What a parser has met, but for the very numbers that say in which order."""
    found = [(event.born, place, event) for place, event in enumerate(parser.host) if event]
    return [(place, event.template, event.sessions) for _, place, event in sorted(found)]


# A line, a restart, or a sweep that leaves so many of those that are not in use, which are what
# the last lines were.
TURNS = st.lists(
    st.one_of(
        MESSAGES.filter(bool).map(lambda one: one[0]),
        st.just(None),
        st.tuples(st.integers(0, 4), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(MESSAGES, TURNS, st.sampled_from([0.5, 0.85]), st.sampled_from([2, 100]))
def test_a_restart_at_any_point_changes_no_id(
    history: list[str],
    turns: list[str | tuple[int, int] | None],
    similarity: float,
    children: int,
) -> None:
    """What a parser remembers, and what its tree went through, decides nothing."""
    parameters = DrainParameters(similarity=similarity, max_children=children)
    templates = mine(history, parameters)
    lasting = EventParser(templates, (), parameters, capacity=12)
    restarted = EventParser(templates, (), parameters, capacity=12)
    simple = EventParser(templates, (), parameters, capacity=12, memory=1, quick=False)
    events: list[int] = []
    for turn in turns:
        if turn is None:
            restarted = EventParser(
                templates, (), parameters, capacity=12, host_templates=restarted.host
            )
        elif isinstance(turn, str):
            [event] = lasting.parse([turn])
            assert restarted.parse([turn]) == simple.parse([turn]) == [event]
            events.append(event)
        else:
            most, kept = turn
            parsers = (lasting, restarted, simple)
            gone = [one.evict(events[len(events) - kept :], most) for one in parsers]
            assert gone[0] == gone[1] == gone[2]
            events.clear()
            for one in parsers:
                one.count_sessions([[event for event in range(len(one.templates)) if event % 2]])
        assert by_age(lasting) == by_age(restarted) == by_age(simple)


def test_a_message_goes_to_a_template_that_has_become_general_enough_to_take_it() -> None:
    def line(first: str, second: str, third: str, fourth: str) -> str:
        return f"the job {first} of {second} with {third} and {fourth} is " + "so " * 10 + "late"

    known = parser("known")
    message = line("a", "a", "x", "b")
    # Nearer to the first one, which takes it.
    assert known.parse([line(*"aaaa"), line(*"bbbb"), message]) == [1, 2, 1]
    assert known.parse([line(*"cbbb"), line(*"bcbb")]) == [2, 2]
    assert known.parse([message]) == [1]
    assert known.parse([line(*"bbcb"), message]) == [2, 2]
    later = parser("known", host_templates=known.host)
    assert later.parse([message]) == [2], "nor does a restart decide it"


def test_forgotten_events_are_new_again_and_those_in_use_stay() -> None:
    known = parser("known", capacity=4)
    assert known.parse(["one", "two words", "three of them", "four of them are"]) == [1, 2, 3, 4]
    assert known.room == 0
    known.take_changed()
    assert known.evict({0, 1}, 2) == [2, 3]
    assert known.evicted == 2 and known.room == 2
    assert known.templates == ("known", "one", "", "", "four of them are")
    assert known.parse(["three of them", "one", "five"]) == [2, 1, 3]
    assert known.take_changed() == {2, 3}
    assert known.overflowed == 0
    assert [event.born for event in known.host if event] == [1, 5, 6, 4]


def test_what_many_sessions_had_outlives_what_few_had() -> None:
    known = parser("known", capacity=10)
    often = [f"{word} is well" for word in ("disk", "net", "fan", "lamp", "door", "belt")]
    rare = ["some junk of today", "more junk"]
    events = known.parse(often + rare)
    known.count_sessions([events[:6]] * ESTABLISHED)
    known.count_sessions([events[6:7]] * 2)
    assert known.take_counted() == set(events[:7])
    known.count_sessions([events[:6]])
    assert known.take_counted() == set(), "no more is counted"
    # Half of the capacity is theirs, whoever comes first: the youngest gives way.
    assert known.evict((), 0) == [events[7], events[6], events[5]]
    assert known.parse(often[:5]) == events[:5]


def test_long_templates_count_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.host_events.MOST_BYTES", 1 << 20)
    known = parser("known")
    long = [f"{chr(97 + i)}{chr(97 + j)} " * 250 for i in range(6) for j in range(6)]
    assert known.parse(long[:20]) == list(range(1, 21))
    assert not known.crowded
    assert known.parse(long[20:]) == list(range(21, 37))
    assert known.crowded and known.room > 4000
    gone = known.evict({1})
    assert 1 not in gone and not known.crowded
    assert known.parse(long[:1]) == [1]


def test_of_endless_lines_the_beginning_counts() -> None:
    known = parser("known")
    words = "failed to open the pod bay doors " * 3000
    assert known.parse([words, words + "and more", "x" * 100_000, "x" * 90_000]) == [1, 1, 2, 2]
    assert max(map(len, known.host_templates)) <= 4096
    assert known.parse([known.template(1), known.template(2)]) == [1, 2]
    later = parser("known", host_templates=known.host)
    assert later.parse([words, "x" * 80_000]) == [1, 2]


@given(MESSAGES, MESSAGES, st.integers(0, 5))
def test_lines_give_the_same_ids_one_by_one_or_together(
    history: list[str], live: list[str], capacity: int
) -> None:
    templates = mine(history, DRAIN)
    together = EventParser(templates, (), DRAIN, capacity=capacity)
    single = EventParser(templates, (), DRAIN, capacity=capacity)
    assert together.parse(live) == [single.parse([message])[0] for message in live]
    assert together.templates == single.templates


@given(MESSAGES, MESSAGES, st.integers(1, 5))
def test_host_events_are_bounded_and_ids_point_into_the_table(
    history: list[str], live: list[str], capacity: int
) -> None:
    known = EventParser(mine(history, DRAIN), (), DRAIN, capacity=capacity)
    events = known.parse(live)
    assert len(known.host_templates) <= capacity
    assert all(0 <= event < len(known.templates) for event in events)


def test_past_the_capacity_one_event_stands_for_the_rest() -> None:
    known = parser("known", capacity=2)
    assert known.parse(["one", "two words", "three of them", "and four of them"]) == [1, 2, 2, 2]
    assert known.overflowed == 2
    assert known.host_templates == ("one", "two words")
    assert known.parse(["known", "one", "three of them"]) == [0, 1, 2]


def test_a_host_template_that_generalises_is_named_as_changed() -> None:
    words = "could not open the volume of tenant {} on shelf"
    known = parser("known")
    assert known.parse([words.format("blue")]) == [1]
    assert known.take_changed() == {1}
    assert known.take_changed() == set()
    assert known.parse([words.format("green")]) == [1]
    assert known.take_changed() == {1}
    assert known.template(1) == words.format("<*>")
    assert known.parse([words.format("red"), "known"]) == [1, 0]
    assert known.take_changed() == set()


def test_a_similar_line_goes_to_the_trained_template_and_leaves_it() -> None:
    template = "could not open the volume of tenant blue on shelf"
    known = parser(template)
    assert known.parse([template.replace("blue", "green")]) == [0]
    assert known.templates == (template,)


@given(MESSAGES, MESSAGES)
def test_host_templates_are_restored(history: list[str], live: list[str]) -> None:
    templates = mine(history, DRAIN)
    first = EventParser(templates, (), DRAIN)
    first.parse(live)
    second = EventParser(templates, (), DRAIN, host_templates=first.host_templates)
    assert second.templates == first.templates
    # All of them need a vector again.
    assert second.take_changed() == set(range(len(templates), len(first.templates)))
    # Everything that was met is known: no message needs a template of its own a second time.
    assert all(event < len(first.templates) for event in second.parse(live))
    assert len(second.templates) == len(first.templates)
    assert second.parse(["a line nobody has ever seen before in here"]) == [len(first.templates)]


def test_exact_messages_are_never_merged() -> None:
    words = "could not open the volume of tenant {} on shelf"
    known = EventParser([words.format("<*>")], (), DRAIN, exact=True)
    assert known.parse([words.format("<*>"), words.format("a"), words.format("b")]) == [0, 1, 2]
    assert known.parse([words.format("a")]) == [1]


def test_blank_and_one_word_messages() -> None:
    messages = ["", "one", "two", "1 2 3"]
    templates = mine(messages, DRAIN)
    assert EventParser(templates, (), DRAIN).parse(messages) == [0, 1, 2, 3]


def test_more_first_words_than_the_tree_has_children() -> None:
    messages = [f"{a}{b} said hello to everybody" for a in "abcdefghijkl" for b in "mnopqrstuvwx"]
    assert len(messages) > DRAIN.max_children
    templates = mine(messages, DRAIN)
    found = EventParser(templates, (), DRAIN).parse(messages)
    assert max(found) < len(templates)
    assert all(one <= other for one, other in pairwise(sorted(set(found))))
