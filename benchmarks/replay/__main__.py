"""``python -m benchmarks.replay``."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import benchmarks.replay
from benchmarks.replay.bundles import bundle_without
from benchmarks.replay.drift import SCENARIOS, STARTS, realised
from benchmarks.replay.logs import PAST, SYSTEMS
from benchmarks.replay.records import Measured
from benchmarks.replay.tables import drift_table, labels_table
from benchmarks.replay.trials import UNLABELLED_WAYS, Outcome, Trial
from benchmarks.results.page import Page
from benchmarks.results.section import refresh
from models.errors import UserError
from trainer.progress import say

# Of the section of docs/results.md that is made of replays.
HEADING = "## On a host that it has never seen"
PICKS = ("random", "suggest")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.replay", description=(benchmarks.replay.__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--system", action="append", choices=SYSTEMS, help="default: all four")
    parser.add_argument("--labels", default="0,20,50,100")
    parser.add_argument("--picks", default=",".join(PICKS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--past", type=float, metavar="SHARE", help="of the sessions")
    parser.add_argument("--idle", type=float, metavar="SECONDS", help="that end a session")
    parser.add_argument("--drift", action="store_true", help="budgets on changing logs instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="adds to what it holds")
    parser.add_argument(
        "--docs", type=Path, metavar="FOLDER",
        help="write the section of its results.md anew; --seeds 0 measures nothing more",
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, default=Path("build/replay"), metavar="FOLDER",
        help="where the bundles are kept that were trained for it",
    )  # fmt: skip
    given = parser.parse_args()
    try:
        _run(given)
    except UserError as error:
        print(f"benchmarks.replay: {error}", file=sys.stderr)
        sys.exit(2)


def _run(given: argparse.Namespace) -> None:
    measured = Measured() if given.json is None else Measured.read(given.json)
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        if given.drift:
            _drift(measured, seed, given.data, given.cache)
        else:
            for system in given.system or SYSTEMS:
                _curve(measured, system, seed, given)
        if given.json is not None:
            measured.write(given.json)
    if given.docs is not None:
        refresh(given.docs, HEADING, Page({}, measured))
    if given.drift:
        print(drift_table(list(measured.drift.values())))
    else:
        print(labels_table(list(measured.outcomes.values())))


def _drift(measured: Measured, seed: int, data: Path, cache: Path) -> None:
    for scenario in SCENARIOS.values():
        for start in STARTS:
            with tempfile.TemporaryDirectory(prefix="metalog-replay-") as folder:
                one = realised(scenario, start, seed, data, cache, Path(folder))
            measured.add(drift=[one])
            said = f"{one.alerts} alerts, {one.rate:.2f} of the budget"
            say(f"{scenario.name}, {start}, seed {seed}: {said}")


def _curve(measured: Measured, system: str, seed: int, given: argparse.Namespace) -> None:
    log = SYSTEMS[system](given.data).thinned(seed)
    if given.idle is not None:
        log = replace(log, idle=given.idle)
    past, rest = log.split(given.past or PAST[system])
    bundle = bundle_without((system,), given.data, given.cache)
    with tempfile.TemporaryDirectory(prefix="metalog-replay-") as folder:
        trial = Trial(bundle, past, rest, Path(folder), seed)
        for count in (int(count) for count in given.labels.split(",")):
            for pick in given.picks.split(",") if count else UNLABELLED_WAYS:
                one = trial.outcome(pick, count)
                measured.add([one])
                say(_told(one))


def _told(one: Outcome) -> str:
    figures = one.figures
    return (
        f"{one.system}, {one.labels} labels ({one.odd} anomalous), {one.pick}, seed {one.seed}: "
        f"recall {figures.recall:.3f}, {figures.own_recall:.3f} at its own threshold with "
        f"{figures.own_false_alarms:.1f} false alarms; {one.seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
