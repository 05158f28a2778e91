"""The bundle: everything the agent needs of what the trainer learned, in one folder or .tar.

manifest.json    what it is: schema, threshold, line format, session rule, masks, Drain
                 parameters, dimensions, provenance, the sha256 of every other file, and a seal
network.onnx     the network; the table of event vectors is an initializer of it
fold.onnx, step.onnx, head.onnx
                 the same network step by step (models.stepped_network), where it can be
templates.jsonl  {"id": n, "template": "..."}, row n of the table
words.npz        word table and document frequencies: vectors for events first met on a host
history.npz      counts of the target's known sessions, where the network reads them
rehearsal.npz    sessions that the network has learnt, for ``metalog-train adapt``; may be missing
README.md        model card, for people
manifest.sig     a signature of manifest.json (models.signing), where it was asked for
"""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import load_arrays
from models.embedding import DocumentFrequencies, EventEmbedder
from models.errors import UserError
from models.events import MOST_HOST_TEMPLATES, DrainParameters, EventParser, HostEvent
from models.lines import LineFormat
from models.masks import Mask, Masker
from models.reading import Description
from models.session_rule import SessionRule
from models.signing import SIGNATURE, VerifyingKey
from models.stepped_network import Steps
from models.words import WordTable

# 2: sessions are described by other numbers than in 1, which cannot be scored any more.
# 3: the network is there step by step, too; words outside the table are read by their pieces.
SCHEMA = 3
MANIFEST = "manifest.json"
NETWORK = "network.onnx"
# In the order of models.stepped_network.Steps.
STEPS = ("fold.onnx", "step.onnx", "head.onnx")
TEMPLATES = "templates.jsonl"
WORDS = "words.npz"
HISTORY = "history.npz"
REHEARSAL = "rehearsal.npz"
CARD = "README.md"
_UNSEALED = "0" * 64
_SEAL = re.compile(rb'(?<="seal": ")[0-9a-f]{64}(?="\s*}\s*$)')


