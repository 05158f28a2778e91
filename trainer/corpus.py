"""The corpus: sessions of one system on disk, before anything is learnt from them.

A folder of columns that can be mapped into memory:

    corpus.json      counts, line format, session rule, masks, labels, where it came from
    messages.jsonl   distinct masked messages, row n is message n, in order of first appearance
    templates.jsonl  what Drain makes of all messages: for people to look at; ``fit`` mines its own
                     from the part it may see
    events.npy       int32 [lines]: message of each line, session after session
    offsets.npy      int64 [sessions + 1]: session i is events[offsets[i]:offsets[i + 1]]
    labels.npy       int8 [sessions]: 1 anomalous, 0 normal, -1 unlabelled
    times.npy        float64 [sessions]: time of the first line, unix seconds, NaN where unknown
    keys.jsonl       key of each session

Messages and not templates are kept, because templates depend on what was mined: mining everything
would let the test part of a split decide how its own lines are parsed.
"""

import hashlib
import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from models.events import DrainParameters, mine
from models.lines import LineFormat
from models.masks import Mask
from models.placing import placed_folder
from models.session_rule import SessionRule
from trainer.mistaken import no_corpus
from trainer.progress import stage

SCHEMA = 1
DESCRIPTION = "corpus.json"
NORMAL, ANOMALOUS, UNLABELLED = 0, 1, -1


@dataclass(frozen=True)
class Origin:
    """How the corpus came about. live_idle: see Manifest; parsed: messages are templates."""

    name: str
    format: str
    line_format: LineFormat
    rule: SessionRule
    masks: tuple[Mask, ...]
    parsed: bool
    live_idle: float
    inputs: list[dict[str, Any]] = field(default_factory=list)
    created: str = ""
    version: str = ""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Origin":
        fields = dict(value)
        fields["line_format"] = LineFormat(**fields["line_format"])
        fields["rule"] = SessionRule(**fields["rule"])
        fields["masks"] = tuple(Mask(**mask) for mask in fields["masks"])
        return cls(**fields)


