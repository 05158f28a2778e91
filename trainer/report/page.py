"""The page of runs."""

from collections.abc import Sequence

from models.page.markup import Content, tag
from models.page.skeleton import Section, page
from models.page.tables import note, table
from trainer.metrics import percent
from trainer.report import sections
from trainer.report.budget_section import budget_curves
from trainer.report.budgets import Budgets
from trainer.report.examples import kinds, mistakes
from trainer.report.gathered import Exam
from trainer.report.slider import thresholds


def report_page(
    exams: Sequence[Exam], budgets: Sequence[Budgets] = (), *, made: str, title: str | None = None
) -> str:
    """made: when, as it is to be shown."""
    runs = [(exam, one) for exam in exams for one in exam.runs]
    numbers = {id(one): number for number, (_, one) in enumerate(runs)}
    names = ", ".join(one.method.name for _, one in runs)
    parts = [
        Section("overview", "Overview", _overview(exams)),
        Section("results", "Results", sections.results(exams)),
        Section("curves", "ROC and precision-recall", sections.curves(exams, numbers)),
        Section("threshold", "Threshold", thresholds(exams, numbers)),
        Section("mistakes", "Worst mistakes", mistakes(exams)),
        Section("kinds", "Kinds of anomalies", kinds(exams)),
        Section("data", "Data", sections.data(exams)),
        Section("templates", "Templates", sections.templates(exams)),
        Section("training", "Training", sections.training(exams)),
    ]
    if budgets:
        parts.append(Section("budgets", "Label budgets", budget_curves(budgets)))
    data = {
        "thresholds": [
            {
                "name": one.method.name,
                **one.steps.to_json(None if exam.traffic is None else exam.traffic.normal_a_day),
            }
            for exam, one in runs
        ]
    }
    about = tag("p", f"metalog report of {len(runs)} run(s), made {made}", class_="soft")
    return page(title or f"Report: {names}", about, parts, data)


def _overview(exams: Sequence[Exam]) -> Content:
    """One row a run, and what a simple rule reaches beside it."""
    rows: list[list[Content]] = []
    for exam in exams:
        best = exam.rules[0] if exam.rules else None
        for one in exam.runs:
            raw, unseen = (one.method.figures[split] for split in ("raw", "unseen"))
            alarms = raw["false_alarms_per_1000"]
            rows.append(
                [
                    one.method.name,
                    exam.name,
                    one.run.preset.name,
                    percent(raw["f1"]),
                    percent(unseen["f1"]),
                    percent(raw["auroc"]),
                    "-" if alarms is None else f"{alarms:,.1f}",
                    "-" if best is None else f"{percent(best.figures['raw']['f1'])} {best.name}",
                ]
            )
    columns = (
        "run", "tested on", "preset", "F1", "F1 unseen", "AUROC", "false alarms / 1,000",
        "best rule, F1",
    )  # fmt: skip
    apart = None
    if len(exams) > 1:
        apart = note(
            "These runs were not tested on the same sessions, so their figures do not compare as "
            "they stand.",
            warn=True,
        )
    picked = None
    if any(exam.rules for exam in exams):
        picked = note(
            "The best rule was picked by its F1 on the test part, a choice that no run had: it is "
            "a bar to clear, not a competitor that could have been chosen beforehand."
        )
    return [table(columns, rows, text=(0, 1, 2), label="Runs"), apart, picked]
