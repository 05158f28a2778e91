"""Globs over paths: ``*``, ``?``, ``[...]`` within a name, ``**`` for any number of folders."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

# Hears of a folder that cannot be listed.
Refused = Callable[[str, OSError], None]

_MAGIC = frozenset("*?[")


def has_magic(text: str) -> bool:
    return not _MAGIC.isdisjoint(text)


def matches(path: str, pattern: str) -> bool:
    """Whether an absolute path is meant by a pattern.

    A pattern without a slash is held against the file's name, one that starts with a slash against
    the whole path, any other against the path's end.
    """
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    parts = [part for part in pattern.split("/") if part]
    if not pattern.startswith("/"):
        parts.insert(0, "**")
    return _matches_parts([part for part in path.split("/") if part], parts)


def _matches_parts(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches_parts(parts[skip:], pattern[1:]) for skip in range(len(parts) + 1))
    return (
        bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches_parts(parts[1:], pattern[1:])
    )


def fixed_folder(pattern: str) -> str:
    """The longest beginning of an absolute pattern that names one folder."""
    parts: list[str] = []
    for part in pattern.split("/")[:-1]:
        if has_magic(part):
            break
        parts.append(part)
    return "/".join(parts) or "/"


def expand(pattern: str, refused: Refused) -> Iterator[str]:
    """Paths on disk that an absolute pattern means, in no order, a path possibly twice.

    ``**`` does not go through links to folders: a link to a parent would never end. Names that
    begin with a dot are meant only where the pattern says the dot. ``refused`` hears of folders
    that cannot be listed (not of those that are not there).
    """
    yield from _expand("/", [part for part in pattern.split("/") if part], refused)


def _expand(folder: str, parts: Sequence[str], refused: Refused) -> Iterator[str]:
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _expand(folder, rest or ["*"], refused)
        for entry in entries_of(folder, refused):
            if entry.name.startswith(".") or not _is_folder(entry, through_links=False):
                continue
            yield from _expand(entry.path, parts, refused)
        return
    if not has_magic(part):
        path = folder.rstrip("/") + "/" + part
        if rest:
            yield from _expand(path, rest, refused)
        elif os.path.lexists(path):
            yield path
        return
    for entry in entries_of(folder, refused):
        if entry.name.startswith(".") and not part.startswith("."):
            continue
        if not fnmatchcase(entry.name, part):
            continue
        if not rest:
            yield entry.path
        elif _is_folder(entry, through_links=True):
            yield from _expand(entry.path, rest, refused)


def entries_of(folder: str, refused: Refused) -> Sequence["os.DirEntry[str]"]:
    """A folder's entries; none of a folder that is not there or cannot be listed.

    Raises OSError when the process is out of file handles.
    """
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # it is not the folder's fault, and closing files helps
        refused(folder, error)
        return []


def _is_folder(entry: "os.DirEntry[str]", *, through_links: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=through_links)
    except OSError:
        return False
