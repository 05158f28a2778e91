"""Evaluation: only what training has not seen, with the scores that a host would give."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from models.errors import UserError
from tests.trainer.agent import same_verdicts, scored_by_agent
from tests.trainer.conftest import TINY, Demo, fit_tiny, prepare_demo
from trainer.bundling import export_bundle
from trainer.corpus import Corpus
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.evaluate import Evaluation, evaluate
from trainer.fit import FitOptions, start, train
from trainer.metrics import figures, percent
from trainer.run import Run
from trainer.splits import Fractions


@pytest.fixture(scope="module")
def evaluation(run: Run) -> Evaluation:
    return evaluate(run, device="cpu")


def test_the_agent_gives_every_session_the_score_of_evaluate(
    demo: Demo, bundle: Path, evaluation: Evaluation
) -> None:
    """From the same raw log, through lines, masks, events, sessions and the network."""
    verdicts = scored_by_agent(bundle, [demo.log(demo.target)])
    assert len(verdicts) == len(demo.target.sessions)
    same_verdicts(evaluation.predictions, verdicts)
    # Otherwise any constant would do.
    assert len({one["score"] for one in evaluation.predictions}) > 20
    assert evaluation.figures["new_events"] > 0


def test_and_at_any_threshold(demo: Demo, bundle: Path, run: Run) -> None:
    scores = sorted(one["score"] for one in evaluate(run, device="cpu").predictions)
    threshold = (scores[len(scores) // 2 - 1] + scores[len(scores) // 2]) / 2
    predictions = evaluate(run, threshold=threshold, device="cpu").predictions
    verdicts = scored_by_agent(bundle, [demo.log(demo.target)], "--threshold", f"{threshold!r}")
    same_verdicts(predictions, verdicts)
    assert 0 < sum(one["anomalous"] for one in predictions) < len(predictions)


def cluster_log(path: Path, seed: int, count: int, rare: Sequence[str]) -> None:
    """Lines as of BGL: nodes, an alert column, and alerts in words of their own."""
    rng = np.random.default_rng(seed)
    usual = ("instruction cache parity error corrected", "generating core.{}", "fan speed {} rpm",
             "torus receiver {} retransmitted packet", "clock drift {} us")  # fmt: skip
    with path.open("w", encoding="utf-8") as file:
        for i in range(count):
            node = f"R{rng.integers(4):02}-M0"
            alert = rng.random() < 0.02
            text = (
                rare[int(rng.integers(len(rare)))]
                if alert
                else usual[int(rng.integers(len(usual)))]
            )
            file.write(
                f"{'KERNDTLB' if alert else '-'} {1117838570 + i} 2005.06.03 {node} "
                f"2005-06-03-15.42.50.363779 {node} RAS KERNEL INFO "
                f"{text.format(rng.integers(10_000))}\n"
            )


def test_windows_of_nodes_score_the_same_too(demo: Demo, tmp_path: Path) -> None:
    """Sessions that end on the way are scored before the log is read to its end."""
    log = tmp_path / "cluster.log"
    rare = ["data TLB error interrupt {}", "machine check: parity lost", "link {} failed on card"]
    cluster_log(log, 1, 9000, rare)
    prepare(PrepareOptions(logs=(log,), format="bgl", output=tmp_path / "cluster", window=20))
    made = start(
        FitOptions(
            (demo.corpus(demo.source),), tmp_path / "cluster", tmp_path / "run", TINY,
            Fractions(normal=0.2, anomaly=0.05), device="cpu",
        )
    )  # fmt: skip
    train(made, "cpu")
    export_bundle(made, tmp_path / "bundle")
    result = evaluate(made, device="cpu")
    same_verdicts(result.predictions, scored_by_agent(tmp_path / "bundle", [log]))


def test_only_unseen_sessions_are_scored(
    demo: Demo, run: Run, target: Corpus, evaluation: Evaluation
) -> None:
    seen = {target.keys[int(i)] for i in run.seen_of_target()}
    scored = [one["key"] for one in evaluation.predictions]
    assert len(set(scored)) == len(scored)
    assert seen.isdisjoint(scored)
    assert seen | set(scored) == {session.key for session in demo.target.sessions}
    assert evaluation.figures["left_out"] == len(seen)


def test_the_figures_are_those_of_the_predictions(demo: Demo, evaluation: Evaluation) -> None:
    truth = {session.key: session.fault is not None for session in demo.target.sessions}
    labels = [one["label"] for one in evaluation.predictions]
    assert labels == [int(truth[one["key"]]) for one in evaluation.predictions]
    verdicts = [one["anomalous"] for one in evaluation.predictions]
    scores = [one["score"] for one in evaluation.predictions]
    found = evaluation.figures
    assert found["sessions"] == len(labels)
    assert found["anomalous"] == sum(labels)
    assert found["f1"] == pytest.approx(f1_score(labels, verdicts, zero_division=0), abs=1e-6)
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-4)
    json.dumps(found)


def test_every_anomaly_is_of_a_kind_that_its_session_shows(
    target: Corpus, evaluation: Evaluation
) -> None:
    found = evaluation.figures
    assert sum(kind["sessions"] for kind in evaluation.kinds) == found["anomalous"] > 0
    assert sum(kind["found"] for kind in evaluation.kinds) == found["true_positives"]
    predictions = {one["key"]: one for one in evaluation.predictions}
    assert {predictions[kind["example"]]["label"] for kind in evaluation.kinds} == {1}
    # The shop's faults have words that no good order has.
    assert any(kind["event"] and not kind["normal_sessions_with_it"] for kind in evaluation.kinds)
    json.dumps(evaluation.kinds)


def test_figures_by_hand() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0])
    scores = np.array([0.9, 0.5, 0.2, 0.7, 0.4, 0.1])
    found = figures(labels, scores, 0.5)
    # 0.5 is anomalous at a threshold of 0.5.
    counts = [found[f"{name}s"] for name in ("true_positive", "false_positive", "false_negative")]
    assert counts == [2, 1, 1]
    assert found["precision"] == found["recall"] == found["f1"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["auroc"] == pytest.approx(6 / 9, abs=1e-6)
    only = figures(np.zeros(3, dtype=np.int64), np.array([0.1, 0.2, 0.3]), 0.5)
    assert (only["precision"], only["recall"], only["f1"], only["auroc"]) == (0, 0, 0, None)
    assert (percent(0.9288), percent(None)) == ("92.9", "-")


def test_sources_were_trained_on(demo: Demo, run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="was trained on every session"):
        evaluate(run, on=demo.corpus(demo.source), device="cpu")
    prepare_demo(demo, demo.source, tmp_path / "again")
    with pytest.raises(UserError, match="was trained on every session"):
        evaluate(run, on=tmp_path / "again", device="cpu")


def test_the_target_prepared_again_under_another_name(
    demo: Demo, run: Run, target: Corpus, tmp_path: Path
) -> None:
    """It holds the same sessions, and those that were trained on stay out."""
    prepare_demo(demo, demo.target, tmp_path / "again")
    for path in (tmp_path / "again", demo.corpus(demo.target)):
        result = evaluate(run, on=path, device="cpu")
        seen = {target.keys[int(i)] for i in run.seen_of_target()}
        assert seen.isdisjoint(one["key"] for one in result.predictions)
        assert result.figures["left_out"] == len(seen)


def test_the_target_itself_by_on_is_the_target(
    demo: Demo, run: Run, evaluation: Evaluation
) -> None:
    assert evaluate(run, on=demo.corpus(demo.target), device="cpu").predictions == (
        evaluation.predictions
    )


def test_part_of_the_source_that_was_not_used(demo: Demo, tmp_path: Path) -> None:
    options = FitOptions(
        (demo.corpus(demo.source),), demo.corpus(demo.target), tmp_path / "run", TINY,
        Fractions(source=0.5, normal=0.3, anomaly=0.2), device="cpu",
    )  # fmt: skip
    made = start(options)
    train(made, "cpu")
    result = evaluate(made, on=demo.corpus(demo.source), device="cpu")
    assert result.figures["sessions"] == len(demo.source.sessions) - made.roles[0].normal_labels - (
        made.roles[0].anomaly_labels
    )


def test_a_target_of_which_everything_was_seen(demo: Demo, tmp_path: Path) -> None:
    options = FitOptions(
        (demo.corpus(demo.source),), demo.corpus(demo.target), tmp_path / "run", TINY,
        Fractions(normal=1.0, anomaly=1.0), device="cpu",
    )  # fmt: skip
    made = start(options)
    train(made, "cpu")
    with pytest.raises(UserError, match="was trained on every session of the target"):
        evaluate(made, device="cpu")
    manifest, _ = export_bundle(made, tmp_path / "bundle")
    assert manifest.evaluation is None
    assert "Not evaluated" in (tmp_path / "bundle" / "README.md").read_text()


def test_a_corpus_without_labels_has_predictions_and_no_figures(
    demo: Demo, run: Run, tmp_path: Path
) -> None:
    system = demo.target
    prepare(
        PrepareOptions(
            logs=(demo.log(system),), format=system.line_format, output=tmp_path / "bare",
            key_regex=system.key_regex,
        )
    )  # fmt: skip
    result = evaluate(run, on=tmp_path / "bare", device="cpu")
    assert result.figures["sessions"] == 0
    assert [result.figures[name] for name in ("precision", "recall", "f1", "auroc")] == [None] * 4
    assert result.figures["unlabelled"] == len(result.predictions) > 0
    assert {one["label"] for one in result.predictions} == {None}


def test_another_system(demo: Demo, run: Run, tmp_path: Path) -> None:
    log = tmp_path / "cluster.log"
    cluster_log(log, 5, 800, ["data TLB error interrupt"])
    prepare(PrepareOptions(logs=(log,), format="bgl", output=tmp_path / "cluster", window=20))
    result = evaluate(run, on=tmp_path / "cluster", device="cpu")
    assert result.figures["sessions"] == len(Corpus.open(tmp_path / "cluster"))
    assert result.figures["new_events"] > 0
    assert all(0 <= one["score"] <= 1 for one in result.predictions)


def test_more_logs_of_the_target_meet_its_templates(demo: Demo, tmp_path: Path) -> None:
    """A corpus of the target's name, but of other days."""
    from trainer.demo import web_shop

    later = web_shop(sessions=40, seed=77)
    later.write(tmp_path)
    made = fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), tmp_path / "run")
    train(made, "cpu")
    options = PrepareOptions(
        logs=(tmp_path / "web-shop.log",), format="syslog", output=tmp_path / "later",
        labels=tmp_path / "web-shop.labels.csv", key_regex=later.key_regex, name="web-shop",
    )  # fmt: skip
    prepare(options)
    result = evaluate(made, on=tmp_path / "later", device="cpu")
    assert result.figures["sessions"] == 40
    export_bundle(made, tmp_path / "bundle")
    verdicts = scored_by_agent(tmp_path / "bundle", [tmp_path / "web-shop.log"])
    same_verdicts(result.predictions, verdicts)
