"""The corpora of a benchmark: opened, or prepared on the fly from sessions somebody has cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from trainer.corpus import DESCRIPTION, Corpus
from trainer.datasets.parsed import sessions_file
from trainer.datasets.prepare import PrepareOptions, prepare


@dataclass(frozen=True)
class Given:
    """A system as the user named it. path: for messages; folder: its corpus, perhaps temporary."""

    path: Path
    folder: Path

    def open(self) -> Corpus:
        return Corpus.open(self.folder)


def given(path: Path, workspace: Path) -> Given:
    """The corpus at ``path``, or one made in ``workspace`` from its sessions.jsonl[.gz].

    A prepared one is named after its last two folders, as in HDFS/sessions. Raises UserError.
    """
    if (path / DESCRIPTION).exists() or not _holds_sessions(path):
        Corpus.open(path)
        return Given(path, path)
    folder = workspace / f"corpus-{len(list(workspace.iterdir()))}"
    whole = path.resolve() if path.is_dir() else path.resolve().parent
    name = f"{whole.parent.name}/{whole.name}".strip("/")
    prepare(PrepareOptions(logs=(path,), format="sessions", output=folder, name=name))
    return Given(path, folder)


def check_apart(sources: Sequence[Given], target: Given) -> None:
    """Raises UserError where a corpus is given twice or two of them share sessions."""
    holders: dict[bytes, Given] = {}
    fingerprints: dict[str, Given] = {}
    for one in [*sources, target]:
        corpus = one.open()
        twin = fingerprints.setdefault(corpus.fingerprint, one)
        if twin is not one:
            raise UserError(
                f"{one.path}: holds the same sessions as {twin.path}; sources and target must be "
                "different systems"
            )
        shared = 0
        for index in range(len(corpus)):
            holder = holders.setdefault(corpus.digest(index), one)
            if holder is not one:
                shared, twin = shared + 1, holder
        if shared:
            raise UserError(
                f"{one.path}: shares {shared:,} of its {len(corpus):,} sessions with {twin.path}; "
                "sources and target must not overlap"
            )


def _holds_sessions(path: Path) -> bool:
    if path.is_file():
        return True
    try:
        return path.is_dir() and sessions_file(path).is_file()
    except UserError:
        return False
