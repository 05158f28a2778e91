"""A full disk, a failing one, ten thousand files, a line of two gibibytes."""

import contextlib
import ctypes
import errno
import json
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.follow import Kind
from tests.agent.follow.harness import Bench, ManualClock
from tests.agent.orders import ODD, session

AGENT = os.environ.get("METALOG_AGENT") or str(Path(sys.executable).with_name("metalog-agent"))
ROOT = Path(__file__).parents[3]
MOST_MIB = 200
_PREAD64 = {"x86_64": 17, "aarch64": 67}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs the rights of the superuser")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the space there is."""
    filler = folder / "filler.dat"
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return filler


def following(path: Path, lines: int) -> dict[str, Any]:
    """What driver.py says of a path."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.agent.follow.driver", str(path), str(lines)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def fails_to_read(work: Callable[[], None]) -> None:
    """Do ``work`` in a thread whose ``pread`` the kernel answers with an input/output error."""
    number = _PREAD64.get(platform.machine())
    if number is None:
        pytest.skip(f"the number of pread on {platform.machine()} is not known here")
    load, jump_if_equal, answer = 0x20, 0x15, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.EIO
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (load, 0, 0, 0),
            (jump_if_equal, 0, 1, number),
            (answer, 0, 0, refuse),
            (answer, 0, 0, allow),
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    outcome: list[str] = []

    def run() -> None:
        no_new_privileges, seccomp, filter_mode = 38, 22, 2
        if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(
            seccomp, filter_mode, ctypes.c_char_p(filters), 0, 0
        ):
            outcome.append("skip")
            return
        work()
        outcome.append("done")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if outcome == ["skip"]:
        pytest.skip("this kernel does not let a process filter its own system calls")
    assert outcome == ["done"]


def test_a_full_disk_cuts_a_line_short_and_its_rest_comes_later(small_disk: Path) -> None:
    bench = Bench(small_disk, ManualClock(0.0))
    bench.start()
    log = bench.append("app.log", "before\n")
    assert bench.read() == ["before"]
    with log.open("ab", buffering=0) as writer:
        line = b"y" * 3000 + b"\n"
        rest = b""
        written = 0
        filler = fill(small_disk)
        os.truncate(filler, filler.stat().st_size // 4096 * 4096 - 4096)
        with contextlib.suppress(OSError):
            while not rest:
                took = writer.write(line)
                written += took == len(line)
                rest = line[took:]
        assert rest
        assert bench.read() == ["y" * 3000] * written
        filler.unlink()
        writer.write(rest)
        assert bench.read() == ["y" * 3000]
    assert not [
        event for event in bench.recorder.events if event.kind in (Kind.LOST, Kind.LINE_CUT)
    ]
    bench.stop()


def test_a_full_disk_under_the_state_is_said_in_one_line_and_heals(
    small_disk: Path, bundle_path: Path, tmp_path: Path
) -> None:
    log, state = tmp_path / "app.log", small_disk / "state"
    command = [
        AGENT, "watch", log, "--from-beginning", "--bundle", bundle_path, "--state-dir", state,
        "--threshold", 0, "--end-regex", "lost", "--quiet",
    ]  # fmt: skip

    def write(number: int) -> None:
        with log.open("a") as file:
            file.write("".join(f"{line}\n" for line in session(number, *ODD)))

    def scored() -> int:
        """Sessions that are in the saved state."""
        asked = [AGENT, "status", "--state-dir", str(state), "--json"]
        done = subprocess.run(asked, capture_output=True, timeout=60)
        return int(json.loads(done.stdout)["counts"]["sessions_scored"]) if done.stdout else 0

    write(1)
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        while scored() < 1:
            assert process.poll() is None, process.stderr.read()
        filler = fill(small_disk)
        for number in range(2, 200):
            write(number)
        assert "cannot be saved" in process.stderr.readline()
        filler.unlink()
        while scored() < 199:
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert scored() == 199
    [line] = said.splitlines()
    assert "saved again" in line


def test_a_read_error_is_told_once_and_heals(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    bench.append("new.log", "3\n")

    def failing() -> None:
        for _ in range(5):
            assert bench.read() == []

    fails_to_read(failing)
    failures = bench.recorder.of(Kind.READ_FAILED)
    assert sorted(Path(event.path).name for event in failures) == ["app.log", "new.log"]
    assert all("Input/output error" in event.detail for event in failures)
    assert sorted(bench.read()) == ["2", "3"]
    assert bench.recorder.of(Kind.READ_FAILED) == failures


def test_positions_survive_a_start_while_the_disk_fails(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    saved = bench.follower.positions()
    bench.append("app.log", "2\n")

    def failing() -> None:
        bench.restart(positions=saved)
        assert bench.read() == []
        bench.restart()
        assert bench.read() == []

    fails_to_read(failing)
    assert bench.read() == ["2"]


def test_ten_thousand_files_in_a_folder(tmp_path: Path) -> None:
    for number in range(10_000):
        (tmp_path / f"{number:05}.log").write_text(f"{number}\n")
    said = following(tmp_path, 10_000)
    assert said["lines"] == 10_000
    assert said["events"] == {"opened": 10_000}
    assert said["peak_mib"] < MOST_MIB


def test_a_line_of_two_gibibytes(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("wb") as file:
        file.write(b"x" * 2000)
        file.truncate(2 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\nnext\n")
    said = following(log, 2)
    assert (said["lines"], said["longest"]) == (2, 65536)
    assert said["events"] == {"opened": 1, "line_cut": 1}
    assert said["peak_mib"] < MOST_MIB
