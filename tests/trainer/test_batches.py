"""Batches: what is drawn, and how it is laid out."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.batches import Batch, Sessions


def count(batch: Batch, label: int) -> int:
    return int(batch.weights[batch.labels == label].sum())


def rows_of(batch: Batch) -> list[list[int]]:
    """The sessions of a batch, read from their states."""
    events = batch.events[batch.event_of]
    rows = [events[places].tolist() for group in batch.groups for places in group]
    return [row[:length] for row, length in zip(rows, batch.lengths.tolist(), strict=True)]


def earlier_of(batch: Batch) -> list[int]:
    """The state that each one goes on from by ``steps.parents``, among those after the first."""
    found: list[int] = []
    begin = 0
    for before, size, parents in zip(
        batch.steps.sizes, batch.steps.sizes[1:], batch.steps.parents[1:], strict=False
    ):
        places = range(size) if parents is None else parents.tolist()
        assert all(place < before for place in places)
        found += [begin + place for place in places]
        begin += before
    return found


def sessions(normal: int, anomalous: int) -> Sessions:
    rng = np.random.default_rng(0)
    return Sessions(
        [rng.integers(0, 50, size=int(n)) for n in rng.integers(1, 30, size=normal + anomalous)],
        [0] * normal + [1] * anomalous,
        longest=20,
    )


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 50), st.floats(0, 1), st.integers(0, 99)
)
def test_draws_respect_the_share(
    normal: int, anomalous: int, size: int, share: float, seed: int
) -> None:
    drawn = sessions(normal, anomalous)
    rng = np.random.default_rng(seed)
    # A part of one class only: the other one comes from all sessions.
    for within in (np.arange(normal + anomalous), np.arange(normal), np.array([normal])):
        batch = drawn.draw(within, size, share, rng)
        assert batch.size == size
        assert count(batch, 1) == round(size * share)
        assert count(batch, 0) == size - round(size * share)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 80), st.integers(0, 99))
def test_draws_as_they_come_take_each_session_once(
    normal: int, anomalous: int, size: int, seed: int
) -> None:
    drawn = sessions(normal, anomalous)
    total = normal + anomalous
    batch = drawn.draw(np.arange(total), size, None, np.random.default_rng(seed))
    assert batch.size == count(batch, 0) + count(batch, 1) == min(size, total)
    assert count(batch, 0) <= normal
    if size >= total:
        assert count(batch, 1) == anomalous


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 99))
def test_parts_hold_every_session_once(total: int, parts: int, seed: int) -> None:
    cut = sessions(total, 0).parts(parts, np.random.default_rng(seed))
    assert sorted(np.concatenate(cut).tolist()) == list(range(total))
    assert len(cut) == min(parts, total)
    assert max(map(len, cut)) - min(map(len, cut)) <= 1


@st.composite
def likely_alike(draw: st.DrawFn) -> list[list[int]]:
    """Sessions of few events: many begin alike, some are equal, some the beginning of another."""
    short = st.lists(st.integers(0, 2), min_size=1, max_size=6)
    long = st.builds(lambda row, times: row * times, short, st.integers(1, 20))
    return draw(st.lists(st.one_of(short, long), min_size=1, max_size=12))


@given(likely_alike(), st.booleans())
def test_a_batch_holds_its_sessions(rows: list[list[int]], shares: bool) -> None:
    labels = [len(row) % 2 for row in rows]
    drawn = Sessions([np.array(row) for row in rows], labels, longest=80, shares=shares)
    batch = drawn.batch(np.arange(len(rows)))
    cut = [tuple(row[:80]) for row in rows]
    kinds = Counter(zip(cut, labels, strict=True))

    found = rows_of(batch)
    pairs = zip(map(tuple, found), batch.labels.tolist(), strict=True)
    assert dict(zip(pairs, batch.weights.tolist(), strict=True)) == kinds
    assert batch.size == len(rows)
    assert [len(row) for row in found] == sorted(map(len, found), reverse=True)
    assert [cut[i] for i in batch.members] == [tuple(row) for row in found]
    assert batch.events.tolist() == sorted({event for row in cut for event in row})

    # No state is there twice, and each goes on from that of the event before.
    beginnings = {row[: n + 1] for row in map(tuple, found) for n in range(len(row))}
    states = len(beginnings) if shares else sum(map(len, found))
    assert sum(batch.steps.sizes) == len(batch.event_of) == states
    earlier = batch.steps.earlier.tolist()
    assert earlier == earlier_of(batch)
    for group in batch.groups:
        lengths = batch.lengths[: len(group)]
        for places, length in zip(group.tolist(), lengths.tolist(), strict=True):
            for place, after in pairwise(places[:length]):
                assert earlier[after - batch.steps.sizes[0]] == place
        batch = replace(batch, lengths=batch.lengths[len(group) :])


@given(likely_alike())
def test_sessions_that_are_described_share_nothing(rows: list[list[int]]) -> None:
    rng = np.random.default_rng(0)
    numbers = [rng.random((len(row), 2), dtype=np.float32) for row in rows]
    session = rng.random((len(rows), 3), dtype=np.float32)
    drawn = Sessions([np.array(row) for row in rows], [0] * len(rows), 80, numbers, session)
    batch = drawn.batch(np.arange(len(rows)))
    assert batch.features is not None
    assert batch.owners is not None
    assert batch.session is not None
    assert np.array_equal(batch.session, session[batch.members])
    places = [one for group in batch.groups for one in group]
    mirrored = batch.mirrored()
    for number, (member, length) in enumerate(
        zip(batch.members, batch.lengths.tolist(), strict=True)
    ):
        own = places[number][:length]
        assert np.array_equal(batch.features[own], numbers[member][:80])
        assert (batch.owners[own] == number).all()
        assert mirrored[own].tolist() == own.tolist()[::-1]


def test_shared_states_have_no_mirror() -> None:
    batch = Sessions([np.array([1, 2]), np.array([1, 3])], [0, 0], 9).batch(np.arange(2))
    with pytest.raises(ValueError, match="from their ends"):
        batch.mirrored()


def test_long_sessions_stay_among_themselves() -> None:
    lengths = [1, 5, 31, 32, 33, 60, 64, 65, 400, 512]
    rows = [np.arange(length) for length in lengths]
    batch = Sessions(rows, [0] * len(rows), longest=512).batch(np.arange(len(rows)))
    assert [tuple(group.shape) for group in batch.groups] == [(2, 512), (1, 65), (3, 64), (4, 32)]


def test_sessions_that_differ_beside_their_events_stay_two() -> None:
    """What is said of an event tells of those before it, some of which are not fed."""
    features = [np.full((2, 1), value, dtype=np.float32) for value in (0.0, 1.0, 0.0)]
    three = Sessions(
        [np.array([1, 2])] * 3, [0] * 3, longest=9, features=features,
        session=np.zeros((3, 1), dtype=np.float32),
    )  # fmt: skip
    assert three.twin.tolist() == [0, 1, 0]


def test_equal_sequences_with_different_labels_stay_two() -> None:
    same = [np.array([1, 2, 3])] * 3
    batch = Sessions(same, [0, 1, 0], longest=9).batch(np.arange(3))
    assert sorted(zip(batch.labels.tolist(), batch.weights.tolist(), strict=True)) == [
        (0, 2.0), (1, 1.0),
    ]  # fmt: skip
    assert batch.steps.sizes == (1, 1, 1)


def test_nothing_to_draw_from() -> None:
    with pytest.raises(ValueError, match="no sessions"):
        Sessions([], [], longest=9)
