"""What each protocol lets a method see."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from tests.trainer.conftest import Demo
from trainer.benchmark.baselines import BASELINES
from trainer.benchmark.protocols import Protocol, Setting, draw, thinned
from trainer.benchmark.task import build, parsed
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED, Corpus
from trainer.splits import Fractions, draw_source, draw_target

FRACTIONS = Fractions(source=0.5, normal=0.4, anomaly=0.2)
SETTINGS = [
    Setting(Protocol.BILATERAL, FRACTIONS),
    Setting(Protocol.ZERO_SHOT, FRACTIONS),
    Setting(Protocol.UNLABELLED, FRACTIONS),
    Setting(Protocol.BUDGET, FRACTIONS, labels=20),
    Setting(Protocol.BUDGET, FRACTIONS, anomaly_ratio=0.1, labels=20),
]


def name_of(setting: Setting) -> str:
    return setting.protocol.value


@pytest.fixture(scope="module")
def source(demo: Demo) -> Corpus:
    return Corpus.open(demo.corpus(demo.source))


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_nothing_is_both_seen_and_tested_and_nothing_labelled_is_lost(
    setting: Setting, source: Corpus, target: Corpus
) -> None:
    left = thinned(target, setting.anomaly_ratio, 0)
    split = draw(setting, [source], left, 0)

    together = np.concatenate([split.labelled, split.unlabelled, split.test])
    assert sorted(together) == np.flatnonzero(np.asarray(left.labels) != UNLABELLED).tolist()
    expected = {
        Protocol.BILATERAL: (len(split.seen), 0),
        Protocol.ZERO_SHOT: (0, 0),
        Protocol.UNLABELLED: (0, round(0.4 * len(together))),
        Protocol.BUDGET: (20, round(0.4 * len(together)) - 20),
    }
    assert (len(split.labelled), len(split.unlabelled)) == expected[setting.protocol]


def test_bilateral_sees_a_share_of_each_class_and_what_fit_draws(
    source: Corpus, target: Corpus
) -> None:
    split = draw(Setting(Protocol.BILATERAL, FRACTIONS), [source], target, 7)

    labels = target.labels[split.labelled]
    assert (labels == NORMAL).sum() == round(0.4 * target.counts["normal"])
    assert (labels == ANOMALOUS).sum() == round(0.2 * target.counts["anomalous"])
    rng = np.random.default_rng(7)
    assert np.array_equal(split.sources[0], draw_source(source, 0.5, rng))
    assert np.array_equal(split.labelled, draw_target(target, FRACTIONS, rng))


def test_larger_budgets_hold_smaller_ones_and_are_tested_on_the_same(
    source: Corpus, target: Corpus
) -> None:
    unlabelled = draw(Setting(Protocol.UNLABELLED, FRACTIONS), [source], target, 1)
    held: set[int] = set()
    for labels in (5, 20, 60):
        split = draw(Setting(Protocol.BUDGET, FRACTIONS, labels=labels), [source], target, 1)
        assert held < set(split.labelled.tolist())
        held = set(split.labelled.tolist())
        assert np.array_equal(split.seen, unlabelled.seen)
        assert np.array_equal(split.test, unlabelled.test)


@given(ratio=st.floats(0.001, 0.6), seed=st.integers(0, 5))
def test_thinning_leaves_the_share_that_was_asked_for(
    ratio: float, seed: int, target: Corpus
) -> None:
    left = thinned(target, ratio, seed)

    before, after = np.asarray(target.labels), np.asarray(left.labels)
    normal, anomalous = (int((after == label).sum()) for label in (NORMAL, ANOMALOUS))
    assert normal == target.counts["normal"]
    assert set(after[before != after]) <= {UNLABELLED}
    wanted = ratio / (1 - ratio) * normal
    assert anomalous == min(target.counts["anomalous"], max(1, int(np.floor(wanted + 0.5))))


def test_thinning_is_drawn_by_the_seed(target: Corpus) -> None:
    one, same, other = (thinned(target, 0.05, seed).labels for seed in (0, 0, 1))

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_a_task_hides_all_labels_but_those_that_are_paid_for(
    setting: Setting, source: Corpus, target: Corpus
) -> None:
    task, examination = build(setting, [source], target, 0)

    shown = np.flatnonzero(task.target.labels != UNLABELLED)
    assert np.array_equal(shown, task.split.labelled)
    assert len(task.normal) + len(task.anomalous) == len(task.split.labelled)
    assert len(task.unlabelled) == len(task.split.unlabelled)
    assert len(examination.seen) == len(task.split.seen)
    known = [*task.normal, *task.anomalous, *task.unlabelled]
    assert all(int(sequence.max()) < task.trained_events for sequence in known)
    everything = np.concatenate([*known, *examination.sequences])
    assert set(everything.tolist()) == set(range(len(task.templates)))


def shuffled(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(labels)


def inverted(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 1 - labels


@pytest.mark.parametrize("change", [shuffled, inverted])
@pytest.mark.parametrize("setting", SETTINGS[:4], ids=name_of)
def test_labels_of_the_test_part_change_no_score(
    setting: Setting,
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    source: Corpus,
    target: Corpus,
) -> None:
    task, examination = build(setting, [source], target, 0)
    labels = np.array(target.labels)
    tested = task.split.test
    labels[tested] = change(labels[tested], np.random.default_rng(1))
    assert not np.array_equal(labels, target.labels)
    # The same split: drawing it goes by the true labels.
    other_task, other = parsed(setting, [source], replace(target, labels=labels), task.split, 0)

    assert not np.array_equal(other.labels, examination.labels)
    for kind in BASELINES.values():
        one, two = kind(), kind()
        one.fit(task)
        two.fit(other_task)
        assert one.threshold == two.threshold
        assert np.array_equal(one.score(examination.sequences), two.score(other.sequences))


def test_what_the_test_part_says_changes_no_template_of_the_training_part(
    source: Corpus, target: Corpus
) -> None:
    setting = Setting(Protocol.BILATERAL, FRACTIONS)
    task, _ = build(setting, [source], target, 0)
    used = np.unique(np.concatenate([target.session(i) for i in task.split.seen]))
    foreign = [
        message if number in set(used.tolist()) else f"{message} of another world"
        for number, message in enumerate(target.messages)
    ]
    other, _ = build(setting, [source], replace(target, messages=tuple(foreign)), 0)

    assert other.templates[: other.trained_events] == task.templates[: task.trained_events]
    for one, two in ((task.normal, other.normal), (task.anomalous, other.anomalous)):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Setting(Protocol.BUDGET, FRACTIONS), "--labels K"),
        (lambda: Setting(Protocol.BUDGET, FRACTIONS, labels=0), "expected 1 or more"),
        (lambda: Setting(Protocol.BILATERAL, FRACTIONS, labels=5), "goes with --protocol budget"),
        (
            lambda: Setting(Protocol.UNLABELLED, FRACTIONS, anomaly_ratio=1.0),
            "--target-anomaly-ratio 1.0",
        ),
    ],
)
def test_numbers_that_make_no_sense_are_refused(make: Callable[[], Setting], words: str) -> None:
    with pytest.raises(UserError, match=words):
        make()


@pytest.mark.parametrize(
    ("labels", "words"),
    [(10_000, "only 200 labelled sessions in all"), (100, "has 80 sessions")],
)
def test_a_budget_larger_than_the_history_is_refused(
    labels: int, words: str, source: Corpus, target: Corpus
) -> None:
    with pytest.raises(UserError, match=words):
        draw(Setting(Protocol.BUDGET, FRACTIONS, labels=labels), [source], target, 0)


def test_a_split_that_leaves_nothing_to_find_is_refused(source: Corpus, target: Corpus) -> None:
    few = thinned(target, 0.02, 0)
    assert (np.asarray(few.labels) == ANOMALOUS).sum() < 5
    with pytest.raises(UserError, match=r"leaves none of \d anomalous sessions to test on"):
        draw(Setting(Protocol.BILATERAL, FRACTIONS), [source], few, 0)


def test_reserved_anomalies_are_neither_seen_nor_tested_and_labels_stay_the_same(
    source: Corpus, target: Corpus
) -> None:
    setting = Setting(Protocol.BILATERAL, FRACTIONS, reserved=0.5)
    split = draw(setting, [source], target, 7)
    without = draw(Setting(Protocol.BILATERAL, FRACTIONS), [source], target, 7)
    assert np.array_equal(split.labelled, without.labelled)
    assert np.array_equal(np.union1d(split.test, split.reserved), without.test)
    anomalies = target.counts["anomalous"]
    labelled = int((target.labels[split.labelled] == ANOMALOUS).sum())
    assert len(split.reserved) == round(0.5 * anomalies) - labelled
    assert (target.labels[split.reserved] == ANOMALOUS).all()
    task, examination = build(setting, [source], target, 7)
    assert len(task.reserved) == len(split.reserved)
    assert len(examination.seen) == len(split.labelled) + len(split.reserved)
    for wrong in (Protocol.ZERO_SHOT, Protocol.UNLABELLED):
        with pytest.raises(UserError, match="--reserve goes with --protocol bilateral"):
            Setting(wrong, FRACTIONS, reserved=0.5)
    with pytest.raises(UserError, match="--reserve 1"):
        Setting(Protocol.BILATERAL, FRACTIONS, reserved=1.0)
