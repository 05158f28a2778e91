"""Experiments one after another, each in a process of its own; what is done stays done."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.results.corpora import Preparer
from benchmarks.results.experiments import Experiment
from models.errors import UserError

# The command line of this checkout, whatever is installed.
_BENCHMARK = (sys.executable, "-c", "from trainer.cli import main; main()", "benchmark")
_CHECKOUT = Path(__file__).parents[2]


def chosen(experiments: Mapping[str, Experiment], only: Sequence[str]) -> list[Experiment]:
    """Those whose name has one of the patterns (`budget-*`), in their own order; all where there
    is none. Raises UserError for a pattern that none has."""
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in experiments):
            raise UserError(f"--only {pattern}: no experiment has that name; see `list`")
    return [
        experiment
        for name, experiment in experiments.items()
        if not only or any(fnmatchcase(name, pattern) for pattern in only)
    ]


def result_of(folder: Path, experiment: Experiment) -> Path:
    return folder / f"{experiment.name}.json"


def run(
    experiments: Sequence[Experiment],
    corpus: Preparer,
    folder: Path,
    first_seed: int,
    jobs: int | None,
    say: Callable[[str], None],
) -> list[str]:
    """Write NAME.json and NAME.log of each experiment that has no NAME.json yet.

    Returns the names of those that failed: the others are run all the same, and a JSON appears
    whole or not at all, so that a stopped run goes on where it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for number, experiment in enumerate(experiments, start=1):
        title = f"{number}/{len(experiments)} {experiment.name}"
        output = result_of(folder, experiment)
        if output.exists():
            say(f"{title}: is there")
            continue
        corpora = {system: corpus(system).absolute() for system in experiment.systems}
        options = experiment.options(corpora.__getitem__, first_seed)
        options += ["--json", str(output.absolute())]
        if jobs is not None:
            options += ["--jobs", str(jobs)]
        say(f"{title}: begins")
        began = time.monotonic()
        log = folder / f"{experiment.name}.log"
        with log.open("w", encoding="utf-8") as opened:
            ended = subprocess.run(
                [*_BENCHMARK, *options],
                cwd=_CHECKOUT,
                env={"OMP_NUM_THREADS": "1", **os.environ},
                stdout=opened,
                stderr=subprocess.STDOUT,
                check=False,
            )
        minutes = (time.monotonic() - began) / 60
        if ended.returncode:
            failed.append(experiment.name)
            last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            say(f"{title}: failed, {last[0] if last else 'without a word'}; see {log}")
        else:
            say(f"{title}: done in {minutes:.1f} min")
    return failed
