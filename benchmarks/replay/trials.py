"""One system, one draw: its past is learnt from and labelled, the rest is replayed."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.replay.figures import PER_THOUSAND, Figures, figures
from benchmarks.replay.host import replay
from benchmarks.replay.logs import LabelledLog
from models.archive import read_lines
from models.bundle import Bundle
from trainer.adapt import AdaptOptions, adapt
from trainer.datasets.by_bundle import OwnLogs
from trainer.suggest import SuggestOptions, suggest

# Without a label: the bundle itself with the past as ``--history``, adapted to the past, or both.
HISTORY, UNLABELLED, BOTH = "history", "adapted", "both"
UNLABELLED_WAYS = (HISTORY, UNLABELLED, BOTH)


@dataclass(frozen=True)
class Outcome:
    """pick: how the labelled sessions were chosen, or, without labels, what was done with the past.
    normal, odd: labels that were given. seconds: that suggest and adapt took."""

    system: str
    pick: str
    labels: int
    seed: int
    normal: int
    odd: int
    seconds: float
    figures: Figures

    @property
    def cell(self) -> tuple[str, str, int, int]:
        return self.system, self.pick, self.labels, self.seed

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "figures": asdict(self.figures)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Outcome":
        return cls(**{**value, "figures": Figures(**value["figures"])})


class Trial:
    """past, rest: of one log; folder: for what is made of them; seed: draws labels, and how the
    bundle is adapted."""

    def __init__(
        self, bundle: Path, past: LabelledLog, rest: LabelledLog, folder: Path, seed: int
    ) -> None:
        self._bundle = bundle
        self._past = past
        self._rest = rest
        self._folder = folder
        self._seed = seed
        self._file = folder / "host.log"
        self._file.write_text("".join(f"{line}\n" for line in past.lines), encoding="utf-8")
        names = list(dict.fromkeys(name for name in past.sessions if name))
        # Windows have the keys that every reader of the file gives them.
        self._sessions = {
            name if past.key_regex else f"{self._file.name}#{number}": name
            for number, name in enumerate(names)
        }

    def outcome(self, pick: str, count: int) -> Outcome:
        """Raises UserError."""
        began = time.perf_counter()
        keys = self._picked(pick, count) if count else []
        labels = {key: self._past.labels[self._sessions[key]] for key in keys}
        bundle = self._bundle if pick == HISTORY else self._adapted(labels, f"{pick}-{count}")
        seconds = time.perf_counter() - began
        replayed = replay(
            Bundle.load(bundle),
            self._rest,
            alerts_per_day=PER_THOUSAND / 1000 * len(self._rest.labels) / self._rest.days,
            history=self._file if pick in (HISTORY, BOTH) else None,
        )
        odd = sum(labels.values())
        return Outcome(
            self._rest.name, pick, count, self._seed, len(labels) - odd, odd, round(seconds, 1),
            figures(replayed, self._rest),
        )  # fmt: skip

    def _picked(self, pick: str, count: int) -> Sequence[str]:
        """Keys of sessions of the past; those that nobody has a label for are left out."""
        if pick == "random":
            keys = sorted(self._sessions)
            order = np.random.default_rng([self._seed, 5]).permutation(len(keys))
            return [keys[place] for place in order[:count]]
        output = self._folder / "to-label.jsonl"
        suggest(
            SuggestOptions(
                self._bundle, self._own, output, count=count, seed=self._seed, force=True
            )
        )
        asked = [str(json.loads(line)["id"]) for line in read_lines(output)]
        return [key for key in asked if key in self._sessions]

    def _adapted(self, labels: dict[str, int], name: str) -> Path:
        output, file = self._folder / name, self._folder / f"{name}.csv"
        file.write_text("".join(f"{key},{label}\n" for key, label in labels.items()))
        given = (file,) if labels else ()
        adapt(AdaptOptions(self._bundle, self._own, output, given, seed=self._seed, force=True))
        return output

    @property
    def _own(self) -> OwnLogs:
        return OwnLogs((self._file,), key_regex=self._past.key_regex, idle=self._past.idle)
