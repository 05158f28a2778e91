"""Transfer component analysis, on events laid out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.words import Vectors
from trainer.benchmark.papers.settings import Given, Material
from trainer.benchmark.papers.tca import COMPONENTS, TRADE_OFF, components, transferred
from trainer.benchmark.space import Labelled, Space

EVENTS = 40


def of(vectors: Vectors, target_events: int, unknown: tuple[int, ...] = ()) -> Material:
    known = np.ones(len(vectors), dtype=np.bool_)
    known[list(unknown)] = False
    nothing = Labelled.of([])
    templates = tuple(f"event {i}" for i in range(len(vectors)))
    space = Space(templates, vectors, known, target_events, nothing)
    return Material(Given.ADAPTED, space, vectors, nothing, nothing)


@pytest.fixture
def kinds() -> NDArray[np.int64]:
    """Of each event, on either side: one of two kinds."""
    return np.arange(2 * EVENTS) % 2


@pytest.fixture
def vectors(kinds: NDArray[np.int64]) -> Vectors:
    """Kinds lie apart in the same way on both sides; the sides lie apart in another."""
    made = np.random.default_rng(0).normal(scale=0.3, size=(2 * EVENTS, 12))
    made[:, 0] += 2.0 * kinds
    made[EVENTS:, 1] += 3.0
    return made.astype(np.float32)


def gap(vectors: Vectors, which: NDArray[np.bool_]) -> float:
    """How far the means of two groups are apart, in standard deviations within them."""
    within = np.sqrt((vectors[which].var(0) + vectors[~which].var(0)).mean())
    return float(np.linalg.norm(vectors[which].mean(0) - vectors[~which].mean(0)) / within)


def test_sides_grow_alike_and_kinds_stay_apart(vectors: Vectors, kinds: NDArray[np.int64]) -> None:
    found = transferred(of(vectors, EVENTS))
    assert found.dtype == np.float32
    assert found.shape == (2 * EVENTS, COMPONENTS)
    assert np.isclose(found.var(axis=0).mean(), 1, atol=1e-3)
    of_target = np.arange(2 * EVENTS) < EVENTS
    assert gap(found, of_target) < gap(vectors, of_target) / 4
    assert gap(found, kinds == 1) > gap(vectors, kinds == 1) / 2


def test_events_that_were_not_known_shape_nothing_and_have_components(vectors: Vectors) -> None:
    unknown = (3, 4)
    found = transferred(of(vectors, EVENTS, unknown))
    others = vectors.copy()
    others[3] = vectors[10]
    others[4] = 100.0
    again = transferred(of(others, EVENTS, unknown))
    known = np.delete(np.arange(2 * EVENTS), unknown)
    assert np.array_equal(again[known], found[known])
    assert np.allclose(again[3], found[10], atol=1e-5)
    assert np.isfinite(again).all()


def test_components_are_those_of_the_equation() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(30, 4))
    kernel = np.exp(-((points[:, None] - points) ** 2).sum(2) / 8)
    side = np.repeat([1 / 12, -1 / 18], [12, 18])
    centring = np.eye(30) - 1 / 30
    matrix = np.linalg.solve(
        kernel @ np.outer(side, side) @ kernel + TRADE_OFF * np.eye(30), kernel @ centring @ kernel
    )
    found = components(kernel, 12)
    assert found.shape == (30, 29)
    values = np.sort(np.linalg.eigvals(matrix).real)[::-1]
    for place in range(3):
        one = found[:, place]
        assert np.allclose(matrix @ one, values[place] * one, rtol=1e-6, atol=1e-6)
        assert np.linalg.norm(one) > 0.01


def test_a_side_without_events_is_no_side(vectors: Vectors) -> None:
    for alone in (of(vectors, 0), of(vectors, 2 * EVENTS)):
        assert transferred(alone) is alone.vectors


def test_what_a_method_made_of_the_vectors_is_what_is_transferred(vectors: Vectors) -> None:
    material = of(vectors, EVENTS)
    assert not np.allclose(
        transferred(replace(material, vectors=vectors * np.linspace(0, 3, 12, dtype=np.float32))),
        transferred(material),
    )
