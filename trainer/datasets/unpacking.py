"""Archives of others, unpacked where they cannot reach anything else."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath

from models.errors import UserError

_CHUNK = 1 << 20

Progress = Callable[[float, float | None], None]


def unpack(archive: Path, folder: Path, progress: Progress) -> None:
    """All files of a .zip or .tar.gz. progress: told how much, of how much.

    Raises UserError where a member would land outside of ``folder``, is no plain file or folder, or
    the archive is damaged; OSError where the disk is full.
    """
    try:
        if archive.suffix == ".zip":
            _unzip(archive, folder, progress)
        else:
            _untar(archive, folder, progress)
    except tarfile.FilterError as error:
        raise UserError(f"{archive}: {error}; nothing of it was kept") from None
    except (zipfile.BadZipFile, tarfile.TarError, BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{archive}: damaged: {error}; remove it and download again") from None


def _unzip(archive: Path, folder: Path, progress: Progress) -> None:
    with zipfile.ZipFile(archive) as opened:
        members = [one for one in opened.infolist() if not one.is_dir()]
        for member in members:
            # zipfile would quietly put such a member elsewhere; what is so made is not trusted.
            path = PurePosixPath(member.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise UserError(
                    f"{archive}: member {member.filename!r} leaves the folder; nothing of it was "
                    "kept"
                )
        total = sum(member.file_size for member in members)
        done = 0
        for member in members:
            target = folder / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            # Without modes and links: a link is written as the text that it holds.
            with opened.open(member) as source, target.open("wb") as file:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done, total)


def _untar(archive: Path, folder: Path, progress: Progress) -> None:
    total = archive.stat().st_size
    with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as opened:
        for member in opened:
            safe = tarfile.data_filter(member, str(folder))
            if safe.isdir():
                (folder / safe.name).mkdir(parents=True, exist_ok=True)
                continue
            if not safe.isreg():
                raise UserError(
                    f"{archive}: member {member.name!r} is no plain file; nothing of it was kept"
                )
            source = opened.extractfile(safe)
            assert source is not None
            target = folder / safe.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as file:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
                    # Of the compressed bytes: what all files hold is known at the end only.
                    progress(raw.tell(), total)
