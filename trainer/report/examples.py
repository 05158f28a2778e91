"""Sections that show sessions: kinds of anomalies, and the worst mistakes with their lines."""

from collections.abc import Sequence
from typing import Any

from models.page.charts import weight_bar
from models.page.markup import Content, Html, tag
from models.page.tables import note, table
from trainer.report.gathered import Exam, RunResult
from trainer.report.mistakes import Mistake, Mistakes, Shown

_KINDS = 12
_NO_EVENT = "(none: order or counts)"


def kinds(exams: Sequence[Exam]) -> Content:
    return [
        tag(
            "p",
            "Anomalies, filed under the event that singles them out: the one that the fewest "
            "normal sessions have.",
        ),
        [
            [
                tag("h3", one.method.name),
                table(
                    ("event", "found", "of", "normal sessions with it"),
                    [_kind(row) for row in one.kinds[:_KINDS]],
                    log=(0,),
                    label=f"Kinds of anomalies, {one.method.name}",
                ),
                note(f"And {len(one.kinds) - _KINDS:,} rarer kinds.")
                if len(one.kinds) > _KINDS
                else None,
            ]
            for exam in exams
            for one in exam.runs
        ],
    ]


def _kind(row: dict[str, Any]) -> list[Content]:
    event = _NO_EVENT if row["event"] is None else row["event"]
    missed = row["found"] < row["sessions"]
    return [
        [event, tag("div", f"e.g. {row['example']}", class_="soft")],
        [f"{row['found']:,}", tag("span", " missed some", class_="soft") if missed else None],
        f"{row['sessions']:,}",
        f"{row['normal_sessions_with_it']:,}",
    ]


def mistakes(exams: Sequence[Exam]) -> Content:
    return [
        tag(
            "p",
            "Sessions on the wrong side of the run's threshold, the worst first; those that are "
            "the same event by event stand once. The weight of an event is what the session's "
            "score would lose without its lines, in log-odds: to the right it speaks for an "
            "anomaly, to the left against one. Messages are masked as the network reads them.",
        ),
        [_of_run(one) for exam in exams for one in exam.runs],
    ]


def _of_run(one: RunResult) -> Content:
    found: Mistakes = one.mistakes
    parts: list[Content] = [tag("h3", one.method.name)]
    if not found.weighed:
        parts.append(
            note(
                "No weights: these sessions are described by each other, since the run keeps no "
                "history of their system."
            )
        )
    for name, group, total in (
        ("False alarms", found.false_alarms, found.sessions[0]),
        ("Missed anomalies", found.missed, found.sessions[1]),
    ):
        count = f"{total:,} session{'s' if total > 1 else ''}" if total else "none"
        parts.append(tag("h4", name, " ", tag("small", count, class_="soft")))
        parts += [_mistake(each, first=not n) for n, each in enumerate(group)]
        shown = sum(each.twins for each in group)
        if shown < total:
            parts.append(note(f"And {total - shown:,} sessions of lesser mistakes."))
    return parts


def _mistake(one: Mistake, first: bool) -> Html:
    twins = f", {one.twins:,} sessions like it" if one.twins > 1 else ""
    heading = tag(
        "summary",
        tag("span", one.key, class_="log"),
        tag("span", f" scored {one.score:.4g}, {one.length:,} lines{twins}", class_="soft"),
    )
    most = max((abs(line.weight or 0.0) for line in one.shown if line is not None), default=0.0)
    lines: list[Html] = []
    for line in one.shown:
        lines += [tag("div", "…", class_="gap")] if line is None else _line(line, most)
    return tag("details", heading, tag("div", tag("div", lines, class_="lines")), open=first)


def _line(line: Shown, most: float) -> list[Html]:
    weight: Content = None
    if line.weight is not None:
        shown = f"{line.weight:+.2f}"
        weight = [shown, weight_bar(line.weight / most if most else 0.0)]
    times = tag("span", f" ×{line.repeated:,}", class_="soft") if line.repeated > 1 else None
    new = [" ", tag("span", "new", class_="badge warn")] if line.new else None
    return [
        tag("span", f"{line.number:,}", class_="number"),
        tag("span", weight, class_="weight"),
        tag("span", line.message, times, new, class_="log"),
    ]
