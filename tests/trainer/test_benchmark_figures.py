"""Figures checked by hand, and the table made of them."""

from typing import Any

import numpy as np
import pytest

from trainer.batches import Rows
from trainer.benchmark.figures import Parts, figures
from trainer.benchmark.table import spread, table
from trainer.benchmark.task import Examination


def sessions(*texts: str) -> list[Rows]:
    return [np.array([int(event) for event in text], dtype=np.int64) for text in texts]


@pytest.fixture
def examination() -> Examination:
    """Seven sessions: "01" four times normal, "02" twice and with both labels, "03" anomalous."""
    return Examination(
        sequences=sessions("01", "01", "02", "01", "02", "03", "01"),
        labels=np.array([0, 0, 0, 0, 1, 1, 0]),
        seen=sessions("01", "04"),
    )


def test_parts_are_all_sessions_one_a_sequence_and_label_and_those_not_trained_on(
    examination: Examination,
) -> None:
    parts = Parts.of(examination)

    assert parts.positions["raw"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert parts.positions["distinct"].tolist() == [0, 2, 4, 5]
    assert parts.positions["unseen"].tolist() == [2, 4, 5]
    assert parts.counts("distinct") == {"sessions": 4, "anomalous": 2}


def test_figures_by_hand(examination: Examination) -> None:
    scores = np.array([0.1, 0.1, 0.7, 0.1, 0.7, 0.9, 0.1])
    by_split = figures(Parts.of(examination), scores, 0.5, seed=0)

    raw = by_split["raw"]
    assert raw["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert raw["recall"] == 1
    assert raw["f1"] == pytest.approx(0.8)
    assert raw["false_alarms_per_1000"] == pytest.approx(200)
    # Of 2 x 5 pairs all are in order but one, which is a tie.
    assert raw["auroc"] == pytest.approx(0.95)
    # 1 of 1, then 2 of 3: half of the recall each.
    assert raw["auprc"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert raw["mcc"] == pytest.approx((2 * 4 - 1 * 0) / np.sqrt(3 * 2 * 5 * 4), abs=1e-6)
    unseen = by_split["unseen"]
    assert unseen["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert unseen["false_alarms_per_1000"] == 1000


def test_a_score_that_equals_the_threshold_is_an_alarm(examination: Examination) -> None:
    scores = np.array([0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.1])

    assert figures(Parts.of(examination), scores, 0.5, seed=0)["raw"]["recall"] == 1


def test_few_positives_give_f1_an_interval_that_holds_it() -> None:
    rng = np.random.default_rng(0)
    sequences = [np.array([index]) for index in range(300)]
    for positives, expected in ((19, True), (20, False)):
        labels = np.zeros(300, dtype=np.int64)
        labels[:positives] = 1
        scores = np.where(rng.random(300) < 0.1, 1 - labels, labels).astype(np.float64)
        raw = figures(Parts.of(Examination(sequences, labels, [])), scores, 0.5, seed=0)["raw"]

        assert ("f1_interval" in raw) == expected
        if expected:
            low, high = raw["f1_interval"]
            assert 0 < low < raw["f1"] < high < 1


def test_a_part_without_a_class_has_no_figures_for_it() -> None:
    nothing_new = Examination(sessions("01", "02"), np.array([0, 1]), sessions("01", "02"))
    by_split = figures(Parts.of(nothing_new), np.array([0.0, 1.0]), 0.5, seed=0)

    assert by_split["unseen"]["sessions"] == 0
    assert by_split["unseen"]["f1"] is None
    assert by_split["unseen"]["false_alarms_per_1000"] is None
    only_normal = Examination(sessions("01", "02"), np.array([0, 0]), [])
    raw = figures(Parts.of(only_normal), np.array([0.0, 1.0]), 0.5, seed=0)["raw"]
    assert raw["f1"] is None
    assert raw["auroc"] is None
    assert raw["false_alarms_per_1000"] == 500


def test_spread_is_mean_and_sample_standard_deviation() -> None:
    assert spread([0.90, 0.94], 100, 1) == "92.0±2.8"
    assert spread([0.5], 100, 1) == "50.0"
    assert spread([0.90, None, 0.94], 100, 1) == "92.0±2.8"
    assert spread([None], 100, 1) == "-"


def test_the_table_has_a_row_for_each_method_and_split(examination: Examination) -> None:
    parts = Parts.of(examination)
    results: list[dict[str, Any]] = []
    for method, scores in (("good", examination.labels), ("bad", 1 - examination.labels)):
        by_split = figures(parts, scores.astype(np.float64), 0.5, seed=0)
        results += [{"method": method, "split": split, **by_split[split]} for split in by_split]
    tested = [{"split": split, **parts.counts(split)} for split in parts.positions]
    text = table({"results": results, "tested": tested}).splitlines()

    assert text[0] == "raw: every test session (7 sessions, 2 anomalous)"
    assert sum(line.startswith("good") for line in text) == 3
    assert text[2].split()[:4] == ["good", "100.0", "100.0", "100.0"]
    assert text[3].split()[:4] == ["bad", "0.0", "0.0", "0.0"]
    assert "F1 in" in text[2]
