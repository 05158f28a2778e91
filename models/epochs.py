"""Statistics that learn: what a host adds to a bundle's history, an epoch at a time.

Within an epoch nothing changes, so a session's score can be had again and be kept. Between two, the
sessions that ended meanwhile and were beyond suspicion join the history. The bundle's own part of
it is never forgotten; what was learnt here is, slowly.
"""

import io
import json
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.history import Fading, History

# Odds of an anomaly, as a share of the threshold's, from which on a session is not learnt from.
GUARD = 0.5
# Events met on a host that get a column in the history. Sessions with later ones are not learnt
# from: a flood of new templates must not push out what is known, nor fill the memory.
MOST_HOST_EVENTS = 2_000


def beyond_suspicion(probability: float, threshold: float) -> bool:
    """Whether a session of this P(anomaly) may be learnt from: its odds are less than half of the
    threshold's. At a threshold of 0.5 that is below 1/3; at 0 none may."""
    return probability * (1 - threshold) < GUARD * threshold * (1 - probability)


@dataclass(frozen=True)
class Pace:
    """When an epoch is over.

    It takes ``share`` of the history's weight in sessions, but no fewer than ``fewest`` and no more
    than ``most``. And no sooner than ``seconds`` after the last, or ``seconds_when_full`` once as
    much was learnt as is kept: what is learnt from then on pushes out older things, and a busy host
    is to remember more than its last half hour.
    """

    fewest: int = 500
    most: int = 2_000
    share: float = 0.1
    seconds: float = 60.0
    seconds_when_full: float = 3600.0


@dataclass(frozen=True)
class Epoch:
    """One version of a host's statistics.

    number: 0 for the bundle's own, then ascending. learnt: what was learnt here, None in epoch 0.
    templates: of the events that ``learnt`` counts, by id, as they were when the epoch began: host
    templates may change later, and scores may not.
    """

    number: int = 0
    learnt: History | None = None
    templates: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """For ``from_bytes``: an .npz, compressed. Only for epochs after 0."""
        assert self.learnt is not None
        content = io.BytesIO()
        templates = np.frombuffer(json.dumps(self.templates).encode(), dtype=np.uint8)
        np.savez(content, allow_pickle=False, templates=templates, **self.learnt.arrays())
        # At its lowest level: it is a second faster than numpy's, and 20 % larger.
        return zlib.compress(content.getvalue(), 1)

    @classmethod
    def from_bytes(cls, number: int, content: bytes) -> "Epoch":
        """Raises ValueError where ``content`` is not what ``to_bytes`` gave."""
        try:
            arrays = load_arrays(io.BytesIO(zlib.decompress(content)))
            learnt = History.from_arrays(arrays)
            templates = tuple(map(str, json.loads(arrays["templates"].tobytes())))
        except (zlib.error, KeyError, IndexError, TypeError) as error:
            raise ValueError(f"statistics of epoch {number}: {error!r}") from None
        if len(templates) != learnt.events:
            raise ValueError(f"statistics of epoch {number}: templates are missing")
        return cls(number, learnt, templates)


class Epochs:
    """Collects sessions that ended, and makes the next epoch of them.

    base: the bundle's history; current: the epoch to go on from. Of more sessions than an epoch
    takes, a random sample is taken, so that a busy minute is seen from its beginning to its end.
    pace: may be replaced at any time. Memory: ``pace.most`` sessions, ``most_lines`` events. What
    was collected and has not become an epoch is lost at a restart.
    """

    def __init__(
        self,
        base: History,
        current: Epoch | None = None,
        *,
        pace: Pace | None = None,
        fading: Fading | None = None,
        most_lines: int = 500_000,
    ) -> None:
        self.base = base
        self.current = current or Epoch()
        self.pace = pace or Pace()
        self._fading = fading or Fading()
        self._most_lines = most_lines
        self._sample: list[NDArray[np.int32]] = []
        self._lines = 0
        self._offered = 0
        self._began: float | None = None

    @property
    def size(self) -> int:
        """Sessions that this epoch takes."""
        wanted = int(self.pace.share * (self.base.sessions + self._learnt()))
        return min(max(wanted, self.pace.fewest), self.pace.most)

    def collect(self, sessions: Sequence[Sequence[int]]) -> None:
        """Take in sessions that ended and are beyond suspicion, as event ids."""
        most_events = self.base.events + MOST_HOST_EVENTS
        size = self.size
        for session in sessions:
            if max(session) >= most_events:
                continue
            place = self._offered
            self._offered += 1
            if place >= size:
                # Vitter's algorithm R. The seed is a matter of numbers, so runs can be repeated.
                draw = random.Random(self.current.number << 32 | place)
                place = draw.randrange(self._offered)
            if place < size:
                self._put(place, np.array(session, dtype=np.int32))

    def _put(self, place: int, session: NDArray[np.int32]) -> None:
        replaced = len(self._sample[place]) if place < len(self._sample) else 0
        if self._lines - replaced + len(session) > self._most_lines:
            return
        self._lines += len(session) - replaced
        if place < len(self._sample):
            self._sample[place] = session
        else:
            self._sample.append(session)

    def due(self, now: float) -> bool:
        """Whether an epoch is over. now: seconds of the caller's clock, from the first call on."""
        if self._began is None:
            self._began = now
        learnt = self.current.learnt
        full = learnt is not None and self._fading.fills(learnt)
        pause = self.pace.seconds_when_full if full else self.pace.seconds
        return self._offered >= self.size and now - self._began >= pause

    def advance(self, now: float, templates: Sequence[str]) -> Epoch:
        """Begin the next epoch. templates: of all events known by now, by id."""
        rows = [row.astype(np.int64) for row in self._sample]
        # Not for all that are known: empty columns take the place of count vectors.
        events = max([self.base.events, *(int(row.max()) + 1 for row in rows)])
        newer = History.of(rows, [], events)
        learnt = newer if self.current.learnt is None else self.current.learnt.extended(newer)
        self.current = Epoch(
            self.current.number + 1,
            learnt.faded(self._fading),
            tuple(templates[: learnt.events]),
        )
        self._sample, self._lines, self._offered, self._began = [], 0, 0, now
        return self.current

    def history(self) -> History:
        """Of the current epoch: the bundle's and what was learnt, as one."""
        learnt = self.current.learnt
        return self.base if learnt is None else self.base.extended(learnt)

    def counted(self) -> set[int]:
        """Events that were learnt here, or will be: what their ids mean must not change."""
        found: set[int] = set()
        learnt = self.current.learnt
        if learnt is not None:
            found.update(np.flatnonzero(learnt.vectors.any(axis=0)).tolist())
            found.update(event for pair in learnt.pairs for event in pair)
        for row in self._sample:
            found.update(row.tolist())
        return found

    def _learnt(self) -> float:
        return 0.0 if self.current.learnt is None else self.current.learnt.sessions
