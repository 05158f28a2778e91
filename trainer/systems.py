"""Systems as the network sees them: the events of a corpus, found in the part that may be seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.embedding import DocumentFrequencies, EventEmbedder
from models.events import DrainParameters, EventParser, mine
from models.words import Vectors, WordTable
from trainer.batches import Rows
from trainer.corpus import UNLABELLED, Corpus
from trainer.progress import stage
from trainer.splits import Indices


@dataclass(frozen=True)
class System:
    """One corpus, its seen sessions and the templates mined from them.

    first_row: row of the system's event 0 in the event table that all systems share. hidden: seen
    sessions whose labels may not be used, if they have any.
    """

    corpus: Corpus
    seen: Indices
    templates: tuple[str, ...]
    first_row: int
    hidden: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @classmethod
    def mined(
        cls,
        corpus: Corpus,
        seen: Indices,
        first_row: int,
        parameters: DrainParameters,
        hidden: Indices | None = None,
    ) -> "System":
        """Mine the seen sessions; what others say has no influence."""
        messages = [corpus.messages[i] for i in messages_of(corpus, seen)]
        templates = messages if corpus.origin.parsed else mine(messages, parameters)
        nothing = np.zeros(0, dtype=np.int64)
        return cls(corpus, seen, tuple(templates), first_row, nothing if hidden is None else hidden)

    def parser(self, parameters: DrainParameters) -> EventParser:
        return EventParser(
            self.templates, self.corpus.origin.masks, parameters, exact=self.corpus.origin.parsed
        )

    def sequences(self, sessions: Indices, parser: EventParser) -> list[Rows]:
        """Events of sessions, int64 [length] each: ids of the parser, which learns new ones.

        Messages go to the parser in the order in which the log has them first, as on a host.
        """
        used = messages_of(self.corpus, sessions)
        events = np.zeros(len(self.corpus.messages), dtype=np.int64)
        with stage(f"finding the events of {self.corpus.name}"):
            events[used] = parser.parse_masked([self.corpus.messages[i] for i in used])
        return [events[self.corpus.session(i)] for i in sessions]

    def labels(self, sessions: Indices) -> NDArray[np.int64]:
        """0, 1, or -1 where there is none that may be used; int64 [sessions]."""
        labels = np.asarray(self.corpus.labels)[sessions].astype(np.int64)
        labels[np.isin(sessions, self.hidden)] = UNLABELLED
        return labels


def messages_of(corpus: Corpus, sessions: Indices) -> NDArray[np.int64]:
    """Ids of the messages that these sessions hold, ascending: in order of first appearance."""
    if not len(sessions):
        return np.zeros(0, dtype=np.int64)
    used = np.zeros(len(corpus.messages), dtype=bool)
    for index in sessions:
        used[corpus.session(index)] = True
    return np.flatnonzero(used)


def embedder_of(systems: Sequence[System], words: WordTable) -> EventEmbedder:
    """Eq. 1 with the document frequencies of the training events of all systems."""
    return EventEmbedder(
        words, DocumentFrequencies.of(t for system in systems for t in system.templates)
    )


def event_table(systems: Sequence[System], embedder: EventEmbedder) -> Vectors:
    """float32 [events, dimension]: row ``system.first_row + event`` is the vector of its template.

    The released code of the paper reads source events from other rows than these.
    """
    return np.concatenate([embedder.embed_all(system.templates) for system in systems])
