"""Plots of the page, as SVG. The same results give the same bytes with the same Matplotlib."""

import statistics
from collections.abc import Mapping, Sequence
from itertools import chain

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.results.published import Published
from benchmarks.results.records import Record
from benchmarks.results.tables import Row
from trainer.plotting import band, equal_steps, legend, panels

_OWN = "#0b5fa5"
_BESIDE = "#7a4fb5"
_RULES = ("#c4561c", "#8a8a8a", "#c9a227")
_THIN = "#c9c9c9"
_REFERENCE = "#222222"


def curves(record: Record, title: str, beside: Sequence[str]) -> Figure:
    """ROC and precision-recall, a line a seed: default, ``beside``, and the rules that are best by
    AUROC, AUPRC and F1.

    Steps, since no threshold gives anything between two points. The false positive rate is linear
    below 0.001 and logarithmic above: what a threshold in use does happens near the left edge.
    """
    best = (record.best_rules("raw", by)[:1] for by in ("auroc", "auprc", "f1"))
    rules = list(dict.fromkeys(chain.from_iterable(best)))
    own = [(one, _BESIDE) for one in beside if one in record.methods]
    # The default last: above the others.
    drawn = (*zip(rules, _RULES, strict=False), *own, ("default", _OWN))
    with panels(2, title) as (figure, axes):
        roc, precision_recall = axes
        for axis, kind in ((roc, "roc"), (precision_recall, "precision_recall")):
            for method, colour in drawn:
                for number, points in enumerate(record.curves(method, kind)):
                    x, y = zip(*points, strict=True)
                    label = method if number == 0 else None
                    axis.step(x, y, where="post", color=colour, linewidth=1, alpha=0.8, label=label)
            axis.set_ylim(-0.02, 1.02)
        roc.set_xscale("symlog", linthresh=1e-3)
        roc.set_xlim(0, 1)
        ticks = [0, 1e-3, 1e-2, 1e-1, 1]
        roc.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        roc.set_xlabel("false positive rate")
        roc.set_ylabel("recall")
        precision_recall.set_xlim(0, 1.02)
        precision_recall.set_xlabel("recall")
        precision_recall.set_ylabel("precision")
        legend(figure, axes)
    return figure


def budgets(targets: Mapping[str, Mapping[int, Record]]) -> Figure:
    """F1 (raw) by labelled sessions, a panel a target: default, the best rule of each budget, and
    each rule thin."""
    with panels(len(targets), "F1 (raw) by labelled sessions of the target") as (figure, axes):
        for axis, (target, records) in zip(axes, targets.items(), strict=True):
            budgets = sorted(records)
            rules = sorted({rule for record in records.values() for rule in record.rules})
            for number, rule in enumerate(rules):
                points = [(k, records[k].mean(rule, "raw", "f1")) for k in budgets]
                label = "each rule" if number == 0 else None
                _line(axis, points, budgets, color=_THIN, linewidth=0.8, label=label)
            best: list[tuple[int, float | None]] = []
            for k in budgets:
                first = next(iter(records[k].best_rules("raw", "f1")), None)
                best.append((k, records[k].mean(first, "raw", "f1") if first else None))
            _line(axis, best, budgets, color=_RULES[0], label="best rule of each", marker="s")
            _spread(axis, [records[k] for k in budgets], "default", "raw", _OWN, "default")
            equal_steps(axis, [str(k) for k in budgets])
            axis.set_title(target)
            axis.set_xlabel("labelled sessions")
        axes[0].set_ylabel("F1")
        legend(figure, axes)
    return figure


def anomaly_fractions(
    directions: Mapping[str, tuple[Mapping[float, Record], Published | None]],
    rules: Sequence[str],
    seeds: Mapping[str, Sequence[int]],
) -> Figure:
    """F1 by the share of anomaly labels, a panel a direction: raw full, unseen dashed."""
    title = "F1 by the share of the target's anomaly labels"
    with panels(len(directions), title) as (figure, axes):
        for axis, (direction, (records, published)) in zip(axes, directions.items(), strict=True):
            shares = sorted(records)
            ordered = [records[share] for share in shares]
            for split, dash in (("raw", "-"), ("unseen", "--")):
                for method, colour in (*zip(rules, _RULES, strict=False), ("default", _OWN)):
                    label = f"{method}, {split}"
                    _spread(axis, ordered, method, split, colour, label, dash, seeds[direction])
            if published is not None:
                known = [(share, published.f1_by_fraction.get(share)) for share in shares]
                points = [(share, value / 100) for share, value in known if value is not None]
                _line(
                    axis, points, shares, color=_REFERENCE, marker="x", linestyle=":",
                    label="MetaLog, as published",
                )  # fmt: skip
            equal_steps(axis, [f"{100 * share:g} %" for share in shares])
            axis.set_title(direction)
            axis.set_xlabel("anomaly labels (at least 5)")
        axes[0].set_ylabel("F1")
        legend(figure, axes)
    return figure


