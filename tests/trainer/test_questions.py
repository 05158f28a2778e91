"""The file of questions: nothing in it is lost, and nothing of it acts on a terminal."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from trainer.questions import Questions, write


def questions(folder: Path, *records: dict[str, Any]) -> Questions:
    write(folder / "ask.jsonl", records)
    return Questions.open(folder / "ask.jsonl")


def record(key: str, label: object = None, **more: Any) -> dict[str, Any]:
    return {"id": key, "label": label, "events": ["one", "two"], **more}


def test_an_answer_is_in_the_file_at_once_and_the_rest_as_it_was(tmp_path: Path) -> None:
    asked = questions(tmp_path, record("a", note="mine"), record("b", "normal"), record("c"))
    assert asked.first_open() == 0
    asked.answer(0, 1)
    saved = [json.loads(line) for line in asked.path.read_text().splitlines()]
    assert saved[0].pop("labelled_at")
    assert saved == [record("a", 1, note="mine"), record("b", "normal"), record("c")]
    assert stat.S_IMODE(asked.path.stat().st_mode) == 0o600
    again = Questions.open(asked.path)
    assert again.first_open() == 2
    assert [again.count(label) for label in (0, 1, -1)] == [1, 1, 1]


def test_passed_over_is_looked_at_and_has_no_label(tmp_path: Path) -> None:
    asked = questions(tmp_path, record("a"), record("b"))
    asked.answer(0, -1)
    again = Questions.open(asked.path)
    assert (again[0].label, again[0].passed_over, again.first_open()) == (-1, True, 1)
    again.answer(0, 0)
    assert (again[0].label, again[0].passed_over) == (0, False)
    assert "skipped" not in json.loads(asked.path.read_text().splitlines()[0])


def test_what_somebody_else_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    asked = questions(tmp_path, record("a"), record("b"))
    changed = asked.path.read_text().replace("null", '"anomaly"')
    asked.path.write_text(changed)
    with pytest.raises(UserError, match="another program has changed it"):
        asked.answer(0, 0)
    assert asked.path.read_text() == changed


def test_a_line_that_is_no_session_is_named(tmp_path: Path) -> None:
    (tmp_path / "ask.jsonl").write_text(json.dumps(record("a")) + "\n{}\n")
    with pytest.raises(UserError, match="line 2: no session"):
        Questions.open(tmp_path / "ask.jsonl")


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_comes_back_and_the_file_can_be_printed(
    tmp_path_factory: pytest.TempPathFactory, one: str, other: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "ask.jsonl"
    write(path, [{"id": one, "label": None, "events": [other]}])
    text = path.read_text(encoding="utf-8")
    assert text.removesuffix("\n").isprintable()
    assert json.loads(text) == {"id": one, "label": None, "events": [other]}
