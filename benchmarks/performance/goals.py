"""What was to be reached, and whether it was: the records tell, not whoever writes the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.performance.records import Record
from benchmarks.turns import heading, line

# What was measured, by what it was measured on ("" where there is only one): a figure a limit.
Figures = Mapping[str, Sequence[float]]
_LENGTHS = (20, 50, 100)


@dataclass(frozen=True)
class Goal:
    """text: with its limits in words. limits: of the figures, in their order; at_least: these are
    to be no less, else under them. form: how a figure is shown."""

    text: str
    measurement: str
    limits: tuple[float, ...]
    at_least: bool
    figures: Callable[[Record], Figures]
    form: str = "{:.1f}"

    def row(self, record: Record | None) -> list[str]:
        """Its line of the table: text, figures, verdict."""
        if record is None:
            return [self.text, "", "not measured"]
        found = self.figures(record)
        shown = ", ".join(
            " / ".join(map(self.form.format, values)) + (f" ({label})" if label else "")
            for label, values in found.items()
        )
        # Of other sizes than the goal's.
        return [self.text, shown, "quick run" if record.quick else self.verdict(found)]

    def verdict(self, found: Figures) -> str:
        met = [
            value >= limit if self.at_least else value < limit
            for values in found.values()
            for value, limit in zip(values, self.limits, strict=True)
        ]
        if all(met):
            return "met"
        return f"{sum(met)} of {len(met)} met" if any(met) else "missed"


def _pipeline(*asked: tuple[str, str]) -> Callable[[Record], Figures]:
    """Ratios of systems and ways."""

    def figures(record: Record) -> Figures:
        systems = record.compared("systems")
        return {"": [systems[name].ratios[way] or 0.0 for name, way in asked]}

    return figures


def _distinct(record: Record) -> Figures:
    rows = record.compared("random")
    return {
        network: [
            rows[f"{network}, {length} events"].ratios["stepped"] or 0.0 for length in lengths
        ]
        for network in ("paper", "default")
        if (lengths := [one for one in _LENGTHS if f"{network}, {one} events" in rows])
    }


def _hdfs(record: Record) -> Figures:
    rows = record.compared("HDFS")
    return {network: [row.ratios["cold"] or 0.0] for network, row in rows.items()}


def _host(*names: str) -> Callable[[Record], Figures]:
    def figures(record: Record) -> Figures:
        # How many sessions were open is part of a name: a quick run has fewer.
        found = {
            name: value
            for asked in names
            for name, value in record.found.items()
            if name.endswith(asked)
        }
        return {"": list(found.values())}

    return figures


def _large(record: Record) -> Figures:
    return {"": [record.found["seconds"]["quick"], record.found["mebibytes"]["quick"]]}


def _meta_step(record: Record) -> Figures:
    return {"": [1000 * (record.compared("networks")["paper"].seconds["ours"] or 0.0)]}


GOALS = (
    Goal(
        "agent, HDFS-like lines, cold / warm: 3 / 5 times drain3 alone",
        "pipeline",
        (3, 5),
        True,
        _pipeline(("hdfs", "agent, cold"), ("hdfs", "agent, warm")),
    ),
    Goal(
        "the same BGL-like / OpenStack-like, cold: 3 / 1.5",
        "pipeline",
        (3, 1.5),
        True,
        _pipeline(("bgl", "agent, cold"), ("openstack", "agent, cold")),
    ),
    Goal(
        "distinct sequences of 20 / 50 / 100 events against the exported GRU graph: "
        "1.7 / 1.9 / 2 times",
        "scoring",
        (1.7, 1.9, 2),
        True,
        _distinct,
        "{:.2f}",
    ),
    Goal(
        "sessions a second on HDFS shapes against padded batches: 10 times",
        "scoring",
        (10,),
        True,
        _hdfs,
    ),
    Goal(
        "last line to alert, 1,000 lines/s on 50 files: median 300 ms, 99 % 1.5 s",
        "footprint",
        (300, 1500),
        False,
        _host("latency, median, ms", "latency, 99 %, ms"),
        "{:.0f} ms",
    ),
    Goal(
        "memory, idle / 100,000 open sessions: 90 / 250 MiB",
        "footprint",
        (90, 250),
        False,
        _host("idle, MiB", "open sessions, MiB"),
        "{:.0f}",
    ),
    Goal(
        "50 quiet files: under 1 % of a core",
        "footprint",
        (1,),
        False,
        _host("idle, % of a core"),
        "{:.2f} %",
    ),
    Goal("start to first line: 1 s", "footprint", (1,), False, _host("start, seconds"), "{:.2f} s"),
    Goal(
        "`prepare`, 11 million HDFS lines: 90 s / 2,048 MiB",
        "preparing-large",
        (90, 2048),
        False,
        _large,
        "{:.0f}",
    ),
    Goal(
        "meta-step, batch 100, HDFS lengths, the paper's network: 100 ms",
        "meta-step",
        (100,),
        False,
        _meta_step,
        "{:.0f} ms",
    ),
)


def goals_table(records: Mapping[str, Record]) -> str:
    rows = [line(goal.row(records.get(goal.measurement))) for goal in GOALS]
    return "\n".join([heading(["goal", "measured", ""], numbers_from=3), *rows])
