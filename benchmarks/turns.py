"""Ways of doing the same that took turns in one run: their medians, and how they compare."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class Compared:
    """seconds: median of each way, None of one that could not be run here; ratios: how many times
    as fast as the way they are compared with."""

    seconds: Mapping[str, float | None]
    ratios: Mapping[str, float | None]

    @classmethod
    def of(cls, turns: Mapping[str, Sequence[float]], base: str) -> Self:
        """turns: seconds of each way; no turn: it could not be run."""
        seconds = {way: statistics.median(taken) if taken else None for way, taken in turns.items()}
        first = seconds[base]
        if first is None:
            raise ValueError(f"{base}, which the others are compared with, had no turn")
        ratios = {way: None if taken is None else first / taken for way, taken in seconds.items()}
        return cls(seconds, ratios)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return cls(found["seconds"], found["ratios"])

    def to_json(self) -> dict[str, dict[str, float | None]]:
        return {"seconds": rounded(self.seconds), "ratios": rounded(self.ratios)}

    def rates(self, count: int, *, unit: int = 1, digits: int = 1) -> list[str]:
        """Cells of a table: so many units of ``count`` a second, and in brackets the ratio."""
        return [
            NOT_INSTALLED
            if seconds is None
            else f"{count / seconds / unit:,.0f} ({self.ratios[way]:.{digits}f})"
            for way, seconds in self.seconds.items()
        ]

    def milliseconds(self) -> list[str]:
        """Cells of a table: milliseconds, and in brackets the ratio."""
        return [
            NOT_INSTALLED if seconds is None else f"{1000 * seconds:,.0f} ({self.ratios[way]:.1f})"
            for way, seconds in self.seconds.items()
        ]


def rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """To four digits: what another run would repeat at best."""
    return {name: None if one is None else float(f"{one:.4g}") for name, one in values.items()}


def heading(titles: Sequence[str], *, numbers_from: int = 1) -> str:
    """The first two lines of a table in Markdown."""
    rule = "---|" * numbers_from + "---:|" * (len(titles) - numbers_from)
    return f"{line(titles)}\n|{rule}"


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
