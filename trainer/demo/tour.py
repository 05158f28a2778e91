"""``metalog-train demo``: the whole way on made-up logs, with the commands a user would type."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from models.placing import placed_folder
from trainer.demo.block_store import block_store
from trainer.demo.system import DemoSystem
from trainer.demo.web_shop import web_shop
from trainer.progress import counted, say

# Share of the web shop's sessions that are old logs; the others are replayed to the agent.
HISTORY = 0.5
# Of those old logs: what somebody has looked at.
_NORMAL_LABELS = 0.9
_ANOMALY_LABELS = 0.25
_LINES_A_SECOND = 3000
_IDLE = 3.0


@dataclass(frozen=True)
class Outcome:
    """What the agent made of the replayed sessions. by_kind: (found, planted) by kind of fault."""

    alerts: int
    found: int
    planted: int
    false_alarms: int
    normal: int
    by_kind: dict[str, tuple[int, int]]


def tour(folder: Path, *, sessions: int, seed: int) -> Outcome:
    """Generate, prepare, fit, export, watch while the log is written; alerts go to stdout.

    Everything is left in ``folder``: logs/, block-store/, web-shop/, run/, bundle/, live/, state/
    and alerts.jsonl. Raises UserError where a step fails.
    """
    source = block_store(sessions=sessions, seed=seed)
    history, future = web_shop(sessions=sessions, seed=seed).split_by_time(HISTORY)
    with placed_folder(folder / "logs", kind="demo logs") as logs:
        source.write(logs)
        history.write(logs)
    for system in (source, history):
        _run("prepare", folder / "logs" / f"{system.name}.log", *_format(system),
             "--labels", folder / "logs" / f"{system.name}.labels.csv",
             "-o", folder / system.name)  # fmt: skip
    _run("fit", "--source", folder / source.name, "--target", folder / history.name,
         "--normal-fraction", _NORMAL_LABELS, "--anomaly-fraction", _ANOMALY_LABELS,
         "--seed", seed, "-o", folder / "run")  # fmt: skip
    _run("evaluate", folder / "run", "--json", folder / "evaluation.json")
    _run("export", folder / "run", "--name", "web-shop", "-o", folder / "bundle")
    alerts = _watch(folder, future)
    return _judge(alerts, future)


def readable(outcome: Outcome) -> str:
    """The outcome in a few lines."""
    kinds = ", ".join(f"{kind} {a} of {b}" for kind, (a, b) in sorted(outcome.by_kind.items()))
    return (
        f"found {outcome.found} of {outcome.planted} planted faults ({kinds}); "
        f"{outcome.false_alarms} false alarms on {outcome.normal} normal sessions"
    )


def _format(system: DemoSystem) -> list[str]:
    options = ["--format", system.line_format, "--key-regex", system.key_regex]
    if system.line_regex is not None:
        options += ["--line-regex", system.line_regex]
    if system.time_format is not None:
        options += ["--time-format", system.time_format]
    return options


def _run(*arguments: object) -> None:
    command = [str(Path(sys.executable).with_name("metalog-train")), *map(str, arguments)]
    say(f"\n$ metalog-train {shlex.join(command[1:])}")
    # stdout of the demo is for alerts.
    if subprocess.run(command, stdout=sys.stderr).returncode:
        raise UserError(f"the demo stopped: `metalog-train {arguments[0]}` failed, see above")


def _watch(folder: Path, future: DemoSystem) -> list[dict[str, object]]:
    """Run the agent over a folder while the log is appended to there; the alerts it raised."""
    live = folder / "live"
    live.mkdir()
    log = live / f"{future.name}.log"
    output = folder / "alerts.jsonl"
    with _agent(live, folder, output) as agent:
        _replay(future.lines(), log)
        # The last sessions are over when no line of theirs has come for as long as --idle says.
        seconds = round(_IDLE) + 2
        for _ in counted("waiting for the last sessions", range(seconds), seconds):
            time.sleep(1)
        if agent.poll() is not None:
            raise UserError("the demo stopped: metalog-agent ended by itself, see above")
    alerts = []
    for line in output.read_text().splitlines():
        print(line)
        alerts.append(json.loads(line))
    return alerts


@contextmanager
def _agent(live: Path, folder: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = ["watch", live, "--bundle", folder / "bundle", "--state-dir", folder / "state",
               "--from-beginning", "--idle", f"{_IDLE:g}", "--no-grouping"]  # fmt: skip
    arguments = [str(Path(sys.executable).with_name("metalog-agent")), *map(str, command)]
    say(f"\n$ metalog-agent {shlex.join(arguments[1:])}")
    with output.open("wb") as file:
        agent = subprocess.Popen(arguments, stdout=file)
        try:
            yield agent
        finally:
            agent.send_signal(signal.SIGTERM)
            try:
                agent.wait(timeout=30)
            except subprocess.TimeoutExpired:
                agent.kill()


def _replay(lines: list[str], log: Path) -> None:
    say(f"replaying {len(lines):,} lines of {log.name}, {_LINES_A_SECOND:,} a second")
    step = _LINES_A_SECOND // 20
    with log.open("a", encoding="utf-8") as file:
        for start in counted("writing", range(0, len(lines), step), -(-len(lines) // step)):
            file.write("".join(f"{line}\n" for line in lines[start : start + step]))
            file.flush()
            time.sleep(0.05)


def _judge(alerts: list[dict[str, object]], future: DemoSystem) -> Outcome:
    alarmed = {alert["key"] for alert in alerts}
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for session in future.sessions:
        if session.fault is not None:
            kind = session.fault.split("/")[0]
            planted[kind] += 1
            found[kind] += session.key in alarmed
    normal = [session.key for session in future.sessions if session.fault is None]
    return Outcome(
        alerts=len(alerts),
        found=sum(found.values()),
        planted=sum(planted.values()),
        false_alarms=len(alarmed.intersection(normal)),
        normal=len(normal),
        by_kind={kind: (found[kind], count) for kind, count in planted.items()},
    )
