"""Which sessions may be seen. Drawn before anything is fitted, and kept with the run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from trainer.corpus import ANOMALOUS, NORMAL, Corpus

Indices = NDArray[np.int64]

# Under so many labelled anomalies a fraction is meaningless: take these, and say so.
FEWEST_ANOMALIES = 5


@dataclass(frozen=True)
class Fractions:
    """Shares of sessions that training may see: of each source, of the target's two classes."""

    source: float = 1.0
    normal: float = 0.3
    anomaly: float = 0.01

    def __post_init__(self) -> None:
        for name in ("source", "normal", "anomaly"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise UserError(f"--{name}-fraction {value}: expected a share in (0, 1]")


@dataclass(frozen=True)
class Seen:
    """What training sees: of each source; of the target with labels, and without."""

    sources: tuple[Indices, ...]
    labelled: Indices
    unlabelled: Indices


def draw(
    sources: Sequence[Corpus], target: Corpus, fractions: Fractions, rng: np.random.Generator
) -> Seen:
    """The split of ``fit``: ``draw_source`` of each source and ``draw_target``.

    A target with too few anomalous labels for that, or none, is seen as a history instead: its
    anomalies, and ``fractions.normal`` of the other sessions, with the labels that they have.
    """
    drawn = tuple(draw_source(source, fractions.source, rng) for source in sources)
    labels = np.asarray(target.labels)
    if (labels == ANOMALOUS).sum() >= FEWEST_ANOMALIES and (labels == NORMAL).any():
        return Seen(drawn, draw_target(target, fractions, rng), np.zeros(0, dtype=np.int64))
    others = _draw(np.flatnonzero(labels != ANOMALOUS), fractions.normal, 1, rng)
    known = labels[others] == NORMAL
    labelled = np.sort(np.concatenate([np.flatnonzero(labels == ANOMALOUS), others[known]]))
    return Seen(drawn, labelled, np.sort(others[~known]))


def draw_source(corpus: Corpus, fraction: float, rng: np.random.Generator) -> Indices:
    """Labelled sessions of a source, each class by the same share, at least one of each."""
    return np.sort(
        np.concatenate(
            [_draw(_of(corpus, label, "source"), fraction, 1, rng) for label in (NORMAL, ANOMALOUS)]
        )
    )


def draw_target(corpus: Corpus, fractions: Fractions, rng: np.random.Generator) -> Indices:
    """Sessions of the target that training sees; all others are its test part."""
    normal = _draw(_of(corpus, NORMAL, "target"), fractions.normal, 1, rng)
    anomalies = _of(corpus, ANOMALOUS, "target")
    chosen = _draw(anomalies, fractions.anomaly, FEWEST_ANOMALIES, rng)
    return np.sort(np.concatenate([normal, chosen]))


def unseen(corpus: Corpus, seen: Indices) -> Indices:
    """What is left of a corpus: its test part."""
    mask = np.ones(len(corpus), dtype=bool)
    mask[seen] = False
    return np.flatnonzero(mask)


def _of(corpus: Corpus, label: int, role: str) -> Indices:
    found = np.flatnonzero(np.asarray(corpus.labels) == label)
    if not len(found):
        kind = "anomalous" if label == ANOMALOUS else "normal"
        raise UserError(
            f"{corpus.path}: has no {kind} session ({corpus.counts['sessions']} sessions, "
            f"{corpus.counts['anomalous']} anomalous, {corpus.counts['normal']} normal); a {role} "
            "needs both classes: prepare it with --labels"
        )
    return found


def _draw(indices: Indices, fraction: float, fewest: int, rng: np.random.Generator) -> Indices:
    count = min(len(indices), max(fewest, math.floor(fraction * len(indices) + 0.5)))
    return rng.choice(indices, size=count, replace=False)
