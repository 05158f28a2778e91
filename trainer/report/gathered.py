"""All that a page says of runs, computed: scores, figures, rules, mistakes, curves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from trainer.benchmark.baselines import possible
from trainer.benchmark.curves import Points, curves
from trainer.benchmark.figures import Parts, figures
from trainer.benchmark.methods import make
from trainer.benchmark.protocols import Protocol, Setting, Split
from trainer.benchmark.task import Examination, Task, parsed
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED
from trainer.evaluate import Part, test_part
from trainer.fit import choose_device, load_network
from trainer.kinds import kinds, to_json
from trainer.predict import predict
from trainer.report.mistakes import Mistakes, worst
from trainer.report.operating import Steps, Traffic
from trainer.report.training import Losses, losses
from trainer.run import Run

_TEMPLATES = 20

Note = Callable[[str], None]


@dataclass(frozen=True)
class Template:
    """normal, anomalous: shares of tested sessions that have it, None without such sessions; new:
    training had not met it."""

    text: str
    normal: float | None
    anomalous: float | None
    new: bool


@dataclass(frozen=True)
class Templates:
    """trained: how many training knew of the target; new: met in the test part only; told: those
    whose shares differ most between the classes."""

    trained: int
    new: int
    told: list[Template]


@dataclass(frozen=True)
class Method:
    """A row of the tables. figures: by split, see ``trainer.benchmark.figures``; curves: None where
    a class is not there."""

    name: str
    figures: dict[str, dict[str, Any]]
    curves: dict[str, Points] | None


@dataclass(frozen=True)
class RunResult:
    """A run on its test part. training: None where it logged nothing."""

    run: Run
    method: Method
    steps: Steps
    kinds: list[dict[str, Any]]
    mistakes: Mistakes
    training: Losses | None


@dataclass(frozen=True)
class Exam:
    """Runs that were asked the same, and the rules that learnt from what those saw.

    name: of the corpus; counts: sessions and anomalous ones by split; left_out: sessions that
    training saw; unlabelled: others, which are scored but count in no figure; traffic: None
    without times; without_rules: why there are none, "" where there are.
    """

    name: str
    path: Path
    counts: dict[str, dict[str, int]]
    left_out: int
    unlabelled: int
    traffic: Traffic | None
    templates: Templates
    rules: list[Method]
    without_rules: str
    runs: list[RunResult]


def gather(
    runs: Sequence[Run],
    on: Path | None = None,
    *,
    baselines: bool = True,
    device: str = "auto",
    note: Note = lambda text: None,
) -> list[Exam]:
    """In the order of ``runs``; those with the same test part and training part are together.

    on: a corpus in the place of each run's target. note: is told what takes time. Raises UserError
    where a run has nothing labelled left to be tested on.
    """
    where = choose_device(device)
    names = names_of(runs)
    exams: dict[bytes, Exam] = {}
    for run, name in zip(runs, names, strict=True):
        note(f"{name}: scoring")
        part = test_part(run, on)
        network = load_network(run, where)
        scores = predict(network, part.table, part.sequences, part.inputs)
        labels = np.asarray(part.corpus.labels)[part.sessions].astype(np.int64)
        known = labels != UNLABELLED
        if not known.any():
            raise UserError(
                f"{run.path}: none of the {len(labels):,} sessions that training has not seen has "
                "a label, so nothing can be said of its scores; name a labelled corpus: --on CORPUS"
            )
        task, examination = _examination(run, part, known, on)
        key = _key(part, task)
        exam = exams.get(key)
        if exam is None:
            if baselines:
                note(f"{name}: fitting simple rules on the same sessions")
            exam = exams[key] = _exam(run, part, labels, task, examination, on, baselines)
        parts = Parts.of(examination)
        method = Method(
            name,
            figures(parts, scores[known], run.threshold, run.seed),
            curves(labels[known], scores[known]),
        )
        note(f"{name}: weighing the lines of its worst mistakes")
        keys = [part.corpus.keys[index] for index in part.sessions]
        found = kinds(part.sequences, labels, scores >= run.threshold)
        exam.runs.append(
            RunResult(
                run,
                method,
                Steps.of(labels[known], scores[known], run.threshold),
                to_json(found, part.parser.templates, keys),
                worst(part, network, labels, scores, run.threshold),
                losses(run),
            )
        )
    return list(exams.values())


def names_of(runs: Sequence[Run]) -> list[str]:
    """Names of folders, or whole paths where two folders are called the same."""
    short = [run.path.absolute().name for run in runs]
    return [
        str(run.path) if short.count(name) > 1 else name
        for run, name in zip(runs, short, strict=True)
    ]


def _examination(
    run: Run, part: Part, known: NDArray[np.bool_], on: Path | None
) -> tuple[Task | None, Examination]:
    """What a rule may see where it can be shown the same as the run, and what all are asked."""
    tested = [part.sequences[place] for place in np.flatnonzero(known)]
    labels = np.asarray(part.corpus.labels)[part.sessions[known]].astype(np.int64)
    if on is not None and run.target.path is not None:
        return None, Examination(tested, labels, [])
    nothing = np.zeros(0, dtype=np.int64)
    labelled = unlabelled = nothing
    if on is None:
        system = run.systems()[-1]
        labelled = np.setdiff1d(system.seen, system.hidden)
        unlabelled = np.sort(system.hidden)
    split = Split((), labelled, unlabelled, part.sessions[known])
    setting = Setting(Protocol.BILATERAL, run.fractions)
    return parsed(setting, [], part.corpus, split, run.seed)


def _key(part: Part, task: Task | None) -> bytes:
    seen = b"" if task is None else task.split.labelled.tobytes() + task.split.unlabelled.tobytes()
    sessions = part.sessions.tobytes()
    return b"\0".join([part.corpus.fingerprint.encode(), sessions, seen])


def _exam(
    run: Run,
    part: Part,
    labels: NDArray[np.int64],
    task: Task | None,
    examination: Examination,
    on: Path | None,
    baselines: bool,
) -> Exam:
    parts = Parts.of(examination)
    rules: list[Method] = []
    without = "left out by --no-baselines"
    if baselines and task is None:
        without = "the rules would not have seen what the run saw of its own target"
    elif baselines and task is not None:
        without = ""
        for name in possible(_protocol(task)):
            rule = make(name)
            rule.fit(task)
            scores = np.asarray(rule.score(examination.sequences), dtype=np.float64)
            rules.append(
                Method(
                    name,
                    figures(parts, scores, rule.threshold, run.seed),
                    curves(examination.labels, scores),
                )
            )
        rules.sort(key=lambda one: -(one.figures["raw"]["f1"] or 0.0))
    return Exam(
        name=part.corpus.name,
        path=part.corpus.path,
        counts={split: parts.counts(split) for split in parts.positions},
        left_out=len(part.corpus) - len(part.sessions),
        unlabelled=int((labels == UNLABELLED).sum()),
        traffic=Traffic.of(part.corpus),
        templates=_templates(part, labels),
        rules=rules,
        without_rules=without,
        runs=[],
    )


def _protocol(task: Task) -> Protocol:
    """The one that gives what this task has to rules."""
    if task.anomalous and task.normal:
        return Protocol.BILATERAL
    return Protocol.UNLABELLED if task.normal or task.unlabelled else Protocol.ZERO_SHOT


def _templates(part: Part, labels: NDArray[np.int64]) -> Templates:
    templates = part.parser.templates
    counts = {label: np.zeros(len(templates), dtype=np.int64) for label in (NORMAL, ANOMALOUS)}
    for sequence, label in zip(part.sequences, labels.tolist(), strict=True):
        if label in counts:
            counts[label][np.unique(sequence)] += 1
    sizes = {label: int((labels == label).sum()) for label in counts}
    shares = {label: counts[label] / max(sizes[label], 1) for label in counts}
    order = np.argsort(-np.abs(shares[ANOMALOUS] - shares[NORMAL]), kind="stable")
    met = [event for event in order.tolist() if counts[NORMAL][event] + counts[ANOMALOUS][event]]
    return Templates(
        trained=part.parser.trained,
        new=len(part.parser.host_templates),
        told=[
            Template(
                text=templates[event],
                normal=float(shares[NORMAL][event]) if sizes[NORMAL] else None,
                anomalous=float(shares[ANOMALOUS][event]) if sizes[ANOMALOUS] else None,
                new=event >= part.parser.trained,
            )
            for event in met[:_TEMPLATES]
        ],
    )
