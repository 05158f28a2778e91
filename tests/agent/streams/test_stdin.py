"""``metalog-agent watch -``: a real process, a real pipe."""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import SystemClock
from agent.streams import Stdin
from models.wrapping import Wrapping
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.running import AGENT


def text(*sessions: Sequence[str]) -> bytes:
    return "".join(f"{one}\n" for lines in sessions for one in lines).encode()


def watch(bundle: Path, data: bytes, *options: object) -> subprocess.CompletedProcess[bytes]:
    command = [AGENT, "watch", "-", "--bundle", bundle, "--no-grouping", *options]
    return subprocess.run(list(map(str, command)), input=data, capture_output=True, timeout=60)


def alerts(done: subprocess.CompletedProcess[bytes]) -> dict[str, dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return {one["key"]: one for one in map(json.loads, done.stdout.splitlines())}


def test_stdin_is_read_to_its_end(bundle_path: Path) -> None:
    data = text(*(session(n, *(ODD if n % 3 else NORMAL)) for n in range(12)))
    found = alerts(watch(bundle_path, data, "--threshold", 0))
    assert set(found) == {f"ord-{n}" for n in range(12)}
    one = found["ord-1"]
    assert one["source"] == one["file"] == "stdin"
    assert one["first_offset"] == data.index(b"Mar  1 12:00:00 web shop[311]: order ord-1 ")
    once = alerts(watch(bundle_path, data, "--threshold", 0, "--once"))
    assert {key: one["score"] for key, one in once.items()} == {
        key: one["score"] for key, one in found.items()
    }


def test_lines_are_judged_as_they_come(bundle_path: Path) -> None:
    process = subprocess.Popen(
        [AGENT, "watch", "-", "--bundle", str(bundle_path), "--no-grouping", "--threshold", "0",
         "--end-regex", "shipped"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        for n in range(3):
            process.stdin.write(text(session(n, *NORMAL)))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["key"] == f"ord-{n}"
        process.stdin.close()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_signal_ends_it_though_nothing_comes(bundle_path: Path) -> None:
    process = subprocess.Popen(
        [AGENT, "watch", "-", "--bundle", str(bundle_path)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert any("following stdin" in word for word in process.stderr)
        process.terminate()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_last_line_without_its_newline_is_a_line(bundle_path: Path) -> None:
    data = text(session(1, *NORMAL)).rstrip(b"\n")
    assert alerts(watch(bundle_path, data, "--threshold", 0))["ord-1"]["lines"] == 3


def test_container_lines_are_unwrapped(bundle_path: Path) -> None:
    stamp = "2016-10-06T00:17:09.669794202Z stdout"
    lines = [f"{stamp} F {one}" for one in session(1, *NORMAL)]
    half = len(lines[1]) - 4
    lines[1:2] = [f"{stamp} P {lines[1][:half].split(' F ', 1)[1]}", f"{stamp} F {lines[1][half:]}"]
    data = text(lines)
    plain = alerts(watch(bundle_path, text(session(1, *NORMAL)), "--threshold", 0))["ord-1"]
    found = alerts(watch(bundle_path, data, "--threshold", 0))["ord-1"]
    assert (found["score"], found["lines"]) == (plain["score"], 3)
    refused = watch(bundle_path, data, "--threshold", 0, "--unwrap", "none")
    assert b"4 lines read" in refused.stderr


def test_no_state_is_kept_unless_asked_for(bundle_path: Path, tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "xdg")}
    command = [AGENT, "watch", "-", "--bundle", str(bundle_path)]
    subprocess.run(command, input=b"x\n", env=home, check=True, capture_output=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
    kept = tmp_path / "state"
    watch(bundle_path, text(session(1, *NORMAL)), "--state-dir", kept)
    status = subprocess.run(
        [AGENT, "status", "--state-dir", str(kept), "--json"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    said = json.loads(status.stdout)
    assert said["paths"] == ["stdin"]
    assert said["counts"]["lines_read"] == 3
    assert said["files"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-", "/var/log"], "goes with nothing else"),
        (["-", "--journal"], "goes with nothing else"),
        ([], "nothing to follow"),
        (["/var/log", "--unit", "ssh"], "add --journal"),
        (["--journal", "--unit", "a\nb"], "expected a unit"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    bundle_path: Path, arguments: list[str], words: str
) -> None:
    done = subprocess.run(
        [AGENT, "watch", *arguments, "--bundle", str(bundle_path)],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@contextmanager
def piped(**options: Any) -> Iterator[tuple[Stdin, Callable[[bytes], None], Callable[[], None]]]:
    """A ``Stdin`` that reads a pipe; how to write to it, and how to end it."""
    reader, writer = os.pipe()
    ends = [writer]

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(writer, data) :]

    def end() -> None:
        os.close(ends.pop())

    stdin = Stdin(wake=lambda: None, clock=SystemClock(), descriptor=reader, **options)
    try:
        yield stdin, write, end
    finally:
        stdin.close()
        for one in ends:
            os.close(one)
        stdin._pipe.join(10)
        os.close(reader)


def read_all(stdin: Stdin) -> list[str]:
    read: list[str] = []
    while not stdin.over():
        read += [line for batch in stdin.poll() for line in batch.lines]
    return read + [line for batch in stdin.flush() for line in batch.lines]


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0\ufeff"))),
    st.lists(st.integers(1, 40)),
    st.sampled_from(["utf-8", "utf-16", "utf-32-le", "latin-1"]),
)
def test_blocks_of_any_length_give_the_same_lines(
    lines: list[str], lengths: list[int], encoding: str
) -> None:
    if encoding == "latin-1":
        lines = [one.encode("latin-1", "replace").decode("latin-1") for one in lines]
    # Not the mark of a byte order alone.
    data = "".join(f"{one}\n" for one in lines).encode(encoding) if lines else b""
    with piped(encoding=encoding) as (stdin, write, end):
        read: list[str] = []
        for length in lengths:
            write(data[:length])
            data = data[length:]
            read += [one for batch in stdin.poll() for one in batch.lines]
        write(data)
        end()
        assert read + read_all(stdin) == lines


def test_a_writer_waits_for_a_slow_reader() -> None:
    with piped() as (stdin, write, end):
        # Far more than the pipe and we hold: it comes through only as it is taken.
        lines = [f"line {n} {'x' * 90}" for n in range(40_000)]
        writer = threading.Thread(target=lambda: (write(text(lines)), end()))
        writer.start()
        assert stdin._pipe._size <= 2**20 + 65536
        assert read_all(stdin) == lines
        writer.join()


def test_records_of_several_lines_are_joined() -> None:
    with piped(multiline_start=r"^\d", unwrap=Wrapping.auto) as (stdin, write, end):
        write(b"1 error\n  at a\n  at b\n2 fine\n")
        end()
        assert read_all(stdin) == ["1 error\n  at a\n  at b", "2 fine"]
