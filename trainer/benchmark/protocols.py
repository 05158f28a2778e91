"""The protocols: what a method may see of each system, and on which sessions it is tested.

bilateral   the paper's tables 1 and 2: ``source`` of each source's labelled sessions, ``normal``
            and ``anomaly`` of the target's two classes (at least 5 anomalies); tested on the rest,
            but for anomalies that are reserved
zero-shot   the sources' labels and nothing of the target; tested on all of it
unlabelled  the sources' labels and, as a history without labels, ``normal`` of the target's
            sessions, drawn whatever their labels are; tested on the rest
budget      as unlabelled, and ``labels`` sessions of the history, drawn at random, get their
            labels: normal ones count, and there may be no anomaly among them

Sessions without a label are neither seen nor tested. One seed gives ``unlabelled`` and all budgets
the same history and the same test part.
"""

import math
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from models.errors import UserError
from trainer.benchmark.corpora import Given
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED, Corpus
from trainer.splits import FEWEST_ANOMALIES, Fractions, Indices, draw_source, draw_target

# Streams of random numbers beside the one of the seed itself, which `fit` draws its split from.
_THINNING = 2


class Protocol(StrEnum):
    BILATERAL = "bilateral"
    ZERO_SHOT = "zero-shot"
    UNLABELLED = "unlabelled"
    BUDGET = "budget"


@dataclass(frozen=True)
class Setting:
    """A protocol with its numbers. anomaly_ratio: share of anomalies that the target is thinned
    to, None leaves them all; labels: sessions that a budget pays for. reserved: share of the
    target's anomalies that its training part has in all: those without a label in it are neither
    tested nor seen but by methods that are given all labels of it (blocks b of the tables)."""

    protocol: Protocol
    fractions: Fractions
    anomaly_ratio: float | None = None
    labels: int | None = None
    reserved: float = 0.0

    def __post_init__(self) -> None:
        if self.anomaly_ratio is not None and not 0 < self.anomaly_ratio < 1:
            raise UserError(
                f"--target-anomaly-ratio {self.anomaly_ratio}: expected a share between 0 and 1"
            )
        if self.protocol is Protocol.BUDGET:
            if self.labels is None:
                raise UserError("--protocol budget: say with --labels K how many sessions it is")
            if self.labels < 1:
                raise UserError(
                    f"--labels {self.labels}: expected 1 or more; --protocol unlabelled needs none"
                )
        elif self.labels is not None:
            raise UserError(
                f"--labels goes with --protocol budget, not {self.protocol.value}; "
                "--normal-fraction and --anomaly-fraction say how many labels that one has"
            )

        if not 0 <= self.reserved < 1:
            raise UserError(f"--reserve {self.reserved}: expected a share from 0 to 1")
        if self.reserved and self.protocol is not Protocol.BILATERAL:
            raise UserError(f"--reserve goes with --protocol bilateral, not {self.protocol.value}")

    def to_json(self) -> dict[str, Any]:
        found = {**asdict(self), "protocol": self.protocol.value}
        if not self.reserved:
            # As in reports from before there was such a thing.
            del found["reserved"]
        return found


@dataclass(frozen=True)
class Split:
    """Sessions by index, ascending: of each source; of the target those seen with their label,
    those seen without, and those to be tested on. reserved: see ``Setting``."""

    sources: tuple[Indices, ...]
    labelled: Indices
    unlabelled: Indices
    test: Indices
    reserved: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def seen(self) -> Indices:
        """Sessions of the target that the training part holds."""
        return np.sort(np.concatenate([self.labelled, self.unlabelled]))


def thinned(corpus: Corpus, ratio: float | None, seed: int) -> Corpus:
    """The corpus with so many anomalies put aside at random that ``ratio`` of its labelled
    sessions are left anomalous: they count as unlabelled. Unchanged where it has fewer already."""
    labels = np.array(corpus.labels)
    anomalies = np.flatnonzero(labels == ANOMALOUS)
    if ratio is None:
        return corpus
    normal = int((labels == NORMAL).sum())
    kept = max(1, math.floor(ratio / (1 - ratio) * normal + 0.5))
    if kept >= len(anomalies):
        return corpus
    rng = np.random.default_rng([seed, _THINNING])
    labels[rng.permutation(anomalies)[kept:]] = UNLABELLED
    return replace(corpus, labels=labels)


def check_classes(given: Given, role: str) -> None:
    """Raises UserError where a system lacks the labels that its role needs."""
    corpus = given.open()
    for kind in ("anomalous", "normal"):
        if not corpus.counts[kind]:
            use = "to learn from" if role == "source" else "to be tested on"
            raise UserError(
                f"{given.path}: the {role} has no {kind} session {use} "
                f"({corpus.counts['sessions']:,} sessions, {corpus.counts['anomalous']:,} "
                f"anomalous, {corpus.counts['normal']:,} normal); prepare it with --labels"
            )


def draw(setting: Setting, sources: list[Corpus], target: Corpus, seed: int) -> Split:
    """The split of one seed. target: thinned already.

    A bilateral split of a target that was not thinned is the one that ``fit`` draws by that seed.
    Raises UserError where no anomalous or no normal session is left for the test.
    """
    rng = np.random.default_rng(seed)
    seen = tuple(draw_source(source, setting.fractions.source, rng) for source in sources)
    labels = np.asarray(target.labels)
    known = np.flatnonzero(labels != UNLABELLED)
    nothing = np.zeros(0, dtype=np.int64)
    labelled = unlabelled = reserved = nothing
    if setting.protocol is Protocol.BILATERAL:
        labelled = draw_target(target, setting.fractions, rng)
        reserved = _reserved(setting, target, labelled, rng)
    elif setting.protocol is not Protocol.ZERO_SHOT:
        history = rng.permutation(known)[: max(1, round(setting.fractions.normal * len(known)))]
        paid = _paid(setting, len(history), len(known), target.name)
        labelled, unlabelled = np.sort(history[:paid]), np.sort(history[paid:])
    test = np.setdiff1d(known, np.concatenate([labelled, unlabelled, reserved]))
    for kind, label in (("anomalous", ANOMALOUS), ("normal", NORMAL)):
        if not (labels[test] == label).any():
            raise UserError(
                f"{target.name}: seed {seed} leaves none of {int((labels == label).sum()):,} "
                f"{kind} sessions to test on (a bilateral training part takes at least "
                f"{FEWEST_ANOMALIES} anomalous ones); give more sessions or smaller fractions"
            )
    return Split(seen, labelled, unlabelled, test, reserved)


def _reserved(
    setting: Setting, target: Corpus, labelled: Indices, rng: np.random.Generator
) -> Indices:
    anomalies = np.flatnonzero(np.asarray(target.labels) == ANOMALOUS)
    others = np.setdiff1d(anomalies, labelled)
    wanted = round(setting.reserved * len(anomalies)) - (len(anomalies) - len(others))
    return np.sort(rng.permutation(others)[: max(0, wanted)])


def _paid(setting: Setting, history: int, sessions: int, name: str) -> int:
    labels = setting.labels or 0
    if labels > sessions:
        raise UserError(f"--labels {labels}: {name} has only {sessions:,} labelled sessions in all")
    if labels > history:
        raise UserError(
            f"--labels {labels}: the history that they are drawn from has {history:,} sessions "
            f"(--normal-fraction {setting.fractions.normal:g} of {sessions:,}); take fewer, or a "
            "larger fraction"
        )
    return labels
