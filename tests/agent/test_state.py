import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.follow import Position
from agent.follow.fingerprint import Fingerprint
from agent.state import Adopted, Changes, Glance, NotSavedError, Retention, State
from models.errors import UserError
from models.events import HostEvent
from models.sessions import Session


def position(path: str, offset: int = 0, inode: int = 7) -> Position:
    head = Fingerprint.of(b"")
    return Position(path, path, 1, inode, offset, head, head, 0.0)


def changes(**given: Any) -> Changes:
    return Changes(**{"wall": 1000.0, "now": 50.0, "age": 20.0, **given})


def reopened(state: State) -> State:
    state.close()
    return State(state.path.parent)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path / "state")
    state.save(
        changes(adopted=Adopted("fingerprint", [HostEvent(f"template {n}", n) for n in range(10)]))
    )
    yield state
    state.close()


def test_the_first_run_finds_nothing(tmp_path: Path) -> None:
    saved = State(tmp_path / "state").saved
    assert (saved.saved_wall, saved.bundle, saved.positions, saved.sessions) == (None, None, (), ())


def test_what_was_saved_together_is_there_together(tmp_path: Path) -> None:
    state = State(tmp_path)
    session = Session("ord-1", "a.log", "a.log:7", [1, 0, 1], 10.0, 12.0, 1.5, touched=15.0)
    files = [position("one", 10, 2**64 - 1), position("two", 20, 8)]
    state.save(
        changes(
            positions=files,
            templates={1: HostEvent("met here", 1, 3), 2: None},
            sessions={"ord-1": session},
            counters={"windows": {"a.log": 3}},
            report={"pid": 1},
            alerts=[("id-1", '{"id": "id-1"}')],
            sinks=["stdout", "hook"],
            adopted=Adopted("fingerprint", [HostEvent("known", 0)]),
        )
    )
    saved = reopened(state).saved
    assert (saved.saved_wall, saved.age) == (1000.0, 20.0)
    assert saved.bundle == "fingerprint"
    assert sorted(saved.positions, key=lambda one: one.path) == files
    assert saved.events == (HostEvent("known", 0), HostEvent("met here", 1, 3), None)
    assert saved.templates == ("known", "met here", "")
    assert saved.counters == {"windows": {"a.log": 3}}
    assert saved.report == {"pid": 1}
    assert saved.sessions == (session,)
    assert {one.sink for one in saved.unsent} == {"stdout", "hook"}


def test_what_ended_or_was_sent_is_gone(state: State) -> None:
    session = Session("k", "a", "a:0", [1])
    state.save(
        changes(
            positions=[position("one")],
            sessions={"k": session},
            counters={"fresh": {"a": 1}},
            alerts=[("i", "{}")],
            sinks=["x", "y"],
        )
    )
    state.save(changes(positions=[position("one", 5)], sessions={"k": None}, sent=[("i", "x")]))
    saved = reopened(state).saved
    assert [one.offset for one in saved.positions] == [5]
    assert (saved.sessions, saved.counters) == ((), {})
    assert [one.sink for one in saved.unsent] == ["y"]


def test_a_session_that_ended_and_began_anew_between_two_saves(state: State) -> None:
    state.save(changes(sessions={"k": Session("k", "a", "a:0", [1, 2, 3])}))
    again = Session("k", "a", "a:90", [4])
    state.save(changes(sessions={"k": again}))
    assert reopened(state).saved.sessions == (again,)


def test_another_bundle_replaces_templates_and_sessions(state: State) -> None:
    kept = Session("k", "a", "a:0", [9])
    state.save(changes(sessions={"k": kept, "gone": Session("gone", "a", "a:5", [9])}))
    kept.items = [0]
    state.save(changes(sessions={"k": kept}, adopted=Adopted("other", [HostEvent("only one", 0)])))
    saved = reopened(state).saved
    assert (saved.bundle, saved.templates, saved.sessions) == ("other", ("only one",), (kept,))


