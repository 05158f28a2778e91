"""Sessions that wait for a label, in a file: JSON lines that a person fills in.

    {"id": "...", "label": null, "events": ["...", ...], "score": 0.83, "why": [...], ...}

``label`` becomes 0 or 1, or ``normal`` or ``anomaly`` where somebody writes it in an editor. It is
the form that ``metalog-agent label`` writes and ``prepare --format sessions`` reads. The lines of a
log are nobody else's business: the file is its owner's alone.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from models.archive import read_lines
from models.errors import UserError
from models.placing import placed_file
from trainer.corpus import UNLABELLED
from trainer.datasets.parsed import parse_session

_MODE = 0o600


@dataclass(frozen=True)
class Question:
    """One session. record: the whole JSON object, with whatever else stands in it."""

    key: str
    label: int
    events: Sequence[str]
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed_over(self) -> bool:
        """Whether somebody looked and could not say."""
        return bool(self.record.get("skipped")) and self.label == UNLABELLED

    @property
    def open(self) -> bool:
        return self.label == UNLABELLED and not self.passed_over

    def answered(self, label: int) -> "Question":
        """With a label, or with -1 and the note that it was passed over."""
        record = {name: value for name, value in self.record.items() if name != "skipped"}
        if label == UNLABELLED:
            record |= {"label": None, "skipped": True}
        else:
            record |= {"label": label, "labelled_at": _now()}
        return replace(self, label=label, record=record)


class Questions:
    """The questions of one file, written back after every answer."""

    def __init__(self, path: Path, questions: Iterable[Question]) -> None:
        self.path = path
        self._questions = list(questions)
        self._state = _state(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises UserError naming the line that is no session."""
        questions = []
        for number, line in enumerate(read_lines(path), start=1):
            if line.strip():
                key, label, events = parse_session(path, number, line)
                questions.append(Question(key, label, events, json.loads(line)))
        return cls(path, questions)

    def __len__(self) -> int:
        return len(self._questions)

    def __getitem__(self, place: int) -> Question:
        return self._questions[place]

    def first_open(self) -> int:
        """Place of the first question that nobody has looked at, their number where all were."""
        places = (place for place, one in enumerate(self._questions) if one.open)
        return next(places, len(self))

    def count(self, label: int) -> int:
        """How many have this label; -1 counts those without one."""
        return sum(one.label == label for one in self._questions)

    def answer(self, place: int, label: int) -> None:
        """Give a label, or -1 to pass over, and save. Raises UserError where the file was changed
        by somebody else meanwhile: what they wrote is not to be lost."""
        if _state(self.path) != self._state:
            raise UserError(
                f"{self.path}: another program has changed it meanwhile; this answer was not "
                "written. Start again to go on"
            )
        self._questions[place] = self._questions[place].answered(label)
        write(self.path, [one.record for one in self._questions])
        self._state = _state(self.path)


def write(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """All of the file or nothing; it has reached the disk afterwards."""
    with placed_file(path, mode=_MODE) as building, building.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(_line(record))
        file.flush()
        os.fsync(file.fileno())


def _line(record: Mapping[str, Any]) -> str:
    """Readable in an editor, and harmless to the terminal that the file is printed on."""
    text = json.dumps(record, ensure_ascii=False)
    if not text.isprintable():
        # Also half a surrogate pair, which no file can hold.
        text = "".join(one if one.isprintable() else _escaped(one) for one in text)
    return f"{text}\n"


def _escaped(character: str) -> str:
    # DEL is the one control character that JSON leaves as it is.
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
