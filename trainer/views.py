"""Views of a system: its labelled sessions, each described by a history it is no part of.

What is novel in training must be novel in the way it will be on a host. So a target's sessions are
described fold by fold, by the history of the other folds; and a source is shown as if it were new,
again and again: a small history is drawn, and other sessions are described by it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.description import Describer
from models.flat import Flat
from models.history import Events, History
from models.reading import Inputs, fed, read
from models.traits import TraitReader
from models.words import Vectors, WordTable
from trainer.corpus import ANOMALOUS, UNLABELLED
from trainer.progress import counted

# Folds of the target's known sessions.
FOLDS = 10
# Histories of a source: how many, how long, and with how many known anomalies.
_SOURCE_VIEWS = 8
_SOURCE_HISTORY = (100, 2500)
_LARGEST_SHARE = 0.6
_SOURCE_ANOMALIES = (5, 40)
# Of histories without labels: how many, and the share of anomalies that they hide.
_UNLABELLED_VIEWS = 10
_HIDDEN_SHARE = (0.01, 0.08)
# Sessions of each class described in one view.
_DESCRIBED = 400


@dataclass(frozen=True)
class Known:
    """The events of one system and the sessions that may be seen of it.

    templates, vectors: by event id; sequences: events of each session; labels: 0, 1 or -1.
    """

    templates: Sequence[str]
    vectors: Vectors
    words: WordTable
    sequences: Sequence[Events]
    labels: NDArray[np.int64]

    @property
    def labelled(self) -> bool:
        """Whether all sessions have a label."""
        return len(self.labels) > 0 and bool((self.labels != UNLABELLED).all())

    def history(
        self,
        normal: NDArray[np.intp],
        anomalous: NDArray[np.intp],
        labelled: bool | None = None,
    ) -> Describer:
        """What these sessions say of others. labelled: see History; by default, whether the
        sessions are."""
        history = History.of(
            [self.sequences[i] for i in normal],
            [self.sequences[i] for i in anomalous],
            len(self.templates),
            self.labelled if labelled is None else labelled,
        )
        reader = TraitReader(history, self.templates, self.vectors, self.words)
        return Describer(history, reader.traits)

    def of(self, label: int) -> NDArray[np.intp]:
        return np.flatnonzero(self.labels == label)

    def not_anomalous(self) -> NDArray[np.intp]:
        """Sessions that nobody has called anomalous."""
        return np.flatnonzero(self.labels != ANOMALOUS)


@dataclass(frozen=True)
class Described:
    """Sessions as the network reads them, one entry a session.

    rows: events that are fed to the recurrent part; features: float32 [fed, EVENT_INPUTS] each;
    session: float32 [sessions, SESSION_INPUTS]; labels: 0 or 1; fold: which part of the target a
    session was left out with; place: where it stands among the known ones.
    """

    rows: list[Events]
    features: list[Vectors]
    session: Vectors
    labels: NDArray[np.int64]
    fold: NDArray[np.int64]
    place: NDArray[np.intp]

    def chosen(self, mask: NDArray[np.bool_]) -> "Described":
        places = np.flatnonzero(mask)
        return Described(
            [self.rows[i] for i in places],
            [self.features[i] for i in places],
            self.session[places],
            self.labels[places],
            self.fold[places],
            self.place[places],
        )

    def moved(self, first_row: int) -> "Described":
        """The same with rows of the event table that all systems share."""
        return replace(self, rows=[row + first_row for row in self.rows])


def joined(parts: Sequence[Described]) -> Described:
    return Described(
        [row for part in parts for row in part.rows],
        [one for part in parts for one in part.features],
        np.concatenate([part.session for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.fold for part in parts]),
        np.concatenate([part.place for part in parts]),
    )


def target_view(known: Known, rng: np.random.Generator) -> Described:
    """All known sessions of a target, each out of fold.

    Known anomalies of the fold are left out of what describes labelled sessions alone: a network
    that has not learnt the others is to see them as on a host, where every known anomaly counts.
    """
    parts = []
    folds = _folds(known, rng)
    for number, fold in enumerate(counted("describing sessions", folds, len(folds))):
        describer = whole = known.history(*fold.kept)
        normal, anomalous = fold.left
        labelled = known.labels[normal] != UNLABELLED
        if len(anomalous) and not labelled.all():
            whole = known.history(fold.kept[0], known.of(ANOMALOUS))
        parts += [
            _described(known, whole, normal[~labelled], number),
            _described(known, describer, normal[labelled], number),
            _described(known, describer, anomalous, number),
        ]
    return joined(parts)


def described_by_others(known: Known, rng: np.random.Generator) -> Inputs:
    """Each session described by the history of the other folds, in the order of ``known``."""
    view = target_view(known, rng)
    order = np.argsort(view.place, kind="stable")
    return Inputs(
        [fed(sequence) for sequence in known.sequences],
        [view.features[i] for i in order],
        view.session[order],
    )


def source_views(known: Known, rng: np.random.Generator) -> list[Described]:
    """A source as a new system, with a few known anomalies: one drawn history after another."""
    views = []
    for _ in counted("describing sessions", range(_SOURCE_VIEWS), _SOURCE_VIEWS):
        normal, anomalous, size = _drawn_history(known, rng)
        labelled = min(int(rng.integers(*_SOURCE_ANOMALIES)), len(anomalous) // 2)
        describer = known.history(normal[:size], anomalous[:labelled])
        views.append(_source_view(known, describer, (normal[size:], anomalous[labelled:]), rng))
    return views


def unlabelled_views(
    known: Known, evidence: tuple[int, int], rng: np.random.Generator
) -> list[Described]:
    """A source as a new system whose history nobody has labelled: some of it is anomalous.

    evidence: fewest anomalies that are known beside it, and one more than the most.
    """
    views = []
    for _ in counted("describing sessions", range(_UNLABELLED_VIEWS), _UNLABELLED_VIEWS):
        normal, anomalous, size = _drawn_history(known, rng)
        most = len(anomalous) // 2
        amidst = min(round(size * rng.uniform(*_HIDDEN_SHARE)), most)
        labelled = min(int(rng.integers(*evidence)), most - amidst)
        inside = np.concatenate([normal[:size], anomalous[:amidst]])
        describer = known.history(inside, anomalous[amidst : amidst + labelled], labelled=False)
        others = (normal[size:], anomalous[amidst + labelled :])
        views.append(_source_view(known, describer, others, rng))
    return views


def _drawn_history(
    known: Known, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Normal and anomalous sessions in random order, and how many of the normal ones to take."""
    normal = rng.permutation(known.of(0))
    anomalous = rng.permutation(known.of(1))
    shortest, longest = _SOURCE_HISTORY
    longest = max(2, int(min(longest, _LARGEST_SHARE * len(normal))))
    shortest = min(shortest, longest)
    return normal, anomalous, int(math.exp(rng.uniform(math.log(shortest), math.log(longest))))


