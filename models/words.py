"""Words of a template, and the table of their pre-trained vectors."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.errors import UserError
from models.word_index import WordIndex

_PLACEHOLDER = re.compile(r"<[A-Z*]+>")
# IOException -> IO, Exception; dataNode -> data, Node; DATA -> DATA. Letters only.
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
# Pieces of a word that the table lacks: shorter ones, or ones that leave much of the word over, say
# nothing of it (benchmarks/word_pieces.py).
_SHORTEST_PIECE = 4
_MOST_LEFT_OVER = 0.25

Vectors = NDArray[np.float32]


def tokenize(template: str) -> list[str]:
    """Lower-case words of a template, placeholders left out, split at non-letters and camel case.

    The paper (section 3.2) names non-character tokens and camel case; lower case is our reading.
    """
    return [word.lower() for word in _WORD.findall(_PLACEHOLDER.sub(" ", template))]


class WordTable:
    """Pre-trained word vectors, held as int8 rows with one float32 scale each.

    A row is ``scale * int8``: a component is off by at most 1/254 of the row's largest one. That
    costs no accuracy (docs/limits.md has the measurement) and halves a float16 table. The
    trainer embeds from this very table, so that an event met on a host gets the vector it would
    have had in training.

    words: distinct, lower case; the most frequent first, as GloVe files have them.
    rows: int8 [words, dimension]; scales: float32 [words].
    """

    def __init__(
        self,
        words: Sequence[str] | WordIndex,
        rows: NDArray[np.int8],
        scales: NDArray[np.float32],
    ) -> None:
        if rows.ndim != 2 or rows.shape[0] != len(words) or scales.shape != (len(words),):
            raise UserError(
                f"word table: {len(words)} words, rows of shape {rows.shape}, "
                f"scales of shape {scales.shape} do not fit together"
            )
        if not len(words):
            raise UserError("word table: no words in it")
        self.rows = rows
        self.scales = scales
        self._index = words if isinstance(words, WordIndex) else WordIndex(words)

    @classmethod
    def from_vectors(cls, words: Sequence[str], vectors: NDArray[np.floating]) -> Self:
        """vectors: [words, dimension], any float type. Raises UserError where one is not finite."""
        dense = np.asarray(vectors, dtype=np.float32)
        if not np.isfinite(dense).all():
            row = int(np.flatnonzero(~np.isfinite(dense).all(axis=1))[0])
            raise UserError(
                f"word vectors: that of {words[row]!r} has a component that is no number"
            )
        largest = np.abs(dense).max(axis=1)
        scales = largest / np.float32(127)
        scales[scales == 0] = 1
        rows = np.rint(dense / scales[:, None]).astype(np.int8)
        return cls(words, rows, scales)

    @property
    def dimension(self) -> int:
        return int(self.rows.shape[1])

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, word: str) -> bool:
        return self._index.row(word) is not None

    @property
    def words(self) -> tuple[str, ...]:
        """All of them, by row; made anew at each call."""
        return tuple(self._index)

    def word(self, row: int) -> str:
        return self._index.word(row)

    def row(self, word: str) -> int | None:
        """Where the word stands in the table; None for a word that is not in it."""
        return self._index.row(word)

    def vector(self, word: str) -> Vectors | None:
        """float32 [dimension], or None for a word that is not in the table."""
        row = self._index.row(word)
        if row is None:
            return None
        vector: Vectors = self.rows[row].astype(np.float32) * self.scales[row]
        return vector

    def pieces(self, word: str) -> tuple[str, ...]:
        """Words of the table that a word outside it is made of, from left to right, always the
        longest: data and node of datanode, connector of connectors. None where they leave over
        more than a quarter of its letters: then they are there by chance.
        """
        found = []
        start = 0
        while start + _SHORTEST_PIECE <= len(word):
            stop = min(len(word), start + self._index.longest)
            while stop - start >= _SHORTEST_PIECE and word[start:stop] not in self:
                stop -= 1
            if stop - start < _SHORTEST_PIECE:
                start += 1
                continue
            found.append(word[start:stop])
            start = stop
        left_over = len(word) - sum(map(len, found))
        return tuple(found) if left_over <= _MOST_LEFT_OVER * len(word) else ()

    def mean(self) -> Vectors:
        """float32 [dimension]: the mean over all words, where a word without a vector is placed."""
        total = np.zeros(self.rows.shape[1])
        # Not the whole table at once, which is four times as large as float32.
        for start in range(0, len(self), 1000):
            part = slice(start, start + 1000)
            total += self.scales[part] @ self.rows[part].astype(np.float32)
        mean: Vectors = (total / len(self)).astype(np.float32)
        return mean

    def pruned(self, keep: Iterable[str], most_frequent: int) -> Self:
        """The first ``most_frequent`` words and, beyond them, those of ``keep`` that are known."""
        first = min(most_frequent, len(self))
        known = {row for word in keep if (row := self.row(word)) is not None}
        extra = sorted(row for row in known if row >= first)
        chosen = np.array([*range(first), *extra], dtype=np.intp)
        words = [self.word(row) for row in chosen.tolist()]
        return type(self)(words, self.rows[chosen], self.scales[chosen])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What ``from_arrays`` reads back; no object arrays, so no pickle is needed."""
        return {
            "words": np.frombuffer(bytes(self._index), dtype=np.uint8),
            "rows": self.rows,
            "scales": self.scales,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        return cls(
            WordIndex.from_bytes(arrays["words"].tobytes()),
            arrays["rows"].astype(np.int8, copy=False),
            arrays["scales"].astype(np.float32, copy=False),
        )

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez_compressed(file, **self.arrays())  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Self:
        try:
            return cls.from_arrays(load_arrays(path))
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{path}: no word table of metalog: {error}") from None


def shipped_word_table() -> WordTable:
    """The pruned GloVe 6B, 100 dimensions, that travels with metalog (public domain, PDDL)."""
    return WordTable.load(Path(__file__).parent / "pretrained" / "words.npz")
