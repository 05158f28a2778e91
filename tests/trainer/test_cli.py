"""``metalog-train`` as a user types it: the whole way, and bad input in one line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from models.bundle import Bundle
from tests.trainer.conftest import Demo
from trainer.corpus import Corpus
from trainer.demo import DemoSystem
from trainer.run import Run

TRAIN = Path(sys.executable).with_name("metalog-train")


def metalog_train(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TRAIN), *map(str, arguments)], capture_output=True, text=True)


def typed(system: DemoSystem) -> list[str]:
    """The options that prepare a demo system."""
    options = ["--format", system.line_format, "--key-regex", system.key_regex]
    if system.line_regex is not None:
        options += ["--line-regex", system.line_regex]
    if system.time_format is not None:
        options += ["--time-format", system.time_format]
    return options


def test_the_whole_way(demo: Demo, tmp_path: Path) -> None:
    for system in (demo.source, demo.target):
        done = metalog_train(
            "prepare", demo.log(system), *typed(system), "--labels", demo.labels(system),
            "-o", tmp_path / system.name,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert f"{len(system.sessions)} sessions" in done.stderr
        assert Corpus.open(tmp_path / system.name).fingerprint == (
            Corpus.open(demo.corpus(system)).fingerprint
        )
    run = tmp_path / "run"
    done = metalog_train(
        "fit", "--source", tmp_path / "block-store", "--target", tmp_path / "web-shop", "-o", run,
        "--epochs", 1, "--balanced", 0.4, "--beta", 2, "--first-order", "--seed", 5,
        "--normal-fraction", 0.6, "--anomaly-fraction", 0.2, "--device", "cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    chosen = Run.open(run).preset
    assert (chosen.anomaly_share, chosen.target_weight, chosen.second_order) == (0.4, 2.0, False)

    files = (tmp_path / "figures.json", tmp_path / "deep" / "predictions.jsonl")
    done = metalog_train("evaluate", run, "--json", files[0], "--predictions", files[1])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("precision ")
    figures = json.loads(files[0].read_text())
    predictions = [json.loads(line) for line in files[1].read_text().splitlines()]
    assert figures["sessions"] == len(predictions)
    assert figures["kinds"][0]["example"] in {one["key"] for one in predictions}
    assert f"e.g. {figures['kinds'][0]['example']}" in done.stdout

    done = metalog_train("export", run, "-o", tmp_path / "bundle", "--name", "till")
    assert done.returncode == 0, done.stderr
    assert Bundle.load(tmp_path / "bundle").manifest.name == "till"

    done = metalog_train("inspect", tmp_path / "bundle", "--json")
    assert json.loads(done.stdout)["kind"] == "bundle"
    assert done.stderr == ""


def test_ctrl_c_saves_and_resume_goes_on(demo: Demo, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--source", demo.corpus(demo.source), "--target", demo.corpus(demo.target), "-o",
               run, "--epochs", 1000, "--first-order", "--device", "cpu"]  # fmt: skip
    process = subprocess.Popen(
        [str(TRAIN), "fit", *map(str, options)], stderr=subprocess.PIPE, text=True
    )
    # TensorBoard's file is opened when training begins.
    while process.poll() is None and not any(run.glob("tensorboard/*")):
        os.sched_yield()
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == f"stopped; to go on: metalog-train fit --resume -o {run}"
    assert "Traceback" not in said
    assert int(Run.open(run).load_checkpoint()["step"]) >= 1


def fit(demo: Demo, folder: Path, *more: object) -> list[object]:
    return ["fit", "--source", demo.corpus(demo.source), "--target", demo.corpus(demo.target),
            "-o", folder / "out", *more]  # fmt: skip


def prepare(demo: Demo, folder: Path, log: Path, *more: object) -> list[object]:
    labels = demo.labels(demo.target)
    return ["prepare", log, *typed(demo.target), "--labels", labels, "-o", folder / "out", *more]


def file(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def one_class(demo: Demo, folder: Path) -> Path:
    labels = file(folder, "normal.csv", b"".join(
        f"{one.key},Normal\n".encode() for one in demo.target.sessions
    ))  # fmt: skip
    arguments = prepare(demo, folder, demo.log(demo.target))
    arguments[arguments.index(demo.labels(demo.target))] = labels
    arguments[-1] = folder / "one-class"
    assert metalog_train(*arguments).returncode == 0
    return folder / "one-class"


Case = Callable[[Demo, Run, Path], list[object]]

BAD: dict[str, tuple[Case, str]] = {
    "missing log": (lambda d, r, f: prepare(d, f, f / "absent.log"), "no such file"),
    "empty log": (lambda d, r, f: prepare(d, f, file(f, "a.log", b"")), "is empty"),
    "binary log": (lambda d, r, f: prepare(d, f, file(f, "a.log", b"\0\1")), "is binary"),
    "damaged gz": (
        lambda d, r, f: prepare(d, f, file(f, "a.gz", b"\x1f\x8b\x08\0\0")), "damaged gzip",
    ),
    "folder as log": (lambda d, r, f: prepare(d, f, f), "is a folder"),
    "no line with a key": (
        lambda d, r, f: prepare(d, f, file(f, "a.log", b"hello\n")), "belongs to a session",
    ),
    "labels of another log": (
        lambda d, r, f: ["prepare", d.log(d.target), *typed(d.target), "--labels",
                         d.labels(d.source), "-o", f / "out"],
        "none of its",
    ),
    "labels that are none": (
        lambda d, r, f: ["prepare", d.log(d.target), *typed(d.target), "--labels",
                         file(f, "l.csv", b"a,b\nc,d\n"), "-o", f / "out"],
        "line 2: label 'd'",
    ),
    "unknown format": (
        lambda d, r, f: ["prepare", d.log(d.target), "--format", "xml", "-o", f / "out"],
        "--format xml",
    ),
    "key without a group": (
        lambda d, r, f: ["prepare", d.log(d.target), "--format", "text", "--key-regex", "ord", "-o",
                         f / "out"],
        "exactly one group",
    ),
    "one class": (
        lambda d, r, f: ["fit", "--source", d.corpus(d.source), "--target", one_class(d, f), "-o",
                         f / "out", "--preset", "words"],
        "needs normal and at least 5 anomalous labels",
    ),
    "source is target": (
        lambda d, r, f: ["fit", "--source", d.corpus(d.target), "--target", d.corpus(d.target),
                         "-o", f / "out"],
        "same sessions",
    ),
    "no source": (lambda d, r, f: ["fit", "-o", f / "out"], "--source"),
    "one source for any system": (
        lambda d, r, f: ["fit", "--source", d.corpus(d.source), "-o", f / "out"],
        "at least two systems",
    ),
    "words of any system": (
        lambda d, r, f: ["fit", "--source", d.corpus(d.source), "--source", d.corpus(d.target),
                         "--preset", "words", "-o", f / "out"],
        "learns from labels of a target",
    ),
    "no corpus": (
        lambda d, r, f: ["fit", "--source", f, "--target", f, "-o", f / "out"], "no corpus",
    ),
    "uneven vectors": (
        lambda d, r, f: fit(d, f, "--vectors", file(f, "v.txt", b"a 1 2\nb 1\n")), "line 2",
    ),
    "missing vectors": (lambda d, r, f: fit(d, f, "--vectors", f / "v.txt"), "no such word-vector"),
    "unknown preset": (lambda d, r, f: fit(d, f, "--preset", "best"), "--preset best"),
    "unknown device": (lambda d, r, f: fit(d, f, "--device", "abacus"), "--device abacus"),
    "no share": (lambda d, r, f: fit(d, f, "--normal-fraction", "7"), "--normal-fraction 7"),
    "no balance": (lambda d, r, f: fit(d, f, "--balanced", "2"), "--balanced 2"),
    "no epochs": (lambda d, r, f: fit(d, f, "--epochs", "0"), "--epochs 0"),
    "nothing to resume": (lambda d, r, f: ["fit", "--resume", "-o", f / "out"], "no run"),
    "evaluate no run": (lambda d, r, f: ["evaluate", f], "no run"),
    "evaluate a source": (
        lambda d, r, f: ["evaluate", r.path, "--on", d.corpus(d.source)], "was trained on",
    ),
    "figures into a folder": (
        lambda d, r, f: ["evaluate", r.path, "--json", f], "cannot be written",
    ),
    "export no run": (lambda d, r, f: ["export", f, "-o", f / "out"], "no run"),
    "inspect nothing": (lambda d, r, f: ["inspect", f / "absent"], "no such file"),
    "inspect a log": (lambda d, r, f: ["inspect", d.log(d.target)], "neither a corpus"),
    "inspect a damaged tar": (
        lambda d, r, f: ["inspect", file(f, "b.tar", b"rubbish")], "neither a folder",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(
    demo: Demo,
    run: Run,
    tmp_path: Path,
    name: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through the entry point itself, in this process: starting torch 30 times takes minutes."""
    from trainer.cli import main

    make, message = BAD[name]
    arguments = make(demo, run, tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    # The command sets the umask of its process, which here is everybody's.
    umask = os.umask(0)
    os.umask(umask)
    monkeypatch.setattr(sys, "argv", ["metalog-train", *map(str, arguments)])
    capfd.readouterr()
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        os.umask(umask)
    out, said = capfd.readouterr()
    assert ended.value.code == 2, said
    assert out == ""
    assert said.count("\n") == 1, said
    assert said.startswith("metalog-train: ")
    assert message in said
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["binary log", "one class", "evaluate a source"])
def test_and_in_a_process_of_its_own(demo: Demo, run: Run, tmp_path: Path, name: str) -> None:
    make, message = BAD[name]
    done = metalog_train(*make(demo, run, tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
