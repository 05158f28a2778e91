"""PCA on counts of a few events of hand-made systems."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.benchmark.papers.pca import _ResidualOfCounts as Model
from trainer.benchmark.space import Labelled

# Rows 0 to 2 are the target's events, 3 to 6 the source's; they point where their vectors do.
TABLE = np.array(
    [[0.9, 0.1, 0], [0, 2, 0.1], [0, 0, 7], [1, 0, 0], [0, 1, 0], [0, 0, 0.5], [1, 1, 1]],
    dtype=np.float32,
)
SOURCE = 3


def session(**counts: int) -> Rows:
    """Of source events: a and b go together in what is normal, c comes as it likes."""
    rows = {"a": 3, "b": 4, "c": 5, "d": 6, "target_a": 0, "target_b": 1, "target_c": 2}
    return np.repeat([rows[name] for name in counts], list(counts.values())).astype(np.int64)


def fitted(train: Labelled, share: float = 0.95, *, normal_alone: bool = False) -> Model:
    found = Model(TABLE, SOURCE, share, normal_alone=normal_alone)
    found.fit(train, train)
    return found


def normal(seed: int) -> list[Rows]:
    counts = np.random.default_rng(seed).poisson((3, 4), (200, 2))
    return [session(a=n, b=n, c=m) for n, m in counts if n + m]


@pytest.fixture(scope="module")
def model() -> Model:
    return fitted(Labelled.of(normal(0)))


def scores(model: Model, *sessions: Rows) -> NDArray[np.float64]:
    return model.score(sessions)


def test_events_that_do_not_keep_together_are_left_over(model: Model) -> None:
    usual, many, broken = scores(
        model, session(a=3, b=3, c=4), session(a=9, b=9, c=1), session(a=6, c=4)
    )
    assert broken > 100 * max(usual, many, 1e-9)


def test_an_event_of_the_target_counts_as_the_one_whose_vector_points_like_it(
    model: Model,
) -> None:
    told = scores(model, session(a=5, b=2, c=1), session(d=1, a=2))
    assert np.array_equal(model._standing_for(np.arange(7)), [0, 1, 2, 0, 1, 2, 3])
    assert np.allclose(scores(model, session(target_a=5, target_b=2, target_c=1)), told[0])
    assert told[1] > 0


def test_two_events_with_one_vector_stay_two() -> None:
    table = np.ones((3, 2), dtype=np.float32)
    model = Model(table, 1, 0.95, normal_alone=False)
    assert model._standing_for(np.arange(3)).tolist() == [0, 0, 1]


def test_rare_events_weigh_more() -> None:
    """As TF-IDF has it: an event that every session has says nothing."""
    sessions = [session(a=1, b=1), session(a=2, b=1), session(a=3, c=1)]
    found = fitted(Labelled.of(sessions))
    assert found._rarity[0] == 0
    assert found._rarity[2] > found._rarity[1] > 0


def test_anomalies_that_are_many_are_usual_but_to_the_candidate_that_leaves_them_out() -> None:
    train = Labelled.of(normal(0), [session(a=n % 7, c=3) for n in range(100)])
    held = Labelled.of(normal(1), [session(a=n % 5, c=4) for n in range(20)])
    assert fitted(train, normal_alone=True).fitness(held) > fitted(train).fitness(held) + 0.2


def test_errors_are_told_in_multiples_of_what_is_usual() -> None:
    train = normal(0)
    found = fitted(Labelled.of(train), 0.5)
    assert found.score(train).mean() == pytest.approx(1)
