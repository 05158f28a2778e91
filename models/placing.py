"""Files and folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import UserError

FILE_MODE = 0o640
FOLDER_MODE = 0o750


def check_free(path: Path, *, kind: str, replace: bool = False, marker: str = "") -> None:
    """Before long work whose result goes to the folder ``path``: raises UserError if it is taken.

    kind: what the folder is, for the message. marker: a file that every such folder has; without
    it ``replace`` refuses, so that a slip of the hand does not delete somebody's home.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: is a file, a folder for the {kind} was expected")
    taken = path.exists() and any(path.iterdir())
    if taken and not replace:
        raise UserError(
            f"{path}: is not empty; name another folder for the {kind}, or --force to replace it"
        )
    if taken and marker and not (path / marker).exists():
        raise UserError(
            f"{path}: is not empty and no {kind} ({marker} is missing), so --force does not "
            "replace it; name another folder"
        )


@contextmanager
def placed_folder(
    path: Path, *, kind: str, replace: bool = False, marker: str = ""
) -> Iterator[Path]:
    """A folder to write into, which becomes ``path`` when the block ends without an error.

    Where ``path`` exists and is not empty, raises UserError unless ``replace``; see ``check_free``.
    An error leaves neither a half-written folder nor a lost old one.
    """
    check_free(path, kind=kind, replace=replace, marker=marker)
    parent = path.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=parent))
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        yield building
        for file in building.rglob("*"):
            file.chmod(FOLDER_MODE if file.is_dir() else FILE_MODE)
        building.chmod(FOLDER_MODE)
        if path.exists():
            retired = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=parent))
            path.rename(retired / path.name)
            building.rename(path)
            shutil.rmtree(retired)
        else:
            building.rename(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _settle(path: Path) -> None:
    """What was written to a file, or which names a folder has, is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def placed_file(path: Path, *, mode: int = FILE_MODE) -> Iterator[Path]:
    """A file to write, which becomes ``path`` when the block ends without an error, and is on the
    disk then. Until then it is only its owner's, and then of this mode."""
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
        os.close(handle)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    building = Path(name)
    try:
        yield building
        building.chmod(mode)
        # Else a power failure may leave the new name with nothing in it.
        _settle(building)
        building.replace(path)
        # Some network file systems do not know this for folders; their names are safe at once.
        with suppress(OSError):
            _settle(path.absolute().parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error}") from None
    finally:
        building.unlink(missing_ok=True)
