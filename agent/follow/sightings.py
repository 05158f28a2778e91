"""What is on disk now, as far as names and inodes tell."""

import os
import stat
from dataclasses import dataclass

from agent.follow.position import Position
from agent.follow.rotation import Siblings, is_rotation_of
from agent.follow.selection import Selection
from agent.follow.tail import Identity


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file of the selection, under every name that leads to it."""

    paths: list[str]
    status: os.stat_result

    @property
    def path(self) -> str:
        return self.paths[0]


def sightings(selection: Selection) -> dict[Identity, Sighting]:
    """The selected files; one with several names once.

    Raises OSError when the process is out of file handles: then nothing is known, least of all
    that files are gone.
    """
    found: dict[Identity, Sighting] = {}
    for path in selection.listing():
        try:
            status = os.stat(path)  # noqa: PTH116 - ten times as fast as Path, for 10,000 files
        except OSError:
            continue  # gone since it was listed, or behind a folder that is closed to us
        if not stat.S_ISREG(status.st_mode):
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in found:
            found[identity].paths.append(path)
        else:
            found[identity] = Sighting([path], status)
    return found


def may_be_at(path: str, position: Position) -> bool:
    """Whether the name allows it. An inode number proves nothing about a file that was not open
    all the time, nor do equal first bytes: another file may have been given the number.
    """
    live = position.source, os.path.realpath(position.source)
    return path == position.path or any(
        path.startswith(name) or is_rotation_of(path, name) for name in live
    )


def whereabouts(
    position: Position, siblings: Siblings, *, sure: bool
) -> tuple[str, os.stat_result] | None:
    """What leads to a file now: its last name, or one beside that or beside its source.

    sure: the inode is known not to have been given to another file, so any name will do.
    """
    names = [position.path]
    source = position.source
    for neighbour in dict.fromkeys((position.path, source, os.path.realpath(source))):
        names += siblings.with_inode(neighbour, position.inode)
    for name in dict.fromkeys(names):
        if not sure and not may_be_at(name, position):
            continue
        try:
            status = os.stat(name)  # noqa: PTH116 - as above
        except OSError:
            continue
        if (status.st_dev, status.st_ino) == (position.device, position.inode):
            return name, status
    return None
