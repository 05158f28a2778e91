"""The section of budget curves."""

import math
from collections.abc import Sequence

from models.page import charts
from models.page.charts import Series
from models.page.markup import Content, tag
from models.page.scales import Axis
from models.page.tables import table
from trainer.metrics import percent
from trainer.report.budgets import Budgets, Point

# Lines that can still be told apart; the table has all.
_MOST_LINES = 6
_SPLITS = {"raw": "all sessions", "distinct": "distinct", "unseen": "unseen"}


def budget_curves(found: Sequence[Budgets]) -> Content:
    return [
        tag(
            "p",
            "How good methods are by the number of labelled sessions of the target: means of F1 "
            "over seeds with the lowest and the highest, from the benchmark files that were given.",
        ),
        [_target(one) for one in found],
    ]


def _target(one: Budgets) -> Content:
    # A method looks the same in all charts.
    styles = {method: style for style, (method, _) in enumerate(_ranked(one.points["raw"]))}
    drawn = [method for method, style in styles.items() if style < _MOST_LINES]
    figures = [
        charts.lines(
            f"F1 on {one.target}, {name}",
            [
                Series(method, [(_at(p.labels), p.f1) for p in points[method]], styles[method])
                for method in drawn
                if method in points
            ],
            _axis(one),
            Axis.share("F1"),
        )
        for split, name in _SPLITS.items()
        if (points := one.points[split])
    ]
    labels = _labels(one)
    rows = [
        [method, *(_cell(points, count) for count in labels)]
        for method, points in _ranked(one.points["raw"])
    ]
    columns = ["F1, all sessions", *(f"{count:,} labels" for count in labels)]
    return [
        tag("h3", one.target),
        tag("div", figures, class_="grid"),
        table(columns, rows, label=f"F1 by labels, {one.target}"),
    ]


def _cell(points: Sequence[Point], labels: int) -> Content:
    for point in points:
        if point.labels == labels:
            spread = f" [{percent(point.lowest)}, {percent(point.highest)}]"
            of_seeds = tag("span", spread, class_="soft") if point.seeds > 1 else None
            return [percent(point.f1), of_seeds]
    return "-"


def _ranked(methods: dict[str, list[Point]]) -> list[tuple[str, list[Point]]]:
    return sorted(methods.items(), key=lambda one: -one[1][-1].f1)


def _labels(one: Budgets) -> list[int]:
    return sorted(
        {p.labels for methods in one.points.values() for m in methods.values() for p in m}
    )


def _at(labels: int) -> float:
    return math.log2(1 + labels)


def _axis(one: Budgets) -> Axis:
    labels = _labels(one)
    low, high = _at(labels[0]), _at(labels[-1])
    kept: list[tuple[float, str]] = []
    for count in labels:
        if not kept or _at(count) - kept[-1][0] >= (high - low) / 9:
            kept.append((_at(count), f"{count:,}"))
    return Axis("labelled sessions", low, high if high > low else low + 1, kept)
