"""A storm of alerts whose receiver is down for its first half: does each arrive, in what memory?

    python -m benchmarks.alert_storm --bundle BUNDLE [--alerts 100000]

A real agent follows a log in which every line is a session of its own, and alerts on all of them,
to stdout (read by nobody but a file) and to a webhook. The receiver answers 503 until the agent has
read the first half of the log, then 200. It ends when all alerts have arrived or ten minutes
without one have gone by.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from agent.state import Glance
from models.errors import UserError

_PATIENCE = 600.0


@dataclass(frozen=True)
class Storm:
    """arrived: alerts that were answered with 2xx, distinct: by id. read_while_down: lines read.
    refused: requests answered with 503. megabytes: most resident memory of the agent. seconds:
    until the last alert arrived, after_up: of them, since the receiver was up."""

    arrived: int
    distinct: int
    read_while_down: int
    refused: int
    dropped: dict[str, int]
    megabytes: float
    seconds: float
    after_up: float


class _Receiver:
    def __init__(self) -> None:
        self.up = False
        self.refused = 0
        self.ids: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                if receiver.up:
                    receiver.ids.append(self.headers["webhook-id"])
                else:
                    receiver.refused += 1
                self.send_response(204 if receiver.up else 503)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


def storm(agent: str, bundle: Path, folder: Path, *, alerts: int) -> Storm:
    """Make one in an empty folder."""
    log, state = folder / "storm.log", folder / "state"
    half = alerts // 2
    receiver = _Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    began = time.monotonic()
    _write(log, 0, half)
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [
                agent, "watch", str(log), "--bundle", str(bundle), "--state-dir", str(state),
                "--from-beginning", "--threshold", "0", "--window", "1", "--no-grouping",
                "--webhook", receiver.url,
            ],
            stdout=out, stderr=err,
        )  # fmt: skip
    try:
        _until(lambda: _read(state) >= half, process)
        _until(lambda: receiver.refused > 0, process)
        read_while_down = _read(state)
        receiver.up, up_at = True, time.monotonic()
        _write(log, half, alerts)
        count = -1
        while len(receiver.ids) < alerts and len(receiver.ids) != count:
            count = len(receiver.ids)
            _until(lambda seen=count: len(receiver.ids) > seen, process)  # type: ignore[misc]
        ended = time.monotonic()
        megabytes = _peak(process.pid)
        process.terminate()
        process.wait(60)
    finally:
        process.kill()
        process.wait()
        receiver.server.shutdown()
        receiver.server.server_close()
    [told] = [
        one for name, one in Glance.at(state).report["sinks"].items() if name.startswith("webhook")
    ]
    return Storm(
        arrived=len(receiver.ids), distinct=len(set(receiver.ids)),
        read_while_down=read_while_down, refused=receiver.refused, dropped=told["dropped"],
        megabytes=megabytes, seconds=ended - began, after_up=ended - up_at,
    )  # fmt: skip


def _write(log: Path, first: int, last: int) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.writelines(
            f"Mar  1 12:00:00 web shop[311]: order ord-{number} paid\n"
            for number in range(first, last)
        )


def _read(state: Path) -> int:
    try:
        return int(Glance.at(state).report.get("counts", {}).get("lines_read", 0))
    except UserError:
        return 0


def _until(done: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE
    while not done():
        if process.poll() is not None:
            raise RuntimeError(f"the agent ended: {process.returncode}")
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--agent", default=str(Path(sys.executable).with_name("metalog-agent")))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = storm(given.agent, given.bundle, Path(folder), alerts=given.alerts)
    print(
        f"{result.arrived} of {given.alerts} alerts arrived ({result.distinct} distinct, dropped: "
        f"{json.dumps(result.dropped)}); {result.read_while_down} lines read and {result.refused} "
        f"requests refused while the receiver was down; most memory {result.megabytes:.0f} MiB; "
        f"{result.seconds:.0f} s, {result.after_up:.0f} s of them with the receiver up"
    )


if __name__ == "__main__":
    main()
