"""What a person at a terminal meets: bars, colours, completion, the next command."""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import UserError
from models.lines import FORMATS
from tests.trainer.conftest import Demo
from trainer import progress
from trainer.benchmark.protocols import Protocol
from trainer.commands import completing
from trainer.corpus import Corpus
from trainer.datasets.catalogue import DATASETS
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.presets import PRESETS
from trainer.run import Run

BIN = Path(sys.executable).parent

# A stage of each kind, two of them one inside the other, with a word in between.
STAGES = """
import time
from trainer.progress import byte_bar, counted, say, stage, step_bar
with step_bar("learning") as report:
    for step in range(1, 6):
        report(step, 5, {"loss/outer": 0.5})
        time.sleep(0.25)
say("a word [in] between")
with stage("whole", 2) as bar, byte_bar("parts", 4000) as parts:
    for done in counted("each", (1000, 2000), 2):
        parts(done)
        bar.advance()
        time.sleep(0.25)
print("the result")
"""


def on_a_terminal(**environment: str) -> str:
    """What a terminal gets of the stages."""
    parent, child = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    process = subprocess.Popen(
        [sys.executable, "-c", STAGES], stdout=child, stderr=child, stdin=child,
        env={**kept, "COLUMNS": "100", "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(child)
    said = b""
    while True:
        try:
            more = os.read(parent, 65536)
        except OSError:
            break
        if not more:
            break
        said += more
    os.close(parent)
    assert process.wait() == 0, said
    return said.decode()


def test_bars_with_the_time_they_will_take() -> None:
    said = on_a_terminal()
    plain = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", said)
    assert re.search(r"learning .* [2-5]/5 +outer 0\.500 ETA 0:00:0\d", plain)
    for title in ("whole", "parts", "each"):
        assert f" {title} " in plain
    assert re.search(r"[12]\.0/4\.0 kB", plain)
    assert "a word [in] between" in plain
    assert plain.rstrip().endswith("the result")
    assert re.search(r"\x1b\[[0-9;]*3\d", said), "no colours at all"


def test_no_color() -> None:
    said = on_a_terminal(NO_COLOR="1")
    assert " learning " in said
    assert not re.search(r"\x1b\[[0-9;]*(3|9)\d[0-9;]*m", said)


def test_a_dumb_terminal_gets_lines_alone() -> None:
    assert on_a_terminal(TERM="dumb") == "a word [in] between\r\nthe result\r\n"


def test_elsewhere_nothing_but_what_is_said() -> None:
    done = subprocess.run([sys.executable, "-c", STAGES], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("the result\n", "a word [in] between\n")


def test_elsewhere_a_long_stage_says_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    with progress.step_bar("learning") as report:
        report(1, 4, {"loss/outer": 0.5})
        report(2, 4, {"loss/outer": 0.25})
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"learning: 25%, outer 0\.500, \d:\d\d:\d\d (so far|left)", first)
    assert second.startswith("learning: 50%, outer 0.250, 0:00:0")
    with progress.stage("reading") as bar:
        bar.reach(5)
    assert capsys.readouterr().err == "reading: 0:00:00 so far\n"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("metalog-train pre", {"prepare"}),
        ("metalog-train download o", {"openstack"}),
        ("metalog-train fit --preset w", {"words"}),
        ("metalog-train prepare --format h", {"hdfs"}),
        ("metalog-train benchmark --protocol b", {"bilateral", "budget"}),
        ("metalog-train fit --res", {"--resume"}),
        ("metalog-agent wat", {"watch"}),
        ("metalog-agent watch --alerts-p", {"--alerts-per-day"}),
    ],
)
def test_the_shell_completes(typed: str, expected: set[str]) -> None:
    program, *words = typed.split()
    variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
    done = subprocess.run(
        [str(BIN / program)],
        env={**os.environ, variable: "complete_bash", "COMP_WORDS": typed,
             "COMP_CWORD": str(len(words))},
        capture_output=True, text=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == expected, done.stderr


@pytest.mark.parametrize("program", ["metalog-train", "metalog-agent"])
def test_completion_can_be_installed(program: str, tmp_path: Path) -> None:
    """The script that --install-completion writes, for the shell that asks."""
    done = subprocess.run(
        [str(BIN / program), "--show-completion", "bash"], capture_output=True, text=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert f"complete -o default -F _{program.replace('-', '_')}_completion {program}" in (
        done.stdout
    )
    if shutil.which("bash"):
        subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)


def test_what_is_completed_is_what_there_is() -> None:
    assert set(completing.FORMATS("")) == {*FORMATS, "sessions"}
    assert set(completing.PRESETS("")) == set(PRESETS)
    assert set(completing.PROTOCOLS("")) == {one.value for one in Protocol}
    assert completing.DATASETS("") == list(DATASETS)


def test_what_was_mistaken_for_a_corpus(demo: Demo, run: Run, bundle: Path, tmp_path: Path) -> None:
    log, absent = demo.log(demo.target), tmp_path / "no such"
    for path, expected in (
        (log, f"is a file, no corpus; make one with `metalog-train prepare {log} --format FORMAT"),
        (absent, f"is not there, no corpus; .*prepare LOG --format FORMAT -o '{absent}'`"),
        (run.path, "is a run, no corpus: give what `metalog-train prepare` wrote"),
        (bundle, "is a bundle, no corpus"),
    ):
        with pytest.raises(UserError, match=expected):
            Corpus.open(path)


def test_what_was_mistaken_for_a_run(demo: Demo, bundle: Path, tmp_path: Path) -> None:
    log, corpus = demo.log(demo.target), demo.corpus(demo.target)
    for path, expected in (
        (log, "is a file, no run; make one with `metalog-train fit .* -o RUN`"),
        (tmp_path, f"is a folder, no run; .* -o {tmp_path}`"),
        (corpus, f"is a corpus, no run; train on it with .* --target {corpus} -o RUN`"),
        (bundle, f"is a bundle, no run: .*`metalog-train inspect {bundle}`"),
    ):
        with pytest.raises(UserError, match=expected):
            Run.open(path)


def test_a_log_that_can_be_downloaded(tmp_path: Path) -> None:
    options = PrepareOptions((tmp_path / "BGL.log",), "bgl", tmp_path / "out")
    with pytest.raises(UserError, match="`metalog-train download bgl` fetches"):
        prepare(options)
