"""What the agent knows, kept over restarts: one SQLite database, one transaction at a time."""

import fcntl
import json
import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import UserError
from models.sessions import Session

SCHEMA = 1
_TABLES = """
create table meta (name text primary key, value text not null) without rowid;
create table positions (body text primary key) without rowid;
create table templates (id integer primary key, template text not null);
create table sessions (
    key text primary key, source text not null, place text not null, events blob not null,
    first_time real, last_time real, longest_gap real not null, touched_wall real not null
) without rowid;
create table alerts (id text primary key, body text not null, raised_wall real not null);
create table unsent (
    alert text not null references alerts (id), sink text not null, primary key (alert, sink)
) without rowid;
"""
# Alerts that were delivered are kept this long, to be looked at.
_HISTORY_SECONDS = 30 * 86400.0


@dataclass(frozen=True)
class Saved:
    """What an earlier run left. saved_wall: wall clock of its last save, None on the first run."""

    saved_wall: float | None
    bundle: str | None
    positions: tuple[str, ...]
    templates: tuple[str, ...]
    sessions: tuple[Session[int], ...]
    counters: dict[str, Any]
    unsent: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Adopted:
    """From here on event ids are those of another bundle; templates: all of them by id."""

    bundle: str
    templates: Sequence[str]


@dataclass(frozen=True)
class Changes:
    """What one transaction makes true together.

    positions: all of them; templates: by event id, those that are new or changed; sessions: open
    ones by key that changed, None for ended ones; alerts: id, body and names of the sinks that
    have to get it; sent: alert id and sink.
    """

    wall: float
    now: float
    positions: Sequence[str]
    templates: Mapping[int, str]
    sessions: Mapping[str, Session[int] | None]
    counters: Mapping[str, Any]
    alerts: Sequence[tuple[str, str, Sequence[str]]]
    sent: Iterable[tuple[str, str]]
    adopted: Adopted | None = None


class State:
    """The state folder of one agent. Two agents on one folder: the second gets a UserError."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "agent.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UserError(
                f"{folder}: cannot be written: {error.strerror}; name another --state-dir"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UserError(
                f"{folder}: another metalog-agent uses this state; stop it, or name another "
                "--state-dir"
            ) from None
        self._connection = self._open()
        self._positions: set[str] = set()

    def _open(self) -> sqlite3.Connection:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(descriptor)
        try:
            connection = sqlite3.connect(self.path, isolation_level=None)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            version = connection.execute("pragma user_version").fetchone()[0]
            tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
            if version == 0 and tables == 0:
                connection.executescript(f"begin; {_TABLES} pragma user_version={SCHEMA}; commit;")
            elif version != SCHEMA:
                raise UserError(
                    f"{self.path}: state of schema {version}, this metalog knows {SCHEMA}; move "
                    "the file away to start afresh"
                )
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{self.path}: no state of metalog, or damaged ({error}); move the file away to "
                "start afresh"
            ) from None
        return connection

    def load(self) -> Saved:
        """Everything that was saved. Raises UserError where it cannot be read."""
        try:
            meta = dict(self._connection.execute("select name, value from meta"))
            rows = self._connection.execute("select * from sessions").fetchall()
            self._positions = {
                body for (body,) in self._connection.execute("select body from positions")
            }
            templates = self._connection.execute("select template from templates order by id")
            unsent = self._connection.execute(
                "select alerts.id, unsent.sink, alerts.body from unsent "
                "join alerts on alerts.id = unsent.alert order by alerts.raised_wall, alerts.rowid"
            )
            return Saved(
                saved_wall=float(meta["saved_wall"]) if "saved_wall" in meta else None,
                bundle=meta.get("bundle"),
                positions=tuple(sorted(self._positions)),
                templates=tuple(template for (template,) in templates),
                sessions=tuple(_session(row) for row in rows),
                counters=json.loads(meta.get("counters", "{}")),
                unsent=tuple(unsent),
            )
        except (sqlite3.DatabaseError, ValueError) as error:
            raise UserError(
                f"{self.path}: damaged state ({error}); move the file away to start afresh"
            ) from None

    def save(self, changes: Changes) -> None:
        """Make all of it true at once. Raises UserError where the disk refuses; nothing is lost
        then but time: the same lines are read again after a restart."""
        with self._transaction() as execute:
            positions = set(changes.positions)
            for body in self._positions - positions:
                execute("delete from positions where body = ?", (body,))
            for body in positions - self._positions:
                execute("insert into positions values (?)", (body,))
            if changes.adopted is not None:
                execute("delete from templates")
                execute("delete from sessions")
                rows = enumerate(changes.adopted.templates)
                self._connection.executemany("insert into templates values (?, ?)", rows)
                execute(
                    "insert or replace into meta values ('bundle', ?)", (changes.adopted.bundle,)
                )
            for event, template in changes.templates.items():
                execute("insert or replace into templates values (?, ?)", (event, template))
            for key, session in changes.sessions.items():
                if session is None:
                    execute("delete from sessions where key = ?", (key,))
                else:
                    row = _row(session, changes)
                    execute("insert or replace into sessions values (?, ?, ?, ?, ?, ?, ?, ?)", row)
            for alert, body, sinks in changes.alerts:
                execute(
                    "insert or replace into alerts values (?, ?, ?)", (alert, body, changes.wall)
                )
                for sink in sinks:
                    execute("insert or replace into unsent values (?, ?)", (alert, sink))
            for alert, sink in changes.sent:
                execute("delete from unsent where alert = ? and sink = ?", (alert, sink))
            execute(
                "delete from alerts where raised_wall < ? "
                "and not exists (select 1 from unsent where alert = alerts.id)",
                (changes.wall - _HISTORY_SECONDS,),
            )
            for name, value in (
                ("counters", json.dumps(changes.counters)),
                ("saved_wall", repr(changes.wall)),
            ):
                execute("insert or replace into meta values (?, ?)", (name, value))
        self._positions = positions

    def close(self) -> None:
        self._connection.close()
        os.close(self._lock)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            self._connection.execute("begin immediate")
            try:
                yield self._connection.execute
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")
        except sqlite3.Error as error:
            raise UserError(
                f"{self.path}: the state cannot be saved: {error}; is the disk full?"
            ) from None


def _row(session: Session[int], changes: Changes) -> tuple[object, ...]:
    return (
        session.key,
        session.source,
        session.place,
        array("i", session.items).tobytes(),
        session.first_time,
        session.last_time,
        session.longest_gap,
        changes.wall - (changes.now - session.touched),
    )


def _session(row: tuple[Any, ...]) -> Session[int]:
    key, source, place, events, first_time, last_time, longest_gap, touched_wall = row
    items = array("i")
    items.frombytes(events)
    return Session(
        key, source, place, list(items), first_time, last_time, longest_gap, touched_wall
    )
