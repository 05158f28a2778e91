"""Curves that are kept in the place of scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, average_precision_score, roc_auc_score, roc_curve

from trainer.benchmark.curves import MOST_POINTS, curves


def scored(seed: int, sessions: int, levels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores that know something of them; levels: of the score, None for no ties."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(sessions) % 7 == 0).astype(np.int64)
    scores = rng.normal(size=sessions) + 2 * labels
    return labels, scores if levels is None else np.round(scores * levels) / levels


def test_a_curve_by_hand() -> None:
    drawn = curves(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.3, 0.9]))

    assert drawn is not None
    assert drawn["roc"] == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    # Threshold by threshold: all four, without the first, 0.4 and 0.9, 0.9 alone, none.
    assert [1, 0.5] in drawn["precision_recall"]
    assert drawn["precision_recall"][1:3] == [[1, 0.666667], [0.5, 0.5]]
    assert drawn["precision_recall"][-2:] == [[0.5, 1], [0, 1]]


@given(seed=st.integers(0, 50), sessions=st.integers(8, 6000), levels=st.sampled_from([None, 1, 9]))
def test_thinned_curves_keep_the_area_and_have_only_points_of_the_whole(
    seed: int, sessions: int, levels: int | None
) -> None:
    labels, scores = scored(seed, sessions, levels)
    drawn = curves(labels, scores)

    assert drawn is not None
    roc, precision_recall = np.array(drawn["roc"]), np.array(drawn["precision_recall"])
    assert len(roc) <= MOST_POINTS
    assert len(precision_recall) <= MOST_POINTS
    assert roc[0].tolist() == [0, 0]
    assert roc[-1].tolist() == [1, 1]
    assert precision_recall[0, 0] == 1
    assert precision_recall[-1].tolist() == [0, 1]
    assert np.all(np.diff(roc, axis=0) >= 0)
    assert np.all(np.diff(precision_recall[:, 0]) <= 0)
    whole = np.stack(roc_curve(labels, scores, drop_intermediate=False)[:2], axis=1)
    assert {*map(tuple, roc.tolist())} <= {*map(tuple, np.round(whole, 6).tolist())}
    assert auc(*roc.T) == pytest.approx(roc_auc_score(labels, scores), abs=0.01)
    steps = -np.diff(precision_recall[:, 0])
    area = float(np.sum(steps * precision_recall[:-1, 1]))
    assert area == pytest.approx(average_precision_score(labels, scores), abs=0.02)


def test_without_a_class_there_is_no_curve() -> None:
    assert curves(np.zeros(5, dtype=np.int64), np.arange(5.0)) is None
