"""Handles, turns, rights, threads: what the machine may refuse."""

import contextlib
import logging
import mmap
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.follow import Event, Follower, Kind, LoggingRecorder, Selection
from agent.follow.watch import FolderWatch
from tests.agent.follow.harness import Bench, ListRecorder, ManualClock, as_nobody, open_folder


def open_files(folder: Path) -> list[str]:
    """Files below ``folder`` that this process has open now."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(entry.readlink())
            if target.startswith(str(folder)):
                found.append(target)
    return found


@contextlib.contextmanager
def handles_to_spare(count: int) -> Iterator[None]:
    """Let this process open so many files and no more."""
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + count + 1, hard))
    taken: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(count):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for handle in taken:
            os.close(handle)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def test_the_least_recently_used_handle_is_closed(bench: Bench) -> None:
    bench.start(maximum_open=3)
    for name in "abcdef":
        bench.append(f"{name}.log", f"{name}1\n")
    assert sorted(bench.read()) == [f"{name}1" for name in "abcdef"]
    assert len(open_files(bench.folder)) == 3
    for name in "abcdef":
        bench.append(f"{name}.log", f"{name}2\n")
    assert sorted(bench.read()) == [f"{name}2" for name in "abcdef"]
    assert len(open_files(bench.folder)) == 3
    bench.follower.close()
    assert open_files(bench.folder) == []


def test_a_deleted_file_keeps_its_handle_longest(bench: Bench) -> None:
    log = bench.append("deleted.log", "")
    bench.append("deleted.log", "1\n")
    bench.follow(maximum_open=2, start="beginning")
    assert bench.read() == ["1"]
    with log.open("a") as writer:
        log.unlink()
        for name in "abc":
            bench.append(f"{name}.log", f"{name}\n")
        assert sorted(bench.read()) == ["a", "b", "c"]
        writer.write("2\n")
    assert bench.read() == ["2"]


def test_a_process_out_of_handles_goes_on_with_fewer(bench: Bench) -> None:
    bench.start()
    for number in range(40):
        bench.append(f"{number:02}.log", f"{number:02}\n")
    with handles_to_spare(10):
        assert sorted(bench.read()) == [f"{number:02}" for number in range(40)]
        bench.append("late.log", "late\n")
        assert bench.read() == ["late"]
    assert len(bench.recorder.of(Kind.HANDLE_LIMIT)) == 1


def test_turns_are_fair(bench: Bench) -> None:
    bench.start(bytes_per_turn=20)
    bench.append("huge.log", "xxxx\n" * 1000)
    for name in ("a.log", "z.log"):
        bench.append(name, "short\n")
    bench.clock.advance(1)
    batches = list(bench.follower.poll())
    assert {Path(batch.path).name for batch in batches} == {"a.log", "huge.log", "z.log"}
    assert sum(len(batch.lines) for batch in batches) == 6
    assert not bench.follower.drained()
    assert bench.follower.lag()[str(bench.folder / "huge.log")] == 4980
    assert bench.read() == ["xxxx"] * 996


def test_a_caller_that_stops_in_the_middle_starves_nobody(bench: Bench) -> None:
    bench.start(bytes_per_turn=10)
    for name in "abc":
        bench.append(f"{name}.log", "xxxx\n" * 1000)
    seen = set()
    for _ in range(6):
        bench.clock.advance(1)
        seen.add(Path(next(bench.follower.poll()).path).name)
    assert seen == {"a.log", "b.log", "c.log"}


def test_permission_denied_heals() -> None:
    with open_folder() as home:
        recorder = ListRecorder()
        log = home / "app.log"
        log.write_text("old\n")
        log.chmod(0)
        bench = Bench(home, clock=ManualClock(time.time()))
        bench.recorder = recorder
        with as_nobody():
            bench.start()
            assert bench.read() == []
            assert bench.follower.drained()
        assert len(recorder.of(Kind.PERMISSION_DENIED)) == 1
        with log.open("a") as file:
            file.write("1\n")
        saved = bench.follower.positions()
        log.chmod(0o644)
        with as_nobody():
            assert bench.read() == ["1"]
        log.chmod(0)
        with log.open("a") as file:
            file.write("2\n")
        with as_nobody():
            bench.restart(positions=saved)
            assert bench.read() == []
            assert [position.offset for position in bench.follower.positions()] == [4]
        log.chmod(0o644)
        with as_nobody():
            assert bench.read() == ["1", "2"]
        bench.stop()


def test_many_files_are_found_and_read(bench: Bench) -> None:
    for number in range(3000):
        (bench.folder / f"{number}.log").write_text("old\n")
    bench.start(maximum_open=16)
    for number in range(0, 3000, 100):
        bench.append(f"{number}.log", f"{number}\n")
    assert sorted(map(int, bench.read())) == list(range(0, 3000, 100))
    assert len(open_files(bench.folder)) <= 16
    assert len(bench.follower.positions()) == 3000


def test_wait_returns_at_once_while_there_is_more(bench: Bench) -> None:
    bench.follow(start="beginning", bytes_per_turn=4)
    bench.append("app.log", "1\n2\n3\n4\n")
    lines: list[str] = []
    while not bench.follower.drained():
        bench.follower.wait(600)  # would outlast the test
        lines += [line for batch in bench.follower.poll() for line in batch.lines]
    assert lines == ["1", "2", "3", "4"]


@pytest.mark.parametrize("how", ["thread", "signal"])
def test_wake_ends_a_wait(bench: Bench, how: str) -> None:
    bench.start()  # no file is open: the next look is a second away, on a clock that stands still
    previous = signal.signal(signal.SIGALRM, lambda *_: bench.follower.wake())
    try:
        if how == "signal":
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        else:
            threading.Timer(0.01, bench.follower.wake).start()
        started = time.monotonic()
        bench.follower.wait(600)
        assert time.monotonic() - started < 600
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_watchdog_shows_new_names_before_the_next_look_is_due(bench: Bench) -> None:
    """The clock stands still but for what it takes to be allowed another look."""
    bench.follow(use_watchdog=True)
    assert bench.read() == []
    bench.append("new.log", "1\n")
    lines: list[str] = []

    def found() -> bool:
        bench.clock.advance(0.0001)
        bench.follower.wait(0.05)
        lines.extend(line for batch in bench.follower.poll() for line in batch.lines)
        return bool(lines)

    bench.clock.advance(0.1)
    until(found)
    assert lines == ["1"]
    (bench.folder / "new.log").rename(bench.folder / "new.log.1")
    bench.append("new.log", "2\n")
    lines.clear()
    bench.clock.advance(0.1)
    until(found)
    assert lines == ["2"]
    assert not bench.recorder.of(Kind.WATCH_FAILED)


def test_reading_does_not_wake_watchdog(tmp_path: Path) -> None:
    calls: list[None] = []
    watch = FolderWatch(lambda: calls.append(None), ListRecorder())
    try:
        log = tmp_path / "app.log"
        log.write_text("1\n")
        watch.watch([str(tmp_path)])
        for _ in range(20):
            assert log.read_text().startswith("1")
            with log.open("a") as file:
                file.write("2\n")
        assert calls == []
        (tmp_path / "new.log").write_text("")
        until(lambda: bool(calls))
        assert len(calls) == 1
    finally:
        watch.close()


def test_a_watched_folder_that_is_deleted_and_made_again(tmp_path: Path) -> None:
    changes = threading.Event()
    recorder = ListRecorder()
    watch = FolderWatch(changes.set, recorder)
    folder = tmp_path / "logs"
    try:
        for _ in range(3):
            folder.mkdir()
            watch.watch([str(folder)])
            changes.clear()
            (folder / "app.log").write_text("")
            until(changes.is_set)
            shutil.rmtree(folder)
            watch.watch([str(folder)])
        assert recorder.events == []
        assert watch.is_alive
    finally:
        watch.close()


def test_a_dead_observer_costs_no_line(bench: Bench) -> None:
    bench.follow(use_watchdog=True)
    assert bench.read() == []
    for thread in threading.enumerate():
        if type(thread).__module__.startswith("watchdog.observers"):
            thread.stop()  # type: ignore[attr-defined]
            thread.join()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("b.log", "2\n")
    assert bench.read() == ["2"]
    assert len(bench.recorder.of(Kind.WATCH_FAILED)) == 1


# Says that it is there, waits to be told to begin, says when it is done.
_NAMES = """
import mmap, os, sys
flags, folder, count = sys.argv[1:]
with open(flags, "r+b") as file:
    shared = mmap.mmap(file.fileno(), 3)
