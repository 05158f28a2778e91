"""One space of events for methods that learn on sources and are tested on the target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.embedding import DocumentFrequencies, EventEmbedder
from models.events import DrainParameters
from models.words import Vectors, shipped_word_table
from trainer.batches import Rows
from trainer.corpus import ANOMALOUS, NORMAL, Corpus
from trainer.splits import Indices
from trainer.systems import System


@dataclass(frozen=True)
class Labelled:
    """Sessions with labels. sequences: rows of the event table, int64 [length] each; labels: int64
    [sessions], 0 or 1."""

    sequences: list[Rows]
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, normal: Sequence[Rows], anomalous: Sequence[Rows] = ()) -> "Labelled":
        labels = np.repeat([NORMAL, ANOMALOUS], [len(normal), len(anomalous)])
        return cls([*normal, *anomalous], labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.sequences)

    def chosen(self, which: NDArray[np.bool_]) -> "Labelled":
        return Labelled(
            [self.sequences[i] for i in np.flatnonzero(which)], self.labels[which].copy()
        )

    @property
    def normal(self) -> list[Rows]:
        return [self.sequences[i] for i in np.flatnonzero(self.labels == NORMAL)]

    @property
    def anomalous(self) -> list[Rows]:
        return [self.sequences[i] for i in np.flatnonzero(self.labels == ANOMALOUS)]


@dataclass(frozen=True)
class Space:
    """All events in one table, the target's first.

    templates: by row; vectors: float32 [events, dimension], Eq. 1 with the document frequencies of
    the events of the training part; the rows of the target are the ids of ``Task.templates``.
    known: bool [events], those of the training part; target_events: rows of the target. sources:
    the labelled sessions of all sources, as rows.
    """

    templates: tuple[str, ...]
    vectors: Vectors
    known: NDArray[np.bool_]
    target_events: int
    sources: Labelled

    @classmethod
    def of(
        cls,
        templates: tuple[str, ...],
        trained: int,
        sources: Sequence[Corpus],
        seen: Sequence[Indices],
    ) -> "Space":
        """templates, trained: of the target, see ``Task``; seen: sessions of each source."""
        drain = DrainParameters()
        texts = list(templates)
        known = [np.arange(len(templates)) < trained]
        sequences: list[Rows] = []
        labels = [np.zeros(0, dtype=np.int64)]
        for corpus, sessions in zip(sources, seen, strict=True):
            system = System.mined(corpus, sessions, len(texts), drain)
            found = system.sequences(sessions, system.parser(drain))
            sequences += [sequence + system.first_row for sequence in found]
            labels.append(system.labels(sessions))
            texts += system.templates
            known.append(np.ones(len(system.templates), dtype=np.bool_))
        usable = np.concatenate(known)
        frequencies = DocumentFrequencies.of(
            text for text, use in zip(texts, usable, strict=True) if use
        )
        embedder = EventEmbedder(shipped_word_table(), frequencies)
        return cls(
            templates=tuple(texts),
            vectors=embedder.embed_all(texts),
            known=usable,
            target_events=len(templates),
            sources=Labelled(sequences, np.concatenate(labels)),
        )
