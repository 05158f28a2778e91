"""A flood of events that nobody trained on, through the agent: ``python -m benchmarks.junk``.

HDFS-like traffic with one line in ten that is junk: 4 to 12 random words, which no mask collapses,
of so many distinct wordings, each wording again and again. Half of the junk goes to blocks of the
traffic, half makes blocks of its own. The log is generated and followed to its end in a process
that imports what the agent imports; it prints, over the run, its resident memory, lines a second
and the events that it keeps.

Then comes a block with one line that is new, and says what becomes of it beside what a host makes
of it that never met junk: under the bundle's statistics both must give the same score to 1e-6.
"""

import argparse
import json
import logging
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from agent.alerts import Policy, Quiet, Reporter, secrets_masker
from agent.clock import SystemClock
from agent.collector import settle_collector
from agent.detector import Detector
from agent.follow import Follower, Selection, Wakeup
from agent.rounds import Rounds
from agent.state import State
from agent.streams import Streams
from agent.watching import Watching
from benchmarks.generated_logs import hdfs_lines
from models.bundle import Bundle

_ONE_IN = 10
_IDLE = 60.0
_STAMP = "081109 203518 12 "
_PLANTED = (
    "INFO dfs.DataNode$DataXceiver: Receiving block {key} src: /10.250.1.1:40001 dest: "
    "/10.250.1.1:50010",
    "INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block {key} terminating",
    "ERROR dfs.DataNode: disk of {key} failed with memory corruption, replica refused for ever",
    "INFO dfs.DataBlockScanner: Verification succeeded for {key}",
)


def junk_templates(draw: random.Random, count: int) -> list[str]:
    """Distinct lines of random words, letters only, with room for a block's key."""
    letters = [f"{one}{two}" for one in "bcdfghjklmnpqrstvwz" for two in "aeiouy"]
    found: dict[str, None] = {}
    while len(found) < count:
        words = ("".join(draw.choices(letters, k=draw.randint(2, 5))) for _ in range(4))
        more = ("".join(draw.choices(letters, k=4)) for _ in range(draw.randrange(9)))
        found[f"WARN dfs.DataNode: {' '.join((*words, *more))} of {{key}}"] = None
    return list(found)


def lines(count: int, templates: int, seed: int = 1) -> Iterator[str]:
    """Traffic with junk, no line end."""
    draw = random.Random(seed)
    junk = junk_templates(draw, templates)
    own, used = "blk_1", 0
    traffic = hdfs_lines(draw)
    for number, line in enumerate(islice(traffic, count)):
        if number % _ONE_IN or not junk:
            yield line
            continue
        wording = junk[used % len(junk)]
        if used % 2:
            key = line[line.index("blk_") :].partition(" ")[0].strip(".")
        else:
            if used % 10 == 0:
                own = f"blk_{draw.getrandbits(60)}"
            key = own
        used += 1
        yield f"{line[:13]} 7 {wording.format(key=key)}"


def memory() -> tuple[float, float]:
    """MiB: resident now, and at most."""
    said = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if line
    )
    return int(said["VmRSS"].split()[0]) / 1024, int(said["VmHWM"].split()[0]) / 1024


def detector_of(bundle: Bundle, learning: bool) -> Detector:
    return Detector(
        bundle, rule=bundle.manifest.rule.overridden(idle=_IDLE), threshold=None, provider="cpu",
        line_time_is_clock=True, learning=learning, only_anomalous=True,
    )  # fmt: skip


