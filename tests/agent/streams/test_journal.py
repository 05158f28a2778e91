"""``metalog-agent watch --journal``: a real agent, and a program that stands for journalctl."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.clock import SystemClock
from agent.follow import Wakeup
from agent.streams import Journal
from tests.agent.orders import NORMAL, session
from tests.agent.running import AGENT, Watcher, append, until

_FAKE = Path(__file__).with_name("fake_journalctl.py")


class Host:
    """A host with a journal, and an agent that reads it."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        self.bundle = bundle
        self.journal = folder / "journal"
        self.journal.mkdir()
        self.entries = self.journal / "entries"
        self.entries.touch()
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "journalctl"
        program.write_text(f"#!{sys.executable}\n{_FAKE.read_text()}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "FAKE_JOURNAL": str(self.journal),
        }
        self.written = 0

    def write(self, lines: Sequence[object], unit: str = "shop.service", **fields: Any) -> None:
        """Each line an entry; what else it has in fields."""
        with self.entries.open("a") as file:
            for line in lines:
                self.written += 1
                entry = {
                    "__CURSOR": f"s=1;i={self.written:x};b=2;x={self.written}",
                    "__REALTIME_TIMESTAMP": str(1_790_000_000_000_000 + self.written),
                    "_SYSTEMD_UNIT": unit, "MESSAGE": line, **fields,
                }  # fmt: skip
                file.write(json.dumps(entry) + "\n")

    @property
    def starts(self) -> list[list[str]]:
        """Arguments of each start that followed the journal."""
        noted = (self.journal / "starts").read_text().splitlines()
        return [one for one in map(json.loads, noted) if "--follow" in one]

    @contextmanager
    def watch(self, *options: object, end: str = "shipped") -> Iterator[Watcher]:
        command = [
            AGENT, "watch", "--journal", "--journal-as", "message", "--bundle", self.bundle,
            "--state-dir", self.folder / "state", "--no-grouping", "--threshold", 0,
            "--end-regex", end, *options,
        ]  # fmt: skip
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.environment,
        )  # fmt: skip
        try:
            watcher = Watcher(process)
            watcher.said("following")
            yield watcher
        finally:
            process.kill()
            process.wait()

    def run(self, *options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AGENT, *map(str, options)],
            capture_output=True, text=True, timeout=60, env=self.environment,
        )  # fmt: skip


@pytest.fixture
def host(tmp_path: Path, bundle_path: Path) -> Host:
    return Host(tmp_path, bundle_path)


def test_entries_are_lines_of_their_units(host: Host) -> None:
    host.write(session(0, *NORMAL))
    with host.watch() as watcher:
        # What was there before the first run is not read.
        host.write(session(1, *NORMAL))
        alert = watcher.alerts.get(timeout=60)
        assert (alert["key"], alert["source"], alert["lines"]) == ("ord-1", "shop.service", 3)
        assert (alert["file"], alert["first_offset"]) == ("shop.service", 4)
        first, second, third = session(2, *NORMAL)
        host.write([first], "a.service")
        host.write([None, second], "b.service")
        host.write([list(third.encode())], "a.service")
        assert watcher.alerts.get(timeout=60)["lines"] == 3
        assert watcher.stop() == []


def test_it_goes_on_after_the_last_entry_that_was_saved(host: Host) -> None:
    with host.watch() as watcher:
        host.write(session(1, *NORMAL))
        assert watcher.alerts.get(timeout=60)["key"] == "ord-1"
        host.write(session(2, *NORMAL)[:2])
        assert watcher.stop() == []
    # Written while no agent runs.
    host.write(session(2, *NORMAL)[2:])
    with host.watch() as watcher:
        alert = watcher.alerts.get(timeout=60)
        assert (alert["key"], alert["lines"]) == ("ord-2", 3)
        assert watcher.stop() == []
    first, second = host.starts
    # The journal was empty when the first one began.
    assert not any(one.startswith("--cursor") for one in first)
    assert any(one.startswith("--cursor=s=1;i=") for one in second)


def test_the_first_run_remembers_where_it_began(host: Host) -> None:
    host.write(session(0, *NORMAL))
    with host.watch() as watcher:
        watcher.process.terminate()
        assert watcher.process.wait(timeout=30) == 0
    host.write(session(1, *NORMAL))
    with host.watch() as watcher:
        assert watcher.alerts.get(timeout=60)["key"] == "ord-1"


