"""Labels that PLELog estimates for sessions whose own it does not see, and what it learns."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.benchmark.papers.plelog import PLELog, components, estimated
from trainer.benchmark.papers.settings import Given, Material
from trainer.benchmark.space import Labelled, Space

LEAST = 10


def _groups(far: int = 1) -> NDArray[np.float64]:
    """Two groups of 40 sessions and, where ``far``, so many that equal each other and no other."""
    rng = np.random.default_rng(0)
    centres = np.repeat([[-5.0, 0.0], [5.0, 0.0], [0.0, 90.0]], [40, 40, far], axis=0)
    noise = rng.normal(0, 0.1, (80, 2))
    centres[:80] += noise
    return centres


def _known(sessions: int, *known: int) -> NDArray[np.bool_]:
    return np.isin(np.arange(sessions), known)


def test_a_cluster_with_known_normal_sessions_is_normal_and_one_without_is_not() -> None:
    found = estimated(_groups(), _known(81, *range(10)), LEAST)
    assert (found[:10] == 0).all()
    assert np.mean(found[10:40] < 0.5) > 0.8
    assert (found[40:80] >= 0.5).all()
    assert found[80] == 1, "an outlier belongs to no cluster, which leaves no doubt"


def test_the_edge_of_a_cluster_is_less_certain_than_its_middle() -> None:
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    edge = np.array([-5.0, 0.0]) + np.stack([np.cos(angles), np.sin(angles)], 1)
    rng = np.random.default_rng(0)
    middle = np.array([-5.0, 0.0]) + rng.normal(0, 0.1, (40, 2))
    other = np.array([5.0, 0.0]) + rng.normal(0, 0.1, (40, 2))
    vectors = np.concatenate([middle, other, edge])
    known = np.zeros(len(vectors), dtype=np.bool_)
    known[:5] = True
    found = estimated(vectors, known, LEAST)
    assert found[5:40].mean() < found[80:].mean()


def test_equal_sessions_have_one_label_and_an_outlier_that_equals_a_known_one_is_normal() -> None:
    vectors = _groups(far=3)
    assert (estimated(vectors, _known(83, *range(10)), LEAST)[80:] == 1).all()
    assert (estimated(vectors, _known(83, *range(10), 80), LEAST)[80:] == 0).all()


@pytest.mark.parametrize("copies", [LEAST - 1, LEAST, 5 * LEAST])
def test_no_number_of_equal_sessions_leaves_a_label_undefined(copies: int) -> None:
    """Where it is all in one place a cluster is infinitely dense: no member is beside that."""
    vectors = np.repeat(_groups(), copies, axis=0)
    found = estimated(vectors, _known(len(vectors), *range(0, 40 * copies, 2 * copies)), LEAST)
    assert ((found >= 0) & (found <= 1)).all()
    inside = found[: 40 * copies : copies]
    assert len(np.unique(inside)) > 3, "more than normal, half and anomalous"


@drawn(st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=40))
def test_any_sessions_get_probabilities(rows: list[list[int]]) -> None:
    vectors = np.array(rows, dtype=np.float64)
    known = np.arange(len(rows)) % 2 == 0
    found = estimated(vectors, known, 3)
    assert found.shape == (len(rows),)
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[known] == 0).all()


def test_components_are_as_those_of_all_sessions() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(20, 4)) * np.array([1.0, 10.0, 0.1, 0.0])
    sizes = rng.integers(1, 6, 20)
    found = components(vectors, sizes)
    assert found.shape == (20, 3), "a direction that nothing varies in is none"
    each = np.repeat(found, sizes, axis=0)
    assert np.allclose(each.mean(0), 0)
    assert np.allclose(np.cov(each.T, bias=True), np.eye(3))
    assert np.allclose(
        np.abs(each),
        np.abs(components(np.repeat(vectors, sizes, axis=0), np.ones(len(each), dtype=np.int64))),
    )


def test_it_learns_orders_where_estimates_know_means_alone() -> None:
    """An anomaly of the events that normal sessions have, in another order, is in their cluster;
    one whose label is known is still an anomaly, and teaches what such are like."""
    rng = np.random.default_rng(0)
    kinds = [np.array([0, *rng.integers(0, 3, 6), 2], dtype=np.int64) for _ in range(100)]
    normal = [one for one in kinds for _ in range(4)]
    strange = [np.array([3, *rng.integers(3, 5, 6)], dtype=np.int64) for _ in range(30)]
    disguised = [one[::-1].copy() for one in kinds[:60]]
    vectors = rng.normal(size=(5, 8)).astype(np.float32)
    own = Labelled.of(normal, [*strange, *disguised])
    space = Space(tuple("abcde"), vectors, np.ones(5, dtype=np.bool_), 5, Labelled.of([]))
    material = Material(Given.ALL, space, vectors, own, Labelled.of([]))
    model = PLELog("plelog:b", Given.ALL).candidates(material)[0](0)
    model.fit(own, Labelled.of([]))
    assert np.mean(model.score(kinds) < 0.5) > 0.9
    assert np.mean(model.score(strange) > 0.5) > 0.9
    assert np.mean(model.score(disguised) > 0.5) > 0.9
    new = [np.array([2, *rng.integers(0, 3, 6), 0], dtype=np.int64) for _ in range(50)]
    assert np.mean(model.score(new) > 0.5) > 0.8
