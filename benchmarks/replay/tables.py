"""Tables of what was measured, in Markdown."""

import statistics
from collections.abc import Callable, Sequence

from benchmarks.replay.drift import SCENARIOS, Realised
from benchmarks.replay.figures import Figures
from benchmarks.replay.trials import BOTH, HISTORY, UNLABELLED, Outcome

_LABELS_HEAD = (
    "labels", "picked", "of them anomalous", "AUROC", "recall at 5 in 1,000",
    "recall, own threshold", "false alarms", "recall, budget", "false alarms", "alerts / budget",
)  # fmt: skip
_DRIFT_HEAD = (
    "replay", "begins with", "days", "sessions", "anomalous", "alerts", "of these 0.999 and above",
    "alerts / budget", "by quarter", "worst day",
)  # fmt: skip
_SAID = {HISTORY: "`--history`", UNLABELLED: "`adapt`", BOTH: "`adapt`, `--history`"}


def labels_table(outcomes: Sequence[Outcome]) -> str:
    """A part for each system, means and standard deviations over its seeds."""
    parts = []
    for system in dict.fromkeys(one.system for one in outcomes):
        some = [one for one in outcomes if one.system == system]
        parts.append(f"{system}\n\n{system_table(some)}")
    return "\n\n".join(parts)


def system_table(outcomes: Sequence[Outcome]) -> str:
    """A row for each number of labels and way to pick them."""
    rows = []
    for count, pick in sorted({(one.labels, _order(one.pick)) for one in outcomes}):
        some = [one for one in outcomes if (one.labels, _order(one.pick)) == (count, pick)]
        rows.append(
            (
                str(count),
                _SAID.get(pick[1], pick[1]),
                _span([one.odd for one in some]) if count else "",
                _spread(some, lambda one: one.auroc),
                _spread(some, lambda one: one.recall),
                _spread(some, lambda one: one.own_recall),
                _spread(some, lambda one: one.own_false_alarms, 1),
                _spread(some, lambda one: one.budget_recall),
                _spread(some, lambda one: one.budget_false_alarms, 1),
                _spread(some, lambda one: one.rate, 1, 2),
            )
        )
    return table(_LABELS_HEAD, rows)


def drift_table(drift: Sequence[Realised]) -> str:
    rows = []
    for name in SCENARIOS:
        for start in dict.fromkeys(one.start for one in drift):
            some = [one for one in drift if (one.scenario, one.start) == (name, start)]
            if not some:
                continue
            quarters = zip(*(one.quarters for one in some), strict=True)
            rows.append(
                (
                    name,
                    f"`--{start}`" if start == "history" else start,
                    f"{statistics.fmean(one.days for one in some):.1f}",
                    _span([one.sessions for one in some]),
                    _span([one.anomalous for one in some]),
                    _span([one.alerts for one in some]),
                    _span([one.beyond for one in some]),
                    mean_and_deviation([one.rate for one in some], 1, 2),
                    ", ".join(f"{statistics.fmean(one):.2f}" for one in quarters),
                    f"{max(one.worst_day for one in some):.1f}",
                )
            )
    return table(_DRIFT_HEAD, rows)


def mean_and_deviation(values: Sequence[float], scale: float, digits: int) -> str:
    mean = scale * statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {scale * statistics.stdev(values):.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _order(pick: str) -> tuple[int, str]:
    return (list(_SAID).index(pick) if pick in _SAID else len(_SAID)), pick


def _spread(
    outcomes: Sequence[Outcome],
    figure: Callable[[Figures], float | None],
    scale: float = 100,
    digits: int = 1,
) -> str:
    found = [figure(one.figures) for one in outcomes]
    known = [value for value in found if value is not None]
    return mean_and_deviation(known, scale, digits) if known else "-"


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
