"""What the service manager hears, on a real socket, from a real agent."""

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from agent.notify import Notifier, address_of
from tests.agent.orders import NORMAL, session
from tests.agent.running import AGENT, append


class Manager:
    """The end of the socket that systemd has."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address_of(address))
        self.heard: list[str] = []

    def hear(self, word: str, seconds: float = 60.0) -> str:
        """The next message with this word; what came before it is heard, too."""
        end = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0.0, end - time.monotonic()))[0]:
            message = self.socket.recv(8192).decode()
            self.heard.append(message)
            if word in message:
                return message
        raise AssertionError(f"{word} was not heard, but {self.heard}")

    def hears_nothing(self) -> bool:
        return not select.select([self.socket], [], [], 0)[0]

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "path":
        return str(tmp_path / "notify")
    return f"@metalog-test-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    manager = Manager(address)
    yield manager
    manager.close()


@contextmanager
def agent(bundle: Path, folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [AGENT, "watch", str(folder), "--bundle", str(bundle), "--state-dir", f"{folder}.state"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_is_ready_when_it_follows_and_says_how_it_is(
    address: str, manager: Manager, bundle_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "app.log"
    log.touch()
    with agent(bundle_path, folder, NOTIFY_SOCKET=address) as process:
        assert manager.hear("READY=1") == "READY=1"
        assert not any("WATCHDOG" in message for message in manager.heard)
        append(log, session(1, *NORMAL)[:2])
        status = manager.hear("1 sessions open")
        assert status == "STATUS=1 files, 1 sessions open, threshold 0.5"
        process.send_signal(signal.SIGTERM)
        manager.hear("STOPPING=1")
        assert process.wait(timeout=30) == 0


def test_the_watchdog_hears_a_loop_that_goes_on(
    address: str, manager: Manager, bundle_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    # Less than the second for which the loop waits where nothing happens.
    with agent(bundle_path, folder, NOTIFY_SOCKET=address, WATCHDOG_USEC="600000") as process:
        manager.hear("READY=1")
        for _ in range(5):
            manager.hear("WATCHDOG=1")
        # A process that hangs: stopped, it cannot do anything, and says nothing.
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        while not manager.hears_nothing():
            manager.socket.recv(8192)
        time.sleep(0.7)
        assert manager.hears_nothing()
        process.send_signal(signal.SIGCONT)
        manager.hear("WATCHDOG=1")


def notifier(clock: Callable[[], float], **environment: str) -> Notifier:
    return Notifier(environment, clock)


def test_signs_of_life_are_told_in_time_and_no_more(address: str, manager: Manager) -> None:
    now = 100.0
    one = notifier(lambda: now, NOTIFY_SOCKET=address, WATCHDOG_USEC="3000000")
    assert one.seconds_between_signs == 1.5
    told = []
    for _ in range(60):
        one.alive()
        told.append(not manager.hears_nothing())
        if told[-1]:
            assert manager.socket.recv(8192) == b"WATCHDOG=1"
        now += 0.1
    gaps = [i for i, one_told in enumerate(told) if one_told]
    assert gaps[0] == 0
    assert all(b - a <= 15 for a, b in pairwise(gaps))
    assert 3 <= len(gaps) <= 8


def test_a_reload_is_told_with_its_time(address: str, manager: Manager) -> None:
    one = notifier(time.monotonic, NOTIFY_SOCKET=address)
    one.reloading()
    first, second = manager.hear("RELOADING").split("\n")
    assert first == "RELOADING=1"
    assert abs(int(second.removeprefix("MONOTONIC_USEC=")) / 1e6 - time.monotonic()) < 60
    one.ready()
    manager.hear("READY=1")


def test_a_status_is_one_line_and_told_once(address: str, manager: Manager) -> None:
    one = notifier(time.monotonic, NOTIFY_SOCKET=address)
    one.status("two\nWATCHDOG=trigger lines")
    one.status("two WATCHDOG=trigger lines")
    assert manager.hear("STATUS") == "STATUS=two WATCHDOG=trigger lines"
    assert manager.hears_nothing()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "relative"},
        {"NOTIFY_SOCKET": "/nowhere/notify"},
        {"NOTIFY_SOCKET": "@nobody-listens-here"},
        {"NOTIFY_SOCKET": "/" + "x" * 200},
    ],
)
def test_without_a_service_manager_nothing_is_said_and_nothing_raised(
    environment: dict[str, str],
) -> None:
    one = notifier(time.monotonic, WATCHDOG_USEC="1000", **environment)
    one.ready()
    one.status("x")
    one.alive()
    one.stopping()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "2000000"}, 1.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}, 1.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_ours_or_nobodys(
    environment: dict[str, str], expected: float | None
) -> None:
    one = notifier(time.monotonic, NOTIFY_SOCKET="@nobody-listens-here", **environment)
    assert one.seconds_between_signs == expected


def test_a_manager_that_does_not_read_does_not_hold_the_loop(
    address: str, manager: Manager
) -> None:
    one = notifier(time.monotonic, NOTIFY_SOCKET=address)
    for n in range(2000):
        one.status(f"{n} " + "x" * 400)
    assert not manager.hears_nothing()
