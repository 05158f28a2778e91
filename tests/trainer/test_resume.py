"""Runs that were stopped: by a person, by a batch system, by a power failure."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from models.errors import UserError
from tests.trainer.conftest import Demo, fit_tiny
from tests.trainer.test_fit import same, steps_of, weights_of
from trainer.bundling import export_bundle
from trainer.commands.fit import fit
from trainer.evaluate import evaluate
from trainer.fit import train
from trainer.inspect import inspect
from trainer.interrupts import Interrupted
from trainer.presets import preset
from trainer.run import Run

TRAIN = Path(sys.executable).with_name("metalog-train")
# An ensemble of three, described by histories, with a threshold of its own: all that a run can be.
WHOLE = preset("default", network={**preset("default").network, "hidden": 8}, steps=20, batch=16)


def fit_whole(demo: Demo, path: Path) -> Run:
    return fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path, chosen=WHOLE)


@pytest.fixture(scope="module")
def uninterrupted(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(fit_whole(demo, tmp_path_factory.mktemp("whole") / "run"), "cpu")


def killed_at(run: Run, step: int) -> None:
    """Go on with a run in a process of its own, and kill that without warning."""
    process = subprocess.Popen(
        [str(TRAIN), "fit", "--resume", "-o", str(run.path), "--checkpoint-every", "0",
         "--device", "cpu"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and Run.open(run.path).progress()[0] < step:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said


def test_killed_and_resumed_is_as_if_uninterrupted(
    demo: Demo, tmp_path: Path, uninterrupted: Run
) -> None:
    run = fit_whole(demo, tmp_path / "run")
    killed_at(run, 25)
    step, steps, over = Run.open(run.path).progress()
    assert step >= 25
    assert (steps, over) == (60, False)
    # What a write that was cut off leaves behind.
    (run.path / ".checkpoint.npz.abcd").write_bytes(b"PK")
    reported: list[int] = []
    done = train(Run.open(run.path), "cpu", lambda at, of, losses: reported.append(at))
    assert reported == list(range(step + 1, 61))
    assert same(weights_of(uninterrupted), weights_of(done))
    assert (done.threshold, done.threshold_origin) == (
        uninterrupted.threshold, uninterrupted.threshold_origin,
    )  # fmt: skip
    assert Run.open(run.path) == done
    assert not list(run.path.glob(".checkpoint*"))
    # Those of steps before the checkpoint, too, which were in the memory of what was killed.
    assert steps_of(done) == list(range(1, 61))


def test_what_is_not_finished_is_neither_exported_nor_evaluated(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "a run"
    fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path)
    with pytest.raises(UserError, match="nothing trained yet"):
        evaluate(Run.open(path))

    def press(step: int, steps: int, losses: dict[str, float]) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        train(Run.open(path), "cpu", press)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    run = Run.open(path)
    expected = rf"not finished \(step 3 of 8\); go on with `metalog-train fit --resume -o '{path}'`"
    with pytest.raises(UserError, match=expected):
        evaluate(run)
    with pytest.raises(UserError, match=expected):
        export_bundle(run, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    found = inspect(path)
    assert (found["steps"], found["of_steps"], found["finished"]) == (3, 8, False)
    train(run, "cpu")
    assert inspect(path)["finished"]
    assert evaluate(Run.open(path)).figures["sessions"]


def test_killed_before_the_threshold_was_found(
    demo: Demo, tmp_path: Path, uninterrupted: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fit_whole(demo, tmp_path / "run")

    def killed(*arguments: object) -> tuple[float, str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("trainer.lessons.Lessons.threshold", killed)
        with pytest.raises(KeyboardInterrupt):
            train(run, "cpu")
    assert Run.open(run.path).progress() == (60, 60, False)
    with pytest.raises(UserError, match="its threshold is missing"):
        export_bundle(Run.open(run.path), tmp_path / "bundle")
    assert train(Run.open(run.path), "cpu").threshold == uninterrupted.threshold


def test_a_run_of_an_earlier_version_counts_as_finished(run: Run, tmp_path: Path) -> None:
    arrays = {k: v for k, v in run.load_checkpoint().items() if k not in ("steps", "over")}
    path = tmp_path / "run"
    path.mkdir()
    for file in run.path.glob("*.*"):
        (path / file.name).write_bytes(file.read_bytes())
    np.savez(path / "checkpoint.npz", **arrays)  # type: ignore[arg-type]
    assert Run.open(path).progress() == (8, None, True)
    assert evaluate(Run.open(path)).figures == evaluate(run).figures


def test_a_run_that_is_over_says_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run.path / "checkpoint.npz").read_bytes()
    fit(output=run.path, resume=True)
    assert capsys.readouterr().err == (
        f"{run.path}: is trained already; next: metalog-train evaluate {run.path}\n"
    )
    assert (run.path / "checkpoint.npz").read_bytes() == before
