"""Log files read from their beginning to their end, plain or gzipped."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from models.errors import UserError

_BLOCK = 1 << 20
LONGEST_LINE = 65_536


def read_lines(
    path: Path, progress: Callable[[int], None] | None = None, *, encoding: str = "utf-8"
) -> Iterator[str]:
    """Lines of one log, without their ends. Bad bytes are replaced, lines cut at 64 KiB.

    progress: called with the number of bytes of the file on disk that were consumed so far.
    Raises UserError where the file is missing, unreadable, empty, binary or a damaged archive.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed else raw)
            empty = True
            for line in _split(stream, path, lambda: progress(raw.tell()) if progress else None):
                empty = False
                yield line.decode(encoding, "replace")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder, a log file was expected") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged gzip archive: {error}; copy it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    if empty:
        raise UserError(f"{path}: is empty; a log with at least one line was expected")


def _split(stream: IO[bytes], path: Path, tick: Callable[[], None]) -> Iterator[bytes]:
    rest = b""
    first = True
    while block := stream.read(_BLOCK):
        if first and b"\0" in block[:8192]:
            raise UserError(f"{path}: is binary (it has NUL bytes); a text log was expected")
        first = False
        tick()
        # Only \n ends a line: str.splitlines would also cut at U+2028 and form feeds.
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line[:LONGEST_LINE].removesuffix(b"\r")
        # A line of gigabytes must not grow in memory; what is over is lost, as for a followed file.
        rest = rest[:LONGEST_LINE]
    if rest:
        yield rest.removesuffix(b"\r")
