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


def severities(table: WordTable) -> NDArray[np.float32]:
    """float32 [words], -1 (a word of success) to 1 (a word of failure)."""
    severity = np.zeros(len(table), dtype=np.float32)
    towards = [
        (sign, _unit(table, np.array(rows)))
        for sign, seeds in ((1, FAILURE), (-1, SUCCESS))
        if (rows := [row for word in seeds if (row := table.row(word)) is not None])
    ]
    # The whole table as float32 would be most of an idle agent's memory.
    for start in range(0, len(table), _AT_ONCE):
        some = np.arange(start, min(start + _AT_ONCE, len(table)))
        unit = _unit(table, some)
        for sign, seeds in towards:
            closest = (unit @ seeds.T).max(axis=1)
            severity[some] += sign * np.clip((closest - _NEAR) / (1 - _NEAR), 0, 1)
    return severity


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
        self._severities = severities(table)

    def read(self, templates: Sequence[str]) -> Meaning:
        rows = np.array([self._row(template) for template in templates], dtype=np.float32)
        severity, tone, keyword, words, wordless = rows.reshape(-1, 5).T
        return Meaning(severity, tone, keyword, words, wordless)

    def _row(self, template: str) -> tuple[float, float, float, float, float]:
        words = tokenize(template)
        known = [row for word in words if (row := self._table.row(word)) is not None]
        found = self._severities[known] if known else np.zeros(1, dtype=np.float32)
        lowered = template.lower()
        return (
            max(float(found.max()), 0.0),
            max(float(found.mean()), 0.0),
            float(any(word in lowered for word in KEYWORDS)),
            min(math.log1p(len(words)), 3.0) / 3,
            float(not any(len(word) > 2 and word in self._table for word in words)),
        )
