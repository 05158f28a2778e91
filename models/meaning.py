"""What the words of an event say by themselves: bad news, good news, or neither.

A word's severity is how near its vector is to words of failure, less how near it is to words of
success. It costs no label and means the same in every system, which a word vector as it stands does
not: a network that reads those learns which of the source's events were bad.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.words import WordTable, tokenize

FAILURE = (
    *("error", "errors", "fail", "failed", "failing", "failure", "failures", "fatal", "exception"),
    *("panic", "abort", "aborted", "crash", "crashed", "terminated", "killed", "died", "dead"),
    *("hang", "stopped", "timeout", "invalid", "illegal", "corrupt", "corrupted", "denied"),
    *("refused", "rejected", "unable", "cannot", "lost", "missing", "broken", "bad"),
    *("unreachable", "unavailable", "unexpected", "overflow", "violation", "fault", "faulty"),
    *("critical", "alert", "emergency", "severe", "warning", "interrupted", "disconnected"),
)
SUCCESS = (
    *("success", "successful", "successfully", "succeeded", "completed", "complete", "started"),
    *("start", "starting", "ok", "ready", "connected", "finished", "accepted", "received"),
    *("available", "normal", "opened", "info", "established", "loaded", "running"),
)
KEYWORDS = ("error", "fail", "fatal", "exception", "panic")
# Cosine from which a word counts as near: unrelated words of GloVe reach 0.4.
_NEAR = 0.45
_AT_ONCE = 1000


class Severities:
    """Of words by their rows in the table, -1 (a word of success) to 1 (a word of failure); found
    out when they are asked for, as an agent meets few of all words."""

    def __init__(self, table: WordTable) -> None:
        self._table = table
        self._known = np.full(len(table), np.nan, dtype=np.float32)
        self._towards = [
            (sign, _unit(table, np.array(rows)))
            for sign, seeds in ((1, FAILURE), (-1, SUCCESS))
            if (rows := [row for word in seeds if (row := table.row(word)) is not None])
        ]

    def of(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 [rows]."""
        asked = np.zeros(len(self._known), dtype=np.bool_)
        asked[rows] = True
        missing = np.flatnonzero(asked & np.isnan(self._known))
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            unit = _unit(self._table, some)
            severity = np.zeros(len(some), dtype=np.float32)
            for sign, seeds in self._towards:
                closest = (unit @ seeds.T).max(axis=1)
                severity += sign * np.clip((closest - _NEAR) / (1 - _NEAR), 0, 1)
            self._known[some] = severity
        return self._known[rows]


def _unit(table: WordTable, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    dense = table.rows[rows] * table.scales[rows, None]
    unit: NDArray[np.float32] = dense / np.maximum(
        np.linalg.norm(dense, axis=1, keepdims=True), 1e-6
    )
    return unit


@dataclass(frozen=True)
class Meaning:
    """Of events, one row each, all float32 [events].

    severity: of the worst word, 0 to 1; tone: mean over the words, 0 to 1; keyword: 1 where one of
    the usual words stands in it; words: how many, 0 to 1; wordless: 1 where no word of three
    letters is known.
    """

    severity: NDArray[np.float32]
    tone: NDArray[np.float32]
    keyword: NDArray[np.float32]
    words: NDArray[np.float32]
    wordless: NDArray[np.float32]


class MeaningReader:
    """Reads meanings of templates with one word table."""

    def __init__(self, table: WordTable) -> None:
        self._table = table
        self._severities = Severities(table)

    def read(self, templates: Sequence[str]) -> Meaning:
        words = [tokenize(template) for template in templates]
        known = [
            [row for word in one if (row := self._table.row(word)) is not None] for one in words
        ]
        flat = np.array([row for one in known for row in one], dtype=np.intp)
        found = self._severities.of(flat).tolist()
        rows = []
        start = 0
        for template, own_words, own in zip(templates, words, known, strict=True):
            severities = found[start : start + len(own)] or [0.0]
            start += len(own)
            rows.append(self._row(template, own_words, severities))
        severity, tone, keyword, many, wordless = np.array(rows, dtype=np.float32).reshape(-1, 5).T
        return Meaning(severity, tone, keyword, many, wordless)

    def _row(
        self, template: str, words: Sequence[str], severities: Sequence[float]
    ) -> tuple[float, float, float, float, float]:
        lowered = template.lower()
        return (
            max(*severities, 0.0),
            max(sum(severities) / len(severities), 0.0),
            float(any(word in lowered for word in KEYWORDS)),
            min(math.log1p(len(words)), 3.0) / 3,
            float(not any(len(word) > 2 and word in self._table for word in words)),
        )
