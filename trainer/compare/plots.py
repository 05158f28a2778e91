"""The paper's figures 5 to 9, of the runs of a comparison."""

import statistics
from collections.abc import Mapping, Sequence

from matplotlib import colormaps
from matplotlib.figure import Figure

from trainer.compare.rows import OWN, ROWS, ZERO_SHOT, row_of
from trainer.compare.tables import Report, values
from trainer.plotting import band, equal_steps, legend, panels

_OWN = "#0b5fa5"
_UNSEEN = "#7a4fb5"
_BARS = ("#8a8a8a", "#c9a227", _OWN)


def roc(report: Report, title: str) -> Figure:
    """Figure 5: of each row the ROC curve at the first seed, with the mean AUROC of all seeds.

    The false positive rate is linear below 0.001 and logarithmic above: what a threshold in use
    does happens near the left edge.
    """
    first = report["seeds"][0]
    curves = [curve for curve in report["curves"] if curve["seed"] == first]
    drawn = {row_of(curve["method"]): curve["roc"] for curve in curves}
    rows = [row for row in ROWS if row.method in drawn]
    colours = colormaps["tab20"].resampled(max(1, len(rows)))
    with panels(1, title, across=1) as (figure, axes):
        axis = axes[0]
        figure.set_figheight(4.6)
        for number, row in enumerate(rows):
            x, y = zip(*drawn[row.method], strict=True)
            area = 100 * statistics.fmean(values(report, row.method, "raw", "auroc"))
            name = " ".join(filter(None, (row.block, row.title)))
            own = row.method == OWN
            axis.step(
                x, y, where="post", color=_OWN if own else colours(number),
                linewidth=2 if own else 1, label=f"{name}: {area:.1f}", zorder=3 if own else 2,
            )  # fmt: skip
        axis.set_xscale("symlog", linthresh=1e-3)
        axis.set_xlim(0, 1)
        ticks = [0, 1e-3, 1e-2, 1e-1, 1]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ylim(-0.02, 1.02)
        axis.set_xlabel("false positive rate")
        axis.set_ylabel("recall")
        legend(figure, axes)
    return figure


def zero_shot(reports: Mapping[str, Report]) -> Figure:
    """Figures 6 and 7: precision, recall and F1 without anything of the target. reports: by
    system."""
    with panels(len(reports), "Without anything of the target") as (figure, axes):
        for axis, (system, report) in zip(axes, reports.items(), strict=True):
            for number, (row, colour) in enumerate(zip(ZERO_SHOT, _BARS, strict=True)):
                if not values(report, row.method, "raw", "f1"):
                    continue
                found = [
                    values(report, row.method, "raw", name)
                    for name in ("precision", "recall", "f1")
                ]
                axis.bar(
                    [place + 0.27 * (number - 1) for place in range(3)],
                    [statistics.fmean(one) for one in found], 0.25, color=colour,
                    yerr=[statistics.stdev(one) if len(one) > 1 else 0 for one in found],
                    error_kw={"linewidth": 0.8}, label=row.title,
                )  # fmt: skip
            axis.set_xticks(range(3), ["precision", "recall", "F1"])
            axis.set_ylim(0, 1.05)
            axis.set_title(system)
        legend(figure, axes)
    return figure


def sweep(title: str, label: str, varied: Mapping[str, tuple[Report, str]]) -> Figure:
    """Figures 8 and 9: F1 by what is varied; a report and the method in it for each value."""
    with panels(1, title) as (figure, axes):
        axis = axes[0]
        for split, colour, dash in (("raw", _OWN, "-"), ("unseen", _UNSEEN, "--")):
            found: Sequence[Sequence[float]] = [
                values(report, method, split, "f1") for report, method in varied.values()
            ]
            band(axis, range(len(varied)), found, colour, f"F1 {split}", dash, shaded=True)
        equal_steps(axis, list(varied))
        axis.set_xlabel(label)
        axis.set_ylabel("F1")
        legend(figure, axes)
    return figure
