"""Events: which lines are one, which stay apart, and that ids hold."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.archive import read_lines
from models.events import DrainParameters, EventParser, mine
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


def parser(*templates: str, **options: int) -> EventParser:
    return EventParser(templates, DEFAULT_MASKS, DRAIN, **options)  # type: ignore[arg-type]


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


@given(MESSAGES, MESSAGES)
def test_a_message_keeps_its_id_whatever_comes_between(history: list[str], live: list[str]) -> None:
    known = EventParser(mine(history, DRAIN), (), DRAIN)
    ids: dict[str, int] = {}
    for message in [*live, *history, *live[::-1]]:
        [event] = known.parse([message])
        assert ids.setdefault(message, event) == event


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
