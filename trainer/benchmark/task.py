"""One seed of a benchmark: what a method may see, and what it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.events import DrainParameters
from trainer.batches import Rows
from trainer.benchmark.protocols import Setting, Split, draw, thinned
from trainer.benchmark.space import Space
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED, Corpus
from trainer.systems import System


@dataclass(frozen=True)
class Task:
    """All that a method may see.

    templates: by event id, those first met in the test part included; ids under ``trained_events``
    were known from the training part. normal, anomalous, unlabelled: sessions of the target, event
    ids int64 [length] each; which of them are empty is up to the protocol. sources, target, split:
    for methods that go back to the corpora; the target's labels are -1 but for ``split.labelled``.
    reserved: anomalous sessions of the target's training part that only a method which is given all
    of its labels may see.
    """

    setting: Setting
    seed: int
    templates: tuple[str, ...]
    trained_events: int
    normal: list[Rows]
    anomalous: list[Rows]
    unlabelled: list[Rows]
    sources: tuple[Corpus, ...]
    target: Corpus
    split: Split
    reserved: list[Rows] = field(default_factory=list)

    @cached_property
    def space(self) -> Space:
        """The events of the target and of the sources, and the sources' sessions."""
        return Space.of(self.templates, self.trained_events, self.sources, self.split.sources)


@dataclass(frozen=True)
class Examination:
    """The test part. sequences: event ids int64 [length] of each session of ``split.test``;
    labels: 0 or 1 [sessions]; seen: sequences of the whole training part of the target."""

    sequences: list[Rows]
    labels: NDArray[np.int64]
    seen: list[Rows]


class Method(Protocol):
    """A row of the table: a baseline or a network.

    threshold: a session is anomalous where its score is at least this. Fixed in ``fit`` from the
    training part; a method sees the test part's sequences only in ``score``.
    """

    name: str
    threshold: float

    def fit(self, task: Task) -> None: ...

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        """Float64 [sessions], larger = more anomalous. Called with all of the test part."""
        ...


def build(
    setting: Setting, sources: list[Corpus], target: Corpus, seed: int
) -> tuple[Task, Examination]:
    """Thin and split by the seed, then see ``parsed``.

    target: as it is on disk. Raises UserError, see ``protocols.draw``.
    """
    target = thinned(target, setting.anomaly_ratio, seed)
    return parsed(setting, sources, target, draw(setting, sources, target, seed), seed)


def parsed(
    setting: Setting, sources: list[Corpus], target: Corpus, split: Split, seed: int
) -> tuple[Task, Examination]:
    """The two parts of a split, parsed with what the training part has taught, as on a host."""
    drain = DrainParameters()
    system = System.mined(target, split.seen, 0, drain)
    parser = system.parser(drain)
    # In this order: events that only the test part has get ids after all others.
    labelled = system.sequences(split.labelled, parser)
    unlabelled = system.sequences(split.unlabelled, parser)
    reserved = system.sequences(split.reserved, parser)
    tested = system.sequences(split.test, parser)
    labels = system.labels(split.labelled)
    hidden = np.full(len(target), UNLABELLED, dtype=np.int8)
    hidden[split.labelled] = labels
    task = Task(
        setting=setting,
        seed=seed,
        templates=parser.templates,
        trained_events=parser.trained,
        normal=[labelled[i] for i in np.flatnonzero(labels == NORMAL)],
        anomalous=[labelled[i] for i in np.flatnonzero(labels == ANOMALOUS)],
        unlabelled=unlabelled,
        sources=tuple(sources),
        target=replace(target, labels=hidden),
        split=split,
        reserved=reserved,
    )
    return task, Examination(tested, system.labels(split.test), [*labelled, *unlabelled, *reserved])
