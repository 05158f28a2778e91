"""The table that people read: a row a method, mean ± standard deviation over the seeds."""

import statistics
from collections.abc import Sequence
from typing import Any

from trainer.benchmark.figures import SPLITS

# Heading, figure, factor, decimals.
_COLUMNS = (
    ("P", "precision", 100, 1),
    ("R", "recall", 100, 1),
    ("F1", "f1", 100, 1),
    ("AUROC", "auroc", 100, 1),
    ("AUPRC", "auprc", 100, 1),
    ("MCC", "mcc", 100, 1),
    ("FA/1000", "false_alarms_per_1000", 1, 1),
)
_WIDTH = 12
_MEANING = {
    "raw": "every test session",
    "distinct": "one for each distinct sequence",
    "unseen": "distinct sequences that did not occur in the training part",
}


def table(report: dict[str, Any]) -> str:
    """The report of ``trainer.benchmark.report`` as text; "-" where a figure has no meaning."""
    methods = list(dict.fromkeys(row["method"] for row in report["results"]))
    names = max(len("method"), *(len(method) for method in methods))
    headings = "".join(f"{heading:>{_WIDTH}}" for heading, *_ in _COLUMNS)
    blocks = []
    for split in SPLITS:
        tested = [row for row in report["tested"] if row["split"] == split]
        sessions = _range([row["sessions"] for row in tested])
        anomalous = _range([row["anomalous"] for row in tested])
        lines = [
            f"{split}: {_MEANING[split]} ({sessions} sessions, {anomalous} anomalous)",
            f"{'method':<{names}}{headings}",
        ]
        for method in methods:
            rows = [
                row
                for row in report["results"]
                if row["method"] == method and row["split"] == split
            ]
            cells = "".join(
                f"{spread([row[figure] for row in rows], factor, decimals):>{_WIDTH}}"
                for _, figure, factor, decimals in _COLUMNS
            )
            lines.append(f"{method:<{names}}{cells}{_interval(rows)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def spread(values: Sequence[float | None], factor: float, decimals: int) -> str:
    """ "98.1±0.7": mean and sample standard deviation of those that are known; without the latter
    where there is one."""
    known = [factor * value for value in values if value is not None]
    if not known:
        return "-"
    mean = f"{statistics.fmean(known):.{decimals}f}"
    return mean if len(known) < 2 else f"{mean}±{statistics.stdev(known):.{decimals}f}"


def _interval(rows: Sequence[dict[str, Any]]) -> str:
    """The widest F1 interval of the seeds that need one."""
    bounds = [row["f1_interval"] for row in rows if "f1_interval" in row]
    if not bounds:
        return ""
    lowest, highest = min(low for low, _ in bounds), max(high for _, high in bounds)
    return f"  F1 in {100 * lowest:.1f}..{100 * highest:.1f}"


def _range(values: Sequence[int]) -> str:
    lowest, highest = min(values), max(values)
    return f"{lowest:,}" if lowest == highest else f"{lowest:,} to {highest:,}"
