"""Draws the pictures of docs/how-it-works.md, from what a demo has left behind.

    metalog-train demo -o build/demo
    python -m benchmarks.pages.pictures build/demo

The demo's own bundle, source and logs, nothing else. The same demo gives the same bytes with the
same Matplotlib. A picture has the colours that its reader's system asks for, light or dark,
whatever is around it.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agent.detector import Detector
from agent.verdict import Verdict
from models.bundle import Bundle
from models.events import mine
from models.placing import placed_file
from models.words import Vectors
from trainer.corpus import Corpus
from trainer.demo import DemoSystem, web_shop
from trainer.demo.tour import HISTORY

FOLDER = Path(__file__).parents[2] / "docs" / "how-it-works"
_PAIRS = 6
_SHOWN = 500
_MOST_LINES = 14
_LONGEST_TEXT = 87
# Drawn in the light ones; the dark ones are put beside them when the file is there.
_TEXT, _PAPER, _FAINT = "#24292e", "#fefefe", "#dfe2e5"
_FIRST, _SECOND, _ALARM, _QUIET = "#0b5fa5", "#b8560f", "#c0242c", "#6b7683"
_DARK = {
    _TEXT: "#d5dae0", _PAPER: "#1e2129", _FAINT: "#3a4150",
    _FIRST: "#6cb0f5", _SECOND: "#f0a050", _ALARM: "#ff7b78", _QUIET: "#8d98a6",
}  # fmt: skip
_STYLE: dict[Any, Any] = {
    # Ids are random otherwise. Letters stay text: smaller, and can be searched.
    "svg.hashsalt": "metalog",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _TEXT,
    "axes.edgecolor": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.titlecolor": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": _PAPER,
    "figure.facecolor": _PAPER,
    "savefig.facecolor": _PAPER,
    "grid.color": _FAINT,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Seen:
    """What a bundle made of the sessions of a log. faults: by session key, of those with one."""

    verdicts: Sequence[Verdict]
    threshold: float
    faults: Mapping[str, str]

    def is_found(self, verdict: Verdict) -> bool:
        return verdict.anomalous and verdict.key in self.faults


def seen(bundle: Bundle, future: DemoSystem) -> Seen:
    """All sessions of the later log, in the order in which they end, by the bundle as it is."""
    detector = Detector(
        bundle, rule=bundle.manifest.rule, threshold=None, provider="cpu", line_time_is_clock=True
    )
    detector.add(future.name, future.lines(), 0.0)
    verdicts = detector.take()
    detector.close()
    verdicts += detector.take()
    faults = {one.key: one.fault for one in future.sessions if one.fault is not None}
    return Seen(verdicts, bundle.manifest.threshold, faults)


def space(bundle: Bundle, source: Corpus) -> Figure:
    """Events of both systems in the plane in which they spread most, and which of two systems lie
    nearest."""
    templates = (mine(source.messages, bundle.manifest.drain), list(bundle.templates))
    embedder = bundle.embedder()
    vectors = [_directions(embedder.embed_all(one)) for one in templates]
    everything = np.concatenate(vectors).astype(np.float64)
    centre = everything.mean(axis=0)
    _, _, axes = np.linalg.svd(everything - centre, full_matrices=False)
    # An axis may come out either way round: let its largest part be positive.
    plane = [one * np.sign(one[np.abs(one).argmax()]) for one in axes[:2]]
    points = [(one - centre) @ np.stack(plane, axis=1) for one in vectors]

    figure, (axis, words) = _figure(8.0, 4.2, (1, 1.1))
    for place, colour, marker, name in (
        (points[0], _FIRST, "o", source.name),
        (points[1], _SECOND, "s", "web-shop"),
    ):
        axis.scatter(
            place[:, 0], place[:, 1], s=16, color=colour, marker=marker, alpha=0.75, label=name
        )
    axis.set_xticks([])
    axis.set_yticks([])
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)
    words.axis("off")
    for number, (one, other) in enumerate(_nearest(vectors[0] @ vectors[1].T), start=1):
        between = np.stack([points[0][one], points[1][other]])
        axis.plot(*between.T, color=_TEXT, linewidth=0.7)
        axis.annotate(
            str(number), between.mean(axis=0), xytext=(3, 3), textcoords="offset points",
            weight="bold",
        )  # fmt: skip
        top = 1 - (number - 1) / _PAIRS
        words.text(0, top, str(number), weight="bold", va="top")
        for line, (text, colour) in enumerate(
            ((templates[0][one], _FIRST), (templates[1][other], _SECOND))
        ):
            words.text(0.05, top - 0.058 * line, _short(text, 62), color=colour, va="top", size=8)
    return figure


def session(found: Seen, bundle: Bundle, future: DemoSystem) -> Figure:
    """A planted fault that was found, and what its lines contribute: one that says so in a line,
    and of those that fit on a picture the longest."""
    readable = [
        one for one in found.verdicts if found.is_found(one) and 6 <= one.lines <= _MOST_LINES
    ]
    errors = [one for one in readable if found.faults[one.key].startswith("error")]
    one = max(errors or readable or found.verdicts, key=lambda one: (one.lines, one.score, one.key))
    lines = next(each for each in future.sessions if each.key == one.key).lines[:_MOST_LINES]
    weights = {each.event: each.weight for each in one.weighed}
    shown: set[int] = set()
    bars = []
    for event in one.items[: len(lines)]:
        # What its lines contribute together stands at the first of them.
        bars.append(0.0 if event in shown else weights.get(event, 0.0))
        shown.add(event)
    figure, (axis, words) = _figure(8.0, 0.5 + 0.26 * len(lines), (1, 2.6))
    rows = np.arange(len(bars))
    colours = [_ALARM if bar > 0 else _QUIET for bar in bars]
    axis.barh(rows, bars, color=colours, height=0.6)
    axis.axvline(0, color=_TEXT, linewidth=0.8)
    axis.set_ylim(len(lines) - 0.4, -0.6)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.set_xlabel("contribution, log-odds")
    words.axis("off")
    words.set_ylim(axis.get_ylim())
    for row, (_, raw) in enumerate(lines):
        heaviest = row < len(bars) and bars[row] == max(bars) > 0
        words.text(
            0, row, _short(raw.split(" ", 4)[-1], _LONGEST_TEXT), va="center", size=8,
            family="monospace", color=_ALARM if heaviest else _TEXT,
        )  # fmt: skip
    figure.suptitle(
        f"{one.key}: score {one.score:.2f}, threshold {found.threshold:.2f}", x=0.01, ha="left",
        color=_TEXT,
    )  # fmt: skip
    return figure


def scores(found: Seen) -> Figure:
    """Scores of the first sessions of a log, and the threshold."""
    some = found.verdicts[:_SHOWN]
    figure, (axis,) = _figure(8.0, 3.0, (1,))
    for wanted, colour, marker, size, label in (
        (False, _QUIET, ".", 10, "nothing was planted"),
        (True, _ALARM, "D", 20, "a fault was planted"),
    ):
        points = [
            (place, one.score)
            for place, one in enumerate(some)
            if (one.key in found.faults) is wanted
        ]
        if points:
            x, y = zip(*points, strict=True)
            axis.scatter(x, y, s=size, color=colour, marker=marker, label=label)
    axis.axhline(found.threshold, color=_FIRST, linewidth=1)
    axis.text(len(some), found.threshold, " threshold", color=_FIRST, va="center")
    axis.set_xlim(-len(some) * 0.01, len(some))
    axis.set_ylim(-0.03, 1.03)
    axis.set_xlabel("sessions, in the order in which they ended")
    axis.set_ylabel("score")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return figure


def draw(bundle: Path, source: Path, future: DemoSystem, folder: Path = FOLDER) -> list[Path]:
    """Draw all pictures into a folder. bundle: of the system that ``future`` is of; source: the
    corpus of another one. Raises UserError."""
    loaded = Bundle.load(bundle)
    found = seen(loaded, future)
    folder.mkdir(exist_ok=True)
    with rc_context(_STYLE):
        pictures = {
            "space": space(loaded, Corpus.open(source)),
            "session": session(found, loaded, future),
            "scores": scores(found),
        }
        return [_save(figure, folder / f"{name}.svg") for name, figure in pictures.items()]


def _figure(width: float, height: float, columns: Sequence[float]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, len(columns), width_ratios=columns, squeeze=False)
    return figure, list(axes[0])


def _save(figure: Figure, path: Path) -> Path:
    with placed_file(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        text = file.read_text(encoding="utf-8")
        file.write_text(_of_both_palettes(text), encoding="utf-8")
    return path


def _of_both_palettes(svg: str) -> str:
    """Colours become variables, which the system of the reader decides on."""
    names = {light: f"--c{number}" for number, light in enumerate(_DARK)}
    light = "".join(f"{name}:{colour};" for colour, name in names.items())
    dark = "".join(f"{name}:{_DARK[colour]};" for colour, name in names.items())
    for colour, name in names.items():
        svg = svg.replace(colour, f"var({name})")
    style = f"<style>svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    return re.sub(r"(<svg [^>]*>)", rf"\1{style}", svg, count=1)


def _directions(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: Vectors = vectors / np.maximum(lengths, 1e-9)
    return directions


def _nearest(likeness: Vectors) -> list[tuple[int, int]]:
    """Pairs of a row and a column, the most alike first, no row and no column twice."""
    pairs: list[tuple[int, int]] = []
    left = likeness.astype(np.float64)
    for _ in range(min(_PAIRS, *left.shape)):
        one, other = np.unravel_index(left.argmax(), left.shape)
        pairs.append((int(one), int(other)))
        left[one, :] = left[:, other] = -np.inf
    return pairs


def _short(text: str, longest: int) -> str:
    # A dollar would begin a formula.
    text = text.replace("$", r"\$")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("demo", type=Path, help="what `metalog-train demo -o` made")
    arguments.add_argument("--sessions", type=int, default=3000, help="of the demo")
    arguments.add_argument("--seed", type=int, default=0, help="of the demo")
    given = arguments.parse_args()
    _, future = web_shop(sessions=given.sessions, seed=given.seed).split_by_time(HISTORY)
    for path in draw(given.demo / "bundle", given.demo / "block-store", future):
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
