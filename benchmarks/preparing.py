"""How fast raw lines become a corpus: ``python -m benchmarks.preparing [LOG] [--format hdfs]``.

Prepares LOG as the command line does, or a generated log to the shape of HDFS, and prints lines a
second of processor time, and the most memory the process held. Two ways in turn, each turn in a
process of its own, medians: simple, which reads step by step without the shortcuts, and quick,
which is what the command does. Both must give the same corpus, or the run fails.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time

from benchmarks.generated_logs import write_log
from benchmarks.turns import Compared, heading, line
from models.line_reader import LineReader
from trainer.corpus import Corpus
from trainer.datasets import raw
from trainer.datasets.prepare import PrepareOptions, prepare

WAYS = ("simple", "quick")


@dataclass(frozen=True)
class Prepared:
    lines: int
    sessions: int
    seconds: float
    mebibytes: float
    fingerprint: str


def prepared(log: Path, line_format: str, way: str) -> Prepared:
    if way == "simple":
        # No option of the command: nobody but a benchmark wants it.
        vars(raw)["LineReader"] = partial(LineReader, quick=False)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        began = process_time()
        counts = prepare(PrepareOptions(logs=(log,), format=line_format, output=corpus))
        seconds = process_time() - began
        found = Corpus.open(corpus).fingerprint
    return Prepared(counts["lines"], counts["sessions"], seconds, _most_mebibytes(), found)


def _most_mebibytes() -> float:
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text().splitlines()
    [most] = [one for one in status if one.startswith("VmHWM:")]
    return int(most.split()[1]) / 1024


def measure(
    log: Path, line_format: str, turns: int, ways: tuple[str, ...] = WAYS
) -> dict[str, list[Prepared]]:
    context = multiprocessing.get_context("spawn")
    found: dict[str, list[Prepared]] = {way: [] for way in ways}
    for _ in range(turns):
        for way in ways:
            with context.Pool(1) as process:
                found[way].append(process.apply(prepared, (log, line_format, way)))
    fingerprints = {one.fingerprint for turns_of_way in found.values() for one in turns_of_way}
    if len(fingerprints) != 1:
        raise SystemExit(f"{' and '.join(ways)} do not give the same corpus in every turn")
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("log", type=Path, nargs="?", help="Else one is generated.")
    arguments.add_argument("--format", default="hdfs")
    arguments.add_argument("--lines", type=int, default=1_000_000, help="Of a generated log.")
    arguments.add_argument("--turns", type=int, default=3)
    arguments.add_argument("--only", choices=WAYS, help="One way.  [default: both, in turn]")
    arguments.add_argument("--json", type=Path, metavar="FILE")
    given = arguments.parse_args()
    ways = (given.only,) if given.only else WAYS
    with tempfile.TemporaryDirectory() as scratch:
        log = given.log or write_log("hdfs", Path(scratch) / "hdfs.log", seed=1, lines=given.lines)
        found = measure(log, given.format, given.turns, ways)
    lines, sessions = found[ways[0]][0].lines, found[ways[0]][0].sessions
    seconds = {way: [one.seconds for one in turns] for way, turns in found.items()}
    compared = Compared.of(seconds, ways[0])
    memory = {way: statistics.median(one.mebibytes for one in found[way]) for way in ways}
    print(f"{lines} lines, {sessions} sessions, {given.turns} turns\n")
    print(heading(["way", "seconds", "thousand lines/s (times the first)", "MiB"]))
    for way, rate in zip(ways, compared.rates(lines, unit=1000), strict=True):
        print(line([way, f"{compared.seconds[way]:.1f}", rate, f"{memory[way]:.0f}"]))
    if given.json is not None:
        result = {
            "turns": given.turns, "lines": lines, "sessions": sessions, **compared.to_json(),
            "mebibytes": {way: round(most, 1) for way, most in memory.items()},
        }  # fmt: skip
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
