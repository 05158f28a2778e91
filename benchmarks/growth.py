"""How the agent's cost grows: ``python -m benchmarks.growth [--json FILE]``.

The same number of lines, spread over more and more files, sessions and templates; processor time a
line, medians of several turns. Sessions: of 200,000 lines, so of more than 200,000 sessions each
has one line, and those that are too many are over early (``agent.open_sessions``). Templates: each
line is another one of them and none was met before, the worst there is for the parser.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from time import process_time

from benchmarks.generated_bundles import generated_bundle
from benchmarks.pipeline import watch
from models.bundle import Bundle
from models.events import DrainParameters, EventParser

FILES = (1, 10, 100, 1000, 10_000)
SESSIONS = (1, 100, 10_000, 100_000, 1_000_000)
TEMPLATES = (10, 100, 1000, 10_000, 100_000)
_LINES = 200_000
_LINE = "081109 203518 {} INFO dfs.DataNode$PacketResponder: {} for block blk_{} terminating\n"
_KINDS = ("PacketResponder", "Received", "Served", "Deleting")


def over_files(bundle: Bundle, count: int, lines: int = _LINES) -> float:
    """Seconds a line for as many files."""
    with tempfile.TemporaryDirectory() as folder:
        logs = []
        each = max(1, lines // count)
        for number in range(count):
            log = Path(folder) / f"{number:05}.log"
            log.write_text(_lines(each, 1000, first=number))
            logs.append(log)
        return watch(bundle, logs) / (each * count)


def over_sessions(bundle: Bundle, count: int, lines: int = _LINES) -> float:
    """Seconds a line for as many sessions, whose lines come in turn."""
    lines = max(lines, count)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.write_text(_lines(lines, count))
        return watch(bundle, [log]) / lines


def over_templates(count: int) -> float:
    """Seconds a line that is new to a parser which knows as many templates, 2,000 lines."""
    words = [f"{one}{two}" for one in "bcdfghjklmnpqrstvwxz" for two in "aeiou"]
    templates = [
        f"job {words[i % 100]} {words[i // 100 % 100]} of {words[i // 10_000]} took <NUM> ms <*>"
        for i in range(count)
    ]
    parser = EventParser(templates, (), DrainParameters())
    step = max(1, count // 2000)
    lines = [template.replace("<*>", f"x{i}") for i, template in enumerate(templates[::step])]
    lines = (lines * (2000 // len(lines) + 1))[:2000]
    lines = [f"{line}{i}" for i, line in enumerate(lines)]
    began = process_time()
    parser.parse_masked(lines)
    return (process_time() - began) / len(lines)


def _lines(count: int, sessions: int, first: int = 0) -> str:
    return "".join(
        _LINE.format(number % 5000, _KINDS[number // sessions % 4], first + number % sessions)
        for number in range(count)
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--lines", type=int, default=_LINES)
    arguments.add_argument("--most", type=int, default=max(SESSIONS), help="Of anything.")
    arguments.add_argument("--turns", type=int, default=3)
    arguments.add_argument("--folder", type=Path, help="Keep the bundle here.")
    arguments.add_argument("--json", type=Path, metavar="FILE")
    given = arguments.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bundle = generated_bundle("hdfs", folder)
        for what, counts, measured in (
            ("files", FILES, lambda count: over_files(bundle, count, given.lines)),
            ("sessions", SESSIONS, lambda count: over_sessions(bundle, count, given.lines)),
            ("templates", TEMPLATES, over_templates),
        ):
            print(f"\n| {what} | microseconds a line |\n|---:|---:|")
            found[what] = {}
            for count in (one for one in counts if one <= given.most):
                taken = statistics.median(measured(count) for _ in range(given.turns))
                found[what][str(count)] = round(1e6 * taken, 2)
                print(f"| {count:,} | {1e6 * taken:.1f} |", flush=True)
    if given.json is not None:
        report = {"turns": given.turns, "microseconds": found}
        given.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
