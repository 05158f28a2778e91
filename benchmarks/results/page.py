"""The page: prose of page.md with tables and plots in the places of its {{blocks}}."""

import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.comparison import measured as comparison
from benchmarks.replay.records import MEASURED, Measured
from benchmarks.replay.tables import drift_table, system_table
from benchmarks.replay.trials import HISTORY, UNLABELLED, Outcome
from benchmarks.results import plots, provenance, tables
from benchmarks.results.corpora import RECIPES
from benchmarks.results.experiments import (
    ANOMALY_FRACTIONS,
    BETAS,
    BUDGETS,
    DIRECTIONS,
    OPEN_POINTS,
    SYSTEMS,
    USUAL_ANOMALY_FRACTION,
    USUAL_BETA,
    WITHOUT_ATTENTION,
    bilateral_name,
)
from benchmarks.results.published import PUBLISHED
from benchmarks.results.records import Record
from benchmarks.results.tables import Row, name_of
from models.errors import UserError
from models.placing import placed_file
from trainer.compare import page as compare_page
from trainer.compare import tables as compare_tables
from trainer.compare.studies import TABLE
from trainer.plotting import save

TEMPLATE = Path(__file__).with_name("page.md")

_PLACE = re.compile(r"\{\{([^{}]+)\}\}")
_TITLES = {"hdfs": "HDFS", "bgl": "BGL", "openstack": "OpenStack", "thunderbird": "Thunderbird"}
_COMPARE = "python -m benchmarks.comparison run"
_FRACTION_RULES = ("new-event", "count-distance")


class NotRunError(Exception):
    """A block none of whose experiments has been run; says which."""