@dataclass(frozen=True)
class Corpus:
    """A corpus opened for reading. fingerprint: sha256 of its sessions, labels and messages."""

    path: Path
    origin: Origin
    counts: dict[str, int]
    fingerprint: str
    messages: tuple[str, ...]
    keys: tuple[str, ...]
    events: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int8]
    times: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def name(self) -> str:
        return self.origin.name

    def session(self, index: int) -> NDArray[np.int32]:
        """Messages of one session, int32 [length]."""
        return self.events[self.offsets[index] : self.offsets[index + 1]]

    def digest(self, index: int) -> bytes:
        """8 bytes that tell a session from any other: its key and what its lines say."""
        hashed = hashlib.blake2b(self.keys[index].encode(), digest_size=8)
        for message in self.session(index):
            hashed.update(b"\n")
            hashed.update(self.messages[message].encode())
        return hashed.digest()

    @classmethod
    def open(cls, path: Path) -> "Corpus":
        """Raises UserError where ``path`` is no corpus, or a damaged or newer one."""
        try:
            description = json.loads((path / DESCRIPTION).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(no_corpus(path)) from None
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path / DESCRIPTION}: cannot be read: {error}; run `metalog-train prepare` again"
            ) from None
        if not isinstance(description, dict) or description.get("kind") != "metalog-corpus":
            raise UserError(f"{path / DESCRIPTION}: is not that of a metalog corpus")
        schema = description.get("schema", 0)
        if not isinstance(schema, int) or schema > SCHEMA:
            raise UserError(
                f"{path}: corpus schema {schema}, this metalog reads up to "
                f"{SCHEMA}: install a newer metalog"
            )
        try:
            arrays = {
                name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in ("events", "offsets", "labels", "times")
            }
            corpus = cls(
                path=path,
                origin=Origin.from_json(description["origin"]),
                counts=description["counts"],
                fingerprint=description["fingerprint"],
                messages=_read_texts(path / "messages.jsonl"),
                keys=_read_texts(path / "keys.jsonl"),
                **arrays,
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise UserError(
                f"{path}: damaged corpus: {error}; run `metalog-train prepare` again"
            ) from None
        if not corpus._fits_together():
            raise UserError(
                f"{path}: damaged corpus: its columns do not fit together; prepare again"
            )
        return corpus

    def _fits_together(self) -> bool:
        return (
            len(self.offsets) == len(self) + 1
            and len(self.keys) == len(self.times) == len(self)
            and len(self.events) == self.offsets[-1] == self.counts.get("events")
            and len(self.messages) == self.counts.get("messages")
            and int(self.events.max(initial=-1)) < len(self.messages)
        )


class CorpusWriter:
    """Collects sessions in memory-lean columns and writes them as a corpus.

    Per line it keeps 4 bytes, per session its key and 25 bytes, and each distinct message once.
    """

    def __init__(self) -> None:
        self._events = array("i")
        self._offsets = array("q", [0])
        self._labels = array("b")
        self._times = array("d")
        self._keys: list[str] = []
        self._messages: dict[str, int] = {}

    def message(self, masked: str) -> int:
        """Id of a masked message."""
        return self._messages.setdefault(masked, len(self._messages))

    def add(self, key: str, events: Iterable[int], label: int, time: float | None) -> None:
        self._events.extend(events)
        self._offsets.append(len(self._events))
        self._labels.append(label)
        self._times.append(float("nan") if time is None else time)
        self._keys.append(key)

    def __len__(self) -> int:
        return len(self._keys)

    def labels(self) -> Sequence[int]:
        return self._labels

    @property
    def keys(self) -> Sequence[str]:
        return self._keys

    def length(self, index: int) -> int:
        """Lines of a session."""
        return self._offsets[index + 1] - self._offsets[index]

    def relabel(self, index: int, label: int) -> None:
        self._labels[index] = label

    def write(
        self, path: Path, origin: Origin, lines: dict[str, int], *, replace: bool = False
    ) -> dict[str, int]:
        """Write the corpus as a whole; returns its counts.

        lines: counts of what was read (``lines``, and those without a session or an odd format).
        """
        messages = list(self._messages)
        labels = np.frombuffer(self._labels, dtype=np.int8)
        columns: dict[str, NDArray[Any]] = {
            "events": np.frombuffer(self._events, dtype=np.int32),
            "offsets": np.frombuffer(self._offsets, dtype=np.int64),
            "labels": labels,
            "times": np.frombuffer(self._times, dtype=np.float64),
        }
        with stage("mining templates"):
            templates = messages if origin.parsed else mine(messages, DrainParameters())
        counts = {
            "sessions": len(labels),
            "anomalous": int((labels == ANOMALOUS).sum()),
            "normal": int((labels == NORMAL).sum()),
            "unlabelled": int((labels == UNLABELLED).sum()),
            "events": len(self._events),
            "messages": len(messages),
            "templates": len(templates),
            **lines,
        }
        hashed = hashlib.sha256()
        for column in columns.values():
            hashed.update(column.tobytes())
        for text in (*messages, *self._keys):
            hashed.update(text.encode())
            hashed.update(b"\0")
        with placed_folder(path, kind="corpus", replace=replace, marker=DESCRIPTION) as folder:
            for name, column in columns.items():
                np.save(folder / f"{name}.npy", column, allow_pickle=False)
            _write_texts(folder / "messages.jsonl", messages)
            _write_texts(folder / "templates.jsonl", templates)
            _write_texts(folder / "keys.jsonl", self._keys)
            description = {
                "kind": "metalog-corpus",
                "schema": SCHEMA,
                "fingerprint": hashed.hexdigest(),
                "counts": counts,
                "origin": asdict(origin),
            }
            (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")
        return counts


def _write_texts(path: Path, texts: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps(text, ensure_ascii=False) + "\n")


def _read_texts(path: Path) -> tuple[str, ...]:
    with path.open(encoding="utf-8", newline="\n") as file:
        return tuple(json.loads(line) for line in file)
