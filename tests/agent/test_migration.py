"""States that earlier releases left on disks."""

import sqlite3
from array import array
from contextlib import closing
from pathlib import Path

import pytest

from agent.follow import Position
from agent.follow.fingerprint import Fingerprint
from agent.state import Glance, State, Undelivered
from models.errors import UserError
from models.events import HostEvent
from models.sessions import Session

# As release 0.1.0 made it, word for word.
SCHEMA_1 = """
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
pragma user_version=1;
"""
POSITION = Position(
    "/var/log/a.log", "/var/log/a.log", 64769, 2**63 + 5, 7,
    Fingerprint.of(b"a line\n"), Fingerprint.of(b"a line\n"), 900.0,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "agent.sqlite")) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.executescript(SCHEMA_1)
        many = connection.executemany
        many("insert into positions values (?)", [(POSITION.to_json(),)])
        many("insert into templates values (?, ?)", [(0, "known"), (1, "met here")])
        many(
            "insert into sessions values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                ("b", "a.log", "a.log:7", array("i", [0, 1, 1]).tobytes(), 1.0, 2.0, 0.5, 990.0),
                ("a", "a.log", "a.log:0", array("i", [1]).tobytes(), None, None, 0.0, 995.0),
            ],
        )
        many(
            "insert into alerts values (?, ?, ?)",
            [("i", '{"id": "i"}', 940.0), ("h", '{"id": "h"}', 930.0)],
        )
        connection.execute("insert into unsent values ('i', 'stdout')")
        many(
            "insert into meta values (?, ?)",
            [
                ("bundle", "fingerprint"),
                ("saved_wall", "1000.0"),
                ("counters", '{"windows": {"a.log": 3}, "fresh": {"a.log": 0}}'),
            ],
        )
        connection.commit()
    return tmp_path


def test_a_state_of_schema_1_goes_on(folder: Path) -> None:
    state = State(folder)
    saved = state.saved
    assert (saved.saved_wall, saved.bundle) == (1000.0, "fingerprint")
    assert saved.positions == (POSITION,)
    assert saved.events == (HostEvent("known", 0), HostEvent("met here", 1))
    assert saved.counters == {"windows": {"a.log": 3}, "fresh": {"a.log": 0}}
    assert saved.unsent == (Undelivered("i", "stdout", 11, 940.0, 0, 0.0),)
    # Idle for as long as they were: touched is on the clock that age is of.
    assert saved.age == 1000.0
    assert sorted(saved.sessions, key=lambda one: one.key) == [
        Session("a", "a.log", "a.log:0", [1], None, None, 0.0, 995.0),
        Session("b", "a.log", "a.log:7", [0, 1, 1], 1.0, 2.0, 0.5, 990.0),
    ]
    state.close()
    assert State(folder).saved == saved
    assert list(folder.glob("*aside*")) == []


def test_status_says_what_to_do_with_schema_1(folder: Path) -> None:
    with pytest.raises(UserError, match="schema 1"):
        Glance.at(folder)
    State(folder).close()
    glance = Glance.at(folder)
    assert glance.alerts == 2
    assert glance.last_alert == {"id": "i"}


def test_a_migration_that_fails_changes_nothing(folder: Path) -> None:
    path = folder / "agent.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("insert into positions values ('no position')")
    state = State(folder)
    assert state.saved.positions == ()
    [aside] = [one for one in folder.glob("*aside*") if one.suffix != ".sqlite-wal"]
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("pragma user_version").fetchone() == (1,)
        assert connection.execute("select count(*) from sessions").fetchone() == (2,)
