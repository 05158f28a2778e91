"""Logs of loghub (Zhu et al., ISSRE 2023) on Zenodo, and how to prepare them.

Sums and sizes are those that record 8196385 publishes; a record does not change once it has a DOI.
"""

import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from models.placing import placed_folder
from trainer.datasets.fetching import RemoteFile, check, check_room, fetch, length_of
from trainer.datasets.unpacking import unpack
from trainer.progress import say, stage

PLACE = "https://zenodo.org/records/8196385/files"
TERMS = "loghub is free for research; terms and whom to cite: https://github.com/logpai/loghub"


@dataclass(frozen=True)
class Dataset:
    """archive: file name; logs, labels: patterns of the files that it holds; unpacked: bytes that
    they take; caution: what one has to know."""

    archive: str
    size: int
    md5: str
    logs: str
    unpacked: int
    labels: str | None = None
    caution: str | None = None


DATASETS: dict[str, Dataset] = {
    "hdfs": Dataset(
        "HDFS_v1.zip", 186_645_559, "76a24b4d9a6164d543fb275f89773260", "HDFS.log",
        unpacked=1_700_000_000, labels="anomaly_label.csv",
    ),
    "bgl": Dataset(
        "BGL.zip", 57_489_019, "4452953c470f2d95fcb32d5f6e733f7a", "BGL.log",
        unpacked=750_000_000,
    ),
    "thunderbird": Dataset(
        "Thunderbird.tar.gz", 2_016_100_298, "0891b048df2919dc78c99c4428686b44", "Thunderbird.log",
        unpacked=32_000_000_000,
        caution="211 million lines: most papers take the first ten million, "
        "`head -n 10000000 Thunderbird.log`",
    ),
    "openstack": Dataset(
        "OpenStack.tar.gz", 5_394_691, "66bd42c07837a094d9b0ea2d036b5713", "openstack_*.log",
        unpacked=62_000_000,
        caution="its labels cannot be evaluated on: 195 of 198 anomalous sequences equal a normal "
        "one; use it as unlabelled logs",
    ),
}  # fmt: skip


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
