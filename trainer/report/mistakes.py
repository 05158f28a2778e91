"""The worst mistakes of a run: what its sessions say, and what moved their scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.contribution import contributions
from models.scorer import Score
from trainer.batches import Rows
from trainer.benchmark.sequences import Distinct
from trainer.corpus import ANOMALOUS, NORMAL
from trainer.evaluate import Part
from trainer.network import Ensemble
from trainer.predict import predict

MOST = 6
# Lines shown of a session: those of the heaviest events, and the ones around them.
_MOST_LINES = 28


@dataclass(frozen=True)
class Shown:
    """Lines of a session. number: of the first, from 1; repeated: times in a row; message: masked;
    weight: what the session's score loses in log-odds without this event, None where that was not
    computed; new: training had not met the event."""

    number: int
    repeated: int
    message: str
    weight: float | None
    new: bool


@dataclass(frozen=True)
class Mistake:
    """One of a kind of sessions that are the same event by event. twins: how many there are of it
    with this label; lines: None stands for some that are left out."""

    key: str
    score: float
    length: int
    twins: int
    shown: list[Shown | None]


@dataclass(frozen=True)
class Mistakes:
    """The worst first. sessions: how many there are in all, by kind; ``false_alarms`` and
    ``missed`` hold at most MOST distinct ones."""

    false_alarms: list[Mistake]
    missed: list[Mistake]
    sessions: tuple[int, int]
    weighed: bool


class _Network:
    """The trained network, as ``models.contribution`` asks it."""

    def __init__(self, network: Ensemble, part: Part) -> None:
        self._network, self._part = network, part

    def score(self, sessions: Sequence[Sequence[int]]) -> list[Score]:
        rows = [np.asarray(session, dtype=np.int64) for session in sessions]
        if not rows:
            return []
        described = self._part.description
        inputs = None if described is None else described.inputs(rows)
        probabilities = predict(self._network, self._part.table, rows, inputs)
        # No attention: of a session with more events than are tried, the most frequent ones are.
        return [
            Score(float(one), np.full(len(row), 1 / len(row), dtype=np.float32))
            for one, row in zip(probabilities, rows, strict=True)
        ]

    def score_open(self, sessions: Sequence[Sequence[int]]) -> list[Score]:
        raise NotImplementedError("sessions of a corpus are over")


def worst(
    part: Part,
    network: Ensemble,
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    threshold: float,
) -> Mistakes:
    """labels: 0, 1, or -1, which are no mistakes; scores: [sessions] of ``part``."""
    verdicts = scores >= threshold
    false = np.flatnonzero(verdicts & (labels == NORMAL))
    missed = np.flatnonzero(~verdicts & (labels == ANOMALOUS))
    member = Distinct.of(part.sequences).member
    chosen = [
        _first_of_each(places[np.argsort(sign * scores[places], kind="stable")], member)
        for places, sign in ((false, -1), (missed, 1))
    ]
    # A network that reads statistics weighs nothing without the history that they are of.
    weighed = part.inputs is None or part.description is not None
    places = [place for group in chosen for place, _ in group]
    weights: list[dict[int, float]] = [{} for _ in places]
    if weighed:
        asked = _Network(network, part)
        sequences = [part.sequences[place].tolist() for place in places]
        weights = contributions(asked, sequences, asked.score(sequences))
    found = [
        _mistake(part, place, twins, float(scores[place]), own)
        for (place, twins), own in zip((one for g in chosen for one in g), weights, strict=True)
    ]
    return Mistakes(
        found[: len(chosen[0])], found[len(chosen[0]) :], (len(false), len(missed)), weighed
    )


def _first_of_each(order: NDArray[np.intp], member: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The first place of each distinct sequence, with how many places have it; MOST of them."""
    _, first, count = np.unique(member[order], return_index=True, return_counts=True)
    ranked = np.argsort(first)[:MOST]
    return [(int(order[first[one]]), int(count[one])) for one in ranked]


def _mistake(
    part: Part, place: int, twins: int, score: float, weights: dict[int, float]
) -> Mistake:
    events: Rows = part.sequences[place]
    index = int(part.sessions[place])
    messages = part.corpus.session(index)
    starts = np.flatnonzero(np.append(True, messages[1:] != messages[:-1]))
    repeated = np.diff(np.append(starts, len(messages)))
    lines = [
        Shown(
            number=int(start) + 1,
            repeated=int(times),
            message=part.corpus.messages[int(messages[start])],
            weight=weights.get(int(events[start])),
            new=int(events[start]) >= part.parser.trained,
        )
        for start, times in zip(starts, repeated, strict=True)
    ]
    return Mistake(part.corpus.keys[index], score, len(messages), twins, _shortened(lines))


def _shortened(lines: list[Shown]) -> list[Shown | None]:
    """All lines, or those of most weight with a neighbour on each side; gaps are None."""
    if len(lines) <= _MOST_LINES:
        return list(lines)
    order = sorted(range(len(lines)), key=lambda n: (-abs(lines[n].weight or 0.0), n))
    kept: set[int] = set()
    for number in order:
        around = {n for n in (number - 1, number, number + 1) if 0 <= n < len(lines)}
        if len(kept | around) > _MOST_LINES:
            break
        kept |= around
    shown: list[Shown | None] = []
    before = -1
    for number in sorted(kept):
        if number > before + 1:
            shown.append(None)
        shown.append(lines[number])
        before = number
    if before < len(lines) - 1:
        shown.append(None)
    return shown
