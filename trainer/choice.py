"""Which sessions to label: those whose labels say most about all the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.corpus import UNLABELLED

# The anomalies are sought in this part of the sessions, from the highest score down, and among so
# many distinct ones for each that is wanted.
_SUSPECT_SHARE = 0.2
_FEWEST_CANDIDATES = 3
# All of them are compared with each other.
_MOST_CANDIDATES = 2_000
# Ten times as many copies of a session count for three times as much.
_WORTH_OF_COPIES = 0.5
# Labelled sequences that others are held against; of more, so many spread over all of them.
_MOST_KNOWN = 2_000


class Ground(StrEnum):
    """Why a session is asked about: it would be called anomalous; it would not, but it is among
    the most suspicious; it is like no other that is asked about."""

    SUSPICIOUS = "suspicious"
    UNCERTAIN = "uncertain"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Choice:
    """place: of the session among those to choose from; copies: how many are equal to it event by
    event, itself included."""

    place: int
    ground: Ground
    copies: int


def choose(
    sequences: Sequence[Rows],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    threshold: float,
    count: int,
) -> list[Choice]:
    """At most ``count`` sessions, one of each distinct sequence of events, the best first.

    sequences, labels (-1 where there is none), scores: of all sessions, [sessions]. Of the most
    suspicious fifth those are taken that stand for the others best: by turns the one that adds most
    to how much each of these is like the nearest one taken (facility location, greedily: Nemhauser
    et al. 1978; Wei, Iyer and Bilmes 2015 for labels). High scores count for more, and so do
    copies. What is labelled already stands for what is like it, and its sequences are not asked
    about again. The same input gives the same choice.
    """
    places, copies, known = _distinct(sequences, labels)
    if not len(places):
        return []
    # Stable: among equals the first in the log.
    order = np.argsort(-scores[places], kind="stable")
    places, copies = places[order], copies[order]
    suspects = int((copies.cumsum() <= _SUSPECT_SHARE * len(sequences)).sum())
    size = max(count, min(max(suspects, _FEWEST_CANDIDATES * count), _MOST_CANDIDATES))
    places, copies = places[:size], copies[:size]
    known = known[:: 1 + len(known) // _MOST_KNOWN]
    points = _points(sequences, [*places.tolist(), *known])
    alike = _likeness(points[: len(places)], points)
    # Below the suspects are the most usual sessions of all: their copies are no reason to ask.
    rank = np.arange(len(places))
    worth = np.where(rank < suspects, copies**_WORTH_OF_COPIES, 1) / (1 + rank / count)
    reached = alike[:, len(places) :].max(axis=1, initial=0)
    free = np.ones(len(places), dtype=bool)
    choices: list[Choice] = []
    while len(choices) < min(count, len(places)):
        gains = worth @ np.maximum(alike[:, : len(places)] - reached[:, None], 0)
        best = int(np.where(free, gains, -1).argmax())
        free[best] = False
        reached = np.maximum(reached, alike[:, best])
        place = int(places[best])
        if scores[place] >= threshold:
            ground = Ground.SUSPICIOUS
        else:
            ground = Ground.UNCERTAIN if best < suspects else Ground.DIFFERENT
        choices.append(Choice(place, ground, int(copies[best])))
    return choices


def _distinct(
    sequences: Sequence[Rows], labels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
    """First places and numbers of the distinct sequences without a label, and a place of each that
    has one."""
    known: dict[bytes, int] = {}
    for place in np.flatnonzero(labels != UNLABELLED).tolist():
        known.setdefault(sequences[place].tobytes(), place)
    first: dict[bytes, int] = {}
    copies: dict[bytes, int] = {}
    for place, sequence in enumerate(sequences):
        same = sequence.tobytes()
        if same not in known:
            first.setdefault(same, place)
            copies[same] = copies.get(same, 0) + 1
    places = np.array(list(first.values()), dtype=np.int64)
    return places, np.array([copies[same] for same in first], dtype=np.int64), list(known.values())


def _points(sequences: Sequence[Rows], chosen: Sequence[int]) -> NDArray[np.float64]:
    """Sessions as directions, [chosen, events]: how often they have each event, rare ones first."""
    events = 1 + max(int(sequence.max()) for sequence in sequences)
    having = np.zeros(events)
    for sequence in sequences:
        having[np.unique(sequence)] += 1
    rarity = np.log((len(sequences) + 1) / (having + 0.5))
    counts = np.stack([np.bincount(sequences[place], minlength=events) for place in chosen])
    points = np.log1p(counts) * rarity
    length = np.linalg.norm(points, axis=1, keepdims=True)
    directions: NDArray[np.float64] = points / np.maximum(length, 1e-12)
    return directions


def _likeness(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1 for the same direction down to 0 for one that is 60 degrees or more away, [points,
    others]."""
    distances = np.sqrt(np.maximum(0, 2 - 2 * points @ others.T))
    likeness: NDArray[np.float64] = np.maximum(0, 1 - distances)
    return likeness
