"""Runs in MLflow, in a store of its own kind on this disk; without the extra, one line."""

import importlib.util
import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.errors import UserError
from tests.trainer.conftest import Demo, fit_tiny
from trainer.cli import evaluate as evaluate_command
from trainer.evaluate import evaluate
from trainer.fit import train
from trainer.interrupts import Interrupted
from trainer.run import Run
from trainer.tracking import Tracking

needs_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed: metalog[mlflow]"
)


def unsaid(text: str) -> None:
    raise AssertionError(text)


@pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is not None, reason="mlflow is installed here"
)
def test_without_the_extra(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pip install 'metalog\[mlflow\]'"):
        Tracking.connect(str(tmp_path), unsaid)


@pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is not None, reason="mlflow is installed here"
)
def test_results_are_said_where_they_cannot_be_kept(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run"
    shutil.copytree(run.path, path)
    (path / "mlflow.json").write_text('{"uri": "file:///nowhere", "run_id": "1"}')
    evaluate_command(run=path)
    told = capsys.readouterr()
    assert told.out.startswith("precision ")
    expected = "note: MLflow: mlflow is not installed: pip install 'metalog[mlflow]'; or remove "
    assert f"{expected}{path}/mlflow.json" in told.err
    assert told.err.splitlines()[-1] == f"next: metalog-train export {path} -o BUNDLE"


def test_a_password_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        Tracking.connect("https://me:secret@example.org", unsaid)
    assert "secret" not in str(refused.value)


def test_a_run_without_mlflow(run: Run) -> None:
    assert Tracking.of(run, unsaid) is None


def stored(store: Path) -> tuple[Any, Any]:
    """A client, and the only run in the store."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=store.as_uri())
    experiment = client.get_experiment_by_name("metalog")
    (found,) = client.search_runs([experiment.experiment_id])
    return client, found


@needs_mlflow
def test_what_it_keeps_of_a_run_that_was_stopped_and_resumed(demo: Demo, tmp_path: Path) -> None:
    store = tmp_path / "store"
    tracking = Tracking.connect(str(store), unsaid)
    path = tmp_path / "run"
    made = fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path)
    tracking.begin(made)

    def press(step: int, steps: int, losses: dict[str, float]) -> None:
        if step == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train(made, "cpu", press, records=tracking)
    tracking.end("KILLED")
    client, found = stored(store)
    assert (found.info.status, found.info.run_name) == ("KILLED", "run")
    assert found.data.params["source.0.name"] == "block-store"
    assert found.data.params["target.normal_labels"] == str(made.target.normal_labels)
    assert found.data.params["preset.name"] == "words"

    again = Tracking.of(Run.open(path), unsaid)
    assert again is not None
    again.go_on()
    assert stored(store)[1].info.status == "RUNNING"
    done = train(Run.open(path), "cpu", records=again)
    again.end("FINISHED", done)
    result = evaluate(done)
    again.results(result.figures, result.kinds, "")
    again.results(result.figures, result.kinds, "another system!")

    client, found = stored(store)
    assert found.info.status == "FINISHED"
    history = client.get_metric_history(found.info.run_id, "loss/outer")
    assert [one.step for one in history] == list(range(1, 9))
    assert found.data.metrics["threshold"] == done.threshold
    assert found.data.metrics["f1"] == result.figures["f1"]
    assert found.data.metrics["another_system_/auroc"] == result.figures["auroc"]
    kept = {one.path for one in client.list_artifacts(found.info.run_id)}
    assert kept == {"run.json", "evaluation.json", "evaluation-another_system_.json"}
    local = client.download_artifacts(found.info.run_id, "evaluation.json", str(tmp_path))
    assert json.loads(Path(local).read_text())["kinds"] == result.kinds


@needs_mlflow
def test_a_store_that_goes_away_does_not_stop_training(demo: Demo, tmp_path: Path) -> None:
    notes: list[str] = []
    store = tmp_path / "store"
    tracking = Tracking.connect(str(store), notes.append)
    path = tmp_path / "run"
    made = fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path)
    tracking.begin(made)
    store.rename(tmp_path / "elsewhere")
    done = train(made, "cpu", records=tracking)
    tracking.end("FINISHED", done)
    assert len(notes) == 2
    assert "goes on without it" in notes[0]
    assert "25 figures did not reach" in notes[1]


@needs_mlflow
def test_a_server_that_is_none(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match=r"--mlflow http://127\.0\.0\.1:9: .*address") as refused:
        Tracking.connect("http://127.0.0.1:9", unsaid)
    assert "\n" not in str(refused.value)
    (tmp_path / "mlflow.json").write_text("{")
    with pytest.raises(UserError, match=r"mlflow\.json: cannot be read"):
        Tracking.of(replace(run, path=tmp_path), unsaid)
