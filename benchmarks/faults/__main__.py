"""Runs both kinds of rotation and prints a table."""

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import typer

from benchmarks.faults.account import Ledger, Outcome
from benchmarks.faults.agent import IDLE_SECONDS, Agent
from benchmarks.faults.rotation import Logrotate, Mode
from models.errors import UserError
from tests.agent.conftest import make_bundle

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard it is tried. every: seconds between two runs of logrotate."""

    seconds: int
    files: int
    rate: int
    kills: int
    every: float


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it. behind: seconds from the writer's last line to the agent's last alert."""

    outcome: Outcome
    rotations: int
    kills: int
    behind: float


def fault_run(mode: Mode, plan: Plan, home: Path) -> Run:
    logs = home / "logs"
    logs.mkdir()
    agent = Agent(logs, home, make_bundle(home / "bundle"))
    command = [sys.executable, "-m", "benchmarks.faults.writer", str(logs)]
    writer = subprocess.Popen(
        [*command, str(plan.files), str(plan.rate), str(plan.seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    logrotate = Logrotate(logs, home, mode, writer.pid)
    started = time.monotonic()
    rng = random.Random(1)
    kills = [plan.seconds * (number + rng.random()) / plan.kills for number in range(plan.kills)]
    done = 0
    while writer.poll() is None:
        elapsed = time.monotonic() - started
        # None in the last second: the writer must be there to hear of it.
        if (logrotate.runs + 1) * plan.every < min(elapsed, plan.seconds - 1):
            logrotate.rotate()
        if done < len(kills) and kills[done] < elapsed:
            agent.kill_and_start()
            done += 1
        time.sleep(_POLL_SECONDS)
    ended = grown = time.monotonic()
    size = agent.bytes_out
    while time.monotonic() - grown < IDLE_SECONDS + 15:
        if agent.bytes_out != size:
            size, grown = agent.bytes_out, time.monotonic()
        time.sleep(_POLL_SECONDS)
    agent.stop()
    ledger = Ledger(json.loads(writer.stdout.read()))
    ledger.take_files(logs.iterdir())
    ledger.take_alerts(agent.outputs)
    return Run(Outcome.of(ledger), logrotate.runs * plan.files, done, grown - ended)


def table(runs: dict[Mode, Run]) -> str:
    rows = {
        "lines written": [run.outcome.written for run in runs.values()],
        "files rotated": [run.rotations for run in runs.values()],
        "kill -9 and restart": [run.kills for run in runs.values()],
        "lines in the files afterwards": [run.outcome.on_disk for run in runs.values()],
        "lost by logrotate itself": [run.outcome.lost_by_rotation for run in runs.values()],
        "  of these, scored all the same": [run.outcome.of_these_scored for run in runs.values()],
        "  pieces of lines left in the files": [run.outcome.pieces for run in runs.values()],
        "LOST by the agent": [run.outcome.lost_by_agent for run in runs.values()],
        "DOUBLED by the agent": [run.outcome.doubled_by_agent for run in runs.values()],
        "alerts": [run.outcome.alerts for run in runs.values()],
        "  raised again with the same id": [run.outcome.alerts_again for run in runs.values()],
        "  of these, with other content": [run.outcome.alerts_changed for run in runs.values()],
        "seconds behind at the end": [round(run.behind) for run in runs.values()],
    }
    head = f"{'':38}" + "".join(f"{mode:>14}" for mode in runs)
    body = [f"{name:38}" + "".join(f"{n:>14,}" for n in row) for name, row in rows.items()]
    return "\n".join([head, *body])


def main(
    mode: Annotated[list[str] | None, typer.Option(help="create, copytruncate or both.")] = None,
    seconds: Annotated[int, typer.Option(help="How long the writer writes.")] = 120,
    files: Annotated[int, typer.Option(help="How many files it writes to.")] = 50,
    rate: Annotated[int, typer.Option(help="Lines a second, all files together.")] = 20_000,
    kills: Annotated[int, typer.Option(help="How often the agent is killed.")] = 20,
    every: Annotated[float, typer.Option(help="Seconds between two rotations.")] = 4.0,
    keep: Annotated[Path | None, typer.Option(help="Leave logs, state and alerts here.")] = None,
) -> None:
    """Write, rotate, kill; then count what was lost and what was doubled."""
    plan = Plan(seconds, files, rate, kills, every)
    runs: dict[Mode, Run] = {}
    for known in get_args(Mode):
        if mode and known not in mode:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            home = (keep or Path(temporary)) / known
            home.mkdir(parents=True)
            runs[known] = fault_run(known, plan, home)
    print(table(runs))


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        sys.exit(f"faults: {error}")
