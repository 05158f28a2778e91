"""Scales of axes: where values are, and which of them are named."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_DAY = 86400
# Seconds between named moments.
_ROUND = (
    1,
    5,
    15,
    30,
    60,
    300,
    900,
    1800,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    _DAY,
    2 * _DAY,
    7 * _DAY,
)


@dataclass(frozen=True)
class Axis:
    """low, high: of the data, not equal; ticks: values that are named, with their names."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    @classmethod
    def of(cls, label: str, values: Sequence[float], *, zero: bool = False) -> "Axis":
        """Round numbers around finite values. zero: begin there."""
        low, high = (0.0, 1.0) if not values else (min(values), max(values))
        low = min(low, 0.0) if zero else low
        # What differs by less is the same to a reader, and to floats.
        if high - low <= 1e-9 * max(abs(low), abs(high), 1e-6):
            high = low + max(abs(low), 1.0)
        step = _step((high - low) / 4)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        # n * step, and not a sum: no error is carried along.
        marks = [number * step for number in range(first, last + 1)]
        return cls(label, marks[0], marks[-1], [(mark, number_text(mark)) for mark in marks])

    @classmethod
    def share(cls, label: str) -> "Axis":
        """From 0 to 1."""
        return cls(label, 0, 1, [(n / 5, f"{n / 5:g}") for n in range(6)])

    @classmethod
    def time(cls, low: float, high: float) -> "Axis":
        """Seconds since 1970, named in UTC at round moments. low < high."""
        weeks = math.ceil((high - low) / 5 / (7 * _DAY))
        step = next((one for one in _ROUND if (high - low) / one <= 5), weeks * 7 * _DAY)
        days = high - low > _DAY
        form = "%H:%M:%S" if step < 60 else "%m-%d %H:%M" if days else "%H:%M"
        if step >= _DAY:
            form = "%Y-%m-%d" if high - low > 300 * _DAY else "%m-%d"
        first, last = math.ceil(low / step), math.floor(high / step)
        moments = [number * step for number in range(first, last + 1)]
        ticks = [(at, f"{datetime.fromtimestamp(at, UTC):{form}}") for at in moments]
        # Names with a day are long.
        return cls("UTC", low, high, ticks[:: 2 if len(form) > 8 else 1])


def number_text(value: float) -> str:
    """ "1,200", "0.25", "1.5M"."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"


def _step(least: float) -> float:
    """The next of 1, 2, 5, 10... times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)