def test_an_error_in_the_middle_saves_nothing(state: State) -> None:
    session = Session("k", "a", "a:0", [1])
    state.save(changes(positions=[position("one")], sessions={"k": session}))
    session.items.append(2)
    with pytest.raises(UserError, match="cannot be saved"):
        state.save(
            changes(
                positions=[position("one", 5)],
                sessions={"k": session},
                alerts=[("i", object())],
            )
        )
    # What failed is saved by the next attempt, once.
    saved = reopened(state).saved
    assert ([one.offset for one in saved.positions], saved.sessions[0].items) == ([0], [1])


def test_a_failed_save_is_made_good_by_the_next(state: State) -> None:
    session = Session("k", "a", "a:0", [1])
    state.save(changes(sessions={"k": session}))
    session.items.append(2)
    with pytest.raises(UserError):
        state.save(changes(sessions={"k": session}, alerts=[("i", object())]))
    session.items.append(3)
    state.save(changes(sessions={"k": session}))
    assert reopened(state).saved.sessions[0].items == [1, 2, 3]


def test_nothing_is_written_where_nothing_changed(state: State) -> None:
    one = position("one")
    session = Session("k", "a", "a:0", [1])
    everything = {"positions": [one], "sessions": {"k": session}, "report": {"pid": 1}}
    state.save(changes(**everything))
    log = Path(f"{state.path}-wal")
    before = log.stat()
    state.save(changes(now=51.0, **{**everything, "sessions": {}}))
    assert (log.stat().st_size, log.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    # But it says now and then that it lives.
    state.save(changes(wall=1010.0, now=60.0, **{**everything, "sessions": {}}))
    assert Glance.at(state.path.parent).saved_wall == 1010.0


def test_a_second_agent_on_the_same_folder_refuses(tmp_path: Path) -> None:
    first = State(tmp_path)
    with pytest.raises(UserError, match="another metalog-agent"):
        State(tmp_path)
    first.close()
    State(tmp_path).close()


def _foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table songs (title text)")


def _broken_page(path: Path) -> None:
    state = State(path.parent)
    events = [HostEvent(f"template {number} {'x' * 200}", number) for number in range(200)]
    state.save(changes(adopted=Adopted("fingerprint", events)))
    state.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 8)


def _damaged_row(path: Path, statement: str) -> None:
    state = State(path.parent)
    session = Session("k", "a", "a:0", [0])
    adopted = Adopted("fingerprint", [HostEvent("known", 0)])
    state.save(changes(positions=[position("one")], sessions={"k": session}, adopted=adopted))
    state.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database at all" * 100),
        lambda path: path.write_bytes(b"\0" * 4096),
        _foreign_database,
        _broken_page,
        lambda path: _damaged_row(path, "update positions set body = '{}'"),
        lambda path: _damaged_row(path, "update session_log set events = x'01'"),
        lambda path: _damaged_row(path, "update session_log set events = x'ffffff7f'"),
        lambda path: _damaged_row(path, "update meta set value = 'never' where name = 'age'"),
        lambda path: _damaged_row(path, "update meta set value = '[1]' where name = 'report'"),
        lambda path: _damaged_row(path, "update templates set id = 5"),
        lambda path: _damaged_row(path, "update templates set sessions = 'many'"),
        lambda path: _damaged_row(path, "drop table counters"),
    ],
)
def test_a_damaged_or_foreign_file_is_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    path = tmp_path / "agent.sqlite"
    damage(path)
    bytes_before = path.read_bytes()
    with caplog.at_level(logging.WARNING):
        state = State(tmp_path)
    [record] = caplog.records
    assert "cannot be used" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert state.saved.saved_wall is None
    [aside] = tmp_path.glob("agent.sqlite.aside-*")
    assert aside.name in record.getMessage()
    assert aside.read_bytes() == bytes_before
    caplog.clear()
    state.save(changes(positions=[position("one")]))
    assert len(reopened(state).saved.positions) == 1
    assert not caplog.records


