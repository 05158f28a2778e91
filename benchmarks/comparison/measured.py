"""What was measured, short enough to be kept: figures without curves, and plots."""

import json
from pathlib import Path
from typing import Any

from models.errors import UserError
from models.placing import placed_file
from trainer.benchmark.report import written
from trainer.compare.studies import TABLE

MEASURED = Path(__file__).parent
PLOTS = ("roc", "zero-shot", "beta", "shares")
# Kept of a row: what the tables read.
_SPLITS = ("raw", "unseen")

Reports = dict[str, dict[str, Any]]


def read(folder: Path, name: str) -> Reports:
    """By study; empty where the comparison was not run. Raises UserError."""
    path = folder / f"{name}.json"
    if not path.exists():
        return {}
    try:
        reports: Reports = json.loads(path.read_bytes())
        assert reports[TABLE]["results"]
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise UserError(f"{path}: no JSON of `benchmarks.comparison`: {error!r}") from None
    return reports


def keep(out: Path, name: str, folder: Path) -> None:
    """Of the output folder of a `metalog-train compare` that was run. Raises UserError."""
    parts = []
    for path in sorted(out.glob("*.json")):
        report = json.loads(path.read_bytes())
        del report["curves"]
        report["results"] = [row for row in report["results"] if row["split"] in _SPLITS]
        parts.append(f"{json.dumps(path.stem)}: {written(report).strip()}")
    with placed_file(folder / f"{name}.json") as file:
        file.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
