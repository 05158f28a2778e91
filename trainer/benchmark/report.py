"""What a benchmark leaves: one JSON object, and what has to be said beside its figures."""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from trainer.benchmark.figures import FEWEST_POSITIVES
from trainer.benchmark.networks import is_network
from trainer.benchmark.protocols import Protocol
from trainer.benchmark.runner import Outcome, Plan
from trainer.presets import PRESETS
from trainer.splits import FEWEST_ANOMALIES

FEWEST_SEEDS = 5
_FEWEST_SOURCES = 2


def report(plan: Plan, outcomes: Sequence[Outcome], wall_seconds: float) -> dict[str, Any]:
    """The object that ``--json`` writes.

    labels: of the target, at the first seed; ``labels_by_seed`` has them all (a budget draws its
    labels). results: figures from 0 to 1 (MCC from -1), null where a class is not there;
    ``f1_interval``, a 95 % bootstrap interval, where there are fewer than 20 positives. curves: of
    each method and seed on all test sessions, see ``trainer.benchmark.curves``.
    configuration: sha256 of whatever decides the results. Only ``costs``, ``wall_seconds`` and
    ``peak_memory_mib`` (of the largest process) differ when the same benchmark is run again.
    """
    target = outcomes[0].labels[-1]
    seeds = [outcome.seed for outcome in outcomes]
    return {
        "protocol": plan.setting.protocol.value,
        "labels": target["labels"],
        "labels_by_seed": {str(outcome.seed): outcome.labels[-1]["labels"] for outcome in outcomes},
        "results": [row for outcome in outcomes for row in outcome.results],
        "curves": [curve for outcome in outcomes for curve in outcome.curves],
        "tested": [
            {"split": split, "seed": outcome.seed, **counts}
            for outcome in outcomes
            for split, counts in outcome.tested.items()
        ],
        "systems": outcomes[0].labels,
        "setting": plan.setting.to_json(),
        "seeds": seeds,
        "configuration": decided(
            plan, seeds, [system["fingerprint"] for system in outcomes[0].labels]
        ),
        "version": version("metalog"),
        "costs": [cost for outcome in outcomes for cost in outcome.costs],
        "wall_seconds": round(wall_seconds, 3),
        "peak_memory_mib": max(outcome.peak_memory for outcome in outcomes),
    }


def decided(plan: Plan, seeds: Sequence[int], fingerprints: Sequence[str]) -> str:
    """Sha256 of whatever decides the figures, in hex. fingerprints: of sources and target."""
    decides = {
        "setting": plan.setting.to_json(),
        "methods": plan.methods,
        # All of them: one may stand in for another, as where a target has no labels.
        "presets": {name: preset.to_json() for name, preset in PRESETS.items()}
        if any(is_network(name) for name in plan.methods)
        else {},
        "seeds": list(seeds),
        "corpora": list(fingerprints),
        "version": version("metalog"),
    }
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def written(report: dict[str, Any]) -> str:
    """The report as JSON, a line for each row of its lists: curves would fill thousands."""
    parts = []
    for name, value in report.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n  ".join(json.dumps(row, allow_nan=False) for row in value)
            text = f"[\n  {rows}\n ]"
        else:
            text = json.dumps(value, allow_nan=False)
        parts.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def label_lines(result: dict[str, Any]) -> list[str]:
    """The labels that were used, a line a system."""
    lines = []
    for system in result["systems"]:
        labels = system["labels"]
        line = (
            f"{system['role']} {system['name']}: {labels['normal']:,} normal and "
            f"{labels['anomalous']:,} anomalous labels of {system['sessions']:,} sessions "
            f"({system['anomalous']:,} anomalous)"
        )
        if system["unlabelled"]:
            line += f", {system['unlabelled']:,} more without labels"
        lines.append(line)
    return lines


def notes(plan: Plan, result: dict[str, Any]) -> list[str]:
    """What a reader must know before believing the table."""
    said = []
    seeds = len(result["seeds"])
    if seeds < FEWEST_SEEDS:
        said.append(f"warning: {seeds} seed(s); figures move between seeds, take 5 or more")
    protocol, setting, target = plan.setting.protocol, plan.setting, result["systems"][-1]
    used = result["labels_by_seed"]
    if protocol is Protocol.BILATERAL and result["labels"]["anomalous"] == FEWEST_ANOMALIES:
        said.append(
            f"note: {FEWEST_ANOMALIES} anomalous labels of the target are the fewest that are used"
        )
    if protocol is Protocol.BUDGET:
        without = [seed for seed, labels in used.items() if not labels["anomalous"]]
        if without:
            said.append(
                "note: no anomaly among the labelled sessions of seed(s) " + ", ".join(without)
            )
        if any(labels != result["labels"] for labels in used.values()):
            counts = ", ".join(f"{labels['anomalous']}" for labels in used.values())
            said.append(f"note: anomalous labels of the target by seed: {counts}")
    if protocol is Protocol.ZERO_SHOT and len(plan.sources) < _FEWEST_SOURCES:
        said.append("note: zero-shot is meant for two sources or more; here it has one")
    ratio = setting.anomaly_ratio
    share = target["anomalous"] / (target["anomalous"] + target["normal"])
    if ratio is not None and share <= ratio:
        said.append(
            f"note: {100 * share:.1f} % of the target is anomalous, nothing to thin to "
            f"{100 * ratio:g} %"
        )
    if any(0 < row["anomalous"] < FEWEST_POSITIVES for row in result["tested"]):
        said.append(
            f"note: a test part with fewer than {FEWEST_POSITIVES} anomalies; F1 is given with its "
            "95 % bootstrap interval, over the widest seed"
        )
    if not all(row["anomalous"] for row in result["tested"]):
        said.append("note: a test part without anomalies has no F1; means leave that seed out")
    return said
