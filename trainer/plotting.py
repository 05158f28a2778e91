"""What all plots here have in common: SVG, panels side by side, bands, a legend below. The same
figures give the same bytes with the same Matplotlib."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.placing import placed_file

_STYLE: dict[Any, Any] = {
    # Ids of clip paths are random otherwise. Letters stay text: smaller, and can be searched.
    "svg.hashsalt": "metalog",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
_SIDE = 3.6


def save(figure: Figure, path: Path) -> None:
    with placed_file(path) as file, rc_context(_STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


@contextmanager
def panels(
    count: int, title: str, across: int | None = None
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Panels side by side, or ``across`` in a row; laid out when the block ends."""
    columns = min(count, across or 2)
    rows = -(-count // columns)
    with rc_context(_STYLE):
        width = 2 * _SIDE + 0.6 if columns > 1 or across else _SIDE + 1
        figure = Figure(
            figsize=(width, rows * (2.4 if across else 3.2) + 0.3), layout="constrained"
        )
        grid = figure.subplots(rows, columns, squeeze=False)
        axes = [axis for line in grid for axis in line]
        for axis in axes[count:]:
            axis.set_axis_off()
        figure.suptitle(title, fontsize=10)
        yield figure, axes[:count]


def band(
    axis: Axes,
    places: Sequence[int],
    of_each: Sequence[Sequence[float]],
    colour: str,
    label: str,
    dash: str = "-",
    *,
    shaded: bool,
) -> None:
    means = [statistics.fmean(values) for values in of_each]
    deviations = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in of_each]
    low = [mean - deviation for mean, deviation in zip(means, deviations, strict=True)]
    high = [mean + deviation for mean, deviation in zip(means, deviations, strict=True)]
    axis.plot(places, means, dash, color=colour, marker="o", markersize=3.5, label=label)
    if shaded:
        axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)


def equal_steps(axis: Axes, labels: Sequence[str]) -> None:
    """Equal steps whatever the numbers: 0 and 8 are both on the axis, 0.1 % and 10 %, too."""
    axis.set_xticks(range(len(labels)), labels)
    low, _ = axis.get_ylim()
    axis.set_ylim(max(low, -0.02), 1.02)


def legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Below all panels, each label once."""
    handles: dict[str, Artist] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    columns = 4 if figure.get_figwidth() > 2 * _SIDE else 2
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=min(columns, len(handles)),
    )