shared[0] = 1
while not shared[1]:
    pass
for number in range(int(count)):
    name = f"{folder}/{number % 2}.tmp"
    os.close(os.open(name, os.O_CREAT))
    os.unlink(name)
shared[2] = 1
"""


def test_an_overflow_of_the_kernels_queue_is_survived(tmp_path: Path) -> None:
    """More names than the queue holds, while watchdog's threads get no chance to empty it. What it
    swallows, the next look at the folder finds; here it is that later names are shown again.
    """
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queue > 100_000:
        pytest.skip(f"the queue of this machine holds {queue} events")
    flags, folder = tmp_path / "flags", tmp_path / "logs"
    flags.write_bytes(b"\0\0\0")
    folder.mkdir()
    calls: list[None] = []
    recorder = ListRecorder()
    watch = FolderWatch(lambda: calls.append(None), recorder)
    command = [sys.executable, "-c", _NAMES, str(flags), str(folder), str(queue)]
    interval = sys.getswitchinterval()
    try:
        watch.watch([str(folder)])
        with flags.open("r+b") as file, mmap.mmap(file.fileno(), 3) as shared:
            child = subprocess.Popen(command)
            until(lambda: shared[0] == 1)
            sys.setswitchinterval(600)
            try:
                shared[1] = 1
                while not shared[2]:
                    pass  # and so no other thread of this process runs
            finally:
                sys.setswitchinterval(interval)
            assert child.wait() == 0

        def settled() -> bool:
            before = len(calls)
            time.sleep(0.2)
            return 0 < before == len(calls)

        until(settled)
        assert len(calls) < 2 * queue  # it did overflow
        before = len(calls)
        (folder / "new.log").write_text("")
        until(lambda: len(calls) > before)
        assert watch.is_alive
        assert not recorder.events
    finally:
        watch.close()


def test_an_inotify_limit_is_told_once(bench: Bench) -> None:
    """The kernel gives no instance to a process that has no handle to spare."""
    bench.append("app.log", "1\n")
    selection = Selection([str(bench.folder)])
    with handles_to_spare(2):  # the follower's own
        follower = Follower(
            selection, start="beginning", clock=bench.clock, recorder=bench.recorder
        )
    assert [line for batch in follower.poll() for line in batch.lines] == ["1"]
    bench.clock.advance(1)
    assert list(follower.poll()) == []
    follower.close()
    assert len(bench.recorder.of(Kind.WATCH_FAILED)) == 1


def test_the_system_clock_and_real_time(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("old\n")
    follower = Follower(Selection([str(tmp_path)]), clock=SystemClock())
    lines: list[str] = []

    def read(expected: list[str]) -> bool:
        lines.extend(line for batch in follower.poll() for line in batch.lines)
        follower.wait(0.5)
        return lines == expected

    try:
        list(follower.poll())
        with log.open("a") as file:
            file.write("1\n")
        until(lambda: read(["1"]))
        log.rename(tmp_path / "app.log.1")
        log.write_text("2\n")
        until(lambda: read(["1", "2"]))
    finally:
        follower.close()
    assert len(follower.positions()) == 2


def test_events_go_to_the_log_without_a_line_of_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = LoggingRecorder()
    with caplog.at_level(logging.INFO, "agent.follow"):
        for _ in range(3):
            recorder.record(Event(Kind.BAD_BYTES, "/a.log", "not utf-8, replaced", 7))
        recorder.record(Event(Kind.ROTATED, "/a.log.1", "was /a.log"))
    assert [record.getMessage() for record in caplog.records] == [
        "/a.log bad_bytes: not utf-8, replaced (7 lines)",
        "/a.log.1 rotated: was /a.log",
    ]
