"""``metalog-train label`` at a real terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from trainer.questions import Questions, write
from trainer.review import Key, Review

TRAIN = Path(sys.executable).with_name("metalog-train")
_KEYS = "q quit"
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A program at a terminal of 24 rows and 80 columns."""

    def __init__(self, *command: object) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        environment = {**os.environ, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            list(map(str, command)), stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self.said = b""
        self._read = 0

    def until(self, *expected: str) -> str:
        """What is shown from the last call on, once all of ``expected`` is."""
        deadline = time.monotonic() + 60
        while True:
            shown = _ESCAPES.sub(b"", self.said[self._read :]).decode()
            if all(one in shown for one in expected):
                self._read = len(self.said)
                return shown
            assert time.monotonic() < deadline, shown
            if select.select([self.master], [], [], 0.5)[0]:
                self.said += os.read(self.master, 65536)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        """The exit code, when all that it says has been read."""
        deadline = time.monotonic() + 60
        while self.process.poll() is None or select.select([self.master], [], [], 0)[0]:
            assert time.monotonic() < deadline, self.said
            if select.select([self.master], [], [], 0.1)[0]:
                self.said += os.read(self.master, 65536)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for one in opened:
        one.close()


def record(key: str, *events: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "label": None, "events": events or [f"{key} began", f"{key} ended"], **more}


def asked(folder: Path, *records: dict[str, Any]) -> Path:
    write(folder / "ask.jsonl", records)
    return folder / "ask.jsonl"


def labels(file: Path) -> list[int | None]:
    return [json.loads(line)["label"] for line in file.read_text().splitlines()]


def test_answers_are_saved_one_by_one_and_it_goes_on_where_it_stopped(
    tmp_path: Path, terminals: list[Terminal]
) -> None:
    file = asked(tmp_path, *(record(key) for key in ("ann", "bob", "cid", "dan")))
    terminals.append(Terminal(TRAIN, "label", file))
    terminal = terminals[0]
    assert "ann ended" in terminal.until("1 of 4", _KEYS)
    terminal.press("a")
    assert "bob began" in terminal.until("2 of 4", _KEYS)
    assert labels(file) == [1, None, None, None]
    terminal.press("n")
    terminal.until("3 of 4", "2 answered", _KEYS)
    terminal.press("b")
    terminal.until("2 of 4", "now: normal", _KEYS)
    terminal.press("s")
    terminal.until("3 of 4", "1 answered", _KEYS)
    terminal.process.send_signal(signal.SIGKILL)
    terminal.process.wait()
    assert labels(file) == [1, None, None, None]

    terminals.append(Terminal(TRAIN, "label", file))
    terminal = terminals[1]
    terminal.until("3 of 4", _KEYS)
    # Arrow keys, capital letters, keys without a meaning, and more than one key at a time.
    terminal.press("\x1b[A\x1bOBxNä")
    terminal.until("4 of 4", _KEYS)
    terminal.press("a")
    assert terminal.end() == 0
    assert labels(file) == [1, None, 0, 1]
    assert b"1 normal, 2 anomalous, 1 without a label" in terminal.said
    assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.parametrize("way", ["q", "\x03", "\x04"], ids=["q", "ctrl-c", "ctrl-d"])
def test_every_way_out_leaves_the_terminal_as_it_was(
    way: str, tmp_path: Path, terminals: list[Terminal]
) -> None:
    file = asked(tmp_path, record("ann"), record("bob"))
    terminals.append(Terminal(TRAIN, "label", file))
    terminal = terminals[0]
    terminal.until("1 of 2", _KEYS)
    terminal.press("n")
    terminal.until("2 of 2", _KEYS)
    terminal.press(way)
    assert terminal.end() == 0
    assert labels(file) == [0, None]
    assert b"Traceback" not in terminal.said
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert terminal.said.count(b"\x1b[?1049h") == terminal.said.count(b"\x1b[?1049l") == 1


def test_no_log_line_acts_on_the_terminal(tmp_path: Path, terminals: list[Terminal]) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\x08\r\n\u202e[bold]x[/bold]\x7f"
    why = [{"template": evil, "weight": 2.0, "line": 1}]
    file = asked(tmp_path, record(evil, evil, evil, why=why, source=evil, note=evil))
    terminals.append(Terminal(TRAIN, "label", file))
    terminal = terminals[0]
    shown = terminal.until("1 of 1", _KEYS)
    assert r"\x1b]0;owned\x07\x1b[2J\x9b31m\x08\r\n\u202e[bold]x[/bold]\x7f" in shown
    terminal.press("q")
    assert terminal.end() == 0
    left = _ESCAPES.sub(b"", terminal.said).decode()
    assert {one for one in left if not one.isprintable()} <= {"\r", "\n"}
    assert b"\x1b[2J\x9b" not in terminal.said
    assert b"\x1b]" not in terminal.said


def test_without_a_terminal_one_line_and_exit_code_2(tmp_path: Path) -> None:
    file = asked(tmp_path, record("ann"))
    before = file.read_bytes()
    done = subprocess.run([TRAIN, "label", file], input="n", capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "needs a terminal" in done.stderr
    assert file.read_bytes() == before


def screen(review: Review, height: int, width: int = 80) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(review.screen(console))
    return capture.get().splitlines()


@pytest.mark.parametrize("height", [6, 10, 24, 50])
def test_a_screen_is_no_higher_than_the_terminal(tmp_path: Path, height: int) -> None:
    why = [{"template": "x", "weight": 5.0 - line, "line": line} for line in range(1, 8)]
    lines = [f"line {number} {'and so on ' * 30}" for number in range(200)]
    review = Review.of(Questions.open(asked(tmp_path, record("ann", *lines, why=why))))
    rows = screen(review, height)
    assert len(rows) <= height
    assert _KEYS in rows[-1]


def test_the_lines_that_matter_come_first(tmp_path: Path) -> None:
    lines = [f"line number {number}" for number in range(1, 101)]
    why = [
        {"template": "b", "weight": 3.5, "line": 77},
        {"template": "a", "weight": 1.25, "line": 5},
        {"template": "c", "weight": -1.0, "line": 9},
    ]
    review = Review.of(Questions.open(asked(tmp_path, record("ann", *lines, why=why))))
    rows = screen(review, 24)
    heavy = [row.split() for row in rows if row.strip().startswith("+")]
    assert [row[:2] for row in heavy] == [["+3.5", "77"], ["+1.2", "5"]]
    assert "line number 1" in rows[rows.index("") + 1]


def test_space_shows_all_lines_and_begins_again(tmp_path: Path) -> None:
    lines = [f"line-{number:03}" for number in range(100)]
    review = Review.of(Questions.open(asked(tmp_path, record("ann", *lines))))
    seen: list[str] = []
    first = screen(review, 24)
    for _ in range(20):
        seen += [line for row in screen(review, 24) for line in re.findall(r"line-\d{3}", row)]
        assert review.press(Key.MORE)
        if screen(review, 24) == first:
            break
    assert seen == lines


@pytest.mark.parametrize("why", [None, 3, [1], [{"line": "x", "weight": 1}], [{"line": 99}]])
def test_a_file_that_somebody_else_wrote(tmp_path: Path, why: object) -> None:
    one = {"id": 5, "label": None, "events": ["a", 7], "why": why, "score": None, "source": ["x"]}
    review = Review.of(Questions.open(asked(tmp_path, one)))
    assert any("7" in row for row in screen(review, 24))
    assert review.press(Key.BACK)
    assert not review.press(Key.NORMAL)
