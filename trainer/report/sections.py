"""Sections about data, results, thresholds, templates and training."""

from collections.abc import Sequence
from typing import Any

from models.page import charts
from models.page.charts import Series
from models.page.markup import Content, Html, tag
from models.page.scales import Axis
from models.page.tables import note, table, tile, tiles
from trainer.benchmark.figures import FEWEST_POSITIVES
from trainer.metrics import percent
from trainer.report.gathered import Exam, Method, RunResult
from trainer.run import Run

# Rules drawn beside the runs: the best ones by F1.
_RULES_DRAWN = 3
_SPLITS = {
    "raw": "All test sessions",
    "distinct": "Distinct: one session for each sequence of events",
    "unseen": "Unseen: distinct sequences that training did not have",
}


def data(exams: Sequence[Exam]) -> Content:
    return [
        tag(
            "p",
            "What each run learnt from, and what it was tested on. A label counts as used only "
            "where training could read it.",
        ),
        [(_systems(one.run, one.method.name), _setting(one.run)) for e in exams for one in e.runs],
        [_tested(exam) for exam in exams],
    ]


def _systems(run: Run, name: str) -> Content:
    rows = [
        (
            role.name, kind, f"{role.sessions:,}", f"{role.anomalous:,}",
            f"{role.normal_labels:,}", f"{role.anomaly_labels:,}",
        )
        for kind, role in run.systems_named
    ]  # fmt: skip
    columns = ("system", "role", "sessions", "anomalous", "normal labels used", "anomaly labels")
    return [tag("h3", name), table(columns, rows, text=(0, 1), label=f"Systems of {name}")]


def _setting(run: Run) -> Html:
    return tag(
        "p",
        f"Preset {run.preset.name}, seed {run.seed}, threshold {run.threshold:.4g} "
        f"({run.threshold_origin}), {run.network.members} network(s), metalog {run.version}.",
        class_="soft",
    )


def _tested(exam: Exam) -> Content:
    counts = exam.counts["raw"]
    said: list[Html] = [
        tile(f"{counts['sessions']:,}", "test sessions"),
        tile(f"{counts['anomalous']:,}", "of them anomalous"),
        tile(f"{exam.counts['distinct']['sessions']:,}", "distinct sequences"),
        tile(f"{exam.counts['unseen']['sessions']:,}", "of them not in training"),
        tile(f"{exam.left_out:,}", "seen, so left out"),
        tile(f"{exam.templates.new:,}", "templates new in the test"),
    ]
    notes: list[Html] = []
    if exam.unlabelled:
        notes.append(note(f"{exam.unlabelled:,} more sessions have no label and count nowhere."))
    if counts["anomalous"] < FEWEST_POSITIVES:
        notes.append(
            note(
                f"Only {counts['anomalous']} anomalies to find: one session moves F1 by points. "
                "Intervals are 95 % bootstrap intervals.",
                warn=True,
            )
        )
    return [tag("h3", f"Test part of {exam.name}"), tiles(*said), notes]


def results(exams: Sequence[Exam]) -> Content:
    return [
        tag(
            "p",
            "Logs repeat themselves: a figure on all sessions may be that of a few sequences that "
            "came thousands of times. So each is given three times. Rules learnt from the same "
            "sessions and labels as the runs, and took their thresholds from those.",
        ),
        [_results(exam, several=len(exams) > 1) for exam in exams],
    ]


def _results(exam: Exam, several: bool) -> Content:
    methods = [*(one.method for one in exam.runs), *exam.rules]
    columns = (
        "method", "precision", "recall", "F1", "AUROC", "AUPRC", "false alarms / 1,000",
    )  # fmt: skip
    parts: list[Content] = [tag("h3", f"On {exam.name}")] if several else []
    for split, name in _SPLITS.items():
        counts = exam.counts[split]
        size = f"{counts['sessions']:,} sessions, {counts['anomalous']:,} anomalous"
        rows = [_row(method.name, method.figures[split]) for method in methods]
        parts += [
            tag("h3", name, " ", tag("small", size, class_="soft")),
            table(columns, rows, ours=len(exam.runs), label=name),
        ]
    if exam.without_rules:
        parts.append(note(f"No rules to compare with: {exam.without_rules}."))
    return parts


def _row(name: str, figures: dict[str, Any]) -> list[Content]:
    f1: Content = percent(figures["f1"])
    if "f1_interval" in figures:
        low, high = (percent(bound) for bound in figures["f1_interval"])
        f1 = [f1, tag("span", f" [{low}, {high}]", class_="soft")]
    alarms = figures["false_alarms_per_1000"]
    return [
        name,
        percent(figures["precision"]),
        percent(figures["recall"]),
        f1,
        percent(figures["auroc"]),
        percent(figures["auprc"]),
        "-" if alarms is None else f"{alarms:,.1f}",
    ]


