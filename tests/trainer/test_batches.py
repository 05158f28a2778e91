"""Batches: what is drawn, and how it is laid out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.batches import Batch, Sessions


def count(batch: Batch, label: int) -> int:
    return sum(int(group.weights[group.labels == label].sum()) for group in batch.groups)


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


def test_groups_are_at_most_half_padding_and_cut_at_the_longest() -> None:
    drawn = sessions(80, 20)
    batch = drawn.batch(np.arange(100))
    for group in batch.groups:
        assert group.rows.shape[1] == int(group.lengths.max()) <= 20
        assert (group.lengths * 2 > group.rows.shape[1]).all() or group.rows.shape[1] <= 8
        for row, length in zip(group.rows, group.lengths, strict=True):
            assert not row[length:].any()


def test_equal_sequences_with_different_labels_stay_two() -> None:
    same = [np.array([1, 2, 3])] * 3
    batch = Sessions(same, [0, 1, 0], longest=9).batch(np.arange(3))
    [group] = batch.groups
    assert sorted(zip(group.labels.tolist(), group.weights.tolist(), strict=True)) == [
        (0, 2.0), (1, 1.0),
    ]  # fmt: skip


def test_nothing_to_draw_from() -> None:
    with pytest.raises(ValueError, match="no sessions"):
        Sessions([], [], longest=9)