def test_a_state_of_a_later_release_is_left_alone(state: State) -> None:
    state.close()
    with closing(sqlite3.connect(state.path)) as connection:
        connection.execute("pragma user_version = 99")
    with pytest.raises(UserError, match=r"schema 99, this metalog knows \d+") as caught:
        State(state.path.parent)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="schema 99"):
        Glance.at(state.path.parent)
    assert [one.name for one in state.path.parent.glob("*aside*")] == []


def test_a_reader_sees_what_was_saved_last(state: State) -> None:
    folder = state.path.parent
    for offset in (5, 6):
        state.save(changes(positions=[position("one", offset)], report={"pid": offset}))
        glance = Glance.at(folder)
        assert ([one.offset for one in glance.positions], glance.report) == (
            [offset],
            {"pid": offset},
        )
        assert glance.running
    state.close()
    assert not Glance.at(folder).running


def test_another_writer_delays_a_save_and_does_not_break_it(state: State) -> None:
    with closing(
        sqlite3.connect(state.path, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("begin immediate")
        other.execute("insert into meta values ('note', 'of another')")
        release = threading.Timer(0.5, other.execute, ["commit"])
        release.start()
        state.save(changes(positions=[position("one", 5)]))
        release.join()
        other.execute("begin immediate")
        with pytest.raises(NotSavedError, match="locked"):
            state.save(changes(positions=[position("one", 6)]))
        other.execute("rollback")
    state.save(changes(positions=[position("one", 7)]))
    assert [one.offset for one in Glance.at(state.path.parent).positions] == [7]


def kept(state: State) -> list[str]:
    with closing(sqlite3.connect(state.path)) as connection:
        found = connection.execute("select id from alerts order by raised_wall, rowid")
        return [alert for (alert,) in found]


def test_old_alerts_are_forgotten_once_they_were_delivered(tmp_path: Path) -> None:
    state = State(tmp_path, Retention(seconds=100.0))
    state.save(changes(wall=0.0, alerts=[("old", "{}"), ("unsent", "{}")], sinks=["hook"]))
    state.save(changes(wall=1.0, sent=[("old", "hook")], sinks=["hook"]))
    state.save(changes(wall=90.0, alerts=[("new", "{}")], sinks=["hook"]))
    assert kept(state) == ["old", "unsent", "new"]
    state.save(changes(wall=110.0, alerts=[("newest", "{}")], sinks=["hook"]))
    assert kept(state) == ["unsent", "new", "newest"]
    # A sink that is there no more keeps nothing for ever.
    state.save(changes(wall=150.0, alerts=[("last", "{}")], sinks=["stdout"]))
    assert kept(state) == ["new", "newest", "last"]
    assert all(one.alert != "unsent" for one in reopened(state).saved.unsent)


def test_no_more_alerts_are_kept_than_asked_for(tmp_path: Path) -> None:
    state = State(tmp_path, Retention(alerts=3))
    for number in range(6):
        state.save(changes(wall=float(number), alerts=[(str(number), "{}")], sinks=["hook"]))
        if number != 1:
            state.save(changes(wall=float(number), sent=[(str(number), "hook")], sinks=["hook"]))
    assert kept(state) == ["1", "4", "5"]


def test_its_files_are_for_nobody_else(state: State) -> None:
    for file in state.path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_how_the_agent_set_itself_is_kept_until_it_says_otherwise(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert state.saved.tuning == {}
    for now, tuning in enumerate(({"a": "1", "b": "2"}, {"a": "3"}, {"a": "3"})):
        state.save(Changes(wall=1000.0 + now, now=float(now), age=float(now), tuning=tuning))
    state.close()
    state = State(tmp_path)
    assert state.saved.tuning == {"a": "3"}
    state.close()
