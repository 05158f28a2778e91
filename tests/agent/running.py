"""A running ``metalog-agent watch``, whose outputs are read while it runs."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The environment that only the agent is installed in, where `make agent-env` made one.
AGENT = os.environ.get("METALOG_AGENT") or str(Path(sys.executable).with_name("metalog-agent"))


class Watcher:
    """A running agent. Both of its outputs are read as they come, so that it never waits."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.alerts: queue.Queue[dict[str, Any]] = queue.Queue()
        self.words: queue.Queue[str] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._read, args=one, daemon=True)
            for one in (
                (process.stdout, self.alerts, json.loads),
                (process.stderr, self.words, str),
            )
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: Any, into: "queue.Queue[Any]", convert: Any) -> None:
        for line in stream:
            into.put(convert(line))

    def said(self, words: str) -> str:
        while words not in (line := self.words.get(timeout=60)):
            pass
        return line

    def stop(self) -> list[dict[str, Any]]:
        """What it has alerted on and nobody has asked for."""
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0
        for thread in self._threads:
            thread.join()
        return [self.alerts.get() for _ in range(self.alerts.qsize())]


@contextmanager
def watching(*arguments: object) -> Iterator[Watcher]:
    process = subprocess.Popen(
        [AGENT, "watch", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        watcher = Watcher(process)
        watcher.said("following")
        yield watcher
    finally:
        process.kill()
        process.wait()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Ask again and again, and fail where the answer stays no."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def append(path: Path, lines: Sequence[str]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
