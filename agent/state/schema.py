"""The tables, and the way from those of earlier releases to today's."""

import json
import sqlite3
from collections.abc import Callable

from agent.follow.position import Position

# Another table is another step in _STEPS, which new databases go through, too.
SCHEMA = 7
# In the header of every database of ours since schema 2: "mlog".
APPLICATION = 0x6D6C6F67

# session_log is a journal: see agent/state/session_log.py.
_SECOND = (
    "create table meta (name text primary key, value text not null) without rowid",
    "create table positions (file text primary key, body text not null) without rowid",
    "create table templates (id integer primary key, template text not null)",
    "create table session_log ("
    " id integer primary key, session integer not null, key text, source text, place text,"
    " first_time real, last_time real, longest_gap real, touched real, events blob)",
    "create table counters ("
    " name text, source text, value integer not null, primary key (name, source)) without rowid",
    "create table alerts (id text primary key, body text not null, raised_wall real not null)",
    "create index alerts_by_time on alerts (raised_wall)",
    "create table unsent (alert text not null, sink text not null, primary key (alert, sink))"
    " without rowid",
)
# Lines of open sessions, alerts that belong together, who asked for quiet, what was alerted on.
_QUIET = (
    "alter table session_log add column last_place text",
    "alter table session_log add column kept text",
    "create table groups (fingerprint text primary key, body text not null) without rowid",
    "create table silences ("
    " fingerprint text, origin text, until_wall real, made_wall real not null, note text not null,"
    " primary key (fingerprint, origin)) without rowid",
    "create table evidence (alert text primary key, body blob not null)",
)
# Failed attempts, and the wall clock of the next one.
_RETRIES = (
    "alter table unsent add column attempts integer not null default 0",
    "alter table unsent add column due_wall real not null default 0",
)
# What the host's statistics have learnt beside the bundle's: one row, or none.
_EPOCH = (
    "create table epoch ("
    " only integer primary key check (only = 1), number integer not null, body blob not null)"
)
# How the agent sets itself to its host: each by name, as whoever does it writes it.
_TUNING = "create table tuning (name text primary key, body text not null) without rowid"
# Which events were met here in which order, null for an id that is free, and how many sessions that
# are over had them. Ids were given in that order before.
_STANDING = (
    "alter table templates add column born integer",
    "alter table templates add column sessions integer not null default 0",
    "update templates set born = id",
)
_FIRST_TABLES = frozenset({"meta", "positions", "templates", "sessions", "alerts", "unsent"})


class DamagedError(Exception):
    """It is no state of ours, or no longer one: in words, without a full stop."""


class NewerError(Exception):
    """A later release wrote it. schema: the number that it has."""

    def __init__(self, schema: int) -> None:
        super().__init__(schema)
        self.schema = schema


def schema_of(connection: sqlite3.Connection) -> int:
    """The schema of a database, 0 of an empty one. Raises DamagedError for somebody else's and
    NewerError."""
    [application] = connection.execute("pragma application_id").fetchone()
    [version] = connection.execute("pragma user_version").fetchone()
    tables = {
        name
        for (name,) in connection.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        )
    }
    if application == version == 0 and not tables:
        return 0
    if application == APPLICATION and version > SCHEMA:
        raise NewerError(version)
    ours = (application == APPLICATION and version >= 2) or (
        application == 0 and version == 1 and tables == _FIRST_TABLES
    )
    if not ours:
        raise DamagedError("it is the database of another program")
    return int(version)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or those of an earlier schema today's, in one transaction."""
    schema = schema_of(connection)
    if schema == SCHEMA:
        return
    connection.execute("begin immediate")
    try:
        if schema == 0:
            _create_second(connection)
            schema = 2
        for step in range(schema, SCHEMA):
            _STEPS[step](connection)
        connection.execute(f"pragma user_version = {SCHEMA}")
        connection.execute(f"pragma application_id = {APPLICATION}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def file_of(position: Position) -> str:
    """Which file a position is of. Text: an inode may need all of 64 bits, SQLite has 63."""
    return f"{position.device}:{position.inode}"


def _create_second(connection: sqlite3.Connection) -> None:
    for statement in _SECOND:
        connection.execute(statement)


def _from_first(connection: sqlite3.Connection) -> None:
    """Schema 1 held a row a session and positions by their text, and touched by the wall clock."""
    for table in sorted(_FIRST_TABLES):
        connection.execute(f"alter table {table} rename to old_{table}")
    _create_second(connection)
    meta = dict(connection.execute("select name, value from old_meta"))
    counters = json.loads(meta.pop("counters", "{}"))
    if "saved_wall" in meta:
        # Seconds of running time need a beginning, any will do: this one leaves `touched` as it is.
        meta["age"] = meta["saved_wall"]
    connection.executemany("insert into meta values (?, ?)", meta.items())
    connection.executemany(
        "insert into counters values (?, ?, ?)",
        (
            (name, source, int(value))
            for name, values in counters.items()
            for source, value in values.items()
        ),
    )
    bodies = connection.execute("select body from old_positions").fetchall()
    connection.executemany(
        "insert or replace into positions values (?, ?)",
        ((file_of(Position.from_json(body)), body) for (body,) in bodies),
    )
    connection.execute(
        "insert into session_log (session, key, source, place, first_time, last_time, longest_gap,"
        " touched, events) select row_number() over (order by key), key, source, place, first_time,"
        " last_time, longest_gap, touched_wall, events from old_sessions order by key"
    )
    connection.execute("insert into templates select id, template from old_templates")
    connection.execute(
        "insert into alerts select id, body, raised_wall from old_alerts"
        " order by raised_wall, rowid"
    )
    connection.execute("insert into unsent select alert, sink from old_unsent")
    for table in sorted(_FIRST_TABLES):
        connection.execute(f"drop table old_{table}")


def _add_quiet(connection: sqlite3.Connection) -> None:
    for statement in _QUIET:
        connection.execute(statement)


def _add_retries(connection: sqlite3.Connection) -> None:
    for statement in _RETRIES:
        connection.execute(statement)


def _add_epoch(connection: sqlite3.Connection) -> None:
    connection.execute(_EPOCH)


def _add_tuning(connection: sqlite3.Connection) -> None:
    connection.execute(_TUNING)


def _add_standing(connection: sqlite3.Connection) -> None:
    for statement in _STANDING:
        connection.execute(statement)


_STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: _from_first,
    2: _add_quiet,
    3: _add_retries,
    4: _add_epoch,
    5: _add_tuning,
    6: _add_standing,
}
