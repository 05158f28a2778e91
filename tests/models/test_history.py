"""Histories that grow and forget, against counting all at once."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.history import Fading, History, distinct_rows, pairs_of

EVENTS = 5
SESSIONS = st.lists(st.lists(st.integers(0, EVENTS - 1), min_size=1, max_size=8), max_size=12)
BOUNDLESS = Fading(sessions=1e12, floor=0, vectors=10**9, cells=10**9, pairs=10**9)


def history(rows: list[list[int]], anomalous: list[list[int]] | None = None) -> History:
    def arrays(of: list[list[int]]) -> list[np.ndarray]:
        return [np.array(row, dtype=np.int64) for row in of]

    return History.of(arrays(rows), arrays(anomalous or []), EVENTS)


def same(one: History, other: History) -> None:
    assert np.array_equal(one.vectors, other.vectors)
    assert np.array_equal(one.weights, other.weights)
    assert one.pairs == other.pairs
    assert np.array_equal(one.anomalies, other.anomalies)
    assert np.array_equal(one.anomaly_weights, other.anomaly_weights)
    assert one.labelled == other.labelled


@given(SESSIONS, SESSIONS, SESSIONS)
@settings(max_examples=100)
def test_extended_by_parts_it_is_that_of_all_whatever_their_order(
    first: list[list[int]], second: list[list[int]], anomalous: list[list[int]]
) -> None:
    whole = history(first + second, anomalous + anomalous)
    one, other = history(first, anomalous), history(second, anomalous)
    same(one.extended(other), whole)
    same(other.extended(one), whole)
    same(one.extended(other).faded(BOUNDLESS), whole)
    same(History.from_arrays(one.extended(other).arrays()), whole)


@given(SESSIONS)
def test_pairs_are_counted_once_a_session(rows: list[list[int]]) -> None:
    pairs = history(rows).pairs
    assert set(pairs) == {pair for row in rows for pair in pairs_of(row)}
    for pair, sessions in pairs.items():
        assert sessions == sum(pair in pairs_of(row) for row in rows)


@given(SESSIONS, st.integers(0, 3))
def test_events_met_since_get_a_column_of_nothing(rows: list[list[int]], more: int) -> None:
    narrow = history(rows)
    wide = narrow.extended(History.of([], [], EVENTS + more))
    assert wide.events == EVENTS + more
    assert np.array_equal(wide.vectors[:, :EVENTS], narrow.vectors)
    assert not wide.vectors[:, EVENTS:].any()
    assert np.array_equal(wide.weights, narrow.weights)


@given(
    SESSIONS,
    st.builds(
        Fading, sessions=st.floats(0.5, 20), floor=st.floats(0, 1), vectors=st.integers(1, 6),
        cells=st.integers(5, 40), pairs=st.integers(1, 10),
    ),
)  # fmt: skip
@settings(max_examples=100)
def test_what_fades_stays_within_its_bounds_and_invents_nothing(
    rows: list[list[int]], fading: Fading
) -> None:
    before = history(rows)
    after = before.faded(fading)
    assert after.sessions <= min(fading.sessions, before.sessions) + 1e-9
    assert len(after.weights) <= fading.vectors
    assert after.vectors.size <= fading.cells
    assert len(after.pairs) <= fading.pairs
    assert all(weight >= fading.floor for weight in (*after.weights, *after.pairs.values()))
    weights = {row.tobytes(): weight for row, weight in zip(before.vectors, before.weights,
                                                             strict=True)}  # fmt: skip
    for row, weight in zip(after.vectors, after.weights, strict=True):
        assert weight <= weights[row.tobytes()]
    for pair, weight in after.pairs.items():
        assert weight <= before.pairs[pair]
        # No pair is in more sessions than there are.
        assert weight <= after.sessions + 1e-9


def test_what_came_once_is_forgotten_and_what_keeps_coming_stays() -> None:
    fading = Fading(sessions=100, floor=0.1)
    known = history([[4, 4]])
    epochs = 0
    while known.vectors[:, 4].any():
        known = known.extended(history([[0, 1]] * 10)).faded(fading)
        epochs += 1
    # Ten epochs to the cap; from then on each takes a tenth, and 0.9 ** 22 is less than the floor.
    assert 25 <= epochs <= 40
    assert known.pairs.keys() == {(-1, 0), (0, 1), (1, -2)}
    assert known.sessions <= 100


def test_of_too_many_vectors_the_oldest_give_way() -> None:
    fading = Fading(vectors=4)
    known = history([])
    for event in range(5):
        known = known.extended(history([[event], [event, event]])).faded(fading)
    assert sorted(set(known.vectors.argmax(axis=1).tolist())) == [3, 4]


@given(
    st.lists(st.lists(st.integers(0, 70_000), min_size=3, max_size=3), max_size=12),
    st.sampled_from([np.int32, np.int64, np.bool_]),
)
def test_distinct_rows_are_those_that_numpy_finds(rows: list[list[int]], kind: type) -> None:
    matrix: NDArray[Any] = np.array(rows, dtype=kind).reshape(-1, 3)
    found, places = distinct_rows(matrix)
    assert np.array_equal(found[places], matrix)
    if len(matrix):
        assert np.array_equal(found, np.unique(matrix, axis=0))