def test_killed_at_any_time_it_skips_nothing_and_doubles_nothing(host: Host) -> None:
    keys: dict[str, set[tuple[int, str]]] = {}
    lines = 0
    for round_ in range(6):
        with host.watch() as watcher:
            for n in range(round_ * 40, round_ * 40 + 40):
                # Units alternate, so that many a turn is left in its middle.
                opened, paid, shipped = session(n, *NORMAL)
                host.write([opened], "a.service")
                host.write([paid], "b.service")
                host.write([shipped], "a.service")
                lines += 3
            for _ in range(1 + round_ * 5):
                one = watcher.alerts.get(timeout=60)
                keys.setdefault(one["key"], set()).add((one["lines"], one["id"]))
            watcher.process.send_signal(signal.SIGKILL)
            watcher.process.wait()
    with host.watch() as watcher:
        until(lambda: _status(host)["sessions_scored"] == lines // 3)
        for one in watcher.stop():
            keys.setdefault(one["key"], set()).add((one["lines"], one["id"]))
    assert _status(host)["lines_read"] == lines
    # One session each, of three lines, by one id however often it was told.
    assert all(len(one) == 1 and next(iter(one))[0] == 3 for one in keys.values())


def _status(host: Host) -> dict[str, Any]:
    done = host.run("status", "--state-dir", host.folder / "state", "--json")
    return dict(json.loads(done.stdout)["counts"])


def test_a_journalctl_that_ends_is_started_again_where_it_was(host: Host) -> None:
    (host.journal / "die-after").write_text("4")
    with host.watch() as watcher:
        for n in range(3):
            host.write(session(n, *NORMAL))
        said = watcher.said("started again")
        assert "journalctl ended with code 3 (the journal was vacuumed)" in said
        found = [watcher.alerts.get(timeout=60) for _ in range(3)]
        assert [(one["key"], one["lines"]) for one in found] == [(f"ord-{n}", 3) for n in range(3)]
        assert watcher.stop() == []
    assert len(host.starts) >= 2


def test_a_journal_that_cannot_be_read_is_told_of_and_tried_again(host: Host) -> None:
    fail = host.journal / "fail"
    fail.write_text("Hint: you are not in group systemd-journal\n")
    with host.watch() as watcher:
        assert "(Hint: you are not in group systemd-journal)" in watcher.said("started again")
        until(lambda: "journal" in host.run("status", "--state-dir", host.folder / "state").stdout)
        told = host.run("status", "--state-dir", host.folder / "state").stdout
        assert "you are not in group systemd-journal" in told
        fail.unlink()
        until(lambda: bool(host.starts))
        host.write(session(1, *NORMAL))
        assert watcher.alerts.get(timeout=60)["key"] == "ord-1"


def test_units_are_asked_for_and_files_are_read_beside(host: Host) -> None:
    logs = host.folder / "logs"
    logs.mkdir()
    log = logs / "app.log"
    log.touch()
    with host.watch(logs, "--unit", "a.service", "--unit", "b.service") as watcher:
        host.write(session(1, *NORMAL), "other.service")
        host.write(session(2, *NORMAL), "b.service")
        append(log, session(3, *NORMAL))
        found = {watcher.alerts.get(timeout=60)["key"] for _ in range(2)}
        assert found == {"ord-2", "ord-3"}
        assert watcher.stop() == []
    assert {"--unit=a.service", "--unit=b.service"} <= set(host.starts[0])


def test_all_of_the_journal_is_read_once(host: Host) -> None:
    for n in range(50):
        host.write(session(n, *NORMAL), f"{n % 3}.service")
    done = host.run(
        "watch", "--journal", "--once", "--bundle", host.bundle, "--threshold", 0, "--no-grouping"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["key"] for line in done.stdout.splitlines()} == {
        f"ord-{n}" for n in range(50)
    }
    (host.journal / "fail").write_text("no\n")
    done = host.run("watch", "--journal", "--once", "--bundle", host.bundle)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "metalog-agent: --journal: journalctl ended with code 1 (no)"
    )


def test_without_journalctl_it_is_said(host: Host, tmp_path: Path) -> None:
    host.environment["PATH"] = str(tmp_path)
    done = host.run("watch", "--journal", "--bundle", host.bundle)
    assert done.returncode == 2
    assert "there is no journalctl on the PATH" in done.stderr


def test_an_entry_without_an_end_does_not_fill_the_memory(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PATH", "FAKE_JOURNAL"):
        monkeypatch.setenv(name, host.environment[name])
    host.write(["before"])
    with host.entries.open("ab") as file:
        file.write(b'{"__CURSOR":"s=1;i=ffff","MESSAGE":"' + b"x" * 2**25 + b'"}\n')
    host.write(["after"])
    wakeup = Wakeup()
    journal = Journal(wake=wakeup.wake, clock=SystemClock(), beginning=True)
    read: list[str] = []
    most = 0
    try:
        while "after" not in read:
            read += [line for batch in journal.poll() for line in batch.lines]
            most = max(most, len(journal._held))
            wakeup.sleep(0.05)
    finally:
        journal.close()
    assert read == ["before", "after"]
    assert most <= 16 * 2**20


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl here")
def test_the_real_journalctl_takes_what_it_is_asked(tmp_path: Path) -> None:
    """Also where no journal runs: an option that it does not know ends it with a complaint."""
    wakeup = Wakeup()
    journal = Journal(wake=wakeup.wake, clock=SystemClock(), units=["none.service"], follow=False)
    try:
        while not journal.over():
            for batch in journal.poll():
                assert batch.lines
            wakeup.sleep(0.05)
    finally:
        journal.close()


@pytest.mark.skipif(not Path("/run/systemd/journal/stdout").exists(), reason="no journal runs here")
def test_the_real_journal_is_read_and_gone_on_with(tmp_path: Path, bundle_path: Path) -> None:
    command = [
        AGENT, "watch", "--journal", "--bundle", str(bundle_path), "--no-grouping",
        "--state-dir", str(tmp_path / "state"), "--threshold", "0", "--end-regex", "shipped",
    ]  # fmt: skip
    status = [AGENT, "status", "--state-dir", str(tmp_path / "state"), "--json"]
    number = f"{os.getpid()}{tmp_path.stat().st_ino}"

    def write(*words: str) -> None:
        for word in words:
            subprocess.run(
                ["systemd-cat", "-t", "shop"], input=f"order ord-{number} {word}\n".encode(),
                check=True,
            )  # fmt: skip

    for words in (("opened", "paid"), ("shipped",)):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            watcher = Watcher(process)
            watcher.said("following")
            write(*words)
            if words == ("opened", "paid"):
                until(lambda: b'"events_open": 2' in subprocess.check_output(status))
            else:
                alert = watcher.alerts.get(timeout=60)
                assert (alert["key"], alert["lines"]) == (f"ord-{number}", 3)
                assert alert["source"] == "shop"
            watcher.stop()
        finally:
            process.kill()
            process.wait()