def bars(directions: Mapping[str, Sequence[Row]], seeds: Mapping[str, Sequence[int]]) -> Figure:
    """F1 of each row, raw and unseen, a panel a direction."""
    with panels(len(directions), "What each part of the preset is worth", across=1) as (
        figure,
        axes,
    ):
        for axis, (direction, rows) in zip(axes, directions.items(), strict=True):
            for offset, split, colour in ((-0.2, "raw", _OWN), (0.2, "unseen", "#8fb8db")):
                means, deviations = [], []
                for row in rows:
                    values = row.record.values(row.method, split, "f1", seeds[direction])
                    means.append(statistics.fmean(values) if values else 0.0)
                    deviations.append(statistics.stdev(values) if len(values) > 1 else 0.0)
                places = [place + offset for place in range(len(rows))]
                drawn = axis.barh(
                    places, means, 0.38, xerr=deviations, color=colour, label=f"F1 {split}",
                    error_kw={"linewidth": 0.8},
                )  # fmt: skip
                axis.bar_label(drawn, [f"{100 * mean:.1f}" for mean in means], padding=3)
            axis.set_yticks(range(len(rows)), [row.title for row in rows])
            axis.invert_yaxis()
            axis.set_xlim(0, 1.15)
            axis.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
            axis.set_title(direction)
        legend(figure, axes)
    return figure


def betas(rows: Mapping[str, Row], seeds: Sequence[int], title: str) -> Figure:
    """F1 by the weight of the target's loss."""
    with panels(1, title) as (figure, axes):
        axis = axes[0]
        for split, colour, dash in (("raw", _OWN, "-"), ("unseen", _BESIDE, "--")):
            means, low, high = [], [], []
            for row in rows.values():
                values = row.record.values(row.method, split, "f1", seeds)
                mean = statistics.fmean(values)
                deviation = statistics.stdev(values) if len(values) > 1 else 0.0
                means.append(mean)
                low.append(mean - deviation)
                high.append(mean + deviation)
            places = range(len(rows))
            axis.plot(places, means, dash, color=colour, marker="o", label=f"default, {split}")
            axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
        equal_steps(axis, list(rows))
        axis.set_xlabel("beta")
        axis.set_ylabel("F1")
        legend(figure, axes)
    return figure


def recalls(
    systems: Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]], apart: Mapping[str, float]
) -> Figure:
    """Recall by labelled sessions of a host's past, a panel a system: a line for each way to pick
    them. systems: by way and number of labels the value of each seed; apart: by system, of the
    bundle with the past as old logs."""
    title = "Recall at 5 false alarms in 1,000, by labelled sessions of the past"
    with panels(len(systems), title) as (figure, axes):
        for axis, (system, ways) in zip(axes, systems.items(), strict=True):
            steps = sorted({count for way in ways.values() for count in way})
            for (way, points), colour in zip(ways.items(), (_RULES[0], _OWN), strict=False):
                places = [steps.index(count) for count in sorted(points)]
                band(axis, places, [points[k] for k in sorted(points)], colour, way, shaded=True)
            if system in apart:
                axis.axhline(
                    apart[system], color=_REFERENCE, linestyle=":", linewidth=1,
                    label="no label, --history",
                )  # fmt: skip
            equal_steps(axis, [str(count) for count in steps])
            axis.set_title(system)
            axis.set_xlabel("labelled sessions")
        axes[0].set_ylabel("recall")
        legend(figure, axes)
    return figure


def _line(
    axis: Axes,
    points: Sequence[tuple[float, float | None]],
    steps: Sequence[float],
    **look: object,
) -> None:
    """Points by step, those without a figure left out."""
    known = [(steps.index(x), y) for x, y in points if y is not None]
    axis.plot([x for x, _ in known], [y for _, y in known], **look)  # type: ignore[arg-type]


def _spread(
    axis: Axes,
    records: Sequence[Record],
    method: str,
    split: str,
    colour: str,
    label: str,
    dash: str = "-",
    seeds: Sequence[int] | None = None,
) -> None:
    """Means by step, with the standard deviation around them."""
    found = {
        place: record.values(method, split, "f1", seeds) for place, record in enumerate(records)
    }
    known = {place: values for place, values in found.items() if values}
    band(
        axis, list(known), list(known.values()), colour, label, dash, shaded=split == "raw"
    )  # fmt: skip
