"""The connection to the database, and what its errors mean."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.state.folder import StateFolder
from agent.state.schema import SCHEMA, DamagedError, NewerError, bring_up_to_date
from models.errors import UserError

# Another process may write a few rows. An agent that waits does not read, and does not stop.
BUSY_SECONDS = 2.0
# What the log is cut back to once it was copied into the database.
_LOG_BYTES = 16 * 2**20
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)

log = logging.getLogger("metalog")


class NotSavedError(UserError):
    """The state could not be saved now, and nothing of it was. It can be tried again: the disk is
    full, or somebody else holds the database."""


def open_database(folder: StateFolder) -> sqlite3.Connection:
    """The database of a locked folder, of today's schema, checked from end to end.

    Raises DamagedError for a file that is not, or no longer, a state of ours, and UserError for one
    of a later release or one that cannot be opened.
    """
    path = folder.database
    connection = None
    try:
        # Made here, so that nobody else may read it; SQLite gives its other files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        bring_up_to_date(connection)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute(f"pragma journal_size_limit = {_LOG_BYTES}")
        [verdict] = connection.execute("pragma quick_check(1)").fetchone()
        if verdict != "ok":
            raise DamagedError("it is damaged")
    except BaseException as error:
        if connection is not None:
            connection.close()
        raise told(error, path) from None
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The database beside or after the agent that writes it. Raises as ``open_database``."""
    try:
        # Not immutable, and with its log: the agent may be writing.
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
        )
    except sqlite3.Error as error:
        raise told(error, path) from None
    return connection


def told(error: BaseException, path: Path) -> BaseException:
    """What to raise in the place of an error met while reading the database at ``path``."""
    if isinstance(error, DamagedError):
        return error
    if isinstance(error, NewerError):
        return UserError(
            f"{path}: state of schema {error.schema}, this metalog knows {SCHEMA}: a later release "
            "wrote it; run that one, or name another --state-dir"
        )
    if isinstance(error, sqlite3.Error):
        if _code(error) in _DAMAGE:
            return DamagedError(f"it is damaged ({error})")
        return UserError(f"{path}: the state cannot be opened: {error}; may it be written?")
    if isinstance(error, OSError):
        return UserError(f"{path}: the state cannot be opened: {error.strerror}")
    # Rows that make no sense: every value was checked by whoever took it out.
    if isinstance(error, UserError | ValueError | TypeError | LookupError | AttributeError):
        return DamagedError(f"it is damaged ({error})")
    return error


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing. Raises NotSavedError where another attempt may do better, else UserError."""
    try:
        connection.execute("begin immediate")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            # A full disk ends the transaction by itself.
            if connection.in_transaction:
                connection.execute("rollback")
            raise
    except sqlite3.Error as error:
        problem = f"{path}: the state cannot be saved: {error}"
        if _code(error) in _PASSING:
            raise NotSavedError(problem) from None
        raise UserError(problem) from None


def _code(error: sqlite3.Error) -> int:
    # The extended code says more in its upper bytes.
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
