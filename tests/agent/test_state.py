from pathlib import Path

import pytest

from agent.state import Adopted, Changes, State
from models.errors import UserError
from models.sessions import Session


def changes(**given: object) -> Changes:
    values: dict[str, object] = {
        "wall": 1000.0, "now": 50.0, "positions": [], "templates": {}, "sessions": {},
        "counters": {}, "alerts": [], "sent": [], **given,
    }  # fmt: skip
    return Changes(**values)  # type: ignore[arg-type]


def test_the_first_run_finds_nothing(tmp_path: Path) -> None:
    saved = State(tmp_path / "state").load()
    assert (saved.saved_wall, saved.bundle, saved.positions, saved.sessions) == (None, None, (), ())


def test_what_was_saved_together_is_there_together(tmp_path: Path) -> None:
    state = State(tmp_path)
    session = Session("ord-1", "a.log", "a.log:7", [3, 1, 4], 10.0, 12.0, 1.5, touched=45.0)
    state.save(
        changes(
            positions=["one", "two"],
            templates={0: "known", 1: "met here"},
            sessions={"ord-1": session},
            counters={"windows": {"a.log": 3}},
            alerts=[("id-1", '{"id": "id-1"}', ["stdout", "hook"])],
            adopted=Adopted("fingerprint", ["known"]),
        )
    )
    state.close()
    saved = State(tmp_path).load()
    assert saved.saved_wall == 1000.0
    assert saved.bundle == "fingerprint"
    assert saved.positions == ("one", "two")
    assert saved.templates == ("known", "met here")
    assert saved.counters == {"windows": {"a.log": 3}}
    [found] = saved.sessions
    # On the wall clock it was touched five seconds before the save.
    assert found == Session("ord-1", "a.log", "a.log:7", [3, 1, 4], 10.0, 12.0, 1.5, touched=995.0)
    assert {sink for _, sink, _ in saved.unsent} == {"stdout", "hook"}


def test_what_ended_or_was_sent_is_gone(tmp_path: Path) -> None:
    state = State(tmp_path)
    session = Session("k", "a", "a:0", [1])
    state.save(
        changes(positions=["one"], sessions={"k": session}, alerts=[("i", "{}", ["x", "y"])])
    )
    state.save(changes(positions=["two"], sessions={"k": None}, sent=[("i", "x")]))
    saved = state.load()
    assert (saved.positions, saved.sessions) == (("two",), ())
    assert [sink for _, sink, _ in saved.unsent] == ["y"]


def test_an_error_in_the_middle_saves_nothing(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.save(changes(positions=["one"]))
    broken = Session("k", "a", "a:0", [1], first_time=object())  # type: ignore[arg-type]
    with pytest.raises(UserError, match="cannot be saved"):
        state.save(changes(positions=["two"], sessions={"k": broken}))
    assert state.load().positions == ("one",)


def test_a_second_agent_on_the_same_folder_refuses(tmp_path: Path) -> None:
    first = State(tmp_path)
    with pytest.raises(UserError, match="another metalog-agent"):
        State(tmp_path)
    first.close()
    State(tmp_path).close()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\0" * 4096])
def test_a_foreign_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "agent.sqlite").write_bytes(content)
    with pytest.raises(UserError, match=r"agent\.sqlite") as caught:
        State(tmp_path).load()
    assert "\n" not in str(caught.value)


def test_its_files_are_for_nobody_else(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    state.save(changes())
    assert state.path.stat().st_mode & 0o077 == 0
