"""A large file over HTTP, which may break off at any byte.

What has come stays beside the file as ``NAME.part``; the next try asks for the rest (RFC 9110,
14.2). pooch would check the sum and draw the bar, but begins again at the first byte.
"""

import errno
import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from models.errors import UserError

_TRIES = 4
_SECONDS_BEFORE_NEXT = 2.0
# Statuses of HTTP.
_WHOLE, _REST, _NOTHING_LEFT, _BUSY, _FAILS = 200, 206, 416, 429, 500

Progress = Callable[[float], None]


@dataclass(frozen=True)
class RemoteFile:
    """size: bytes; md5: what its publisher says it is."""

    url: str
    size: int
    md5: str


def fetch(
    file: RemoteFile,
    path: Path,
    progress: Progress,
    note: Callable[[str], None],
    *,
    pause: float = _SECONDS_BEFORE_NEXT,
) -> None:
    """Bring the file to ``path``, whole and with the sum it should have, or raise UserError.

    progress: told the bytes that are here; pause: seconds before the second try, doubled with each
    further one. A connection that breaks is made anew as long as something comes.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        failures = 0
        while (before := length_of(part)) < file.size:
            try:
                _rest(file, part, progress)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
                raise UserError(f"{file.url}: {error}; give a URL with --from") from None
            except httpx.TransportError as error:
                here = length_of(part)
                failures = 1 if here > before else failures + 1
                if failures == _TRIES:
                    raise UserError(
                        f"{file.url}: {_said(error)}; the same command goes on at {here:,} of "
                        f"{file.size:,} bytes"
                    ) from None
                note(f"note: {_said(error)}; trying again at {here:,} of {file.size:,} bytes")
                time.sleep(pause * 2 ** (failures - 1))
    except OSError as error:
        full = "the disk is full; make room, and the same command goes on from here"
        said = full if error.errno == errno.ENOSPC else f"cannot be written: {error.strerror}"
        raise UserError(f"{part}: {said}") from None
    check(file, part)
    part.replace(path)


def check_room(folder: Path, needed: int) -> None:
    """Raises UserError where a folder that there may be has no room for so many bytes."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UserError(
            f"{folder}: {needed / 1e9:,.1f} GB are needed, {free / 1e9:,.1f} GB are free; make "
            "room, or name another folder with -o"
        )


def check(file: RemoteFile, path: Path) -> None:
    """Raises UserError where the content of ``path`` is not that of the file; it is removed then,
    for no later try could mend it."""
    # Not against an attacker: nobody can make a second file with the sum of a given one.
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != file.md5:
        size = length_of(path)
        path.unlink()
        raise UserError(
            f"{file.url}: checksum md5 {found}, expected {file.md5} ({size:,} bytes of "
            f"{file.size:,}); what came was removed: try again, or another --from"
        )


def _rest(file: RemoteFile, part: Path, progress: Progress) -> None:
    """Ask for what is missing, once. Raises httpx.TransportError where the connection breaks."""
    begin = length_of(part)
    # Compression on the way would make the bytes of the stream other ones than those of the file.
    headers = {"Accept-Encoding": "identity", "User-Agent": f"metalog/{version('metalog')}"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    with httpx.stream("GET", file.url, headers=headers, follow_redirects=True, timeout=30) as reply:
        _check_reply(file, reply, begin)
        goes_on = reply.status_code == _REST
        here = begin if goes_on else 0
        with part.open("ab" if goes_on else "wb") as opened:
            # As it comes: chunks of a size would be lost where the connection breaks within one.
            for chunk in reply.iter_raw():
                opened.write(chunk)
                here += len(chunk)
                progress(here)
                if here > file.size:
                    # Too much already, so the sum cannot be right.
                    return
    if here < file.size:
        raise httpx.RemoteProtocolError("the connection ended too early")


def _check_reply(file: RemoteFile, reply: httpx.Response, begin: int) -> None:
    """Raises UserError where it is not the file, or httpx.TransportError where it may be, later."""
    status = reply.status_code
    if file.url.startswith("https:") and reply.url.scheme != "https":
        raise UserError(f"{file.url}: leads to {reply.url}, which is not encrypted")
    if status == _BUSY or status >= _FAILS:
        raise httpx.RemoteProtocolError(f"HTTP {status} {reply.reason_phrase}")
    if status not in (_WHOLE, _REST, _NOTHING_LEFT):
        raise UserError(
            f"{file.url}: HTTP {status} {reply.reason_phrase}; give another place with --from"
        )
    span = reply.headers.get("Content-Range", "")
    size = reply.headers.get("Content-Length", "") if status == _WHOLE else span.rpartition("/")[2]
    if size.isdecimal() and int(size) != file.size:
        raise UserError(
            f"{file.url}: has {int(size):,} bytes, {file.size:,} were expected: another file; give "
            "another place with --from"
        )
    if status == _NOTHING_LEFT or (status == _REST and not span.startswith(f"bytes {begin}-")):
        raise UserError(
            f"{file.url}: does not send the rest that was asked for (HTTP {status}); give another "
            "place with --from"
        )


def length_of(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
