"""Tables of what stands behind the figures: data, runs and their cost."""

from collections.abc import Iterable
from typing import Any

from benchmarks.results.records import Record
from benchmarks.results.tables import line, name_of, span
from trainer.benchmark.baselines import BASELINES
from trainer.benchmark.table import spread


def costs_table(records: Iterable[Record]) -> str:
    """Seconds of a seed by network, memory of the largest process, of each experiment."""
    lines = [
        line(["", "method", "fit, seconds", "scores, seconds", "memory, MiB"]),
        line(["---"] * 5),
    ]
    for record in records:
        for method in record.methods:
            if method in BASELINES:
                continue
            costs = [cost for cost in record.report["costs"] if cost["method"] == method]
            seconds = [
                spread([cost[kind] for cost in costs], 1, 0).replace("±", " ± ")
                for kind in ("fit_seconds", "score_seconds")
            ]
            memory = f"{record.report['peak_memory_mib']:,.0f}"
            lines.append(line([record.experiment.name, name_of(method), *seconds, memory]))
    return "\n".join(lines)


def runs_table(records: Iterable[Record]) -> str:
    """What identifies each run."""
    lines = [
        line(["experiment", "seeds", "minutes", "memory, MiB", "version", "configuration"]),
        line(["---"] * 6),
    ]
    for record in records:
        report = record.report
        seeds = span(record.seeds)
        lines.append(
            line(
                [
                    f"`{record.experiment.name}`",
                    seeds,
                    f"{report['wall_seconds'] / 60:.1f}",
                    f"{report['peak_memory_mib']:,.0f}",
                    report["version"],
                    f"`{report['configuration'][:12]}`",
                ]
            )
        )
    return "\n".join(lines)


def systems_table(records: Iterable[Record]) -> str:
    """The corpora: counts after preparing, and checksums."""
    systems: dict[str, dict[str, Any]] = {}
    for record in records:
        for system in record.report["systems"]:
            systems.setdefault(system["name"], system)
    lines = [
        line(["corpus", "sessions", "normal", "anomalous", "lines", "fingerprint"]),
        line(["---"] * 6),
    ]
    for name, system in systems.items():
        counts = [f"{system[kind]:,}" for kind in ("sessions", "normal", "anomalous", "events")]
        lines.append(line([name, *counts, f"`{system['fingerprint'][:12]}`"]))
    return "\n".join(lines)
