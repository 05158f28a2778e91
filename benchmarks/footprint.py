"""What the agent costs the host it runs on: ``python -m benchmarks.footprint [--json FILE]``.

Real agents, each a process of its own, on generated logs:
    start        from exec to "following", when nothing that is written is missed any more
    idle         50 quiet files: processor time in a minute, resident memory
    open         100,000 sessions open: resident memory
    latency      1,000 lines a second over 50 files; from the write of a session's last line to its
                 alert on stdout
The figures are absolute and belong to the machine; other work on it makes them worse.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.generated_bundles import generated_bundle
from benchmarks.generated_logs import write_log

_FILES = 50
_LINES_A_SECOND = 1000
_LINES_OF_SESSION = 50
_LINE = "081109 203518 {} INFO dfs.DataNode$PacketResponder: {} for block blk_{} terminating\n"
_PATIENCE = 120.0


class Agent:
    """A running ``metalog-agent watch``. alerts: (moment, key) of each line on its stdout."""

    def __init__(self, bundle: Path, logs: Path, state: Path, *options: str) -> None:
        command = [
            str(Path(sys.executable).with_name("metalog-agent")), "watch", str(logs),
            "--bundle", str(bundle), "--state-dir", str(state), *options,
        ]  # fmt: skip
        began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self.alerts: list[tuple[float, str]] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if "following" in line:
                break
        else:
            raise SystemExit(f"the agent ended: {''.join(self.said)}")
        self.seconds_to_start = time.monotonic() - began
        threading.Thread(target=self._drain, daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()

    def _drain(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            moment = time.monotonic()
            self.alerts.append((moment, json.loads(line)["key"]))

    def megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [resident] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(resident.split()[1]) / 1024

    def seconds(self) -> float:
        """Processor time until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def agent(bundle: Path, logs: Path, *options: str) -> Iterator[Agent]:
    with tempfile.TemporaryDirectory() as state:
        running = Agent(bundle, logs, Path(state), *options)
        try:
            yield running
        finally:
            running.process.terminate()
            running.process.wait(60)


def start_and_idle(bundle: Path, folder: Path, seconds: float) -> dict[str, float]:
    for number in range(_FILES):
        write_log("hdfs", folder / f"{number:02}.log", seed=number, lines=20)
    began = []
    for _ in range(3):
        with agent(bundle, folder) as running:
            began.append(running.seconds_to_start)
    with agent(bundle, folder) as running:
        time.sleep(3)
        before = running.seconds()
        time.sleep(seconds)
        share = (running.seconds() - before) / seconds
        return {
            "start, seconds": statistics.median(began),
            "idle, % of a core": 100 * share,
            "idle, MiB": running.megabytes(),
        }


def open_sessions(bundle: Path, folder: Path, count: int) -> dict[str, float]:
    log = folder / "open.log"
    log.touch()
    with agent(bundle, folder) as running:
        with log.open("a") as file:
            for number in range(2 * count):
                file.write(_LINE.format(number % 5000, "PacketResponder 1", number % count))
        _until_quiet(running)
        return {f"{count} open sessions, MiB": running.megabytes()}


def _until_quiet(running: Agent) -> None:
    deadline = time.monotonic() + _PATIENCE
    before = -1.0
    while time.monotonic() < deadline and running.seconds() - before > 0.03:
        before = running.seconds()
        time.sleep(2)


def latency(bundle: Path, folder: Path, seconds: float) -> dict[str, float]:
    files = [(folder / f"{number:02}.log").open("a") for number in range(_FILES)]
    options = ("--threshold", "0", "--no-grouping", "--when-over", "--max-alerts-per-hour", "0")
    with agent(bundle, folder, *options, "--end-regex", "is over") as running:
        # The session at hand of each file, and its lines so far: their ends are spread out.
        sessions = [[number, number % _LINES_OF_SESSION] for number in range(_FILES)]
        written: dict[str, float] = {}
        began = time.monotonic()
        before = running.seconds()
        for number in range(int(seconds * _LINES_A_SECOND)):
            pause = began + number / _LINES_A_SECOND - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            place = number % _FILES
            session = sessions[place]
            session[1] += 1
            over = session[1] == _LINES_OF_SESSION
            said = "session is over" if over else f"PacketResponder {session[1] % 3}"
            files[place].write(_LINE.format(number % 5000, said, session[0]))
            files[place].flush()
            if over:
                written[f"blk_{session[0]}"] = time.monotonic()
                session[:] = [session[0] + _FILES, 0]
        busy = (running.seconds() - before) / (time.monotonic() - began)
        deadline = time.monotonic() + 30
        while len(running.alerts) < len(written) and time.monotonic() < deadline:
            time.sleep(0.1)
        took = [moment - written[key] for moment, key in running.alerts]
    for file in files:
        file.close()
    if len(took) != len(written):
        raise SystemExit(f"{len(took)} of {len(written)} alerts came")
    return {
        "latency, median, ms": 1000 * statistics.median(took),
        "latency, 99 %, ms": 1000 * float(np.quantile(took, 0.99)),
        "latency, largest, ms": 1000 * max(took),
        "latency, alerts": len(took),
        "1,000 lines/s, % of a core": 100 * busy,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=60.0, help="Of idling, and of writing.")
    arguments.add_argument("--open", type=int, default=100_000, metavar="SESSIONS")
    arguments.add_argument("--folder", type=Path, help="Keep the bundle here.")
    arguments.add_argument("--json", type=Path, metavar="FILE")
    given = arguments.parse_args()
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        generated_bundle("hdfs", folder)
        bundle = folder / "hdfs-bundle"
        works: dict[str, Callable[[Path], dict[str, float]]] = {
            "idle": lambda logs: start_and_idle(bundle, logs, given.seconds),
            "open": lambda logs: open_sessions(bundle, logs, given.open),
            "busy": lambda logs: latency(bundle, logs, given.seconds),
        }
        for name, work in works.items():
            with tempfile.TemporaryDirectory(prefix=name) as logs:
                for what, value in work(Path(logs)).items():
                    found[what] = round(value, 2)
                    print(f"{what}: {value:.2f}", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
