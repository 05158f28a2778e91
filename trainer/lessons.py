"""What training draws its batches from: the systems' sessions, plain or described by histories."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.embedding import EventEmbedder
from models.errors import UserError
from models.reading import Description, Inputs
from models.words import Vectors
from trainer.batches import Rows, Sessions
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED
from trainer.network import Ensemble
from trainer.predict import predict
from trainer.presets import PRESETS, Preset, Statistics
from trainer.reader import Reader
from trainer.run import Run
from trainer.systems import System
from trainer.thresholds import (
    threshold_of_adapted,
    threshold_with_labels,
    threshold_without_labels,
)
from trainer.views import (
    Described,
    Known,
    joined,
    source_views,
    target_view,
    unlabelled_views,
)

# Normal sessions of one system that histories are made of: what more of them would add is rarer
# than 1 in 20,000, and a bundle carries what is distinct among them.
MOST_NORMAL = 20_000
# Known anomalies beside a history without labels, fewer than these, in what sources teach.
_MOST_EVIDENCE = 8
# Fewer than these leave some of a session's folds without a history.
FEWEST_NORMAL = 5


@dataclass(frozen=True)
class Lessons:
    """sources: one entry a source; targets: one entry a member of the ensemble, what its outer loss
    asks about: the target's sessions, or, where those have no labels, other sources that stand for
    it; left_out: of the target, what that member has not seen, for the threshold; adapting: whether
    a trained network goes on."""

    sources: list[Sessions]
    targets: list[list[Sessions]]
    left_out: list[Described] = field(default_factory=list)
    adapting: bool = False

    def threshold(self, network: Ensemble, table: Vectors, preset: Preset) -> tuple[float, str]:
        """The threshold of a run, from sessions of the target, each described by a history without
        it and scored by what has not learnt it: one member where it has a label, and all of them,
        as on a host, where it has none; and its origin in words."""
        labels, scores = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.float32)]
        for member, left in zip(network.networks(), self.left_out, strict=True):
            labelled = left.labels != UNLABELLED
            for judge, part in (
                (member, left.chosen(labelled)),
                (network, left.chosen(~labelled)),
            ):
                labels.append(part.labels)
                scores.append(_scores(judge, table, part))
        known, found = np.concatenate(labels), np.concatenate(scores)
        if (known == UNLABELLED).any():
            if self.adapting:
                return threshold_of_adapted(found, known)
            return threshold_without_labels(found, known)
        if len(known):
            return threshold_with_labels(found[known != ANOMALOUS], found[known == ANOMALOUS])
        return preset.threshold, "fixed: nothing was known of the target"


def _scores(member: Reader, table: Vectors, part: Described) -> Vectors:
    places = [np.arange(len(row)) for row in part.rows]
    inputs = Inputs(places, part.features, part.session)
    return predict(member, table, part.rows, inputs).astype(np.float32)


def suited(preset: Preset, target: System) -> Preset:
    """The preset, or the one that takes its place where the target is not labelled enough."""
    labels = target.labels(target.seen)
    few = (labels == UNLABELLED).any() or not len(labels)
    return PRESETS[preset.unlabelled] if few and preset.unlabelled else preset


def check_enough(systems: list[System], preset: Preset) -> None:
    """Raises UserError where a system has too few normal sessions to make histories of."""
    *sources, target = systems
    if preset.statistics is Statistics.NONE and set(target.labels(target.seen)) != {0, 1}:
        raise UserError(
            f"{target.corpus.path}: preset {preset.name} needs normal and at least 5 anomalous "
            "labels of the target; take --preset default, which can do without"
        )
    measured = {
        Statistics.NONE: [],
        Statistics.UNLABELLED: sources,
        Statistics.LABELLED: systems,
    }[preset.statistics]
    for system in measured:
        normal = int((system.labels(system.seen) == 0).sum())
        if normal < FEWEST_NORMAL:
            raise UserError(
                f"{system.corpus.path}: {normal} normal sessions may be seen, preset {preset.name} "
                f"needs {FEWEST_NORMAL} to know what is normal there; label more, give a larger "
                "fraction, or take --preset words"
            )


def plain(run: Run, systems: list[System]) -> Lessons:
    """Sessions as sequences of events, and nothing else: the paper's way."""
    drawn = [
        Sessions(
            [row + system.first_row for row in _sequences(system, run)],
            list(system.labels(system.seen)),
            run.preset.longest,
            shares=not run.network.bidirectional,
        )
        for system in systems
    ]
    return Lessons(drawn[:-1], [[drawn[-1]]] * run.network.members)


