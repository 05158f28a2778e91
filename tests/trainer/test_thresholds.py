"""Thresholds: what they promise, on scores of every kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.thresholds import (
    threshold_of_adapted,
    threshold_with_labels,
    threshold_without_labels,
)

SCORES = st.lists(st.floats(0, 1, width=32), min_size=5, max_size=60)


def array(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


@given(SCORES, st.lists(st.floats(0, 1, width=32), max_size=20))
def test_at_most_one_normal_session_in_a_hundred_lies_above(
    normal: list[float], anomalous: list[float]
) -> None:
    threshold, origin = threshold_with_labels(array(normal), array(anomalous))
    assert threshold >= np.quantile(array(normal).astype(float), 0.99) - 1e-6
    assert threshold <= np.quantile(array(normal).astype(float), 0.999) + 1e-6
    assert str(len(anomalous)) in origin


def test_anomalies_far_above_the_normal_sessions_allow_a_strict_threshold() -> None:
    normal = np.linspace(0, 0.5, 2001, dtype=np.float32)
    strict, _ = threshold_with_labels(normal, array([0.9, 0.95, 0.99]))
    lenient, _ = threshold_with_labels(normal, array([0.2, 0.95, 0.99]))
    between, _ = threshold_with_labels(normal, np.full(20, 0.4975, dtype=np.float32))
    assert strict == pytest.approx(0.4995)
    assert lenient == pytest.approx(0.495)
    assert between == pytest.approx(0.4975)


@given(SCORES)
def test_without_labels_four_of_five_sessions_lie_below(scores: list[float]) -> None:
    threshold, _ = threshold_without_labels(array(scores), np.full(len(scores), -1))
    assert np.mean(array(scores) < threshold + 1e-6) >= 0.8 - 1 / len(scores)


def test_two_groups_are_parted_between_them() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.uniform(0.01, 0.05, 950), rng.uniform(0.7, 0.9, 50)])
    unknown = np.full(1000, -1)
    threshold, _ = threshold_without_labels(scores.astype(np.float32), unknown)
    assert 0.05 <= threshold <= 0.7


def test_labels_move_the_cut() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate(
        [rng.uniform(0.01, 0.05, 900), rng.uniform(0.4, 0.5, 50), rng.uniform(0.9, 0.95, 50)]
    ).astype(np.float32)
    labels = np.full(1000, -1)
    labels[900:950] = 0
    threshold, origin = threshold_without_labels(scores, labels)
    assert 0.5 < threshold < 0.9
    assert "50 of them labelled" in origin
    labels[900:950] = 1
    threshold, _ = threshold_without_labels(scores, labels)
    assert threshold < 0.4


@given(SCORES, st.data())
def test_any_labels_give_a_threshold(scores: list[float], data: st.DataObject) -> None:
    size = len(scores)
    labels = data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=size, max_size=size))
    threshold, _ = threshold_without_labels(array(scores), np.array(labels))
    assert 0 <= threshold <= 1


def test_a_few_labels_do_not_put_the_cut_above_the_less_striking_anomalies() -> None:
    """Two groups of anomalies, and labels that fit a cut below the lower one as well as one above:
    F1 to expect is best where some of the lower one is taken in."""
    rng = np.random.default_rng(0)
    logits = np.concatenate(
        [rng.normal(-5, 0.3, 1900), rng.normal(-1, 0.3, 60), rng.normal(4.5, 0.3, 40)]
    )
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    labels = np.full(2000, -1)
    above, _ = threshold_without_labels(scores, labels)
    labels[:49], labels[1999] = 0, 1
    below, origin = threshold_without_labels(scores, labels)
    assert np.mean(scores >= above) == pytest.approx(0.02)
    assert 0.03 < np.mean(scores >= below) <= 0.05
    assert "50 of them labelled" in origin


@given(SCORES, st.data())
def test_the_order_of_the_sessions_does_not_matter(
    scores: list[float], data: st.DataObject
) -> None:
    size = len(scores)
    labels = data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=size, max_size=size))
    order = np.array(data.draw(st.permutations(range(size))))
    straight = threshold_without_labels(array(scores), np.array(labels))
    assert threshold_without_labels(array(scores)[order], np.array(labels)[order]) == straight


def three_heaps() -> tuple[np.ndarray, np.ndarray]:
    """Logits of 900 plain sessions, 60 odd ones and 40 odder ones, as scores; and no labels."""
    rng = np.random.default_rng(0)
    logits = np.concatenate(
        [rng.normal(-5, 0.3, 900), rng.normal(-1, 0.3, 60), rng.normal(2, 0.3, 40)]
    )
    return (1 / (1 + np.exp(-logits))).astype(np.float32), np.full(1000, -1)


def test_adapted_without_a_label_it_is_the_guess() -> None:
    scores, labels = three_heaps()
    assert threshold_of_adapted(scores, labels) == threshold_without_labels(scores, labels)


@pytest.mark.parametrize(("middle", "share"), [(0, 0.04), (1, 0.1)])
def test_labels_say_whether_the_middle_heap_is_anomalous(middle: int, share: float) -> None:
    scores, labels = three_heaps()
    labels[[960, 961, 962, 963]] = 1
    labels[900:916] = middle
    threshold, origin = threshold_of_adapted(scores, labels)
    assert np.mean(scores >= threshold) == pytest.approx(share, abs=0.015)
    assert "20 labels" in origin


def test_where_the_labels_were_asked_for_does_not_move_the_cut() -> None:
    """Ten times as many labels at the top say no more about where the anomalies begin."""
    scores, labels = three_heaps()
    labels[900:910], labels[960:962] = 0, 1
    few, _ = threshold_of_adapted(scores, labels)
    labels[960:980] = 1
    many, _ = threshold_of_adapted(scores, labels)
    assert np.mean(scores >= few) == pytest.approx(np.mean(scores >= many), abs=0.005)


def test_one_label_does_not_overrule_the_guess() -> None:
    scores, labels = three_heaps()
    guess, _ = threshold_of_adapted(scores, labels)
    labels[np.argsort(scores)[-2]] = 0
    assert threshold_of_adapted(scores, labels)[0] <= scores.max()
    assert np.mean(scores >= threshold_of_adapted(scores, labels)[0]) >= 0.03
    assert np.mean(scores >= guess) >= 0.03


@given(SCORES, st.data())
def test_any_labels_give_an_adapted_threshold_whatever_the_order(
    scores: list[float], data: st.DataObject
) -> None:
    size = len(scores)
    labels = data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=size, max_size=size))
    order = np.array(data.draw(st.permutations(range(size))))
    straight = threshold_of_adapted(array(scores), np.array(labels))
    assert 0 <= straight[0] <= 1
    assert threshold_of_adapted(array(scores)[order], np.array(labels)[order]) == straight
