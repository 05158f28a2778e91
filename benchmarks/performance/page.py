"""The page: prose of page.md with figures and tables in the places of its {{blocks}}."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.performance.goals import goals_table
from benchmarks.performance.measurements import MEASUREMENTS
from benchmarks.performance.records import Record
from benchmarks.turns import NOT_INSTALLED, Compared, heading, line
from models.errors import UserError

TEMPLATE = Path(__file__).with_name("page.md")

_PLACE = re.compile(r"\{\{([^{}]+)\}\}")
_REVISION = 12


class NotMeasuredError(Exception):
    """A block whose measurement has no record; says which."""


class Page:
    """Text made of the measurements that have a record.

    A block is a word and maybe the name of a measurement, as in {{parsing parsing-real}}. Where the
    record is missing it says so.
    """

    def __init__(self, records: Mapping[str, Record]) -> None:
        self._records = records
        # The number of names that follow the word, and what it gives.
        self._blocks: dict[str, tuple[int, Callable[..., str]]] = {
            "goals": (0, lambda: goals_table(records)),
            "machines": (0, self._machines),
            "measured": (0, self._measured),
            "command": (1, self._command),
            "pipeline": (0, self._pipeline),
            "growth": (0, self._growth),
            "footprint": (0, self._footprint),
            "scoring": (1, self._scoring),
            "sessions": (0, self._sessions),
            "meta-step": (0, self._meta_step),
            "parsing": (1, self._parsing),
            "preparing": (1, self._preparing),
        }

    def text(self, template: str) -> str:
        """The template with every block filled. Raises UserError for one that means nothing."""
        return _PLACE.sub(self._filled, template)

    def _filled(self, place: re.Match[str]) -> str:
        word, *names = place[1].split() or [""]
        count, make = self._blocks.get(word, (-1, None))
        if make is None or len(names) != count:
            known = ", ".join(f"{one} ({names} names)" for one, (names, _) in self._blocks.items())
            raise UserError(f"{TEMPLATE.name}: {place[0]} is no block; there are {known}")
        try:
            return make(*names)
        except NotMeasuredError as error:
            return f"Not measured yet: `{error}`."
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{place[0]}: its record is of another form ({error!r}); measure again with "
                "`python -m benchmarks.performance --only NAME`"
            ) from None

    def _record(self, name: str) -> Record:
        if name not in MEASUREMENTS:
            raise UserError(f"{TEMPLATE.name}: {name} is no measurement")
        if name not in self._records:
            raise NotMeasuredError(name)
        return self._records[name]

    def _machines(self) -> str:
        """Each once, with what was measured on it where there are several."""
        of: dict[str, list[str]] = {}
        for name, record in self._records.items():
            of.setdefault(str(record.machine), []).append(name)
        if not of:
            raise NotMeasuredError("all")
        if len(of) == 1:
            return f"{next(iter(of))}."
        return "\n".join(f"- {', '.join(names)}: {machine}" for machine, names in of.items())

    def _measured(self) -> str:
        rows = [
            line(
                [
                    name,
                    record.date,
                    f"`{(record.revision or 'unknown')[:_REVISION]}`",
                    f"`{record.command}`{' (quick)' if record.quick else ''}",
                ]
            )
            for name, record in self._records.items()
        ]
        return "\n".join(
            [heading(["measurement", "day", "code", "command"], numbers_from=4), *rows]
        )

    def _command(self, name: str) -> str:
        try:
            record = self._record(name)
        except NotMeasuredError:
            return f"`{MEASUREMENTS[name].command(quick=False)}`"
        return f"`{record.command}`{' (a quick run, which says little)' if record.quick else ''}"

    def _pipeline(self) -> str:
        record = self._record("pipeline")
        lines = record.found["lines"]
        return _table(
            "lines like", record.compared("systems"), lambda one: one.rates(lines, unit=1000)
        )

    def _growth(self) -> str:
        found = self._record("growth").found["microseconds"]
        counts = sorted({int(count) for row in found.values() for count in row})
        rows = [
            line(
                [
                    f"{count:,}",
                    *(
                        "" if str(count) not in row else f"{row[str(count)]:.0f}"
                        for row in found.values()
                    ),
                ]
            )
            for count in counts
        ]
        return "\n".join([heading(["how many", *found], numbers_from=0), *rows])

    def _footprint(self) -> str:
        found = self._record("footprint").found
        return "\n".join(f"    {name}: {value:.2f}" for name, value in found.items())

    def _scoring(self, table: str) -> str:
        record = self._record("scoring")
        sessions = {row["label"]: row["sessions"] for row in record.found[table]}
        rows = record.compared(table)
        ways = next(iter(rows.values())).seconds
        return "\n".join(
            [
                heading(["network", *ways]),
                *(
                    line([label, *one.rates(sessions[label], digits=2)])
                    for label, one in rows.items()
                ),
            ]
        )

    def _sessions(self) -> str:
        found = self._record("scoring").found
        return f"{found['HDFS'][0]['sessions']:,} sessions of HDFS ({found['distinct']:,} distinct)"

    def _meta_step(self) -> str:
        record = self._record("meta-step")
        return _table("network", record.compared("networks"), Compared.milliseconds)

    def _parsing(self, name: str) -> str:
        record = self._record(name)
        rows = record.compared("rows")
        sizes = {row["label"]: row["lines"] for row in record.found["rows"]}
        ways = next(iter(rows.values())).seconds
        return "\n".join(
            [
                heading(["lines like", "number", *ways]),
                *(
                    line([label, f"{sizes[label]:,}", *one.rates(sizes[label], unit=1000)])
                    for label, one in rows.items()
                ),
            ]
        )

    def _preparing(self, name: str) -> str:
        found = self._record(name).found
        compared, lines = Compared.from_json(found), found["lines"]
        rows = [
            line(
                [
                    f"{lines:,}",
                    f"{found['sessions']:,}",
                    way,
                    NOT_INSTALLED if seconds is None else f"{seconds:.1f} s",
                    rate,
                    f"{found['mebibytes'][way]:.0f} MiB",
                ]
            )
            for (way, seconds), rate in zip(
                compared.seconds.items(), compared.rates(lines, unit=1000), strict=True
            )
        ]
        titles = ["lines", "sessions", "way", "processor time", "thousand lines/s", "memory"]
        return "\n".join([heading(titles), *rows])


def _table(title: str, rows: Mapping[str, Compared], cells: Callable[[Compared], list[str]]) -> str:
    ways = next(iter(rows.values())).seconds
    return "\n".join(
        [heading([title, *ways]), *(line([label, *cells(one)]) for label, one in rows.items())]
    )
