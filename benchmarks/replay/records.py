"""What was measured, in one file: runs of some systems add to it, or replace what they repeat."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.replay.drift import Realised
from benchmarks.replay.trials import Outcome
from models.errors import UserError
from models.placing import placed_file

# What the results page is made of.
MEASURED = Path(__file__).with_name("measured.json")


@dataclass
class Measured:
    outcomes: dict[tuple[str, str, int, int], Outcome] = field(default_factory=dict)
    drift: dict[tuple[str, str, int], Realised] = field(default_factory=dict)

    def add(self, outcomes: Iterable[Outcome] = (), drift: Iterable[Realised] = ()) -> None:
        self.outcomes |= {one.cell: one for one in outcomes}
        self.drift |= {one.cell: one for one in drift}

    @classmethod
    def read(cls, path: Path) -> "Measured":
        """Nothing where there is no file. Raises UserError."""
        if not path.exists():
            return cls()
        measured = cls()
        try:
            value = json.loads(path.read_bytes())
            measured.add(
                map(Outcome.from_json, value["outcomes"]), map(Realised.from_json, value["drift"])
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: no JSON of `benchmarks.replay`: {error!r}") from None
        return measured

    def write(self, path: Path) -> None:
        outcomes = [self.outcomes[cell].to_json() for cell in sorted(self.outcomes)]
        drift = [asdict(self.drift[cell]) for cell in sorted(self.drift)]
        with placed_file(path) as file:
            rows = ",\n".join(f"  {json.dumps(one)}" for one in outcomes)
            more = ",\n".join(f"  {json.dumps(one)}" for one in drift)
            file.write_text(f'{{"outcomes": [\n{rows}\n],\n"drift": [\n{more}\n]}}\n')