def described(run: Run, systems: list[System], embedder: EventEmbedder) -> Lessons:
    """Sessions described by histories they are no part of; keeps the target's in the run."""
    rng = np.random.default_rng([run.seed, 2])
    *sources, target = systems
    measured = run.preset.statistics is Statistics.LABELLED
    known, view = _target(run, target, embedder, rng)
    # Evidence as thin as the target's own: the network is to learn how far to trust that.
    evidence = (0, _MOST_EVIDENCE) if len(known.of(ANOMALOUS)) else (0, 1)
    shown = []
    for source in sources:
        own = known_of(source, run, embedder, rng)
        views = source_views(own, rng) if measured else unlabelled_views(own, evidence, rng)
        shown.append(_drawn(joined(views), source.first_row, run))
    return _lessons(run, shown, view, target.first_row)


def rehearsed(run: Run, shown: list[Sessions], target: System, embedder: EventEmbedder) -> Lessons:
    """The same with sources that were described before; see ``trainer.rehearsal``.

    A session that equals a known anomaly event by event is one, too: nothing could tell the two
    apart, and in the history it would say that such sessions are usual.
    """
    rng = np.random.default_rng([run.seed, 2])
    _, view = _target(run, target, embedder, rng, copies=True)
    return replace(_lessons(run, shown, view, target.first_row), adapting=True)


def _target(
    run: Run,
    target: System,
    embedder: EventEmbedder,
    rng: np.random.Generator,
    *,
    copies: bool = False,
) -> tuple[Known, Described]:
    known = known_of(target, run, embedder, rng)
    if copies:
        known = replace(known, labels=_with_copies(known))
    view = target_view(known, rng)
    history = known.history(known.not_anomalous(), known.of(ANOMALOUS)).history
    run.save_description(Description(history, known.templates, known.vectors, known.words))
    return known, view


def _with_copies(known: Known) -> NDArray[np.int64]:
    """Labels of known sessions and of what equals an anomalous one, unless somebody called one of
    them normal."""
    same = [sequence.tobytes() for sequence in known.sequences]
    normal = {same[i] for i in known.of(NORMAL)}
    anomalous = {same[i] for i in known.of(ANOMALOUS)} - normal
    copied = known.labels.copy()
    copied[[one in anomalous for one in same]] = ANOMALOUS
    return copied


def _lessons(run: Run, shown: list[Sessions], view: Described, first_row: int) -> Lessons:
    measured = run.preset.statistics is Statistics.LABELLED
    members = run.network.members
    targets, left_out = [], []
    for member in range(members):
        # A single member has to learn all there is, and to judge what it has learnt.
        outside = (view.fold % members == member) | (members == 1)
        inside = (~outside | (members == 1)) & (view.labels != UNLABELLED)
        own_lesson = [_drawn(view.chosen(inside), first_row, run)] if inside.any() else []
        targets.append(own_lesson if measured else [*shown, *own_lesson * len(shown)])
        left_out.append(view.chosen(outside).moved(first_row))
    return Lessons(shown, targets, left_out)


def _sequences(system: System, run: Run) -> list[Rows]:
    return system.sequences(system.seen, system.parser(run.drain))


def known_of(system: System, run: Run, embedder: EventEmbedder, rng: np.random.Generator) -> Known:
    """What may be seen of a system, with no more sessions than histories are made of."""
    sequences, labels = _sequences(system, run), system.labels(system.seen)
    normal = np.flatnonzero(labels != ANOMALOUS)
    if len(normal) > MOST_NORMAL:
        normal = np.sort(rng.choice(normal, size=MOST_NORMAL, replace=False))
    kept = np.union1d(normal, np.flatnonzero(labels == ANOMALOUS))
    return Known(
        system.templates,
        embedder.embed_all(system.templates),
        embedder.table,
        [sequences[i] for i in kept],
        labels[kept],
    )


def _drawn(view: Described, first_row: int, run: Run) -> Sessions:
    moved = view.moved(first_row)
    return Sessions(
        moved.rows, moved.labels.tolist(), run.preset.longest, moved.features, moved.session
    )