@dataclass(frozen=True)
class Manifest:
    """What is in a bundle.

    threshold: a session whose probability is >= it is anomalous; threshold_origin says how it was
    chosen. live_idle: seconds after which a session of a file that is being followed counts as
    over, where the rule itself has no idle time. features: width F of the feature input.
    dimension: of an event vector. network: the configuration of the network. data: the corpora it
    was trained on. evaluation: figures of the part of the target that was not seen.
    files: sha256 by file name.
    """

    name: str
    created: str
    version: str
    revision: str | None
    threshold: float
    threshold_origin: str
    line_format: LineFormat
    rule: SessionRule
    live_idle: float
    masks: tuple[Mask, ...]
    drain: DrainParameters
    events: int
    dimension: int
    features: int
    network: dict[str, Any]
    data: list[dict[str, Any]]
    evaluation: dict[str, Any] | None = None
    files: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "metalog-bundle", "schema": SCHEMA, **asdict(self), "seal": _UNSEALED}

    def to_bytes(self) -> bytes:
        """Content of manifest.json. ``seal`` is the sha256 of the file with zeros in its place."""
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n"
        seal = hashlib.sha256(text.encode()).hexdigest()
        head, _, tail = text.rpartition(_UNSEALED)
        return f"{head}{seal}{tail}".encode()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Manifest":
        """Raises KeyError, TypeError, ValueError or UserError where something is missing."""
        fields = {
            name: item for name, item in value.items() if name not in ("kind", "schema", "seal")
        }
        fields["line_format"] = LineFormat(**fields["line_format"])
        fields["rule"] = SessionRule(**fields["rule"])
        fields["masks"] = tuple(Mask(**mask) for mask in fields["masks"])
        fields["drain"] = DrainParameters(**fields["drain"])
        fields["threshold"] = float(fields["threshold"])
        return cls(**fields)


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory, checked.

    fingerprint: sha256 of the manifest, hexadecimal. steps: None where the network is
    bidirectional and cannot go step by step. rehearsal: None where the bundle has none, and where
    it was not asked for.
    """

    manifest: Manifest
    network: bytes
    templates: tuple[str, ...]
    words: WordTable
    frequencies: DocumentFrequencies
    fingerprint: str
    history: Mapping[str, NDArray[np.generic]] | None = None
    steps: Steps | None = None
    rehearsal: Mapping[str, NDArray[np.generic]] | None = None

    @classmethod
    def load(
        cls, path: Path, *, rehearsal: bool = False, key: VerifyingKey | None = None
    ) -> "Bundle":
        """Read and check a bundle. Raises UserError, one line, for whatever is wrong with it.

        rehearsal: keep that, too, which only training needs. key: take it only if this one has
        signed it.
        """
        files = _read(path)
        if MANIFEST not in files:
            raise UserError(
                f"{path}: no bundle: {MANIFEST} is missing; make one with `metalog-train export`"
            )
        if key is not None:
            # First of all: what a stranger has made is not even looked into.
            key.check(path, files[MANIFEST], files.get(SIGNATURE))
        manifest = _manifest(path, files[MANIFEST])
        for name, digest in sorted(manifest.files.items()):
            if name not in files:
                raise UserError(f"{path}: {name} is missing from the bundle; copy it again")
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise UserError(
                    f"{path}: {name} is damaged (its sha256 is not the manifest's); copy it again"
                )
        steps = () if manifest.network.get("bidirectional") else STEPS
        for name in (NETWORK, *steps, TEMPLATES, WORDS):
            if name not in manifest.files:
                raise UserError(f"{path}: {MANIFEST} lists no {name}; export the bundle again")
        try:
            templates = tuple(
                str(json.loads(line)["template"])
                for line in files[TEMPLATES].decode().split("\n")
                if line
            )
            words, frequencies = unpack_words(files[WORDS])
            history = None
            if manifest.network.get("session"):
                history = load_arrays(io.BytesIO(files[HISTORY]))
            rehearsed = None
            if rehearsal and REHEARSAL in manifest.files:
                rehearsed = load_arrays(io.BytesIO(files[REHEARSAL]))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: cannot be read: {error}; export the bundle again") from None
        if len(templates) != manifest.events or words.dimension != manifest.dimension:
            raise UserError(
                f"{path}: {len(templates)} templates of {words.dimension} dimensions, the manifest "
                f"says {manifest.events} of {manifest.dimension}; export the bundle again"
            )
        return cls(
            manifest,
            files[NETWORK],
            templates,
            words,
            frequencies,
            hashlib.sha256(files[MANIFEST]).hexdigest(),
            history,
            Steps(*(files[name] for name in steps)) if steps else None,
            rehearsed,
        )

    @staticmethod
    def fingerprint_at(path: Path) -> str | None:
        """The fingerprint of what lies there, unchecked; None where no manifest can be read.

        The manifest has the sha256 of every other file: an equal one is of an equal bundle.
        """
        try:
            files = _read(path, only=MANIFEST)
        except UserError:
            return None
        return hashlib.sha256(files[MANIFEST]).hexdigest() if MANIFEST in files else None

    def parser(
        self,
        host_templates: Sequence[str | HostEvent | None] = (),
        *,
        capacity: int = MOST_HOST_TEMPLATES,
    ) -> EventParser:
        return EventParser(
            self.templates,
            self.manifest.masks,
            self.manifest.drain,
            host_templates=host_templates,
            capacity=capacity,
        )

    def embedder(self) -> EventEmbedder:
        return EventEmbedder(self.words, self.frequencies)

    def description(self) -> Description | None:
        """The history of the target, None where the network reads none. Raises UserError."""
        if self.history is None:
            return None
        vectors = self.embedder().embed_all(self.templates)
        try:
            return Description.from_arrays(self.history, self.templates, vectors, self.words)
        except (KeyError, ValueError, IndexError) as error:
            raise UserError(
                f"bundle {self.manifest.name}: {HISTORY} cannot be read: {error!r}; export it again"
            ) from None


def pack_words(table: WordTable, frequencies: DocumentFrequencies) -> dict[str, Any]:
    """Arrays of words.npz. Frequencies of words that have no vector are left out: Eq. 1 uses none.

    ``document_frequencies``: int32 [words], ``events``: int64 [], n_l.
    """
    counts = [frequencies.words.get(word, 0) for word in table.words]
    return {
        **table.arrays(),
        "document_frequencies": np.array(counts, dtype=np.int32),
        "events": np.array(frequencies.events, dtype=np.int64),
    }


def unpack_words(content: bytes) -> tuple[WordTable, DocumentFrequencies]:
    """Raises ValueError or KeyError where ``content`` is no words.npz."""
    arrays = load_arrays(io.BytesIO(content))
    table = WordTable.from_arrays(arrays)
    counts = arrays["document_frequencies"]
    events = int(arrays["events"])
    met = {table.word(row): int(counts[row]) for row in np.flatnonzero(counts).tolist()}
    return table, DocumentFrequencies(events, met)


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        value = json.loads(content)
        if not isinstance(value, dict) or value.get("kind") != "metalog-bundle":
            raise UserError(f"{path}: {MANIFEST} is not that of a metalog bundle")
        schema = value["schema"]
        if schema > SCHEMA:
            raise UserError(
                f"{path}: bundle schema {schema}, this metalog reads {SCHEMA}: "
                "install a newer metalog"
            )
        if schema < SCHEMA:
            raise UserError(
                f"{path}: bundle schema {schema}, of an earlier metalog; this one reads {SCHEMA}: "
                "fit and export it again"
            )
        bare = _SEAL.sub(_UNSEALED.encode(), content)
        if value.get("seal") != hashlib.sha256(bare).hexdigest():
            raise UserError(
                f"{path}: {MANIFEST} is damaged or was edited (its seal does not fit); copy it "
                "again, or export the bundle again"
            )
        manifest = Manifest.from_json(value)
        Masker(manifest.masks)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: {MANIFEST} cannot be read: {error!r}") from None
    return manifest


def _read(path: Path, only: str | None = None) -> dict[str, bytes]:
    """All files of a bundle by name, or one, read once: what is checked is what is used."""
    try:
        if path.is_dir():
            return {
                file.name: file.read_bytes()
                for file in sorted(path.iterdir())
                if only in (None, file.name) and file.is_file()
            }
        if not path.exists():
            raise UserError(
                f"{path}: no such bundle; `metalog-train export RUN -o {path}` makes one"
            )
        with tarfile.open(path, "r:") as archive:
            members = {
                Path(member.name).name: archive.extractfile(member)
                for member in archive
                if member.isfile() and only in (None, Path(member.name).name)
            }
            return {name: file.read() for name, file in members.items() if file is not None}
    except tarfile.TarError:
        raise UserError(f"{path}: neither a folder nor an uncompressed .tar of a bundle") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
