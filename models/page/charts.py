"""Charts as SVG: told apart by dashes and shapes, not by colour alone; each with a title."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.page.markup import Content, Html, tag
from models.page.scales import Axis, number_text

# Small enough that text is readable where the chart is 320 px wide.
_WIDTH, _HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 10, 40
STYLES = 7


@dataclass(frozen=True)
class Series:
    """style: colour and dashes, from 0 to ``STYLES`` - 1; thin: of lesser weight; mark: name of a
    dot on it that the script moves."""

    name: str
    points: Sequence[Sequence[float]]
    style: int
    thin: bool = False
    step: bool = False
    mark: str | None = None


@dataclass(frozen=True)
class Stack:
    """Bars on top of each other, one series a name. values: by bar, then by name."""

    names: Sequence[str]
    values: Sequence[Sequence[float]]


class _Plot:
    """A frame with two scales, to draw in."""

    def __init__(self, title: str, x: Axis, y: Axis, about: str) -> None:
        self.x_axis, self.y_axis = x, y
        self._title, self._about = title, about
        self._drawn: list[Html] = [self._frame()]

    def x(self, value: float) -> float:
        share = (value - self.x_axis.low) / (self.x_axis.high - self.x_axis.low)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 2)

    def y(self, value: float) -> float:
        share = (value - self.y_axis.low) / (self.y_axis.high - self.y_axis.low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 2)

    def put(self, *elements: Html) -> None:
        self._drawn += elements

    def _frame(self) -> Html:
        left, right, bottom = _LEFT, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts: list[Html] = []
        for value, name in self.y_axis.ticks:
            y = self.y(value)
            parts.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid-line"))
            parts.append(tag("text", name, x=left - 6, y=y + 4, text_anchor="end"))
        for value, name in self.x_axis.ticks:
            x = self.x(value)
            # Half of a name at an end would stick out of the picture.
            anchor = "end" if x > right - 14 else "start" if x < left + 6 else "middle"
            parts.append(tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
            parts.append(tag("text", name, x=x, y=bottom + 17, text_anchor=anchor))
        parts.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        middle = (left + right) / 2
        parts.append(tag("text", self.x_axis.label, x=middle, y=_HEIGHT - 6, text_anchor="middle"))
        upright = f"rotate(-90 11 {(_TOP + bottom) / 2})"
        parts.append(
            tag(
                "text", self.y_axis.label, x=11, y=(_TOP + bottom) / 2, text_anchor="middle",
                transform=upright,
            )
        )  # fmt: skip
        return Html("".join(parts))

    def figure(self, legend: Content = None, small: str = "") -> Html:
        chart = tag(
            "svg",
            tag("title", self._title),
            tag("desc", self._about),
            self._drawn,
            class_="chart", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img",
            aria_label=f"{self._title}. {self._about}",
            data_x_low=self.x_axis.low, data_x_high=self.x_axis.high,
            data_y_low=self.y_axis.low, data_y_high=self.y_axis.high,
            data_left=_LEFT, data_right=_WIDTH - _RIGHT,
            data_top=_TOP, data_bottom=_HEIGHT - _BOTTOM,
        )  # fmt: skip
        caption = tag("figcaption", self._title, tag("small", small) if small else None)
        return tag("figure", caption, chart, legend)


def lines(
    title: str,
    series: Sequence[Series],
    x: Axis,
    y: Axis,
    *,
    small: str = "",
    chance: Sequence[Sequence[float]] = (),
    edges: Sequence[float] = (),
) -> Html:
    """Lines, with a legend where there are several. chance: what guessing would give, a dotted
    line; edges: values of x where something begins."""
    plot = _Plot(title, x, y, f"{y.label} by {x.label}: {', '.join(one.name for one in series)}")
    for edge in edges:
        at = plot.x(edge)
        plot.put(tag("line", x1=at, x2=at, y1=_TOP, y2=_HEIGHT - _BOTTOM, class_="edge"))
    if chance:
        plot.put(tag("path", d=_path(plot, chance), class_="chance"))
    # The first ones matter most, so they lie on top.
    for one in reversed(series):
        classes = f"series c{one.style}{' thin' if one.thin else ''}"
        way = _path(plot, one.points, one.step)
        plot.put(tag("path", tag("title", one.name), d=way, class_=classes))
        if len(one.points) == 1:
            [[at_x, at_y]] = one.points
            plot.put(tag("circle", cx=plot.x(at_x), cy=plot.y(at_y), r=4, class_=f"f{one.style}"))
    for one in series:
        if one.mark is not None:
            plot.put(
                tag(
                    "circle", tag("title", f"{one.name} at the threshold"), r=5,
                    class_=f"mark c{one.style}", visibility="hidden", data_mark=one.mark,
                )
            )  # fmt: skip
    return plot.figure(legend([(one.name, one.style) for one in series]), small)


def mirrored(
    title: str,
    up: tuple[str, Sequence[float]],
    down: tuple[str, Sequence[float]],
    x: Axis,
    *,
    y_label: str,
    ticks: Sequence[tuple[float, str]],
    mark: str | None = None,
    small: str = "",
) -> Html:
    """Two rows of bars with one ground line. up, down: name, and heights of equal bins from end to
    end of x; ticks: of a height. mark: name of a line across that the script moves."""
    most = max([height for height, _ in ticks] + [0.1])
    both = [*((-height, name) for height, name in reversed(ticks) if height), *ticks]
    y = Axis(y_label, -most, most, both)
    plot = _Plot(title, x, y, f"{up[0]} upwards, {down[0]} downwards")
    width = (x.high - x.low) / max(len(up[1]), 1)
    for style, sign, heights in ((1, 1, up[1]), (0, -1, down[1])):
        for number, height in enumerate(heights):
            if height:
                left, right = plot.x(x.low + number * width), plot.x(x.low + (number + 1) * width)
                ends = sorted((plot.y(0), plot.y(sign * min(height, most))))
                plot.put(
                    tag(
                        "rect", x=left + 0.5, width=max(right - left - 1, 1), y=ends[0],
                        height=ends[1] - ends[0], class_=f"f{style}",
                    )
                )  # fmt: skip
    ground = plot.y(0)
    plot.put(tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=ground, y2=ground, class_="axis"))
    plot.put(tag("text", f"↑ {up[0]}", x=_LEFT + 6, y=_TOP + 12))
    # Where the bars of high scores, which are few, leave room.
    below = {"x": _WIDTH - _RIGHT - 6, "y": _HEIGHT - _BOTTOM - 6}
    plot.put(tag("text", f"↓ {down[0]}", **below, text_anchor="end"))
    if mark is not None:
        plot.put(
            tag(
                "line", tag("title", "threshold"), x1=_LEFT, x2=_LEFT, y1=_TOP,
                y2=_HEIGHT - _BOTTOM, class_="mark", data_mark=mark,
            )
        )  # fmt: skip
    return plot.figure(None, small)


def bars(title: str, stack: Stack, x: Axis, y_label: str, *, small: str = "") -> Html:
    """Stacked bars, equal bins from end to end of x."""
    totals = [sum(values) for values in stack.values]
    y = Axis.of(y_label, totals, zero=True)
    if max(totals, default=0) < 5:
        most = max(1, round(max(totals, default=1)))
        y = Axis(y_label, 0, most, [(n, number_text(n)) for n in range(most + 1)])
    plot = _Plot(title, x, y, f"{y_label} by {x.label}: {', '.join(stack.names)}")
    width = (x.high - x.low) / max(len(totals), 1)
    for number, values in enumerate(stack.values):
        low = 0.0
        for style, value in enumerate(values):
            if value:
                left, right = plot.x(x.low + number * width), plot.x(x.low + (number + 1) * width)
                plot.put(
                    tag(
                        "rect", tag("title", f"{number_text(value)} {stack.names[style]}"),
                        x=left + 0.5, width=max(right - left - 1, 1), y=plot.y(low + value),
                        height=plot.y(low) - plot.y(low + value), class_=f"f{style}",
                    )
                )  # fmt: skip
            low += value
    return plot.figure(_boxes(stack.names) if len(stack.names) > 1 else None, small)


def dots(
    title: str, points: Sequence[tuple[float, float, str]], x: Axis, y: Axis, *, small: str = ""
) -> Html:
    """x, y and what a pointer over it is told."""
    plot = _Plot(title, x, y, f"{y.label} by {x.label}")
    for at_x, at_y, name in points:
        plot.put(
            tag(
                "circle", tag("title", name), cx=plot.x(at_x), cy=plot.y(at_y), r=3.5,
                class_="f0", fill_opacity=0.6,
            )
        )  # fmt: skip
    return plot.figure(None, small)


def legend(entries: Sequence[tuple[str, int]]) -> Html:
    """Names beside pieces of their lines."""
    return tag(
        "ul",
        (
            tag(
                "li",
                tag(
                    "svg", tag("line", x1=0, x2=26, y1=5, y2=5, class_=f"series c{style}"),
                    viewBox="0 0 26 10", aria_hidden="true",
                ),
                name,
            )
            for name, style in entries
        ),
        class_="legend",
    )  # fmt: skip


def weight_bar(share: float) -> Html:
    """A small bar, from the middle to the right for what is above 0, to the left for what is below;
    share: -1 to 1."""
    length = round(22 * min(abs(share), 1), 2)
    start = 22.0 if share >= 0 else 22 - length
    return tag(
        "svg",
        tag("line", x1=22, x2=22, y1=0, y2=9, class_="axis"),
        tag("rect", x=start, y=1, width=length, height=7, class_="f1" if share >= 0 else "f0"),
        viewBox="0 0 44 9", aria_hidden="true",
    )  # fmt: skip


def _boxes(names: Sequence[str]) -> Html:
    return tag(
        "ul",
        (
            tag(
                "li",
                tag(
                    "svg", tag("rect", width=10, height=10, class_=f"f{style}"),
                    viewBox="0 0 26 10", aria_hidden="true",
                ),
                name,
            )
            for style, name in enumerate(names)
        ),
        class_="legend",
    )  # fmt: skip


def _path(plot: _Plot, points: Sequence[Sequence[float]], step: bool = False) -> str:
    """step: between two points the height is that of the left one in this order."""
    written: list[str] = []
    for number, (x, y) in enumerate(points):
        if step and number:
            written.append(f"L{plot.x(x)} {plot.y(points[number - 1][1])}")
        written.append(f"{'L' if number else 'M'}{plot.x(x)} {plot.y(y)}")
    return "".join(written)
