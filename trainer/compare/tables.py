"""The tables of a comparison, in Markdown."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainer.benchmark.table import spread
from trainer.compare.published import PUBLISHED, Published
from trainer.compare.rows import OWN, ROWS, RULES, ZERO_SHOT, model_of, row_of

_HEADINGS = (
    "",
    "method",
    "learns from",
    "P",
    "R",
    "F1",
    "F1 unseen",
    "AUROC",
    "F1 at 0.5",
    "best F1",
)
_COSTS = ("fit, s", "score, s")
_PUBLISHED = ("published, full data: P", "R", "F1")
_NOTHING = "–"
_FEWEST_SEEDS = 5

Report = Mapping[str, Any]


def table(report: Report) -> str:
    """Tables 1 and 2 of the paper, a row a method: mean ± standard deviation of the seeds, percent;
    the best F1 of a column in bold; the published figures where source and target are the paper's.
    Below them the simple rules, the best first."""
    pair = (report["systems"][0]["name"], report["systems"][-1]["name"])
    published = PUBLISHED.get(pair, {}) if len(report["systems"]) == 2 else {}
    rows = [row for row in ROWS if _of(report, row.method, "raw")]
    rules = [row for row in RULES if _of(report, row.method, "raw")]
    rules.sort(key=lambda row: -_mean(report, row.method, "raw", "f1"))
    best = {
        split: max((_mean(report, row.method, split, "f1") for row in (*rows, *rules)), default=0)
        for split in ("raw", "unseen")
    }
    headings = (*_HEADINGS, *_COSTS, *(_PUBLISHED if published else ()))
    lines = [_line(headings), _line(["---"] * len(headings))]
    for row in (*rows, *rules):
        figures = [
            _cell(report, row.method, "raw", "precision"),
            _cell(report, row.method, "raw", "recall"),
            *(
                _bold(
                    _cell(report, row.method, split, "f1"),
                    _mean(report, row.method, split, "f1") == best[split],
                )
                for split in ("raw", "unseen")
            ),
            _cell(report, row.method, "raw", "auroc"),
            _at_half(report, row.method),
            _cell(report, row.method, "raw", "best_f1"),
            *(_seconds(report, row.method, what) for what in ("fit_seconds", "score_seconds")),
            *(_published(published.get(row.method)) if published else ()),
        ]
        title = f"**{row.title}**" if row.method == OWN else row.title
        lines.append(_line([row.block, title, row.given, *figures]))
    return "\n".join(lines)


def zero_shot_table(reports: Mapping[str, Report]) -> str:
    """Figures 6 and 7 as numbers; reports: by system."""
    headings = ("system", "method", "P", "R", "F1", "F1 unseen", "AUROC")
    lines = [_line(headings), _line(["---"] * len(headings))]
    for system, report in reports.items():
        for row in (*ZERO_SHOT, *RULES):
            if not _of(report, row.method, "raw"):
                continue
            cells = [
                _cell(report, row.method, split, figure)
                for split, figure in (
                    ("raw", "precision"), ("raw", "recall"), ("raw", "f1"), ("unseen", "f1"),
                    ("raw", "auroc"),
                )
            ]  # fmt: skip
            lines.append(_line([system, row.title, *cells]))
    return "\n".join(lines)


def sweep_table(heading: str, values: Mapping[str, tuple[Report, str]]) -> str:
    """Figures 8 and 9 as numbers. values: a report and the method in it, by what is varied."""
    headings = (heading, "P", "R", "F1", "F1 unseen", "AUROC")
    lines = [_line(headings), _line(["---"] * len(headings))]
    for value, (report, method) in values.items():
        cells = [
            _cell(report, method, split, figure)
            for split, figure in (
                ("raw", "precision"), ("raw", "recall"), ("raw", "f1"), ("unseen", "f1"),
                ("raw", "auroc"),
            )
        ]  # fmt: skip
        lines.append(_line([value, *cells]))
    return "\n".join(lines)


def used(report: Report) -> str:
    """Labels, test part and seeds, in words."""
    *sources, target = report["systems"]
    learnt = ", ".join(
        f"{one['labels']['normal']:,} normal and {one['labels']['anomalous']:,} anomalous sessions "
        f"of {one['name']}"
        for one in [*sources, target]
    )
    tested = [row for row in report["tested"] if row["split"] == "raw"]
    seeds = report["seeds"]
    warning = (
        f" {len(seeds)} seed(s): figures move between seeds, take {_FEWEST_SEEDS} or more."
        if len(seeds) < _FEWEST_SEEDS
        else ""
    )
    models = sorted({model for row in report["results"] if (model := model_of(row["method"]))})
    read = f" NeuralLog's sentences are read by {', '.join(models)}." if models else ""
    return (
        f"Labels: {learnt}. Tested on {tested[0]['sessions']:,} sessions of {target['name']}, "
        f"{tested[0]['anomalous']:,} of them anomalous. Seeds {seeds[0]} to {seeds[-1]}, mean ± "
        f"standard deviation.{warning}{read}"
    )


def values(report: Report, method: str, split: str, figure: str) -> list[float]:
    """By seed; those that mean something."""
    return [row[figure] for row in _of(report, method, split) if row[figure] is not None]


def _of(report: Report, method: str, split: str) -> list[Mapping[str, Any]]:
    return [
        row
        for row in report["results"]
        if row_of(row["method"]) == method and row["split"] == split
    ]


def _mean(report: Report, method: str, split: str, figure: str) -> float:
    found = values(report, method, split, figure)
    return statistics.fmean(found) if found else 0.0


def _cell(report: Report, method: str, split: str, figure: str) -> str:
    return _spaced(spread(values(report, method, split, figure), 100, 1))


def _at_half(report: Report, method: str) -> str:
    found = [row["at_half"]["f1"] for row in _of(report, method, "raw") if "at_half" in row]
    return _spaced(spread(found, 100, 1)) if found else _NOTHING


def _seconds(report: Report, method: str, what: str) -> str:
    found = [cost[what] for cost in report["costs"] if row_of(cost["method"]) == method]
    return f"{statistics.median(found):.1f}" if found else _NOTHING


def _published(one: Published | None) -> Iterator[str]:
    for value in one or (None, None, None):
        yield _NOTHING if value is None else f"{value:.2f}"


def _spaced(text: str) -> str:
    return _NOTHING if text == "-" else text.replace("±", " ± ")


def _bold(text: str, is_best: bool) -> str:
    return f"**{text}**" if is_best else text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