def flooded(bundle: Bundle, log: Path, learning: bool, seconds: float) -> Detector:
    """A detector that has watched the log, as the agent does; says how it goes."""
    clock, wakeup = SystemClock(), Wakeup()
    detector = detector_of(bundle, learning)
    reporter = Reporter(bundle=bundle, threshold=detector.threshold, secrets=secrets_masker(()))
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder))
        watching = Watching(
            bundle=bundle, detector=detector, sinks=(), reporter=reporter, state=state,
            streams=Streams(
                Follower(Selection([str(log)]), start="beginning", wakeup=wakeup),
                wakeup=wakeup, once=True,
            ),
            quiet=Quiet(Policy(), reporter), clock=clock, once=True,
        )  # fmt: skip
        settle_collector()
        ended = threading.Event()
        watcher = threading.Thread(target=_report, args=(detector, ended, seconds), daemon=True)
        watcher.start()
        began, spent = time.monotonic(), time.process_time()
        Rounds({"": watching}, wakeup).run()
        took, spent = time.monotonic() - began, time.process_time() - spent
        ended.set()
        watcher.join()
        size = state.path.stat().st_size / 2**20
    print(
        f"{detector.lines_read} lines in {took:.0f} s ({detector.lines_read / spent / 1000:.1f} "
        f"thousand a second of processor time), database {size:.1f} MiB, "
        f"{detector.sessions.ended_early} sessions ended early, {watching.anomalous} anomalous"
    )
    return detector


def _report(detector: Detector, ended: threading.Event, seconds: float) -> None:
    print("|   s |      lines | thousand/s | MiB now | MiB most | templates |", flush=True)
    began, before, lines_before = time.monotonic(), time.monotonic(), 0
    last = False
    while not last:
        last = ended.wait(seconds)
        now, read = time.monotonic(), detector.lines_read
        resident, most = memory()
        pace = (read - lines_before) / max(now - before, 1e-9) / 1000
        print(
            f"| {now - began:3.0f} | {read:10} | {pace:10.1f} | {resident:7.1f} | {most:8.1f} | "
            f"{_told(detector)} |",
            flush=True,
        )
        before, lines_before = now, read


def _told(detector: Detector) -> str:
    return f"{detector.events.host_count} ({detector.events.evicted} forgotten)"


def planted(detector: Detector) -> dict[str, Any]:
    """What becomes of the block with the new line."""
    before = set(detector.events.templates)
    detector.sessions.close()
    key = "blk_424242424242"
    detector.add("new.log", [_STAMP + line.format(key=key) for line in _PLANTED], 0.0)
    detector.close()
    detector.take()
    ids = detector.events.parse([line.format(key=key).split(": ", 1)[1] for line in _PLANTED[2:3]])
    template = detector.events.template(ids[0])
    [score] = detector.scorer.score([_ids(detector, key)])
    return {"score": score.probability, "template": template, "new": template not in before}


def _ids(detector: Detector, key: str) -> list[int]:
    read = detector._reader.columns([_STAMP + line.format(key=key) for line in _PLANTED])
    return detector.events.parse_masked(read.messages)


def run(bundle: Bundle, log: Path, learning: bool, seconds: float) -> None:
    detector = flooded(bundle, log, learning, seconds)
    here, there = planted(detector), planted(detector_of(bundle, False))
    print(f"after the junk  {json.dumps(here)}")
    print(f"without junk    {json.dumps(there)}")
    difference = abs(here["score"] - there["score"])
    print(f"difference      {difference:.2g}")
    if not here["new"] or (not learning and difference > 1e-6):
        raise SystemExit("the new event is not what it is on a host without junk")


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--lines", type=int, default=1_000_000)
    arguments.add_argument("--templates", type=int, default=100_000)
    arguments.add_argument("--learning", action="store_true", help="Statistics learn meanwhile.")
    arguments.add_argument("--every", type=float, default=10.0, help="Seconds between reports.")
    arguments.add_argument("--folder", type=Path, help="Keep the bundle and the log here.")
    arguments.add_argument("--follow", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    logging.getLogger("metalog").setLevel(logging.WARNING)
    if given.follow is not None:
        bundle, log = given.follow
        run(Bundle.load(bundle), log, given.learning, given.every)
        return
    # Not above: it imports the trainer, and what that takes is not the agent's.
    from benchmarks.generated_bundles import generated_bundle

    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        generated_bundle("hdfs", folder, steps=60)
        log = folder / f"junk-{given.lines}-{given.templates}.log"
        if not log.exists():
            with log.open("w") as file:
                file.writelines(f"{line}\n" for line in lines(given.lines, given.templates))
        command = [
            sys.executable, "-m", "benchmarks.junk", "--every", str(given.every),
            *(["--learning"] if given.learning else []),
            "--follow", str(folder / "hdfs-bundle"), str(log),
        ]  # fmt: skip
        raise SystemExit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
