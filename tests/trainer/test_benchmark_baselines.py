"""Each rule on sessions small enough to check by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.batches import Rows
from trainer.benchmark.baselines import BASELINES, possible
from trainer.benchmark.baselines.history import above_most
from trainer.benchmark.protocols import Protocol, Setting, Split
from trainer.benchmark.task import Method, Task
from trainer.corpus import Corpus
from trainer.splits import Fractions

TEMPLATES = ("start", "read", "stop", "disk IOException on <*>", "reboot")


def sessions(*texts: str) -> list[Rows]:
    """ "012" is the session of events 0, 1 and 2."""
    return [np.array([int(event) for event in text], dtype=np.int64) for text in texts]


def task(
    corpus: Corpus,
    *,
    normal: Sequence[str] = (),
    anomalous: Sequence[str] = (),
    unlabelled: Sequence[str] = (),
) -> Task:
    """The rules look at the sessions alone; the corpus is there for methods that need one."""
    nothing = np.zeros(0, dtype=np.int64)
    return Task(
        setting=Setting(Protocol.BILATERAL, Fractions()),
        seed=0,
        templates=TEMPLATES,
        trained_events=4,
        normal=sessions(*normal),
        anomalous=sessions(*anomalous),
        unlabelled=sessions(*unlabelled),
        sources=(),
        target=corpus,
        split=Split((), nothing, nothing, nothing),
    )


def fitted(name: str, given_task: Task) -> Method:
    method = BASELINES[name]()
    method.fit(given_task)
    return method


def flagged(method: Method, *texts: str) -> list[bool]:
    verdicts: list[bool] = (method.score(sessions(*texts)) >= method.threshold).tolist()
    return verdicts


def test_new_event_counts_what_no_normal_session_has(target: Corpus) -> None:
    method = fitted("new-event", task(target, normal=["012", "0112"], anomalous=["0312"]))

    assert method.score(sessions("021", "0332", "034")).tolist() == [0, 1, 2]
    assert flagged(method, "021", "0332", "034") == [False, True, True]


def test_without_labels_the_history_stands_for_normal(target: Corpus) -> None:
    method = fitted("new-event", task(target, unlabelled=["012", "03"]))

    assert flagged(method, "03", "04") == [False, True]


def test_keywords_need_nothing_of_the_target(target: Corpus) -> None:
    method = fitted("keywords", task(target))

    assert method.score(sessions("0122", "0332")).tolist() == [0, 2]
    assert flagged(method, "0122", "03") == [False, True]


def test_length_is_compared_with_the_usual_one(target: Corpus) -> None:
    method = fitted("length", task(target, normal=["0112"] * 5 + ["011"] * 2))

    assert flagged(method, "0112", "011", "01112", "00", "01111112") == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert method.score(sessions("01")) == pytest.approx([np.log(2)])


def test_count_distance_ignores_order_and_knows_how_far_normal_ones_are_apart(
    target: Corpus,
) -> None:
    method = fitted("count-distance", task(target, normal=["0112"] * 20 + ["012"]))
    one_line = np.log(3) - np.log(2)

    # The session that is unlike the other twenty is log 3 - log 2 away from them: the threshold.
    assert method.threshold == pytest.approx(one_line, abs=1e-5)
    assert method.score(sessions("2101", "01112", "0122")) == pytest.approx(
        [0, np.log(4 / 3), one_line], abs=1e-5
    )
    assert flagged(method, "2101", "0122", "0142") == [False, False, True]


def test_count_knn_takes_the_nearer_class_and_normal_where_both_are_near(target: Corpus) -> None:
    method = fitted("count-knn", task(target, normal=["012", "33"], anomalous=["0132", "33"]))

    assert flagged(method, "210", "2301", "33", "01332") == [False, True, False, True]


@pytest.mark.parametrize("name", ["count-tree", "count-logistic"])
def test_classifiers_learn_the_event_that_tells_the_classes_apart(
    name: str, target: Corpus
) -> None:
    method = fitted(name, task(target, normal=["012", "0112"] * 10, anomalous=["0132", "032"] * 3))

    assert flagged(method, "01112", "0312") == [False, True]


@pytest.mark.parametrize(
    ("labels", "verdict"),
    [({"normal": ["01", "02"]}, False), ({"anomalous": ["01", "02"]}, True)],
)
@pytest.mark.parametrize("name", ["count-knn", "count-tree", "count-logistic"])
def test_a_budget_may_hold_one_class_only(
    name: str, labels: dict[str, list[str]], verdict: bool, target: Corpus
) -> None:
    method = fitted(name, task(target, **labels, unlabelled=["012"]))

    assert flagged(method, "03", "0123") == [verdict, verdict]


def test_rarity_is_the_mean_over_lines_of_how_few_sessions_have_the_event(target: Corpus) -> None:
    method = fitted("rarity", task(target, unlabelled=["012"] * 8 + ["0012"]))

    # All 9 sessions have 0: 9.5 of 10. None has 4: 0.5 of 10.
    common, never = -np.log10(0.95), -np.log10(0.05)
    assert method.score(sessions("00", "4", "0044")) == pytest.approx(
        [common, never, (common + never) / 2]
    )
    assert flagged(method, "012", "04") == [False, True]


def test_pair_rarity_sees_an_order_that_rarity_does_not(target: Corpus) -> None:
    history = task(target, unlabelled=["0123"] * 30)

    assert flagged(fitted("pair-rarity", history), "0123", "0213") == [False, True]
    assert flagged(fitted("rarity", history), "0123", "0213") == [False, False]


def test_what_is_known_to_be_anomalous_is_no_history(target: Corpus) -> None:
    labelled = task(target, normal=["012"] * 5, anomalous=["034"] * 50, unlabelled=["012"] * 5)
    without = task(target, normal=["012"] * 5, unlabelled=["012"] * 5)

    for name in ("rarity", "pair-rarity", "new-event", "length", "count-distance"):
        asked = sessions("034", "012", "04")
        assert (
            fitted(name, labelled).score(asked).tolist()
            == fitted(name, without).score(asked).tolist()
        ), name


def test_thresholds_leave_the_stated_share_of_the_training_part_above() -> None:
    scores = np.arange(1000, dtype=np.float64)

    assert (scores >= above_most(scores, labelled=True)).sum() == 4
    assert (scores >= above_most(scores, labelled=False)).sum() == 49
    far, near = np.full(20, 2000.0), np.full(20, 2.0)
    assert (scores >= above_most(scores, labelled=True, anomalous=far)).sum() == 0
    assert (scores >= above_most(scores, labelled=True, anomalous=near)).sum() == 9
    assert above_most(np.zeros(50), labelled=True) > 0
    assert above_most(np.zeros(0), labelled=True) == float("inf")


SEQUENCE = st.lists(st.integers(0, 4), min_size=1, max_size=12)


@given(
    normal=st.lists(SEQUENCE, max_size=8),
    anomalous=st.lists(SEQUENCE, max_size=4),
    unlabelled=st.lists(SEQUENCE, max_size=8),
    tested=st.lists(SEQUENCE, min_size=1, max_size=8),
)
def test_every_rule_gives_any_session_one_finite_score_of_its_own(
    normal: list[list[int]],
    anomalous: list[list[int]],
    unlabelled: list[list[int]],
    tested: list[list[int]],
    target: Corpus,
) -> None:
    def texts(sequences: list[list[int]]) -> list[str]:
        return ["".join(map(str, sequence)) for sequence in sequences]

    given_task = task(
        target, normal=texts(normal), anomalous=texts(anomalous), unlabelled=texts(unlabelled)
    )
    asked = sessions(*texts(tested))
    for name in BASELINES:
        method = fitted(name, given_task)
        scores = method.score(asked)
        alone = [method.score([one])[0] for one in asked]
        assert scores.shape == (len(asked),)
        assert np.isfinite(scores).all(), name
        assert scores == pytest.approx(alone, abs=1e-9), name
        assert not np.isnan(method.threshold)


def test_a_protocol_has_the_rules_that_it_gives_enough_to() -> None:
    assert possible(Protocol.ZERO_SHOT) == ["keywords"]
    assert possible(Protocol.UNLABELLED) == [
        "new-event",
        "count-distance",
        "length",
        "keywords",
        "rarity",
        "pair-rarity",
    ]
    assert possible(Protocol.BILATERAL) == possible(Protocol.BUDGET) == list(BASELINES)
