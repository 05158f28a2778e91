"""The section in which a reader tries thresholds."""

import math
from collections.abc import Sequence

from models.page import charts
from models.page.markup import Content, Html, tag
from models.page.scales import Axis
from models.page.tables import note, tile, tiles
from trainer.report.gathered import Exam, RunResult
from trainer.report.operating import Traffic


def thresholds(exams: Sequence[Exam], numbers: dict[int, int]) -> Content:
    """numbers: of each run in the page's data, by its identity."""
    return [
        tag(
            "p",
            "A session is anomalous where it scores at least the threshold. Move it to see what "
            "it finds on the test part and what it would cost in false alarms. A threshold that is "
            "chosen here is chosen on the test part: its figures flatter it.",
        ),
        [_panel(exam, one, numbers[id(one)]) for exam in exams for one in exam.runs],
    ]


def _panel(exam: Exam, one: RunResult, number: int) -> Html:
    name = one.method.name
    low, high, normal, anomalous = one.steps.spread()
    ident = f"threshold-{number}"
    chart = charts.mirrored(
        f"Scores, {name}",
        ("anomalous", [_height(count) for count in anomalous]),
        ("normal", [_height(count) for count in normal]),
        _odds_axis(low, high),
        y_label="sessions, logarithmic",
        ticks=_ticks(max([*normal, *anomalous])),
        mark=f"{number}:line",
        small=f"{sum(anomalous):,} anomalous and {sum(normal):,} normal sessions by their score",
    )
    control = tag(
        "div",
        tag("label", "Threshold", for_=ident),
        tag("input", type="range", id=ident, min=low, max=high, step="any"),
        tag(
            "input", type="number", min=0, max=1, step="any",
            aria_label=f"Threshold of {name} as a number",
        ),
        tag("button", "The run's own", type="button"),
        class_="control",
    )  # fmt: skip
    told = tiles(
        tile("–", "false alarms a day", "per_day"),
        tile("–", "false alarms / 1,000 normal sessions", "per_1000"),
        tile("–", "false alarms here", "alarms"),
        tile("–", "anomalies found", "found"),
        tile("–", "precision", "precision"),
        tile("–", "recall", "recall"),
        tile("–", "F1", "f1"),
    )
    return tag(
        "div",
        tag("h3", name, tag("small", f" on {exam.name}", class_="soft")),
        control,
        tag("div", chart, tag("div", told, _traffic(exam.traffic)), class_="grid"),
        tag("noscript", note("The slider needs JavaScript.")),
        class_="threshold", data_threshold=number,
    )  # fmt: skip


def _traffic(traffic: Traffic | None) -> Html:
    if traffic is None:
        return note("The corpus has no times, so nothing can be said of a day.")
    shown = f"{traffic.days:.1f} days" if traffic.days >= 1 else f"{24 * traffic.days:.1f} hours"
    said = (
        f"A day: as busy as this log, {traffic.normal_a_day:,.0f} normal sessions a day, "
        f"from {shown} of it."
    )
    if traffic.days < 1:
        said += " Less than a day: nights and weekends may be quieter."
    return note(said)


def _height(count: int) -> float:
    """A count of 1 is to be seen beside thousands."""
    return math.log10(1 + count)


def _ticks(most: int) -> list[tuple[float, str]]:
    counts = [0, *(10**power for power in range(8) if 10**power <= max(most, 1))]
    # The highest bar is higher than the last of them.
    if most > 1.6 * counts[-1]:
        counts.append(most)
    return [(_height(count), f"{count:,}") for count in counts]


def _odds_axis(low: float, high: float) -> Axis:
    """Log-odds, named by the probabilities that people know."""
    named = [
        (0.000001, "1e-6"), (0.0001, "0.0001"), (0.01, "0.01"), (0.1, "0.1"), (0.5, "0.5"),
        (0.9, "0.9"), (0.99, "0.99"), (0.9999, "0.9999"), (0.999999, "1-1e-6"),
    ]  # fmt: skip
    ticks = [(math.log(p / (1 - p)), name) for p, name in named]
    room = (high - low) / 7.5
    kept: list[tuple[float, str]] = []
    for value, name in ticks:
        if low <= value <= high and (not kept or value - kept[-1][0] >= room):
            kept.append((value, name))
    return Axis("score, on the scale of log-odds", low, high, kept)
