"""Which files are followed."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.follow import patterns
from agent.follow.events import Event, Kind, LoggingRecorder, Recorder
from agent.follow.rotation import is_compressed, live_name, without_compression
from models.errors import UserError


class NotFollowableError(UserError):
    """A file that was named outright and can never be followed. ``path`` says which."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


class Selection:
    """The user's paths, looked up afresh each time they are asked for.

    A folder gives its ``*.log`` files and its files without a suffix, with the rotations of both
    (``app.log.1``, ``app.log-20260101``), and nothing of the folders below: that is what
    ``logs/**/*.log`` is for. A glob gives what it matches, a file gives itself. ``include``
    replaces the rule for folders, ``exclude`` takes away from all of them; both are globs, held
    against the name or, with a slash in them, the path. Nothing need be there yet. Compressed files
    are left out, each told once.

    Raises NotFollowableError for a path that names an archive or something that is no file.
    """

    def __init__(
        self,
        paths: Sequence[str],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        recorder: Recorder | None = None,
    ) -> None:
        if not paths:
            raise UserError("no file, folder or glob to follow was given: name at least one")
        self._paths = [_checked(path) for path in paths]
        self._include = tuple(include)
        self._exclude = tuple(exclude)
        self._recorder = recorder or LoggingRecorder()
        self._compressed: set[str] = set()
        self._refused: set[str] = set()

    def discover(self) -> list[Path]:
        """Files to follow that are there now: absolute, sorted, each path once."""
        return [Path(path) for path in self.listing()]

    def listing(self) -> list[str]:
        """``discover`` as plain strings, which are much faster to sort and compare."""
        found: set[str] = set()
        compressed: set[str] = set()
        refused: set[str] = set()

        def refuse(folder: str, error: OSError) -> None:
            if folder not in refused and folder not in self._refused:
                kind = (
                    Kind.PERMISSION_DENIED
                    if isinstance(error, PermissionError)
                    else Kind.READ_FAILED
                )
                self._recorder.record(
                    Event(kind, folder, f"the folder cannot be listed: {error.strerror}")
                )
            refused.add(folder)

        for path in self._paths:
            for candidate in self._candidates(path, refuse):
                if self._exclude and self._excluded(candidate):
                    continue
                if is_compressed(candidate):
                    compressed.add(candidate)
                else:
                    found.add(candidate)
        for path in sorted(compressed - self._compressed):
            self._recorder.record(
                Event(
                    Kind.SKIPPED,
                    path,
                    "compressed; `--history` and `metalog-agent score` read archives",
                )
            )
        self._compressed = compressed
        self._refused = refused
        return sorted(found)

    def folders(self) -> list[str]:
        """Folders where new names may appear, sorted; they need not exist."""
        return sorted(
            {
                patterns.fixed_folder(path)
                if _is_glob(path)
                else path
                if Path(path).is_dir()
                else str(Path(path).parent)
                for path in self._paths
            }
        )

    def check(self, encoding: str = "utf-8") -> None:
        """Raise NotFollowableError when a file that was named outright holds no text.

        ``encoding`` with code units of two or four bytes has zero bytes in plain text, so nothing
        can be said then. The follower itself only skips such a file, with an event.
        """
        if len("\n".encode(encoding)) > 1:
            return
        for path in self._paths:
            if _is_glob(path) or not Path(path).is_file():
                continue
            try:
                with Path(path).open("rb") as file:
                    head = file.read(1024)
            except OSError:
                continue  # it may heal; the follower tells
            if b"\0" in head:
                raise NotFollowableError(
                    path,
                    f"{path} is no text: it has zero bytes in its first KiB; "
                    "leave it out, or name its encoding if it is UTF-16 or UTF-32",
                )

    def _excluded(self, path: str) -> bool:
        return any(patterns.matches(path, pattern) for pattern in self._exclude)

    def _candidates(self, path: str, refuse: patterns.Refused) -> Iterator[str]:
        if not _is_glob(path):
            if Path(path).is_dir():
                yield from self._in_folder(path, refuse)
            elif Path(path).is_file():
                yield path
            return
        for match in patterns.expand(path, refuse):
            if Path(match).is_file():
                yield match
            elif not patterns.has_magic(path.rpartition("/")[2]) and Path(match).is_dir():
                yield from self._in_folder(match, refuse)

    def _in_folder(self, folder: str, refuse: patterns.Refused) -> Iterator[str]:
        for entry in patterns.entries_of(folder, refuse):
            name = without_compression(entry.name)
            if self._include:
                wanted = any(
                    patterns.matches(candidate, pattern)
                    for pattern in self._include
                    for candidate in {entry.path, without_compression(entry.path)}
                )
            else:
                wanted = _is_log_name(name)
            if not wanted:
                continue
            try:
                if entry.is_file():
                    yield entry.path
            except OSError:
                continue  # a link that leads in a circle


def _is_log_name(name: str) -> bool:
    if name.startswith("."):
        return False
    live = live_name(name) or name
    return live.endswith(".log") or "." not in live


def _is_glob(path: str) -> bool:
    # A file may have brackets in its name; where it is there, it is what was meant.
    return patterns.has_magic(path) and not os.path.lexists(path)


def _checked(path: str) -> str:
    if not path or "\0" in path:
        raise UserError(f"{path!r} is not a path: name a file, a folder or a glob to follow")
    absolute = os.path.normpath(Path(path).expanduser().absolute())
    if _is_glob(absolute):
        return absolute
    try:
        mode = Path(absolute).stat().st_mode
    except OSError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise NotFollowableError(
            absolute,
            f"{path} is neither a file nor a folder: name a file, a folder or a glob to follow",
        )
    if is_compressed(absolute) and (mode is None or stat.S_ISREG(mode)):
        raise NotFollowableError(
            absolute,
            f"{path} is compressed and cannot be followed: `metalog-agent score` reads archives",
        )
    return absolute
