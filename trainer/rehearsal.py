"""What a bundle carries of the systems that its network has learnt, so that it can go on learning
without their logs and without forgetting them.

Sessions as the network reads them: vectors of the events that are fed, numbers of events and of
sessions, labels. No line, no template and no key of a session is in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.embedding import EventEmbedder
from models.errors import UserError
from models.words import Vectors
from trainer.batches import Sessions
from trainer.lessons import known_of
from trainer.presets import Statistics
from trainer.run import Run
from trainer.systems import System, event_table
from trainer.views import Described, joined, source_views, target_view, unlabelled_views

# Sessions in all. Half precision: the numbers lie between -2 and 3 and are not known to a
# thousandth, and a vector's direction is what is read of it.
_SESSIONS = 4_000
# Known anomalies beside a history: whoever goes on learning may have none or some, whatever the
# network was trained for.
_EVIDENCE = (0, 8)


@dataclass(frozen=True)
class Rehearsal:
    """vectors: float32 [events, dimension]; systems: described sessions of each, whose rows are
    rows of ``vectors``."""

    vectors: Vectors
    systems: tuple[Described, ...]

    @classmethod
    def of(
        cls, run: Run, systems: Sequence[System], embedder: EventEmbedder, rng: np.random.Generator
    ) -> "Rehearsal":
        """A balanced sample of what a run was trained on. systems: the sources, then the target,
        which is in it where it was learnt from as well."""
        *sources, target = systems
        measured = run.preset.statistics is Statistics.LABELLED
        each = _SESSIONS // (len(sources) + measured)
        drawn = []
        for source in sources:
            known = known_of(source, run, embedder, rng)
            views = source_views(known, rng) if measured else unlabelled_views(
                known, _EVIDENCE, rng
            )  # fmt: skip
            drawn.append(_sample(joined(views), each, rng).moved(source.first_row))
        if measured:
            view = target_view(known_of(target, run, embedder, rng), rng)
            drawn.append(_sample(view, each, rng).moved(target.first_row))
        table = event_table(systems, embedder)
        used = np.unique(np.concatenate([row for one in drawn for row in one.rows]))
        return cls(table[used], tuple(_narrowed(one, used) for one in drawn))

    def sessions(self, longest: int) -> list[Sessions]:
        """To draw batches from, one entry a system."""
        return [
            Sessions(one.rows, one.labels.tolist(), longest, one.features, one.session)
            for one in self.systems
        ]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """For ``from_arrays``: sessions end to end."""
        whole = joined(self.systems)
        sizes = [len(one.labels) for one in self.systems]
        return {
            "vectors": self.vectors.astype(np.float16),
            "sizes": np.array(sizes, dtype=np.int32),
            "labels": whole.labels.astype(np.int8),
            "lengths": np.array([len(row) for row in whole.rows], dtype=np.int16),
            "rows": np.concatenate(whole.rows).astype(np.int32),
            "features": np.concatenate(whole.features).astype(np.float16),
            "session": whole.session.astype(np.float16),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Rehearsal":
        """Raises UserError where ``arrays`` are not those of ``arrays()``."""
        try:
            ends = np.cumsum(arrays["lengths"].astype(np.int64))[:-1]
            whole = Described(
                np.split(arrays["rows"].astype(np.int64), ends),
                np.split(arrays["features"].astype(np.float32), ends),
                arrays["session"].astype(np.float32),
                arrays["labels"].astype(np.int64),
                *_nowhere(len(arrays["labels"])),
            )
            sizes = arrays["sizes"].astype(np.int64)
            of = np.repeat(np.arange(len(sizes)), sizes)
            systems = tuple(whole.chosen(of == system) for system in range(len(sizes)))
            return cls(arrays["vectors"].astype(np.float32), systems)
        except (KeyError, ValueError, IndexError) as error:
            raise UserError(
                f"rehearsal.npz cannot be read: {error!r}; export the bundle again"
            ) from None


def _sample(view: Described, size: int, rng: np.random.Generator) -> Described:
    """Labelled sessions, half of each class as far as there are so many."""
    mask = np.zeros(len(view.labels), dtype=bool)
    for label in (0, 1):
        places = np.flatnonzero(view.labels == label)
        mask[rng.permutation(places)[: size // 2]] = True
    return view.chosen(mask)


def _narrowed(view: Described, used: NDArray[np.int64]) -> Described:
    rows = [np.searchsorted(used, row) for row in view.rows]
    return Described(rows, view.features, view.session, view.labels, *_nowhere(len(view.labels)))


def _nowhere(size: int) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Fold and place of sessions that are no part of a history here."""
    return np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.intp)
