"""What rotation does to names. logrotate, Python's handlers, lumberjack and kubelet are known."""

import os
import re
from functools import lru_cache

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma", ".br", ".zip", ".tgz", ".7z", ".Z")

# app.log.1, app.log-20260101, app.log.2026-01-01_12-30, app.log-1767225600, app.log.old, and what
# comes of two of them at once. A bare "-1" is no rotation: node-1 and node-2 are two nodes.
_ROTATED = re.compile(
    r"""(?P<stem>.+?)
        (?: \.\d{1,4}
          | [._-]\d{4}-?\d{2}-?\d{2}(?:[T_.:-]?\d[\dT_.:Z-]*)?
          | [.-]\d{9,10}
          | \.(?:old|prev|bak|backup|orig)
        )+""",
    re.VERBOSE,
)


def is_compressed(name: str) -> bool:
    return name.endswith(_COMPRESSED)


def without_compression(name: str) -> str:
    """``app.log.1.gz`` -> ``app.log.1``; other names as they are."""
    if not is_compressed(name):
        return name
    return next(name.removesuffix(end) for end in _COMPRESSED if name.endswith(end))


@lru_cache(maxsize=1 << 16)
def live_name(name: str) -> str | None:
    """The name a rotated file had while it was written, None where it looks like no rotation.

    ``app.log.2`` and ``app-20260101.log`` -> ``app.log``; ``app.log`` -> None.
    """
    if match := _ROTATED.fullmatch(name):
        return match["stem"]
    if name.endswith(".log") and (match := _ROTATED.fullmatch(name.removesuffix(".log"))):
        return match["stem"] + ".log"
    return None


def live_path(path: str) -> str | None:
    """``live_name`` for a whole path."""
    folder, _, name = path.rpartition("/")
    live = live_name(name)
    return None if live is None else f"{folder}/{live}"


@lru_cache(maxsize=1 << 16)
def age(path: str) -> tuple[int, int, str]:
    """A key that sorts the files of a stream, the oldest first.

    ``app.log.3`` before ``app.log.1``, dates as they come, what is written now at the end.
    """
    name = path.rpartition("/")[2]
    if live_name(name) is None:
        return 1, 0, ""
    number = name.rpartition(".")[2]
    if number.isdecimal() and len(number) <= 4:
        return 0, -int(number), ""
    return 0, 0, name


def is_rotation_of(path: str, live: str) -> bool:
    """Whether ``path`` is what a rotation in the same folder would make of ``live``."""
    return live_path(path) == live


class Siblings:
    """What lies beside a file, each folder listed at most once in the life of this object."""

    def __init__(self) -> None:
        self._folders: dict[str, list[tuple[str, int]]] = {}

    def rotations_of(self, live: str) -> list[str]:
        """Paths of the rotations of ``live``, sorted; compressed ones are left out."""
        folder, _, wanted = live.rpartition("/")
        return sorted(
            f"{folder}/{name}" for name, _ in self._names(folder) if live_name(name) == wanted
        )

    def with_inode(self, beside: str, inode: int) -> list[str]:
        """Paths in the folder of ``beside`` whose directory entry has this inode."""
        folder = beside.rpartition("/")[0]
        return [f"{folder}/{name}" for name, number in self._names(folder) if number == inode]

    def _names(self, folder: str) -> list[tuple[str, int]]:
        if folder not in self._folders:
            try:
                with os.scandir(folder or "/") as entries:
                    self._folders[folder] = [
                        (entry.name, entry.inode())
                        for entry in entries
                        if not is_compressed(entry.name)
                    ]
            except OSError:
                self._folders[folder] = []
        return self._folders[folder]
