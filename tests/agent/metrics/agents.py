"""Running agents with an endpoint."""

import http.client
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from prometheus_client.parser import text_string_to_metric_families

from tests.agent.running import until

_STARTED = """
import sys
from agent.metrics import health
for name, value in {settings!r}.items():
    assert hasattr(health, name)
    setattr(health, name, value)
sys.argv = ["metalog-agent", "watch", *{arguments!r}]
from agent.cli import main
main()
"""
_WHERE = re.compile(r"metrics on http://(\S+)/metrics")


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        raw = answer.read().decode("utf-8")
        return Answer(answer.status, dict(answer.getheaders()), raw)
    finally:
        connection.close()


class Agent:
    """Its stderr is read as it comes, unless nobody is to read it any more."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: queue.Queue[str] = queue.Queue()
        self._reads = True
        assert process.stderr is not None
        self._thread = threading.Thread(target=self._read, args=(process.stderr,), daemon=True)
        self._thread.start()
        self.address = ""

    def _read(self, stream: IO[str]) -> None:
        while self._reads and (line := stream.readline()):
            self.said.put(line)

    def wait_for(self, words: str) -> str:
        while words not in (line := self.said.get(timeout=60)):
            pass
        return line

    def find(self) -> None:
        """Learn where it serves, from what it says next."""
        found = _WHERE.search(self.wait_for("metrics on"))
        assert found
        self.address = found[1]

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return ask(self.address, path, method, **headers)

    def becomes(self, path: str, status: int, words: str = "") -> Answer:
        """Ask until it answers so."""
        found: list[Answer] = []

        def is_so() -> bool:
            found.append(self.get(path))
            return found[-1].status == status and words in found[-1].body

        until(is_so)
        return found[-1]

    def metrics(self) -> dict[tuple[str, ...], float]:
        """By name and labels, as ("metalog_agent_alerts_total", "outcome=delivered", ...)."""
        return samples(self.get("/metrics").body)

    def read_no_more(self) -> None:
        """From its next line on nobody reads what it says."""
        self._reads = False

    def end(self) -> str:
        """All that it said and nobody has asked for."""
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0
        self._thread.join()
        return "".join(self.said.get() for _ in range(self.said.qsize()))


def samples(page: str) -> dict[tuple[str, ...], float]:
    return {
        (one.name, *(f"{name}={value}" for name, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(page)
        for one in family.samples
    }


@contextmanager
def agent(
    *arguments: object,
    settings: Mapping[str, float] | None = None,
    where: str = "127.0.0.1:0",
    stdout: Any = subprocess.DEVNULL,
) -> Iterator[Agent]:
    """settings: other bounds of ``agent.metrics.health``; where: to serve, nowhere if empty."""
    given = [*map(str, arguments), *(["--metrics-address", where] if where else [])]
    code = _STARTED.format(settings=dict(settings or {}), arguments=given)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=stdout, stderr=subprocess.PIPE, text=True
    )
    one = Agent(process)
    try:
        if where:
            one.find()
        yield one
    finally:
        process.kill()
        process.wait()