def _source_view(
    known: Known,
    describer: Describer,
    others: tuple[NDArray[np.intp], NDArray[np.intp]],
    rng: np.random.Generator,
) -> Described:
    shown = np.concatenate([_varied(known, places, _DESCRIBED, rng) for places in others])
    return _described(known, describer, shown, 0)


def _varied(
    known: Known, places: NDArray[np.intp], size: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Sessions drawn so that a sequence is met by the root of its share: rare ones count, too."""
    if not len(places):
        return places
    first: dict[bytes, int] = {}
    twins = [first.setdefault(known.sequences[i].tobytes(), int(i)) for i in places]
    distinct, counts = np.unique(twins, return_counts=True)
    shares = np.sqrt(counts)
    return rng.choice(distinct, size=min(size, 3 * len(distinct)), p=shares / shares.sum())


@dataclass(frozen=True)
class _Fold:
    """What is left out together, and what describes it: sessions not known to be anomalous, and
    those that are."""

    left: tuple[NDArray[np.intp], NDArray[np.intp]]
    kept: tuple[NDArray[np.intp], NDArray[np.intp]]


def _folds(known: Known, rng: np.random.Generator) -> list[_Fold]:
    normal, anomalous = known.not_anomalous(), known.of(ANOMALOUS)
    count = max(2, min(FOLDS, len(normal)))
    normal, anomalous = rng.permutation(normal), rng.permutation(anomalous)
    folds = []
    for number in range(count):
        left = (normal[number::count], anomalous[number::count])
        kept = (np.setdiff1d(normal, left[0]), np.setdiff1d(anomalous, left[1]))
        folds.append(_Fold(left, kept))
    return folds


def _described(
    known: Known, describer: Describer, places: NDArray[np.intp], fold: int
) -> Described:
    sequences = [known.sequences[place] for place in places]
    inputs = read(describer, Flat.of(sequences)).inputs()
    return Described(
        [sequence[own] for sequence, own in zip(sequences, inputs.places, strict=True)],
        list(inputs.features),
        inputs.session,
        known.labels[places],
        np.full(len(places), fold, dtype=np.int64),
        places,
    )
