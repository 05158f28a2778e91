"""The benchmarks that a comparison is made of; what is done stays done."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.placing import placed_file
from trainer.benchmark.corpora import Given
from trainer.benchmark.protocols import Protocol, Setting
from trainer.benchmark.report import decided, report, written
from trainer.benchmark.runner import Plan, run
from trainer.compare.rows import OWN, ZERO_SHOT
from trainer.compare.unfinished import Unfinished
from trainer.splits import Fractions

TABLE = "table"
ZERO_SHOT_STUDY = "zero-shot-"
# Figures 8 and 9 of the paper. 1 is the preset's own beta.
BETAS = (0.25, 1.0, 4.0, 16.0)
SHARES = (0.001, 0.01, 0.05, 0.1)


@dataclass(frozen=True)
class Study:
    """One benchmark. name: of its JSON, without the ending."""

    name: str
    plan: Plan
    seeds: range


@dataclass(frozen=True)
class Asked:
    """What is compared. others: systems for the zero-shot bars; sweep_seeds: how many of the seeds
    are for all but the table, 0 leaves that out."""

    sources: tuple[Given, ...]
    target: Given
    others: tuple[Given, ...]
    fractions: Fractions
    seeds: range
    sweep_seeds: int
    methods: tuple[str, ...]


def setting_of(asked: Asked) -> Setting:
    """Of the table."""
    return Setting(Protocol.BILATERAL, asked.fractions, reserved=asked.fractions.normal)


def studies(asked: Asked) -> Iterator[Study]:
    """The table first, then the bars, then the curves."""
    setting = setting_of(asked)
    plan = Plan(setting, asked.sources, asked.target, asked.methods)
    yield Study(TABLE, plan, asked.seeds)
    zero_shot = Setting(Protocol.ZERO_SHOT, asked.fractions)
    few = asked.seeds[: asked.sweep_seeds]
    for other in asked.others if few else ():
        bars = (row.method for row in ZERO_SHOT if row.method in asked.methods)
        names: tuple[str, ...] = (*bars, "keywords")
        plan = Plan(zero_shot, (*asked.sources, asked.target), other, names)
        # A folder of sessions goes by its path.
        yield Study(ZERO_SHOT_STUDY + other.open().name.replace("/", "-"), plan, few)
    if not few or OWN not in asked.methods:
        return
    names = tuple(f"{OWN}/target_weight={beta:g}" for beta in BETAS)
    yield Study("beta", Plan(setting, asked.sources, asked.target, names), few)
    for share in SHARES:
        fractions = replace(asked.fractions, anomaly=share)
        other_setting = setting_of(replace(asked, fractions=fractions))
        plan = Plan(other_setting, asked.sources, asked.target, (OWN,))
        yield Study(f"share-{share:g}", plan, few)


def run_studies(
    wanted: Sequence[Study],
    folder: Path,
    jobs: int | None,
    say: Callable[[str], None],
    judged: Callable[[int], None],
) -> dict[str, dict[str, Any]]:
    """Reports of ``trainer.benchmark.report`` by name, each in NAME.json as soon as it is there.
    What is there already, of the same configuration, is not run again, be it a study or a seed of
    one. judged: called with how many methods and seeds more are done. Raises UserError."""
    reports = {}
    for number, study in enumerate(wanted, start=1):
        title = f"{number}/{len(wanted)} {study.name}"
        path = folder / f"{study.name}.json"
        size = len(study.plan.methods) * len(study.seeds)
        found = _found(path, study)
        if found is None:
            found = _run(study, folder, jobs, judged)
            with placed_file(path) as file:
                file.write_text(written(found))
            Unfinished(folder, study.name, study.plan).forget(study.seeds)
            say(f"{title}: done in {found['wall_seconds'] / 60:.1f} min")
        else:
            judged(size)
            say(f"{title}: is there")
        reports[study.name] = found
    return reports


def _run(
    study: Study, folder: Path, jobs: int | None, judged: Callable[[int], None]
) -> dict[str, Any]:
    """Its report. wall_seconds: without those of seeds that were done before."""
    began = time.monotonic()
    unfinished = Unfinished(folder, study.name, study.plan)
    outcomes = {one.seed: one for one in unfinished.done(study.seeds)}
    judged(len(outcomes) * len(study.plan.methods))
    left = [seed for seed in study.seeds if seed not in outcomes]
    fresh = run(study.plan, left, jobs, unfinished.keep, lambda: judged(1)) if left else []
    outcomes |= {one.seed: one for one in fresh}
    return report(study.plan, [outcomes[seed] for seed in study.seeds], time.monotonic() - began)


def _found(path: Path, study: Study) -> dict[str, Any] | None:
    try:
        read = json.loads(path.read_bytes())
        corpora = [one.open().fingerprint for one in (*study.plan.sources, study.plan.target)]
        same = read["configuration"] == decided(study.plan, list(study.seeds), corpora)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(read) if same else None
