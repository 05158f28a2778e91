"""``metalog-train download``: loghub's logs, ready to be prepared."""

import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from models.placing import placed_folder
from trainer.datasets.catalogue import DATASETS, PLACE, Dataset
from trainer.datasets.fetching import RemoteFile, check, check_room, fetch, length_of
from trainer.datasets.unpacking import unpack
from trainer.progress import say, stage


@dataclass(frozen=True)
class Downloaded:
    """folder: what was unpacked; fresh: whether it was not there before; following: the command
    that makes a corpus of it."""

    folder: Path
    fresh: bool
    following: str


def download(
    name: str, into: Path, place: str = PLACE, note: Callable[[str], None] = say
) -> Downloaded:
    """Fetch, check and unpack to ``into / name``; does nothing where that is there already.

    place: a URL under which the archive lies by its name. Raises UserError.
    """
    dataset = DATASETS[name]
    folder = into / name
    if folder.exists():
        return Downloaded(folder, False, _following(name, dataset, folder))
    archive = into / dataset.archive
    here = max(length_of(archive), length_of(archive.with_name(f"{archive.name}.part")))
    check_room(into, dataset.size - here + dataset.unpacked)
    file = RemoteFile(f"{place.rstrip('/')}/{dataset.archive}", dataset.size, dataset.md5)
    if archive.exists():
        with stage("checking"):
            check(file, archive)
    else:
        with stage(dataset.archive, dataset.size, unit="bytes") as bar:
            fetch(file, archive, bar.reach, note)
    with stage("unpacking", unit="bytes") as bar, placed_folder(folder, kind="logs") as building:
        unpack(archive, building, bar.reach)
        # A wrong archive is known before it takes the place of a right one.
        _following(name, dataset, building)
    with suppress(OSError):
        archive.unlink()
    return Downloaded(folder, True, _following(name, dataset, folder))


def _following(name: str, dataset: Dataset, folder: Path) -> str:
    logs = _found(folder, dataset.logs)
    command = ["metalog-train", "prepare", *map(str, logs), "--format", name]
    if dataset.labels is not None:
        command += ["--labels", str(_found(folder, dataset.labels)[0])]
    return shlex.join([*command, "-o", f"{name}-corpus"])


def _found(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.rglob(pattern))
    if not found:
        raise UserError(
            f"{folder}: holds no {pattern}; remove the folder and run the same command again"
        )
    return found