def curves(exams: Sequence[Exam], numbers: dict[int, int]) -> Content:
    """numbers: of each run in the page's data, by its identity."""
    parts: list[Content] = []
    for exam in exams:
        runs = [one for one in exam.runs if one.method.curves is not None]
        heading = tag("h3", f"On {exam.name}") if len(exams) > 1 else None
        if not runs:
            parts.append([heading, note("One class is not there, so there is no curve.")])
            continue
        rules = [one for one in exam.rules if one.curves is not None][:_RULES_DRAWN]
        share = exam.counts["raw"]["anomalous"] / exam.counts["raw"]["sessions"]
        roc = charts.lines(
            f"ROC, {exam.name}" if len(exams) > 1 else "ROC",
            _drawn(runs, rules, numbers, "roc"),
            Axis.share("false positive rate"),
            Axis.share("recall"),
            chance=((0, 0), (1, 1)),
            small="dots: at the threshold; dotted: guessing",
        )
        precision = charts.lines(
            f"Precision and recall, {exam.name}" if len(exams) > 1 else "Precision and recall",
            _drawn(runs, rules, numbers, "precision_recall"),
            Axis.share("recall"),
            Axis.share("precision"),
            chance=((0, share), (1, share)),
            small="dots: at the threshold; dotted: guessing",
        )
        parts.append([heading, tag("div", roc, precision, class_="grid")])
    return parts


def _drawn(
    runs: Sequence[RunResult], rules: Sequence[Method], numbers: dict[int, int], kind: str
) -> list[Series]:
    mark = "roc" if kind == "roc" else "pr"
    step = kind == "precision_recall"
    drawn = []
    for place, method in enumerate([*(one.method for one in runs), *rules]):
        assert method.curves is not None
        is_run = place < len(runs)
        drawn.append(
            Series(
                method.name if is_run else f"{method.name} (rule)",
                method.curves[kind],
                place % charts.STYLES,
                thin=not is_run,
                step=step,
                mark=f"{numbers[id(runs[place])]}:{mark}" if is_run else None,
            )
        )
    return drawn


def templates(exams: Sequence[Exam]) -> Content:
    return [
        tag(
            "p",
            "Templates whose shares of normal and anomalous test sessions differ most. Numbers, "
            "addresses, paths and keys are masked.",
        ),
        [_templates(exam, len(exams) > 1) for exam in exams],
    ]


def _templates(exam: Exam, several: bool) -> Content:
    rows = [
        (
            [one.text, " ", tag("span", "new", class_="badge warn")] if one.new else one.text,
            _share(one.normal),
            _share(one.anomalous),
        )
        for one in exam.templates.told
    ]
    count = f"{exam.templates.trained:,} known from training, {exam.templates.new:,} met only here"
    return [
        tag("h3", f"{exam.name}" if several else None, tag("small", f" {count}", class_="soft")),
        table(("template", "of normal", "of anomalous"), rows, log=(0,), label="Templates"),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def training(exams: Sequence[Exam]) -> Content:
    figures: list[Html] = []
    missing: list[str] = []
    for one in (one for exam in exams for one in exam.runs):
        if one.training is None:
            missing.append(one.method.name)
            continue
        logged = one.training
        values = [y for points in logged.curves.values() for _, y in points]
        small = f"{logged.steps:,} meta-tasks"
        if logged.averaged > 1:
            small += f", means of {logged.averaged}"
        if logged.begins:
            small += f"; dashes: the next of {one.run.network.members} networks begins"
        figures.append(
            charts.lines(
                f"Loss, {one.method.name}",
                [
                    Series(name, points, style)
                    for style, (name, points) in enumerate(logged.curves.items())
                ],
                Axis.of("meta-task", [0, logged.steps]),
                Axis.of("loss", values, zero=True),
                edges=logged.begins,
                small=small,
            )
        )
        if logged.validation:
            figures.append(
                charts.lines(
                    f"Validation, {one.method.name}",
                    [
                        Series(name, points, style)
                        for style, (name, points) in enumerate(logged.validation.items())
                    ],
                    Axis.of("meta-task", [0, logged.steps]),
                    Axis.of("share", [0, 1]),
                    edges=logged.begins,
                    small="on labelled sessions of the target that a network left out; nothing is "
                    "chosen by it",
                )
            )
    told = note(f"Nothing logged in {', '.join(missing)}.") if missing else None
    return [tag("div", figures, class_="grid"), told]
