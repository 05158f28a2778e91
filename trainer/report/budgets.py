"""Budget curves: files of ``metalog-train benchmark --json``, how good by how many labels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from models.errors import UserError
from trainer.benchmark.figures import SPLITS
from trainer.benchmark.protocols import Protocol

_PROTOCOLS = (Protocol.BUDGET.value, Protocol.UNLABELLED.value)


@dataclass(frozen=True)
class Point:
    """F1 of a method with so many labels: mean, lowest and highest of its seeds."""

    labels: int
    f1: float
    lowest: float
    highest: float
    seeds: int


@dataclass(frozen=True)
class Budgets:
    """Of one target. points: by split, then by method, ascending in labels."""

    target: str
    points: dict[str, dict[str, list[Point]]]


def budgets(paths: Sequence[Path]) -> list[Budgets]:
    """Files of the same target together. ``unlabelled`` counts as no label. Raises UserError for a
    file that is none, or of a protocol without a budget."""
    found: dict[str, dict[tuple[str, str, int], list[float]]] = {}
    for path in paths:
        try:
            value = json.loads(path.read_bytes())
            _add(value, path, found)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise UserError(
                f"{path}: is no result of `metalog-train benchmark --json FILE`"
            ) from None
    return [_budgets(target, values) for target, values in found.items()]


def _add(
    value: dict[str, Any], path: Path, found: dict[str, dict[tuple[str, str, int], list[float]]]
) -> None:
    if value["protocol"] not in _PROTOCOLS:
        raise UserError(
            f"{path}: is of protocol {value['protocol']}; a budget curve is made of "
            "--protocol budget, one file for each --labels, and unlabelled for none"
        )
    labels = int(value["setting"]["labels"] or 0)
    target = found.setdefault(str(value["systems"][-1]["name"]), {})
    for row in value["results"]:
        if row["f1"] is not None:
            key = (str(row["split"]), str(row["method"]), labels)
            target.setdefault(key, []).append(float(row["f1"]))


def _budgets(target: str, values: dict[tuple[str, str, int], list[float]]) -> Budgets:
    points: dict[str, dict[str, list[Point]]] = {split: {} for split in SPLITS}
    for (split, method, labels), f1 in sorted(values.items()):
        if split in points:
            points[split].setdefault(method, []).append(
                Point(labels, fmean(f1), min(f1), max(f1), len(f1))
            )
    return Budgets(target, points)
