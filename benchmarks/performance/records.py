"""What measurements have left: a small JSON each, kept with the code, so that the page can be
written without measuring anything."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.performance.machine import Machine
from benchmarks.performance.measurements import MEASUREMENTS
from benchmarks.turns import Compared
from models.errors import UserError
from models.placing import placed_file

FOLDER = Path(__file__).with_name("records")


@dataclass(frozen=True)
class Record:
    """date: of the day; revision: of the code, None outside of a checkout; quick: at sizes that
    say little; found: the JSON of the benchmark."""

    command: str
    date: str
    revision: str | None
    quick: bool
    machine: Machine
    found: Mapping[str, Any]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Raises UserError for a file that is none."""
        try:
            read = json.loads(path.read_bytes())
            return cls(**{**read, "machine": Machine.from_json(read["machine"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: no record of `python -m benchmarks.performance`: {error!r}; delete it "
                "and measure again"
            ) from None

    def write(self, path: Path) -> None:
        read = {**vars(self), "machine": self.machine.to_json()}
        with placed_file(path) as file:
            file.write_text(json.dumps(read, indent=1) + "\n", encoding="utf-8")

    @property
    def turns(self) -> int:
        return int(self.found["turns"])

    def compared(self, table: str) -> dict[str, Compared]:
        """The rows of a table of the benchmark's JSON, by label."""
        rows = self.found[table]
        if isinstance(rows, list):
            rows = {row["label"]: row for row in rows}
        return {label: Compared.from_json(row) for label, row in rows.items()}


def path_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def read(folder: Path) -> dict[str, Record]:
    """Those that are there, by the name of their measurement. Raises UserError."""
    return {
        name: Record.of(path_of(folder, name))
        for name in MEASUREMENTS
        if path_of(folder, name).exists()
    }
