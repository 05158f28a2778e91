"""Seeds that are done of a study that is not: what a killed comparison does not learn again."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from models.placing import placed_file
from trainer.benchmark.report import decided
from trainer.benchmark.runner import Outcome, Plan

_FOLDER = "unfinished"


class Unfinished:
    """Outcomes of one study in ``FOLDER/unfinished``, a JSON a seed. Of another configuration, they
    are as if they were not there."""

    def __init__(self, folder: Path, name: str, plan: Plan) -> None:
        self._folder = folder / _FOLDER
        self._name = name
        self._plan = plan
        self._corpora = [one.open().fingerprint for one in (*plan.sources, plan.target)]

    def done(self, seeds: Sequence[int]) -> list[Outcome]:
        """Of these seeds, in their order."""
        found = []
        for seed in seeds:
            # One that cannot be read is run again.
            with suppress(OSError, ValueError, KeyError, TypeError):
                read = json.loads(self._path(seed).read_bytes())
                if read.pop("configuration") == self._configuration(seed):
                    found.append(Outcome(**read))
        return found

    def keep(self, outcome: Outcome) -> None:
        """Raises UserError."""
        kept = {"configuration": self._configuration(outcome.seed), **asdict(outcome)}
        with placed_file(self._path(outcome.seed)) as file:
            file.write_text(json.dumps(kept, allow_nan=False))

    def forget(self, seeds: Sequence[int]) -> None:
        """The study is done."""
        for seed in seeds:
            self._path(seed).unlink(missing_ok=True)
        # It holds seeds of other studies, or was never there.
        with suppress(OSError):
            self._folder.rmdir()

    def _path(self, seed: int) -> Path:
        return self._folder / f"{self._name}-{seed}.json"

    def _configuration(self, seed: int) -> str:
        return decided(self._plan, [seed], self._corpora)
