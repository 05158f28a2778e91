"""What all methods of the papers are given, and how they are validated."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.errors import UserError
from tests.trainer.papers.conftest import SETTING
from trainer.batches import Rows
from trainer.benchmark.methods import chosen
from trainer.benchmark.papers.catalogue import PAPERS
from trainer.benchmark.papers.sequences import LONGEST, Pool, padded
from trainer.benchmark.papers.settings import Given, Material
from trainer.benchmark.papers.trial import FOLDS, Candidate, Compared, folds
from trainer.benchmark.protocols import Protocol, Setting
from trainer.benchmark.space import Labelled
from trainer.benchmark.task import Examination, Task
from trainer.splits import Fractions

Part = tuple[Task, Examination]


@pytest.mark.parametrize("name", PAPERS)
def test_each_method_learns_what_it_is_given_and_scores_every_session(
    name: str, given: Part
) -> None:
    task, examination = given
    method = PAPERS[name]()
    assert chosen(name, SETTING) == (name,)
    method.fit(task)
    scores = method.score(examination.sequences)
    assert scores.shape == examination.labels.shape
    assert np.isfinite(scores).all()
    assert not np.isnan(method.threshold)
    if method.given in (Given.FEW, Given.ALL, Given.TRANSFER):
        assert roc_auc_score(examination.labels, scores) > 0.6
    again = PAPERS[name]()
    again.fit(task)
    assert np.array_equal(again.score(examination.sequences), scores), "a seed decides everything"
    assert again.threshold == method.threshold


def test_blocks_give_what_the_paper_gives(given: Part) -> None:
    task, _ = given
    counts = {
        one: (len(material.own.normal), len(material.own.anomalous), len(material.sources))
        for one in Given
        for material in [Material.of(task, one)]
    }
    normal, few, sources = len(task.normal), len(task.anomalous), task.space.sources
    assert len(task.reserved) > 0
    of_sources = (len(sources.normal), len(sources.anomalous), 0)
    assert counts == {
        Given.FEW: (normal, few, 0),
        Given.ALL: (normal, few + len(task.reserved), 0),
        Given.NORMAL: (normal, 0, 0),
        Given.SOURCE: of_sources,
        Given.ADAPTED: of_sources,
        Given.TRANSFER: (normal, few, len(sources)),
    }


def test_rows_of_the_space_are_the_events_of_either_side(given: Part) -> None:
    task, _ = given
    space = task.space
    assert space.templates[: space.target_events] == task.templates
    assert space.vectors.shape[0] == len(space.templates) == len(space.known)
    assert space.known.sum() == len(space.templates) - len(task.templates) + task.trained_events
    assert min(rows.min() for rows in space.sources.sequences) >= space.target_events
    assert max(rows.max() for rows in space.sources.sequences) < len(space.templates)


class _Seen:
    """Remembers what it was shown; its score says which model it is of."""

    def __init__(self, quality: float, seen: list["_Seen"]) -> None:
        self.quality = quality
        self.train = self.held = Labelled.of([])
        seen.append(self)

    def fit(self, train: Labelled, held: Labelled) -> None:
        self.train, self.held = train, held

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return np.array([float(rows[0]) for rows in sequences])

    def fitness(self, held: Labelled) -> float:
        return self.quality


class _Method(Compared):
    def __init__(self) -> None:
        super().__init__("seen", Given.FEW)
        self.made: list[_Seen] = []

    def candidates(self, material: Material) -> Sequence[Candidate]:
        return [
            lambda seed: _Seen(0.5, self.made),
            lambda seed: _Seen(0.7, self.made),
            lambda seed: _Seen(0.6, self.made),
        ]


def test_the_best_candidate_is_fitted_once_a_fold_and_no_model_is_asked_what_it_learnt(
    given: Part,
) -> None:
    task, _ = given
    method = _Method()
    method.fit(task)
    assert [one.quality for one in method.made] == [0.5, 0.7, 0.6, 0.7, 0.7]
    sessions = len(task.normal) + len(task.anomalous)
    kept = [method.made[1], *method.made[3:]]
    assert sum(len(one.held) for one in kept) == sessions
    for one in kept:
        assert len(one.train) + len(one.held) == sessions
        assert len(one.held.anomalous) >= len(task.anomalous) // FOLDS


class _Sure(_Seen):
    """Longer is more anomalous; models say so on scales of their own."""

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return np.array([self.quality * len(rows) for rows in sequences])


class _Unequal(_Method):
    def candidates(self, material: Material) -> Sequence[Candidate]:
        return [lambda seed: _Sure(0.1 ** len(self.made), self.made)]


def test_a_threshold_is_within_what_the_mean_of_unequal_models_reaches(given: Part) -> None:
    task, _ = given
    method = _Unequal()
    method.fit(task)
    assert [one.quality for one in method.made] == pytest.approx([1, 0.1, 0.01])
    longest = method.score([*task.normal, *task.anomalous]).max()
    assert 0 < method.threshold <= np.nextafter(longest, np.inf)


@drawn(st.lists(st.sampled_from([0, 1]), max_size=60), st.integers(0, 99))
def test_folds_hold_each_class_evenly(labels: list[int], seed: int) -> None:
    found = folds(np.array(labels, dtype=np.int64), np.random.default_rng(seed))
    for label in set(labels):
        sizes = np.bincount(found[np.array(labels) == label], minlength=FOLDS)
        assert len(sizes) == FOLDS
        assert sizes.max() - sizes.min() <= 1


@drawn(
    st.lists(
        st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(0, 1)),
        min_size=1, max_size=30,
    ),
    st.integers(1, 8),
)  # fmt: skip
def test_a_pool_has_each_session_once_and_loses_none(
    sessions: list[tuple[list[int], int]], size: int
) -> None:
    rows = [np.array(events, dtype=np.int64) for events, _ in sessions]
    labelled = Labelled(rows, np.array([label for _, label in sessions], dtype=np.int64))
    pool = Pool.of(labelled)
    told = {
        (tuple(one), int(label)) for one, label in zip(pool.sequences, pool.labels, strict=True)
    }
    assert told == {(tuple(events), label) for events, label in sessions}
    assert len(told) == len(pool)
    assert pool.weights.sum() == len(sessions)
    order = np.concatenate(list(pool.batches(size, np.random.default_rng(0))))
    assert sorted(order) == list(range(len(pool)))
    balanced = pool.balanced()
    present = np.unique(pool.labels)
    by_class = [balanced.weights[pool.labels == label].sum() for label in present]
    assert np.allclose(by_class, len(sessions) / len(present))
    batch = padded(pool.sequences)
    assert batch.mask.sum() == sum(min(len(one), LONGEST) for one in pool.sequences)


def test_methods_that_a_protocol_does_not_give_enough_to_are_refused() -> None:
    zero_shot = Setting(Protocol.ZERO_SHOT, Fractions())
    assert chosen("logrobust:d", zero_shot) == ("logrobust:d",)
    with pytest.raises(UserError, match="which only --protocol bilateral does"):
        chosen("logrobust:a", zero_shot)
    with pytest.raises(UserError, match="say with --reserve"):
        chosen("logrobust:b", Setting(Protocol.BILATERAL, Fractions()))
