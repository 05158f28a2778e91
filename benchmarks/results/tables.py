"""Tables of the page, in Markdown."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results.published import TITLE, Published
from benchmarks.results.records import Record, better
from trainer.benchmark.baselines import BASELINES
from trainer.benchmark.figures import SPLITS
from trainer.benchmark.table import spread

NAMES = {
    "default": "default",
    "target-only": "default, the target's labels alone",
    "source-only": "default, the source's labels alone, target's history",
    "words": "words (without statistics)",
    "paper": "paper",
    "new-event": "rule: an event that no known normal session has",
    "count-distance": "rule: distance of counts to the nearest normal ones",
    "count-knn": "rule: nearest neighbour of counts",
    "count-tree": "rule: decision tree on counts",
    "count-logistic": "rule: logistic regression on counts",
    "length": "rule: session length",
    "keywords": "rule: words such as error, fail",
    "rarity": "rule: mean rarity of events",
    "pair-rarity": "rule: mean rarity of pairs of events",
}


@dataclass(frozen=True)
class Column:
    """A figure of a split; factor: what 1 is printed as; telling: more (or less) of it is better
    whatever the other figures are."""

    heading: str
    split: str
    figure: str
    factor: float = 100
    telling: bool = True


COLUMNS = (
    Column("P", "raw", "precision", telling=False),
    Column("R", "raw", "recall", telling=False),
    Column("F1 raw", "raw", "f1"),
    Column("F1 distinct", "distinct", "f1"),
    Column("F1 unseen", "unseen", "f1"),
    Column("AUROC raw", "raw", "auroc"),
    Column("AUROC unseen", "unseen", "auroc"),
    Column("AUPRC raw", "raw", "auprc"),
    Column("AUPRC unseen", "unseen", "auprc"),
    Column("MCC", "raw", "mcc"),
    Column("false alarms", "raw", "false_alarms_per_1000", 1, telling=False),
)
_F1 = COLUMNS[2]
_NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """A method of a record; title: as it is to be read."""

    title: str
    record: Record
    method: str

    def mean(self, column: Column, seeds: Sequence[int] | None) -> float | None:
        return self.record.mean(self.method, column.split, column.figure, seeds)


def name_of(method: str) -> str:
    """ "default/attention=none" is "default, attention=none"."""
    preset, _, changes = method.partition("/")
    return ", ".join([NAMES.get(preset, preset), *filter(None, changes.split("/"))])


def rows_of(record: Record, methods: Iterable[str] | None = None) -> list[Row]:
    """Of a record: what was asked for in its order, then the rules, the best first (F1, raw)."""
    rules = record.best_rules("raw", "f1")
    rules += [rule for rule in record.rules if rule not in rules]
    asked = [method for method in record.methods if method not in BASELINES]
    return [
        Row(name_of(method), record, method)
        for method in (methods if methods is not None else [*asked, *rules])
    ]


def figures_table(
    rows: Sequence[Row],
    seeds: Sequence[int] | None = None,
    published: Published | None = None,
    columns: Sequence[Column] = COLUMNS,
) -> str:
    """Mean ± standard deviation.

    In bold: the best figures of a column, but not where one says nothing alone (a rule that never
    speaks raises no false alarm), and the names of the row with the best F1 (raw) and of the best
    rule. Under several rules a row of the best of each column.
    """
    best = [_best_mean(rows, column, seeds) if column.telling else None for column in columns]
    rules = [row for row in rows if row.method in BASELINES]
    marked = [_best(rows, _F1, seeds), _best(rules, _F1, seeds)]
    lines = [
        line(["", *(column.heading for column in columns)]),
        line(["---"] * (len(columns) + 1)),
    ]
    for row in rows:
        title = f"**{row.title}**" if row in marked else row.title
        cells = [
            _bold(_cell(row, column, seeds), row.mean(column, seeds), mean)
            for column, mean in zip(columns, best, strict=True)
        ]
        lines.append(line([title, *cells]))
    if len(rules) > 1:
        cells = []
        for column in columns:
            rule = _best(rules, column, seeds) if column.telling else None
            cells.append("" if rule is None else _cell(rule, column, seeds))
        lines.append(line(["*the best rule of each column*", *cells]))
    if published is not None:
        known = {
            ("raw", "precision"): published.precision,
            ("raw", "recall"): published.recall,
            ("raw", "f1"): published.f1,
            ("raw", "auroc"): published.auroc,
        }
        cells = [_number(known.get((column.split, column.figure))) for column in columns]
        lines.append(line([TITLE, *cells]))
    return "\n".join(lines)


def caption(record: Record) -> str:
    """The command, the labels used, the test part and the seeds."""
    command = "\n".join(f"    {line}" for line in record.command.splitlines())
    return f"{command}\n\n{used(record, record.seeds)}"


def used(record: Record, seeds: Sequence[int]) -> str:
    """Labels, test part and the seeds."""
    said = f"{_labels(record, seeds)} {_tested(record, seeds)}"
    if len(seeds) == 1:
        return f"{said} Seed {seeds[0]}."
    return f"{said} Seeds {seeds[0]} to {seeds[-1]}, mean ± standard deviation."


def _labels(record: Record, seeds: Sequence[int]) -> str:
    *sources, target = record.report["systems"]
    parts = [
        f"{source['labels']['normal']:,} normal and {source['labels']['anomalous']:,} anomalous of "
        f"{source['name']}"
        for source in sources
    ]
    normal, anomalous = _target_labels(record, seeds)
    if normal == anomalous == "0":
        own, more = f"none of {target['name']}, the target", ""
    else:
        own = f"{normal} normal and {anomalous} anomalous of {target['name']}, the target"
        more = "more "
    if target["unlabelled"]:
        own += f" ({target['unlabelled']:,} {more}of its sessions seen without)"
    return f"Labels: {', '.join([*parts, own])}."


def _target_labels(record: Record, seeds: Sequence[int] | None) -> tuple[str, str]:
    """Normal and anomalous ones, from the least to the most of a seed."""
    by_seed = record.report["labels_by_seed"]
    chosen = [by_seed[str(seed)] for seed in (record.seeds if seeds is None else seeds)]
    normal, anomalous = (
        span([labels[kind] for labels in chosen]) for kind in ("normal", "anomalous")
    )
    return normal, anomalous


def _tested(record: Record, seeds: Sequence[int] | None) -> str:
    parts = []
    for split in SPLITS:
        sessions, anomalous = (
            span(record.tested(split, kind, seeds)) for kind in ("sessions", "anomalous")
        )
        parts.append(
            f"{sessions} {'sessions' if split == 'raw' else split} ({anomalous} anomalous)"
        )
    return f"Tested on {', '.join(parts)}."


def span(values: Iterable[int]) -> str:
    known = list(values)
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def overview(records: Mapping[str, Record], method: str = "default") -> str:
    """A row an experiment: the method against the best rule of each column."""
    shown = (
        Column("F1 raw", "raw", "f1"),
        Column("F1 unseen", "unseen", "f1"),
        Column("AUROC", "raw", "auroc"),
        Column("AUPRC", "raw", "auprc"),
    )
    headings = [""]
    for column in shown:
        headings += [column.heading, "best rule"]
    lines = [line([*headings, "false alarms"]), line(["---"] * (len(headings) + 1))]
    for title, record in records.items():
        own = Row(name_of(method), record, method)
        rules = [Row(name_of(rule), record, rule) for rule in record.rules]
        cells = [title]
        for column in shown:
            rule = _best(rules, column, None)
            best = _best_mean([own, *rules], column, None)
            for row in (own, rule):
                if row is None:
                    cells.append(_NOTHING)
                else:
                    cells.append(_bold(_cell(row, column, None), row.mean(column, None), best))
            if rule is not None:
                cells[-1] += f" `{rule.method}`"
        lines.append(line([*cells, _cell(own, COLUMNS[-1], None)]))
    return "\n".join(lines)


def series_table(
    heading: str,
    steps: Mapping[str, Record],
    methods: Sequence[str],
    seeds: Sequence[int] | None = None,
    published: Mapping[str, float] | None = None,
    with_best_rule: bool = True,
) -> str:
    """Columns are steps (a budget, a share of labels), cells F1 raw / distinct / unseen.

    First rows: the labels of the target and the anomalies in the test part. with_best_rule: a row
    that has, of each step and split, the rule that is best there.
    """
    lines = [line([heading, *steps]), line(["---"] * (len(steps) + 1))]
    labels = [" + ".join(_target_labels(record, seeds)) for record in steps.values()]
    lines.append(line(["labels, normal + anomalous", *labels]))
    anomalies = [span(record.tested("raw", "anomalous", seeds)) for record in steps.values()]
    lines.append(line(["anomalies tested, raw", *anomalies]))
    for method in methods:
        title = name_of(method)
        cells = [_three(record, method, seeds) for record in steps.values()]
        lines.append(line([f"**{title}**" if method == methods[0] else title, *cells]))
    if with_best_rule:
        lines.append(
            line(["*best rule*", *(_three(record, None, seeds) for record in steps.values())])
        )
    if published:
        lines.append(line([TITLE, *(_number(published.get(step)) for step in steps)]))
    return "\n".join(lines)


def _best(rows: Sequence[Row], column: Column, seeds: Sequence[int] | None) -> Row | None:
    best, mean = None, 0.0
    for row in rows:
        one = row.mean(column, seeds)
        if one is not None and (best is None or better(column.figure, one, mean)):
            best, mean = row, one
    return best


def _best_mean(rows: Sequence[Row], column: Column, seeds: Sequence[int] | None) -> float | None:
    row = _best(rows, column, seeds)
    return None if row is None else row.mean(column, seeds)


def _bold(cell: str, mean: float | None, best: float | None) -> str:
    """Ties are all bold; nought is never."""
    if mean is None or best is None or best <= 0 or not math.isclose(mean, best):
        return cell
    return f"**{cell}**"


def _cell(row: Row, column: Column, seeds: Sequence[int] | None) -> str:
    values = row.record.values(row.method, column.split, column.figure, seeds)
    if not values:
        return _NOTHING
    text = spread(values, column.factor, 1).replace("±", " ± ")
    if column.figure == "f1":
        text += _interval(row, column.split, seeds)
    return text


def _interval(row: Row, split: str, seeds: Sequence[int] | None) -> str:
    """Where a seed has too few anomalies: the widest of the seeds' 95 % intervals."""
    found = row.record.rows(row.method, split, seeds)
    bounds = [one["f1_interval"] for one in found if "f1_interval" in one]
    if not bounds:
        return ""
    low, high = min(one for one, _ in bounds), max(one for _, one in bounds)
    return f" ({100 * low:.0f}..{100 * high:.0f})"


def _three(record: Record, method: str | None, seeds: Sequence[int] | None) -> str:
    """F1 of the three splits; without a method of the rule that is best in each."""
    cells = []
    for split in SPLITS:
        column = Column("", split, "f1")
        chosen = method or next(iter(record.best_rules(split, "f1", seeds)), None)
        if chosen is None or chosen not in record.methods:
            cells.append(_NOTHING)
        else:
            cells.append(_cell(Row("", record, chosen), column, seeds))
    return " / ".join(cells)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def line(cells: Sequence[str]) -> str:
    """A row in Markdown."""
    return f"| {' | '.join(cells)} |"
