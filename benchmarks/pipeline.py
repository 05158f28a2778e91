"""The agent from bytes in a file to scored sessions: ``python -m benchmarks.pipeline [--peers]``.

One core, every way in turn in the same run, medians of several turns, processor time:
    drain3        TemplateMiner alone with the same masks and Drain parameters, on the content of
                  the lines, which it gets for nothing
    agent, cold   what ``watch --once --state-dir`` does with a file: following, parsing, sessions,
                  scores, the state; nothing is known when it begins
    agent, warm   what a second file costs it, with other lines of the same system
and with --peers what else does the same work, or only reads (``benchmarks.peers``).
The logs are generated (``benchmarks.generated_logs``), the bundles, too. With --recorded it fails
where the agent, cold, is less than 0.6 times as fast against drain3 as it was when FILE was written
by --json; of both the fastest turns are compared, as other work on a machine makes all but those
slower.
"""

import argparse
import json
import logging
import platform
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from time import process_time

from agent.alerts import Policy, Quiet, Reporter, secrets_masker
from agent.clock import SystemClock
from agent.collector import settle_collector
from agent.detector import Detector
from agent.follow import Follower, Selection, Wakeup
from agent.rounds import Rounds
from agent.state import State
from agent.streams import Streams
from agent.watching import Watching
from benchmarks import tailer
from benchmarks.generated_bundles import generated_bundle
from benchmarks.generated_logs import SHAPES, write_log
from benchmarks.parsing import drain3_alone
from benchmarks.peers import Peers
from benchmarks.turns import Compared, heading, line, rounded
from models.bundle import Bundle
from models.lines import FORMATS, LineParser
from trainer.datasets.raw import DEFAULT_RULES, masks_of

_ENOUGH = 0.6
WAYS = ("drain3", "agent, cold", "agent, warm")


def measure(
    name: str, folder: Path, lines: int, turns: int, *, with_peers: bool = False
) -> dict[str, list[float]]:
    """Processor seconds for so many lines: a list of turns for each way, empty for one that cannot
    be gone here."""
    bundle = generated_bundle(name, folder)
    logs = [
        write_log(name, folder / f"{name}-{seed}.log", seed=seed, lines=lines) for seed in (21, 22)
    ]
    peers: dict[str, Callable[[], float | None]] = {}
    if with_peers:
        peers = Peers(name, bundle, folder / f"{name}-run", logs[0]).ways()
    header = LineParser(FORMATS[name])
    contents = [header.parse(line).content for line in logs[0].read_text().splitlines()]
    seconds: dict[str, list[float]] = {way: [] for way in (*WAYS, *peers)}
    for _ in range(turns):
        miner = drain3_alone(masks_of(DEFAULT_RULES[name]))
        began = process_time()
        for content in contents:
            miner.add_log_message(content)
        seconds["drain3"].append(process_time() - began)
        cold = watch(bundle, logs[:1])
        seconds["agent, cold"].append(cold)
        seconds["agent, warm"].append(watch(bundle, logs) - cold)
        for way, gone in peers.items():
            taken = gone()
            seconds[way] += [] if taken is None else [taken]
    return seconds


def watch(bundle: Bundle, logs: Sequence[Path]) -> float:
    """Processor seconds of following these files to their ends."""
    with tempfile.TemporaryDirectory() as folder:
        clock, wakeup = SystemClock(), Wakeup()
        detector = Detector(
            bundle, rule=bundle.manifest.rule, threshold=1.0, provider="cpu",
            line_time_is_clock=True, now=clock.wall, only_anomalous=True,
        )  # fmt: skip
        reporter = Reporter(bundle=bundle, threshold=1.0, secrets=secrets_masker(()))
        state, wakeup = State(Path(folder)), Wakeup()
        watching = Watching(
            bundle=bundle, detector=detector, sinks=(), reporter=reporter, state=state,
            streams=Streams(Follower(
                Selection([str(log) for log in logs]), start="beginning", wakeup=wakeup
            ), wakeup=wakeup, once=True),
            quiet=Quiet(Policy(), reporter), clock=clock, once=True,
        )  # fmt: skip
        settle_collector()
        began = process_time()
        Rounds({"": watching}, wakeup).run()
        took = process_time() - began
        expected = sum(log.read_bytes().count(b"\n") for log in logs)
        if detector.lines_read != expected:
            raise SystemExit(f"{detector.lines_read} of {expected} lines were read")
    return took


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--lines", type=int, default=100_000)
    arguments.add_argument("--turns", type=int, default=5)
    arguments.add_argument("--only", choices=SHAPES, help="One system.  [default: all]")
    arguments.add_argument("--peers", action="store_true", help="What else does the same work.")
    arguments.add_argument("--folder", type=Path, help="Keep bundles and logs here.")
    arguments.add_argument("--json", type=Path, metavar="FILE")
    arguments.add_argument("--recorded", type=Path, metavar="FILE")
    given = arguments.parse_args()
    logging.getLogger("drain3").setLevel(logging.ERROR)
    print(
        f"Python {platform.python_version()}, drain3-improved {version('drain3-improved')}, "
        f"onnxruntime {version('onnxruntime')}, {given.lines} lines, {given.turns} turns; "
        "thousand lines a second (times drain3)\n"
    )
    systems: dict[str, Compared] = {}
    fastest: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in [given.only] if given.only else SHAPES:
            seconds = measure(name, folder, given.lines, given.turns, with_peers=given.peers)
            if not systems:
                print(heading(["lines like", *seconds]))
            found = systems[name] = Compared.of(seconds, "drain3")
            fastest[name] = min(seconds["drain3"]) / min(seconds["agent, cold"])
            print(line([name, *found.rates(given.lines, unit=1000)]), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(_report(given, systems, fastest), indent=2) + "\n")
    if given.recorded is not None:
        _compare(fastest, json.loads(given.recorded.read_text())["fastest, cold"])


def _report(
    given: argparse.Namespace, systems: dict[str, Compared], fastest: dict[str, float]
) -> dict[str, object]:
    report: dict[str, object] = {"turns": given.turns, "lines": given.lines}
    if given.peers:
        report["tailer"] = tailer.installed()
    report["systems"] = {name: found.to_json() for name, found in systems.items()}
    report["fastest, cold"] = rounded(fastest)
    return report


def _compare(found: dict[str, float], recorded: dict[str, float]) -> None:
    for name, ratio in found.items():
        print(
            f"{name}: {ratio:.2f} times drain3 in the fastest turns, recorded {recorded[name]:.2f}"
        )
        if ratio < _ENOUGH * recorded[name]:
            raise SystemExit(f"{name}: the agent is slower than {_ENOUGH} of what it was")


if __name__ == "__main__":
    main()