class Page:
    """Text and plots made of the experiments that have been run.

    A block is a word and names, as in {{figures bilateral-hdfs-bgl}}. Where some of its experiments
    are missing it shows the others; where all are, it says so. plots: by name, those that the text
    refers to; filled by ``text``. replays: what ``benchmarks.replay`` has measured; comparisons:
    the folder of what ``benchmarks.comparison`` has.
    """

    def __init__(
        self,
        records: Mapping[str, Record],
        replays: Measured | None = None,
        comparisons: Path = comparison.MEASURED,
    ) -> None:
        self.plots: dict[str, Figure] = {}
        self._records = records
        self._comparisons = comparisons
        self._replays = Measured.read(MEASURED) if replays is None else replays
        # The number of names that follow the word, and what it gives.
        self._blocks: dict[str, tuple[int, Callable[..., str]]] = {
            "overview": (0, self._overview),
            "figures": (1, self._figures),
            "curves": (1, self._curves),
            "budgets": (1, self._budgets),
            "budgets-plot": (0, self._budgets_plot),
            "fractions": (2, self._fractions),
            "fractions-plot": (0, self._fractions_plot),
            "without": (2, self._without),
            "without-plot": (0, self._without_plot),
            "beta": (0, self._beta),
            "paper": (0, self._paper),
            "costs": (0, self._costs),
            "compared": (1, self._compared_rows),
            "compared-roc": (1, self._compared_roc),
            "compared-zero-shot": (1, self._compared_zero_shot),
            "compared-sweeps": (1, self._compared_sweeps),
            "replay": (1, self._replay),
            "replay-plot": (0, self._replay_plot),
            "replay-drift": (0, self._replay_drift),
            "prepare": (0, self._prepare),
            "systems": (0, lambda: provenance.systems_table(records.values())),
            "runs": (0, lambda: provenance.runs_table(records.values())),
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
        except NotRunError as error:
            return f"Not run yet: `{error}`."

    def _record(self, name: str) -> Record:
        if name not in self._records:
            raise NotRunError(name)
        return self._records[name]

    def _found(self, names: Iterable[str]) -> list[Record]:
        """Those of the experiments that have been run, at least one."""
        asked = list(names)
        found = [self._records[name] for name in asked if name in self._records]
        if not found:
            raise NotRunError(", ".join(asked))
        return found

    def _plot(self, name: str, figure: Figure, shows: str) -> str:
        self.plots[name] = figure
        return f"![{shows}](results/{name}.svg)"

    def _overview(self) -> str:
        names = {
            name: name.replace("-", " ", 1)
            for name in self._records
            if name.startswith(("bilateral-", "unlabelled-", "zero-shot-", "budget-50-"))
        }
        shown = {
            title: self._records[name]
            for name, title in names.items()
            if "default" in self._records[name].methods
        }
        if not shown:
            raise NotRunError("all of bilateral, unlabelled, zero-shot and budget")
        return tables.overview(shown)

    def _figures(self, name: str) -> str:
        record = self._record(name)
        pair = (record.experiment.sources[0], record.experiment.target)
        published = PUBLISHED.get(pair) if name == bilateral_name(*pair) else None
        table = tables.figures_table(tables.rows_of(record), published=published)
        return f"{tables.caption(record)}\n\n{table}"

    def _curves(self, name: str) -> str:
        record = self._record(name)
        title = f"{_systems(record.experiment.sources)} to {_TITLES[record.experiment.target]}"
        figure = plots.curves(record, f"{name.split('-')[0]}, {title}", ("target-only",))
        return self._plot(f"curves-{name}", figure, f"ROC and precision-recall curves, {title}")

    def _budget_records(self, target: str) -> dict[int, Record]:
        """By labelled sessions; 0 is the unlabelled protocol, of the same history and test part."""
        names = {0: f"unlabelled-{target}", **{k: f"budget-{k}-{target}" for k in BUDGETS}}
        return {k: self._records[name] for k, name in names.items() if name in self._records}

    def _budgets(self, target: str) -> str:
        records = self._budget_records(target)
        if not any(records):
            raise NotRunError(f"budget-*-{target}")
        rules = {rule: None for record in records.values() for rule in record.rules}
        steps = {f"{k} labelled": record for k, record in records.items()}
        table = tables.series_table("", steps, ["default", *rules])
        seeds = ", ".join(f"{tables.span(one.seeds)} at {k}" for k, one in records.items())
        return f"{_commands(records.values())}\n\nSeeds {seeds}.\n\n{table}"

    def _budgets_plot(self) -> str:
        targets = {_TITLES[target]: self._budget_records(target) for target in SYSTEMS}
        targets = {target: records for target, records in targets.items() if any(records)}
        if not targets:
            raise NotRunError("budget-*")
        return self._plot(
            "budgets", plots.budgets(targets), "F1 by labelled sessions, a panel a target"
        )

    def _fraction_records(self, source: str, target: str) -> dict[float, Record]:
        records = {}
        for share in ANOMALY_FRACTIONS:
            name = f"anomalies-{share:g}-{source}-{target}"
            if share == USUAL_ANOMALY_FRACTION:
                name = bilateral_name(source, target)
            if name in self._records:
                records[share] = self._records[name]
        if not records.keys() - {USUAL_ANOMALY_FRACTION}:
            raise NotRunError(f"anomalies-*-{source}-{target}")
        return records

    def _fractions(self, source: str, target: str) -> str:
        records = self._fraction_records(source, target)
        seeds = _shared(records.values())
        published = PUBLISHED[source, target].f1_by_fraction
        table = tables.series_table(
            "share of the anomaly labels",
            {_percent(share): record for share, record in records.items()},
            ("default", *_FRACTION_RULES),
            seeds,
            {_percent(share): f1 for share, f1 in published.items()},
            with_best_rule=False,
        )
        return f"{_commands(records.values())}\n\nSeeds {tables.span(seeds)}.\n\n{table}"

    def _fractions_plot(self) -> str:
        directions, seeds = {}, {}
        for source, target in DIRECTIONS:
            try:
                records = self._fraction_records(source, target)
            except NotRunError:
                continue
            title = f"{_TITLES[source]} to {_TITLES[target]}"
            directions[title] = (records, PUBLISHED[source, target])
            seeds[title] = _shared(records.values())
        if not directions:
            raise NotRunError("anomalies-*")
        figure = plots.anomaly_fractions(directions, _FRACTION_RULES, seeds)
        return self._plot("anomaly-fractions", figure, "F1 by the share of anomaly labels")

    def _without_rows(self, source: str, target: str) -> list[Row]:
        without = self._record(f"without-{source}-{target}")
        rows = [Row("without statistics (words)", without, "words")]
        rows.append(Row("without attention", without, WITHOUT_ATTENTION))
        whole = self._records.get(bilateral_name(source, target))
        if whole is not None:
            named = {
                "default": "default",
                "target-only": "without its source",
                "source-only": "without the target's labels in the loss",
            }
            rows = [Row(title, whole, one) for one, title in named.items()] + rows
        return [row for row in rows if row.method in row.record.methods]

    def _without(self, source: str, target: str) -> str:
        rows = self._without_rows(source, target)
        return _compared(rows)

    def _without_plot(self) -> str:
        directions, seeds = {}, {}
        for source, target in DIRECTIONS:
            if f"without-{source}-{target}" in self._records:
                title = f"{_TITLES[source]} to {_TITLES[target]}"
                directions[title] = self._without_rows(source, target)
                seeds[title] = _shared(row.record for row in directions[title])
        if not directions:
            raise NotRunError("without-*")
        figure = plots.bars(directions, seeds)
        return self._plot("without", figure, "F1 of the preset and of it without its parts")

    def _beta(self) -> str:
        record = self._record("beta-hdfs-bgl")
        by_beta = {beta: Row(beta, record, f"default/target_weight={beta}") for beta in BETAS}
        usual = self._records.get(bilateral_name("hdfs", "bgl"))
        if usual is not None:
            by_beta[USUAL_BETA] = Row(f"{USUAL_BETA} (the preset's)", usual, "default")
        by_beta = {beta: by_beta[beta] for beta in sorted(by_beta, key=float)}
        seeds = _shared(row.record for row in by_beta.values())
        figure = plots.betas(by_beta, seeds, "Weight of the target's loss, HDFS to BGL")
        plot = self._plot("beta", figure, "F1 by the weight of the target's loss")
        return f"{_compared(list(by_beta.values()))}\n\n{plot}"

    def _paper(self) -> str:
        names = {"paper-hdfs-bgl": "paper"}
        for point, change in OPEN_POINTS.items():
            names[f"paper-{point}-hdfs-bgl"] = ", ".join(filter(None, ("paper, short", change)))
        found = self._found(names)
        rows = [
            Row(names[record.experiment.name], record, record.experiment.methods[0])
            for record in found
        ]
        usual = self._records.get(bilateral_name("hdfs", "bgl"))
        if usual is not None:
            best = usual.best_rules("raw", "f1", _shared([*found, usual]))[:1]
            rows += [Row(name_of(one), usual, one) for one in ("default", *best)]
        return _compared(rows, with_published=("hdfs", "bgl"))

    def _replay(self, system: str) -> str:
        found = [one for one in self._replays.outcomes.values() if one.system == system]
        if not found:
            raise NotRunError(f"benchmarks.replay --system {system}")
        seeds = sorted({one.seed for one in found})
        sizes = {(one.figures.sessions, one.figures.anomalous) for one in found}
        sessions, anomalous = (tables.span(sorted(set(one))) for one in zip(*sizes, strict=True))
        said = f"{sessions} sessions are replayed, {anomalous} of them anomalous. Seeds"
        return f"{said} {tables.span(seeds)}.\n\n{system_table(found)}"

    def _replay_plot(self) -> str:
        measured = self._replays.outcomes.values()
        shown = [name for name in SYSTEMS if any(one.system == name for one in measured)]
        if not shown:
            raise NotRunError("benchmarks.replay")
        curves, apart = {}, {}
        for name in shown:
            some = [one for one in measured if one.system == name]
            ways = sorted({one.pick for one in some if one.labels})
            curves[_TITLES[name]] = {
                way: _by_labels(one for one in some if one.pick in (way, UNLABELLED))
                for way in ways
            }
            old = [one.figures.recall for one in some if one.pick == HISTORY]
            if old:
                apart[_TITLES[name]] = statistics.fmean(old)
        return self._plot(
            "replay", plots.recalls(curves, apart), "Recall by labelled sessions, a panel a system"
        )

    def _replay_drift(self) -> str:
        if not self._replays.drift:
            raise NotRunError("benchmarks.replay --drift")
        return drift_table(list(self._replays.drift.values()))

    def _comparison(self, name: str) -> comparison.Reports:
        reports = comparison.read(self._comparisons, name)
        if not reports:
            raise NotRunError(_COMPARE)
        return reports

    def _compared_rows(self, name: str) -> str:
        table = self._comparison(name)[TABLE]
        return f"{compare_tables.used(table)}\n\n{compare_tables.table(table)}"

    def _compared_roc(self, name: str) -> str:
        self._comparison(name)
        return f"![ROC curves](results/compare-{name}-roc.svg)"

    def _compared_zero_shot(self, name: str) -> str:
        found = compare_page.zero_shot_reports(self._comparison(name))
        if not found:
            raise NotRunError(_COMPARE)
        plot = f"![Zero-shot](results/compare-{name}-zero-shot.svg)"
        return f"{compare_tables.zero_shot_table(found)}\n\n{plot}"

    def _compared_sweeps(self, name: str) -> str:
        swept = compare_page.sweeps(self._comparison(name))
        if not swept:
            raise NotRunError(_COMPARE)
        parts: list[str] = []
        for figure, varied in swept.items():
            parts.append(compare_tables.sweep_table(figure, varied))
            parts.append(f"![F1 by {figure}](results/compare-{name}-{figure}.svg)")
        return "\n\n".join(parts)

    def _costs(self) -> str:
        names = [name for name in self._records if name.startswith(("bilateral-", "unlabelled-"))]
        return provenance.costs_table(self._found([*names, "paper-hdfs-bgl"]))

    def _prepare(self) -> str:
        wanted = {one for record in self._records.values() for one in record.experiment.systems}
        recipes = [recipe for name, recipe in RECIPES.items() if name in wanted]
        return "\n".join(f"    {recipe.command}" for recipe in recipes)


def write(records: Mapping[str, Record], docs: Path, template: str) -> list[Path]:
    """results.md and results/*.svg below ``docs``; returns what was written. Plots that the page
    had before and has no more are left there. Raises UserError."""
    page = Page(records)
    text = page.text(template)
    written = []
    for name, figure in page.plots.items():
        written.append(docs / "results" / f"{name}.svg")
        save(figure, written[-1])
    written.append(docs / "results.md")
    with placed_file(written[-1]) as file:
        file.write_text(text, encoding="utf-8")
    return written


def _by_labels(outcomes: Iterable[Outcome]) -> dict[int, list[float]]:
    """Recall of each seed, by the number of labels; without one, of the adapted bundle."""
    found: dict[int, list[float]] = {}
    for one in outcomes:
        found.setdefault(one.labels, []).append(one.figures.recall)
    return found


def _compared(rows: Sequence[Row], with_published: tuple[str, str] | None = None) -> str:
    """Rows of several experiments, on the seeds that all of them have."""
    records = list({id(row.record): row.record for row in rows}.values())
    seeds = _shared(records)
    published = PUBLISHED[with_published] if with_published else None
    table = tables.figures_table(rows, seeds, published)
    return f"{_commands(records)}\n\n{tables.used(records[0], seeds)}\n\n{table}"


def _commands(records: Iterable[Record]) -> str:
    """Folded, since there are several."""
    commands = "\n".join(record.command for record in records)
    return f"<details><summary>commands</summary>\n\n```sh\n{commands}\n```\n\n</details>"


def _shared(records: Iterable[Record]) -> tuple[int, ...]:
    """Seeds that all of the experiments have. Raises UserError where there is none."""
    of_each = {record.experiment.name: set(record.seeds) for record in records}
    shared = set.intersection(*of_each.values())
    if not shared:
        raise UserError(
            f"{', '.join(of_each)}: have no seed in common; run them from the same --first-seed"
        )
    return tuple(sorted(shared))


def _systems(names: Sequence[str]) -> str:
    return ", ".join(_TITLES[name] for name in names)


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
