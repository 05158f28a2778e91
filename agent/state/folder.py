"""The folder of one agent's state: where it is, whose it is, what is put aside in it."""

import fcntl
import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from models.errors import UserError

_DATABASE = "agent.sqlite"
# Whoever asks whether an agent runs holds the lock for a moment: that is no second agent.
_ATTEMPTS = 5
_SECONDS_BETWEEN_ATTEMPTS = 0.05


def default_folder(paths: Sequence[str]) -> Path:
    """Where the state is when nobody says: where systemd says, else one folder a set of paths."""
    given = _given_by_systemd()
    if given is not None:
        return given
    watched = "\0".join(sorted(str(Path(path).absolute()) for path in paths))
    return _base() / hashlib.sha256(watched.encode()).hexdigest()[:16]


def base_folder() -> Path:
    """Holds the states of several inputs, where nobody says: systemd's folder, or the user's."""
    return _given_by_systemd() or _base()


def sole_folder() -> Path:
    """The state of this user, where there is only one. Raises UserError where that is not so."""
    given = _given_by_systemd()
    if given is not None:
        return given
    found = sorted(path.parent for path in _base().glob(f"*/{_DATABASE}"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(f"{_base()}: no agent has kept a state here; name its --state-dir")
    raise UserError(
        f"{_base()}: {len(found)} agents have kept a state here; give the paths that one of them "
        "watches, or its --state-dir"
    )


def _given_by_systemd() -> Path | None:
    given = os.environ.get("STATE_DIRECTORY")
    # The folders of a service, separated by colons.
    return Path(given.split(":")[0]) if given else None


def _base() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "metalog"


class StateFolder:
    """A folder and the lock on it. Who runs holds the lock, and the kernel lets go of it when its
    process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / _DATABASE
        self._lock_path = path / "lock"
        self._lock: int | None = None

    def lock(self) -> None:
        """Raises UserError when another agent has it, or when nothing can be written here."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written: {error.strerror}; name another --state-dir"
            ) from None
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._lock = lock
                return
        os.close(lock)
        raise UserError(
            f"{self.path}: another metalog-agent uses this state; stop it, or name another "
            "--state-dir"
        )

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_there(self) -> bool:
        """Whether an agent has kept a state here."""
        return self.database.is_file() and self.database.stat().st_size > 0

    def in_use(self) -> bool:
        """Whether an agent runs on it now. Raises OSError where that cannot be seen."""
        try:
            lock = os.open(self._lock_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def set_aside(self) -> Path:
        """Rename the database, so that a new one can take its place; what it is called now."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        number = 0
        while True:
            number += 1
            suffix = f".aside-{stamp}" + (f"-{number}" if number > 1 else "")
            aside = self.database.with_name(_DATABASE + suffix)
            if not os.path.lexists(aside):
                break
        self.database.rename(aside)
        # SQLite finds the rest of a database by its name.
        for tail in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.database}{tail}").rename(f"{aside}{tail}")
        return aside
