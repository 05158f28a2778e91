"""What experiments have left: figures by method, split and seed."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results.experiments import Experiment
from benchmarks.results.runs import result_of
from models.errors import UserError
from trainer.benchmark.baselines import BASELINES
from trainer.benchmark.methods import RULES

# Of these less is better.
_COSTLY = ("false_alarms_per_1000",)


@dataclass(frozen=True)
class Record:
    """An experiment and the JSON of its benchmark.

    seeds, where a method takes them: only these count; None: all. A figure that has no meaning in
    a seed (no anomaly in the test part) is left out.
    """

    experiment: Experiment
    report: dict[str, Any]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.report["seeds"])

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row["method"] for row in self.report["results"]))

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(method for method in self.methods if method in BASELINES)

    @property
    def command(self) -> str:
        """With names of corpora in the place of paths, in lines of a page's width."""
        options = self.experiment.options(lambda name: name, self.seeds[0])
        lines = ["metalog-train benchmark"]
        for option, value in zip(options[::2], options[1::2], strict=True):
            part = f" {option} {value}"
            if len(lines[-1] + part) > 94:
                lines[-1] += " \\"
                lines.append("   ")
            lines[-1] += part
        return "\n".join(lines)

    def rows(
        self, method: str, split: str, seeds: Sequence[int] | None = None
    ) -> Iterator[dict[str, Any]]:
        for row in self.report["results"]:
            wanted = row["method"] == method and row["split"] == split
            if wanted and (seeds is None or row["seed"] in seeds):
                yield row

    def values(
        self, method: str, split: str, figure: str, seeds: Sequence[int] | None = None
    ) -> list[float]:
        found = (row[figure] for row in self.rows(method, split, seeds))
        return [value for value in found if value is not None]

    def mean(
        self, method: str, split: str, figure: str, seeds: Sequence[int] | None = None
    ) -> float | None:
        values = self.values(method, split, figure, seeds)
        return statistics.fmean(values) if values else None

    def best_rules(self, split: str, figure: str, seeds: Sequence[int] | None = None) -> list[str]:
        """All rules that have the figure, the best one first."""
        means = {rule: self.mean(rule, split, figure, seeds) for rule in self.rules}
        known = {rule: mean for rule, mean in means.items() if mean is not None}
        return sorted(known, key=lambda rule: known[rule], reverse=figure not in _COSTLY)

    def tested(self, split: str, kind: str, seeds: Sequence[int] | None = None) -> list[int]:
        """By seed; kind: sessions or anomalous."""
        return [
            row[kind]
            for row in self.report["tested"]
            if row["split"] == split and (seeds is None or row["seed"] in seeds)
        ]

    def curves(self, method: str, kind: str) -> list[list[tuple[float, float]]]:
        """Points of each seed; kind: roc or precision_recall."""
        return [
            [(x, y) for x, y in curve[kind]]
            for curve in self.report["curves"]
            if curve["method"] == method
        ]


def better(figure: str, one: float, other: float) -> bool:
    return one < other if figure in _COSTLY else one > other


def read(experiments: Mapping[str, Experiment], folder: Path) -> dict[str, Record]:
    """The experiments that have been run, by name. Raises UserError where there is none, or one
    was run otherwise than it is declared now."""
    records = {}
    for experiment in experiments.values():
        path = result_of(folder, experiment)
        if path.exists():
            records[experiment.name] = _read(path, experiment)
    if not records:
        raise UserError(
            f"{folder}: holds no result; make some with `python -m benchmarks.results run`"
        )
    return records


def _read(path: Path, experiment: Experiment) -> Record:
    try:
        report = json.loads(path.read_bytes())
        setting, systems = report["setting"], [one["name"] for one in report["systems"]]
        methods = {row["method"] for row in report["results"]}
        seeds = len(report["seeds"])
        report["curves"], report["costs"], report["tested"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: no JSON of `metalog-train benchmark`: {error!r}") from None
    for what, found, declared in (
        ("setting", setting, experiment.setting.to_json()),
        ("systems", systems, list(experiment.systems)),
        ("number of seeds", seeds, experiment.seeds),
    ):
        if found != declared:
            raise UserError(
                f"{path}: its {what} is not that of the experiment as it is declared now "
                f"({found} in the place of {declared}); delete it and run it again"
            )
    missing = sorted({*experiment.methods} - methods - {RULES})
    if missing:
        raise UserError(f"{path}: has no {', '.join(missing)}; delete it and run it again")
    return Record(experiment, report)
