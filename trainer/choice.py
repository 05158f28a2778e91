"""Which sessions to label: those whose labels say most about all the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.corpus import UNLABELLED

# Distinct sessions to choose each one from: more are more different, fewer more to the point.
_CANDIDATES = 10
# Copies of a session count, too: ten times as many make it worth this much more distance.
_WORTH_OF_COPIES = 0.5
# Labelled sequences that others are held against; of more, so many spread over all of them.
_MOST_KNOWN = 2_000
_NEAREST = 1e-7


class Ground(StrEnum):
    """Why a session is asked about: it has a high score; it could be either; it is like no other
    that is asked about."""

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

    sequences, labels (-1 where there is none), scores: of all sessions, [sessions]. By turns one of
    those with the highest scores and one of those nearest to the threshold is taken: the one that
    is least like what is taken or labelled already (farthest first; Gonzalez 1985), where the first
    of those count for more than the last, and what has many copies for more than what has none.
    Sequences that have a label are not asked about again. The same input gives the same choice.
    """
    places, copies, known = _distinct(sequences, labels)
    if not len(places):
        return []
    own = scores[places]
    margin = np.abs(_log_odds(own) - _log_odds(np.array([threshold])))
    size = _CANDIDATES * count
    # Stable: among equals the first in the log.
    pools = {
        Ground.SUSPICIOUS: np.argsort(-own, kind="stable")[:size],
        Ground.UNCERTAIN: np.argsort(margin, kind="stable")[:size],
    }
    candidates = np.unique(np.concatenate(list(pools.values())))
    merits = {ground: _merit(candidates, pool, size) for ground, pool in pools.items()}
    known = known[:: 1 + len(known) // _MOST_KNOWN]
    points = _points(sequences, [*places[candidates].tolist(), *known])
    nearest = _nearest(points[: len(candidates)], points[len(candidates) :])
    worth = 1 + _WORTH_OF_COPIES * np.log10(copies[candidates])
    free = np.ones(len(candidates), dtype=bool)
    choices: list[Choice] = []
    while len(choices) < min(count, len(candidates)):
        ground = list(pools)[len(choices) % len(pools)]
        merit = merits[ground] * free
        if not merit.any():
            ground, merit = Ground.DIFFERENT, free.astype(np.float64)
        if np.isinf(nearest).all():
            # Nothing is known yet: begin with the one that is most to the point.
            best = int(np.searchsorted(candidates, pools[ground][0]))
        else:
            best = int(np.where(free, nearest * worth * merit, -1).argmax())
        free[best] = False
        nearest = np.minimum(nearest, _distances(points[: len(candidates)], points[best]))
        taken = int(candidates[best])
        choices.append(Choice(int(places[taken]), ground, int(copies[taken])))
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


def _merit(candidates: NDArray[np.int64], pool: NDArray[np.intp], size: int) -> NDArray[np.float64]:
    """From 1 for the first of the pool down to 0 for what is not in it, [candidates]."""
    merit = np.zeros(len(candidates))
    merit[np.searchsorted(candidates, pool)] = 1 - np.arange(len(pool)) / size
    return merit


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


def _nearest(points: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest = np.full(len(points), np.inf)
    for one in known:
        nearest = np.minimum(nearest, _distances(points, one))
    return nearest


def _distances(points: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.sqrt(np.maximum(0, 2 - 2 * points @ one))
    return distances


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(scores, _NEAREST, 1 - _NEAREST)
    odds: NDArray[np.float64] = np.log(inside / (1 - inside))
    return odds
