"""Measurements one after another, each in a process of its own; what is measured stays measured."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.performance.machine import Machine
from benchmarks.performance.measurements import CORPUS, DATA, Measurement
from benchmarks.performance.records import Record, path_of
from benchmarks.results.corpora import RECIPES
from export.writing import revision
from models.errors import UserError

_CHECKOUT = Path(__file__).parents[2]
_SYSTEM = "hdfs"
_PATIENCE = 1800.0


def run(
    measurements: Sequence[Measurement],
    data: Path | None,
    folder: Path,
    say: Callable[[str], None],
    *,
    quick: bool = False,
) -> list[str]:
    """Write the record of each measurement into ``folder``; their tables go to stdout.

    data: the folder of real logs; what needs it is left out without. Returns the names of those
    that failed, whose earlier records stay: the others are run all the same.
    """
    failed = []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="metalog-performance-") as scratch:
        places = _Places(data, Path(scratch))
        for number, one in enumerate(measurements, start=1):
            title = f"{number}/{len(measurements)} {one.name}"
            if one.needs_data and data is None:
                say(f"{title}: left out, it needs --data")
                continue
            command = one.command(quick=quick)
            say(f"{title}: {command}")
            began = time.monotonic()
            try:
                found = _found(one, places, quick)
            except UserError as error:
                failed.append(one.name)
                say(f"{title}: failed: {error}")
                continue
            day = f"{datetime.now(UTC):%Y-%m-%d}"
            record = Record(command, day, revision(), quick, Machine.here(), found)
            record.write(path_of(folder, one.name))
            say(f"{title}: done in {time.monotonic() - began:.0f} s")
    return failed


class _Places:
    """Where the things are that options name."""

    def __init__(self, data: Path | None, scratch: Path) -> None:
        self._data = data
        self.scratch = scratch

    def __call__(self, option: str) -> str:
        if option == DATA:
            return str(self._folder_of_logs().absolute())
        if option == CORPUS:
            return str(RECIPES[_SYSTEM].prepared(self._folder_of_logs(), self.scratch).absolute())
        return option

    def _folder_of_logs(self) -> Path:
        if self._data is None or not self._data.is_dir():
            raise UserError(f"--data {self._data}: is no folder; name that of the real logs")
        return self._data


def _found(one: Measurement, places: _Places, quick: bool) -> dict[str, object]:
    """The JSON of a benchmark. Raises UserError where it fails or does not end."""
    output = places.scratch / f"{one.name}.json"
    arguments = [places(option) for option in one.arguments(quick=quick)]
    if one.shares_bundles:
        arguments += ["--folder", str(places.scratch / "bundles")]
    # One thread, and the code of this checkout, also where a benchmark starts the agent.
    paths = [str(_CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        ended = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{one.module}", *arguments, "--json", str(output)],
            cwd=_CHECKOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
            timeout=_PATIENCE,
            check=False,
        )
        if ended.returncode:
            raise UserError(f"benchmarks.{one.module} ended with {ended.returncode}; see above")
        found: dict[str, object] = json.loads(output.read_bytes())
    except subprocess.TimeoutExpired:
        raise UserError(f"benchmarks.{one.module} did not end in {_PATIENCE:.0f} s") from None
    except (OSError, ValueError) as error:
        raise UserError(f"benchmarks.{one.module} left no JSON: {error}") from None
    return found
