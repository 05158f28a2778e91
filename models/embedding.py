"""Event embedding: one vector for a template, in a space that all systems share (Eq. 1)."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.words import Vectors, WordTable, tokenize

# What the pieces of an unknown word are worth beside a known word: their mean lies nearest to the
# word's own vector at about a third of its length (benchmarks/word_pieces.py).
_PIECES_WORTH = 1 / 3


@dataclass(frozen=True)
class DocumentFrequencies:
    """How many of the training events of all systems there are, and hold a word.

    events: n_l of the paper; words: n_l^w by word.
    """

    events: int
    words: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, templates: Iterable[str]) -> "DocumentFrequencies":
        counts: Counter[str] = Counter()
        events = 0
        for template in templates:
            events += 1
            counts.update(set(tokenize(template)))
        return cls(events, dict(counts))

    def inverse(self, word: str) -> float:
        """log(n_l / n_l^w), natural logarithm. A word no training event has counts as in one."""
        return math.log(max(self.events, 1) / max(self.words.get(word, 0), 1))


class EventEmbedder:
    """Eq. 1: V_e = 1/n_e sum_i n_{w_i}/n_e log(n_l / n_l^{w_i}) V_{w_i}.

    The sum runs over the words of the event as they stand, so a word that occurs twice is added
    twice. A word outside the table that is made of known ones (``WordTable.pieces``) adds a third
    of the mean of its pieces, each weighted as the word that it is; any other adds nothing. Both
    count in n_e. An event in which nothing is known is treated as the one word "unknown", met in no
    training event, whose vector is the mean of the table: it has a place of its own, and
    ``unknown_events`` counts the calls that ended there.
    """

    def __init__(self, table: WordTable, frequencies: DocumentFrequencies) -> None:
        self.table = table
        self.frequencies = frequencies
        self.unknown_events = 0
        self._unknown = table.mean() * np.float32(math.log(max(frequencies.events, 2)))

    @property
    def dimension(self) -> int:
        return self.table.dimension

    def embed(self, template: str) -> Vectors:
        """float32 [dimension] of one template."""
        words = tokenize(template)
        total = np.zeros(self.dimension, dtype=np.float64)
        known = False
        for word, count in Counter(words).items():
            weighted = self._weighted(word)
            if weighted is None:
                continue
            known = True
            # A word met n_w times is n_w equal terms of the sum.
            total += count * (count / len(words)) * weighted
        if not known:
            self.unknown_events += 1
            return self._unknown
        return (total / len(words)).astype(np.float32)

    def _weighted(self, word: str) -> NDArray[np.float64] | None:
        """Vector of a word by its inverse document frequency; None where nothing is known of it."""
        vector = self.table.vector(word)
        if vector is not None:
            return self.frequencies.inverse(word) * vector.astype(np.float64)
        # Not by the frequency of the word itself: a bundle keeps those of the table's words alone.
        terms = [self._weighted(piece) for piece in self.table.pieces(word)]
        found = [term for term in terms if term is not None]
        return _PIECES_WORTH * np.mean(found, axis=0) if found else None

    def embed_all(self, templates: Sequence[str]) -> Vectors:
        """float32 [events, dimension], row i for template i."""
        if not templates:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([self.embed(template) for template in templates])
