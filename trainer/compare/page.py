"""A comparison as one page of Markdown with its plots beside it."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from models.placing import placed_file
from trainer.compare import plots, tables
from trainer.compare.rows import OWN
from trainer.compare.studies import BETAS, SHARES, TABLE, ZERO_SHOT_STUDY
from trainer.compare.tables import Report
from trainer.plotting import save

PAGE = "compare.md"
_VARIED = {
    "beta": "Beta, the weight of the target's loss",
    "shares": "Labelled share of the target's anomalies (at least 5)",
}
Reports = Mapping[str, Report]
_ABOUT = """\
Blocks are those of the paper (MetaLog, ICSE 2024, tables 1 and 2). All methods have the same test
sessions, and the same validation: three models, each without a third of the labelled sessions. What
is left out ends the learning of most, and chooses the best of two or three settings and the
threshold. *F1 at 0.5* is at the threshold that the paper takes for all, *best F1* at the best one
for the very sessions that are tested: what the scores are worth. Seconds are of a processor, the
median of the seeds, all models of a method together. Published figures are of the full data and
were not run again."""


def zero_shot_reports(reports: Reports) -> dict[str, Report]:
    """Of studies without anything of the target, by system."""
    return {
        name.removeprefix(ZERO_SHOT_STUDY): report
        for name, report in reports.items()
        if name.startswith(ZERO_SHOT_STUDY)
    }


def sweeps(reports: Reports) -> dict[str, dict[str, tuple[Report, str]]]:
    """Beta (figure 8) and shares (figure 9): a report and the method in it for each value."""
    if "beta" not in reports:
        return {}
    betas = {f"{beta:g}": (reports["beta"], f"{OWN}/target_weight={beta:g}") for beta in BETAS}
    shares = {f"{100 * one:g} %": (reports[f"share-{one:g}"], OWN) for one in SHARES}
    return {"beta": betas, "shares": shares}


def write(folder: Path, reports: Reports) -> list[Path]:
    """compare.md and its SVGs, from reports by the name of their study."""
    table = reports[TABLE]
    *sources, target = [system["name"] for system in table["systems"]]
    title = f"{' and '.join(sources)} to {target}"
    figures: dict[str, Figure] = {}

    def shown(name: str, figure: Figure, about: str) -> str:
        figures[name] = figure
        return f"![{about}]({name}.svg)"

    parts = [
        f"# {title}", _ABOUT, tables.used(table), tables.table(table),
        shown("roc", plots.roc(table, f"{title}: ROC, first seed, and mean AUROC"), "ROC curves"),
    ]  # fmt: skip
    zero_shot = zero_shot_reports(reports)
    if zero_shot:
        about = "Trained on the systems above, tested on all of another one."
        plot = shown("zero-shot", plots.zero_shot(zero_shot), "Precision, recall and F1")
        parts += ["## Without anything of the target", about, tables.zero_shot_table(zero_shot)]
        parts.append(plot)
    for name, varied in sweeps(reports).items():
        figure = plots.sweep(f"{title}: {name}", _VARIED[name], varied)
        parts += [f"## {_VARIED[name]}", tables.sweep_table(name, varied)]
        parts.append(shown(name, figure, f"F1 by {name}"))
    written = []
    for name, figure in figures.items():
        written.append(folder / f"{name}.svg")
        save(figure, written[-1])
    with placed_file(folder / PAGE) as file:
        file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return [folder / PAGE, *written]
