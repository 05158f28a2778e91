"""Counts by source, for as many sources as may be told apart."""

from hypothesis import given
from hypothesis import strategies as some

from agent.follow import LineBatch
from agent.metrics.judged import BOUNDS, Judged
from agent.metrics.reads import OTHER, Reads
from agent.metrics.snapshot import SourceFigures


def test_the_first_sources_have_a_place_and_the_rest_shares_one() -> None:
    reads = Reads(most=2)
    for source, lines in (("a", 1), ("b", 2), ("c", 4), ("d", 8), ("a", 16)):
        reads.add(source, lines, 10 * lines)
    assert reads.figures({"a": 5, "d": 6, "e": 7}, now=0.0) == {
        "a": SourceFigures(17, 170, 5),
        "b": SourceFigures(2, 20, 0),
        OTHER: SourceFigures(12, 120, 13),
    }


def test_a_source_that_is_gone_gives_its_place_away_after_an_hour() -> None:
    reads = Reads(most=1)
    reads.add("old", 1, 1)
    assert set(reads.figures({}, now=0.0)) == {"old"}
    reads.add("new", 1, 1)
    assert set(reads.figures({"new": 0}, now=3599.0)) == {"old", OTHER}
    reads.figures({"new": 0}, now=3601.0)
    assert set(reads.figures({"new": 3}, now=3602.0)) == {"new", OTHER}


@given(some.lists(some.tuples(some.integers(0, 9), some.integers(1, 50))), some.integers(1, 12))
def test_nothing_is_counted_twice_or_not_at_all(batches: list[tuple[int, int]], most: int) -> None:
    reads = Reads(most)
    for source, lines in batches:
        reads.add(str(source), lines, 2 * lines)
    found = reads.figures({}, now=0.0)
    assert sum(one.lines for one in found.values()) == sum(lines for _, lines in batches)
    assert sum(one.bytes for one in found.values()) == 2 * sum(lines for _, lines in batches)
    assert len(found) <= most + 1


def test_bytes_are_those_of_a_file_or_those_of_the_text() -> None:
    reads = Reads()
    reads.take(LineBatch("/logs/a", "/logs/a", ["x", "y"], [10, 14], [14, 30]))
    # The journal numbers its entries.
    reads.take(LineBatch("journal", "journal", ["ü", "ab"], [7, 8], [8, 9]))
    reads.take(LineBatch("/logs/b", "/logs/b", [], [], []))
    assert reads.figures({}, now=0.0) == {
        "/logs/a": SourceFigures(2, 20),
        "journal": SourceFigures(2, 6),
    }


def test_it_knows_since_when_nothing_was_read_though_there_is_something() -> None:
    reads = Reads()
    assert reads.unread_since(0, 1.0) is None
    assert reads.unread_since(5, 2.0) == 2.0
    assert reads.unread_since(5, 3.0) == 2.0
    reads.add("a", 1, 1)
    assert reads.unread_since(4, 4.0) == 4.0
    assert reads.unread_since(4, 5.0) == 4.0
    assert reads.unread_since(0, 6.0) is None


def test_a_duration_is_counted_in_the_first_bucket_that_holds_it() -> None:
    judged = Judged()
    for seconds in (BOUNDS[0], BOUNDS[0] * 1.01, 99.0):
        judged.took(seconds)
    assert (judged.buckets[0], judged.buckets[1], judged.buckets[-1]) == (1, 1, 1)
    assert sum(judged.buckets) == 3
