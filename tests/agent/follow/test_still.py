"""Quiet files are passed over with one system call: whatever is not quiet must not be."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.follow.tail import Outcome, Reading, Tail
from tests.agent.follow.harness import ListRecorder


def tail_of(path: Path) -> Tail:
    status = path.stat()
    return Tail(
        str(path), str(path), (status.st_dev, status.st_ino),
        reading=Reading(), clock=SystemClock(), recorder=ListRecorder(),
    )  # fmt: skip


def read_to_its_end(tail: Tail) -> None:
    tail.open()
    while tail.read() != (None, Outcome.END):
        pass


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"one\ntwo\n")
    return path


def test_a_file_is_still_once_it_was_read_and_found_at_its_end(log: Path) -> None:
    tail = tail_of(log)
    assert not tail.is_still()
    tail.open()
    assert not tail.is_still()
    batch, _ = tail.read()
    assert batch is not None
    assert not tail.is_still()
    assert tail.read() == (None, Outcome.END)
    assert tail.is_still()
    tail.close()
    assert not tail.is_still()


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"three\n")


def rewrite(path: Path) -> None:
    path.write_bytes(b"six\nten\n")
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


@pytest.mark.parametrize("change", [append, rewrite, lambda path: os.truncate(path, 4)])
def test_a_file_that_changed_is_not(log: Path, change: Callable[[Path], None]) -> None:
    tail = tail_of(log)
    read_to_its_end(tail)
    change(log)
    assert not tail.is_still()
    # Not even after somebody else has looked at it.
    tail.look()
    assert not tail.is_still()
    tail.close()


def test_one_of_which_a_piece_of_a_line_is_held_is_not(log: Path) -> None:
    log.write_bytes(b"one\ntw")
    tail = tail_of(log)
    read_to_its_end(tail)
    assert not tail.is_still()
    tail.release(everything=True)
    assert tail.is_still()
    tail.close()


def test_asking_notices_that_the_name_is_gone(log: Path) -> None:
    tail = tail_of(log)
    read_to_its_end(tail)
    log.unlink()
    assert tail.is_still()
    assert tail.links == 0
    tail.close()
