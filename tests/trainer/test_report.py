"""``metalog-train report`` on tiny runs: what it says, and what it lets nobody say."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contribution import log_odds
from models.errors import UserError
from tests.pages import Seen, assert_self_contained
from tests.trainer.conftest import Demo, fit_tiny, prepare_demo
from trainer import evaluate as evaluation
from trainer.fit import choose_device, load_network, train
from trainer.metrics import figures
from trainer.predict import predict
from trainer.presets import preset
from trainer.report.budgets import budgets
from trainer.report.gathered import gather
from trainer.report.mistakes import worst
from trainer.report.operating import MOST_STEPS, Steps, Traffic
from trainer.report.page import report_page
from trainer.report.training import losses
from trainer.run import Run

HOSTILE = "</script><script>hacked()</script><img src=x onerror=hacked()>"


def metalog_train(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("metalog-train")
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="session")
def hostile_run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of a shop whose log writes HTML."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile = replace(demo, folder=folder)
    for file in (demo.log(demo.target), demo.labels(demo.target)):
        shutil.copy(file, folder)
    log = hostile.log(demo.target)
    log.write_text(log.read_text().replace("signed in", f"signed {HOSTILE} in"))
    prepare_demo(hostile, demo.target, hostile.corpus(demo.target))
    run = fit_tiny([demo.corpus(demo.source)], hostile.corpus(demo.target), folder / "run")
    train(run, "cpu")
    return run


def data_of(page: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(Seen(page).scripts[0])
    return value


def test_the_command_writes_runs_side_by_side(run: Run, hostile_run: Run, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    done = metalog_train("report", run.path, hostile_run.path, "-o", output)
    assert done.returncode == 0, done.stderr
    assert output.stat().st_mode & 0o777 == 0o640
    page = output.read_text(encoding="utf-8")
    assert_self_contained(page)
    seen = Seen(page)
    # Both folders are called run, so paths tell them apart; their test parts are not the same.
    for one in (run, hostile_run):
        assert str(one.path) in seen.text
    assert "were not tested on the same sessions" in seen.text
    assert "new-event" in seen.text and "count-logistic" in seen.text
    assert len(data_of(page)["thresholds"]) == 2
    assert seen.count("figure") == 2 * (2 + 1 + 1)


def test_figures_are_those_of_evaluate(run: Run) -> None:
    [exam] = gather([run], baselines=False, device="cpu")
    [one] = exam.runs
    told, said = evaluation.evaluate(run, device="cpu").figures, one.method.figures["raw"]
    for name in ("precision", "recall", "f1", "auroc", "sessions", "anomalous"):
        assert said[name] == told[name], name
    wrong = (told["false_positives"], told["false_negatives"])
    assert one.mistakes.sessions == wrong and any(wrong)
    assert exam.rules == [] and "--no-baselines" in exam.without_rules
    assert exam.traffic is not None and exam.traffic.days > 0


def test_runs_of_one_split_share_a_table_and_their_rules(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    moved = replace(Run.open(other), threshold=0.9)
    moved.save()
    [exam] = gather([run, moved], device="cpu")
    assert [one.method.name for one in exam.runs] == ["run", "other"]
    assert {"new-event", "count-knn"} <= {rule.name for rule in exam.rules}
    page = report_page([exam], made="now")
    assert "were not tested on the same sessions" not in page
    assert [one["threshold"] for one in data_of(page)["thresholds"]] == [run.threshold, 0.9]


@settings(max_examples=50)
@given(st.data())
def test_steps_give_the_figures_of_any_threshold(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 60))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    drawn = st.integers(0, 20).map(lambda n: n / 20)
    scores = np.array(data.draw(st.lists(drawn, min_size=size, max_size=size)))
    steps = Steps.of(labels, scores, data.draw(drawn))
    threshold = data.draw(drawn)
    told = figures(labels, scores, threshold)
    above = steps.scores >= threshold
    assert steps.normal[above].sum() == told["false_positives"]
    assert steps.anomalous[above].sum() == told["true_positives"]


@pytest.mark.parametrize("threshold", [0.0, 0.123, 0.5, 0.99999, 1.0])
def test_many_scores_are_put_together_and_stay_exact_where_it_matters(threshold: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(3 * MOST_STEPS)
    labels = (rng.random(len(scores)) < scores).astype(np.int64)
    steps = Steps.of(labels, scores, threshold)
    assert len(steps.scores) <= MOST_STEPS
    for cut in (threshold, *steps.scores[[0, 7, -1]].tolist()):
        told = figures(labels, scores, cut)
        above = steps.scores >= cut
        assert steps.normal[above].sum() == told["false_positives"]
        assert steps.anomalous[above].sum() == told["true_positives"]
    low, high, normal, anomalous = steps.spread()
    assert low <= log_odds(threshold) <= high
    assert (sum(normal), sum(anomalous)) == ((labels == 0).sum(), (labels == 1).sum())


def test_a_weight_is_what_the_score_loses_without_the_event(run: Run) -> None:
    part = evaluation.test_part(run, None)
    network = load_network(run, choose_device("cpu"))
    scores = predict(network, part.table, part.sequences, part.inputs)
    labels = np.asarray(part.corpus.labels)[part.sessions].astype(np.int64)
    # Above all scores: every anomaly is missed.
    found = worst(part, network, labels, scores, 1.1)
    assert found.false_alarms == [] and found.sessions == (0, (labels == 1).sum())
    place = [part.corpus.keys[i] for i in part.sessions].index(found.missed[0].key)
    assert scores[place] == scores[labels == 1].min()
    events = part.sequences[place]
    messages = part.corpus.session(int(part.sessions[place]))
    shown = [line for line in found.missed[0].shown if line is not None]
    for line in shown[:3]:
        assert line.message == part.corpus.messages[messages[line.number - 1]]
        left = events[events != events[line.number - 1]]
        [without] = predict(network, part.table, [left])
        assert line.weight == pytest.approx(
            log_odds(float(scores[place])) - log_odds(float(without)), abs=1e-4
        )


def test_the_default_preset_weighs_with_its_history(demo: Demo, tmp_path: Path) -> None:
    chosen = replace(preset("default"), steps=4)
    run = fit_tiny(
        [demo.corpus(demo.source)], demo.corpus(demo.target), tmp_path / "run", chosen=chosen
    )
    run = replace(train(run, "cpu"), threshold=0.0)
    run.save()
    [exam] = gather([run], baselines=False, device="cpu")
    mistakes = exam.runs[0].mistakes
    assert mistakes.weighed and mistakes.false_alarms
    weights = [line.weight for line in mistakes.false_alarms[0].shown if line is not None]
    assert weights and None not in weights
    logged = exam.runs[0].training
    # Three networks of four steps each.
    assert logged is not None and (logged.steps, logged.begins) == (12, [4, 8])


def test_another_corpus_is_asked_without_rules(run: Run, hostile_run: Run) -> None:
    [exam] = gather([run], Path(str(hostile_run.target.path)), device="cpu")
    assert exam.path == Path(str(hostile_run.target.path)) and exam.rules == []
    assert "would not have seen" in exam.without_rules


def test_losses_are_means_of_what_was_logged(run: Run, tmp_path: Path) -> None:
    logged = losses(run)
    assert logged is not None
    assert set(logged.curves) == {"outer loss", "on the sources", "on the target"}
    assert logged.averaged == 1
    assert [x for x, _ in logged.curves["outer loss"]] == list(range(1, logged.steps + 1))
    shutil.copytree(run.path, tmp_path / "run", ignore=shutil.ignore_patterns("tensorboard"))
    assert losses(Run.open(tmp_path / "run")) is None


def test_log_text_becomes_no_markup(hostile_run: Run) -> None:
    hostile = replace(hostile_run, threshold=0.0)
    exams = gather([hostile], device="cpu")
    page = report_page(exams, made="now", title=HOSTILE)
    assert_self_contained(page)
    # Of the line the mask of paths may take a part.
    assert HOSTILE in Seen(page).text
    assert Seen(page).text.count("<img src=x onerror=hacked()>") > 4
    assert "<img" not in page


def test_a_log_without_times_has_no_day(run: Run) -> None:
    corpus = run.roles[-1].open()
    assert Traffic.of(replace(corpus, times=np.full(len(corpus), np.nan))) is None
    assert Traffic.of(replace(corpus, times=np.zeros(len(corpus)))) is None
    day = replace(corpus, times=np.linspace(0, 86400, len(corpus)))
    traffic = Traffic.of(day)
    assert traffic is not None and traffic.normal_a_day == corpus.counts["normal"]


def benchmark_file(path: Path, labels: int | None, f1: list[float], **changed: Any) -> Path:
    value = {
        "protocol": "unlabelled" if labels is None else "budget",
        "setting": {"labels": labels},
        "systems": [{"name": "source"}, {"name": "shop"}],
        "results": [
            {"method": "default", "seed": seed, "split": "raw", "f1": one}
            for seed, one in enumerate([*f1, None])
        ],
        **changed,
    }
    path.write_text(json.dumps(value))
    return path


def test_budgets_are_put_together_by_labels(run: Run, tmp_path: Path) -> None:
    files = [
        benchmark_file(tmp_path / "30.json", 30, [0.7, 0.9]),
        benchmark_file(tmp_path / "0.json", None, [0.5]),
    ]
    [found] = budgets(files)
    points = found.points["raw"]["default"]
    assert [(p.labels, p.f1, p.seeds) for p in points] == [(0, 0.5, 1), (30, pytest.approx(0.8), 2)]
    page = report_page(gather([run], baselines=False, device="cpu"), [found], made="now")
    assert_self_contained(page)
    assert "30 labels" in page and "[70.0, 90.0]" in page


def test_files_that_are_no_budget_are_refused(tmp_path: Path) -> None:
    other = benchmark_file(tmp_path / "a.json", 3, [0.5], protocol="bilateral")
    with pytest.raises(UserError, match="is of protocol bilateral"):
        budgets([other])
    other.write_text("[]")
    with pytest.raises(UserError, match="no result of `metalog-train benchmark"):
        budgets([other])
    with pytest.raises(UserError, match="cannot be read"):
        budgets([tmp_path / "missing.json"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "no run"),
        (["{run}", "--benchmark", "missing.json"], "missing.json: cannot be read"),
        (["{run}", "--device", "gpu"], "--device gpu"),
        (["{run}", "--on", "missing"], "missing: no corpus"),
        (["{run}", "--no-baselines", "-o", "{run}/run.json/x.html"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, run: Run) -> None:
    done = metalog_train("report", *(one.format(run=run.path) for one in arguments))
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
