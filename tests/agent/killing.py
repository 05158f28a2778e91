"""Runs the real agent over and over and kills it, each time at another step of its work.

    python -m tests.agent.killing BUNDLE FOLDER KILLS SEED

A step is an executed line of what reads, saves and sends (agent/watching.py, agent/delivery/,
agent/sinks/ and agent/state/), or twenty instructions of SQLite's virtual machine. The process
imports everything once and forks for every run. Meanwhile lines are written and files are rotated.
FOLDER then holds logs/, state/, out/ with the stdout of each run, and killed.jsonl with the place
of each kill.
"""

import importlib
import json
import os
import random
import signal
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import onnxruntime  # noqa: F401 - before the fork, as all that is slow

import agent
import agent.cli
from tests.agent.orders import line

# Slow, too, and imported only when a command line is read; not every release of Typer has it.
with suppress(ImportError):
    importlib.import_module("typer._adapters")

WORDS = ("opened", "paid", "packed", "shipped")
_ROOM = Path(agent.__file__).parent
_TRACED = (
    str(_ROOM / "watching.py"),
    *(str(_ROOM / name) + os.sep for name in ("delivery", "sinks", "state")),
)
_INSTRUCTIONS = 20
_PATIENCE = 30.0


class Steps:
    """Counts steps and kills its own process at one of them."""

    def __init__(self, last: int | None, places: int) -> None:
        self.count = 0
        self._last = last
        self._places = places  # a file descriptor

    def watch(self) -> None:
        connect = sqlite3.connect

        def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.set_progress_handler(lambda: self._step("sqlite"), _INSTRUCTIONS)
            return connection

        sqlite3.connect = watched  # type: ignore[assignment]
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def _step(self, place: str) -> int:
        self.count += 1
        if self.count == self._last:
            os.write(self._places, f"{json.dumps({'step': self.count, 'place': place})}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        return 0  # for SQLite: go on

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        # Comprehensions over the lines of a batch would be half of all steps.
        if code.co_name.startswith("<") or not code.co_filename.startswith(_TRACED):
            return None
        if event == "line":
            self._step(f"{Path(code.co_filename).name}:{code.co_name}")
        return self._trace


class Shop:
    """Writes orders, their lines mixed, into a log that is rotated now and then."""

    def __init__(self, folder: Path, draw: random.Random) -> None:
        folder.mkdir()
        self.orders = 0
        self.lines = 0
        self._log = folder / "shop.log"
        self._draw = draw
        self._under_way: list[tuple[int, int]] = []
        self._rotations = 0
        self._log.touch()

    def write(self, count: int, *, finish: bool = False) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            while count > 0 or (finish and self._under_way):
                if count > 0 and len(self._under_way) < 4:
                    self.orders += 1
                    self._under_way.append((self.orders, 0))
                count -= 1
                number, word = self._under_way.pop(self._draw.randrange(len(self._under_way)))
                file.write(line(number, WORDS[word], word) + "\n")
                self.lines += 1
                if word + 1 < len(WORDS):
                    self._under_way.append((number, word + 1))

    def rotate(self) -> None:
        # None is ever deleted: what nobody could read in time is no loss of the agent's.
        self._rotations += 1
        for number in range(self._rotations, 0, -1):
            suffix = f".{number - 1}" if number > 1 else ""
            old = self._log.with_name(f"shop.log{suffix}")
            old.rename(self._log.with_name(f"shop.log.{number}"))
        self._log.touch()


class Runs:
    """Runs of the agent on one state."""

    def __init__(self, bundle: str, folder: Path) -> None:
        self._bundle = bundle
        self._folder = folder
        self._number = 0
        (folder / "out").mkdir()
        self._places = os.open(folder / "killed.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def start(self, last: int | None) -> int:
        self._number += 1
        child = os.fork()
        if child:
            return child
        try:
            for number, name in ((1, "out"), (2, "err")):
                file = self._folder / "out" / f"{self._number:04d}.{name}"
                os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
            sys.argv = [
                "metalog-agent", "watch", str(self._folder / "logs"), "--from-beginning",
                "--bundle", self._bundle, "--state-dir", str(self._folder / "state"),
                "--threshold", "0", "--end-regex", WORDS[-1], "--idle", "600", "--no-grouping",
            ]  # fmt: skip
            steps = Steps(last, self._places)
            steps.watch()
            code = 0
            try:
                agent.cli.main()
            except SystemExit as end:
                code = int(end.code or 0)
            sys.settrace(None)
            (self._folder / "steps").write_text(str(steps.count))
            sys.stderr.flush()
            os._exit(code)
        finally:
            os._exit(70)

    def follows(self) -> bool:
        """Whether the run under way has said that it reads."""
        said = self._folder / "out" / f"{self._number:04d}.err"
        return said.exists() and b"following" in said.read_bytes()

    def printed(self) -> set[str]:
        """Keys of all alerts that stand on some stdout."""
        return {alert["key"] for alert in alerts(self._folder)}


def alerts(folder: Path) -> list[dict[str, Any]]:
    """Alerts of all runs. A line without its newline is one that a kill cut off."""
    found = []
    for file in sorted((folder / "out").glob("*.out")):
        whole, _, _ = file.read_text(encoding="utf-8").rpartition("\n")
        found += [json.loads(line) for line in whole.splitlines()]
    return found


def ended(child: int) -> int | None:
    """Exit code, negative for a signal; None while it runs."""
    pid, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def stop(child: int) -> None:
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    # It may have been killed at its last step before it had our signal, or, on a busy machine, had
    # it before it was ready for one.
    ends = (0, -signal.SIGKILL, -signal.SIGTERM)
    assert os.waitstatus_to_exitcode(status) in ends, status


def run_to_the_end(runs: Runs, shop: Shop) -> None:
    child = runs.start(None)
    deadline = time.monotonic() + _PATIENCE
    while len(runs.printed()) < shop.orders and time.monotonic() < deadline:
        assert ended(child) is None, "the agent ended by itself"
        time.sleep(0.02)
    stop(child)
    assert len(runs.printed()) == shop.orders, "not every order has its alert"


def main() -> None:
    bundle, folder, kills, seed = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
    draw = random.Random(seed)
    shop, runs = Shop(folder / "logs", draw), Runs(bundle, folder)
    shop.write(10, finish=True)
    run_to_the_end(runs, shop)
    steps = int((folder / "steps").read_text())
    for _ in range(kills):
        if draw.random() < 0.2:
            shop.rotate()
        # A few of them are past what a run comes to: those are stopped in good order.
        child = runs.start(draw.randrange(1, steps + steps // 4))
        for _ in range(6):
            shop.write(draw.randrange(4))
            time.sleep(0.01)
        deadline = time.monotonic() + _PATIENCE
        began = False
        while (code := ended(child)) is None and time.monotonic() < deadline:
            if not began and runs.follows():
                # A busy machine may take its time to begin.
                began, deadline = True, time.monotonic() + 1.0
            shop.write(draw.randrange(2))
            time.sleep(0.02)
        if code is None:
            stop(child)
        else:
            assert code == -signal.SIGKILL, f"the agent ended by itself: {code}"
    shop.write(0, finish=True)
    run_to_the_end(runs, shop)
    print(json.dumps({"orders": shop.orders, "lines": shop.lines, "steps": steps}))


if __name__ == "__main__":
    main()
