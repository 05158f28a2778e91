"""``metalog-agent status`` beside a running agent, after it, and where there is none."""

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.commands.status import unhealthy
from tests.agent.orders import NORMAL, ODD, line, session
from tests.agent.test_watch import AGENT, run, write


def said(folder: Path) -> dict[str, Any]:
    done = run("status", "--state-dir", folder, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def until(folder: Path, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        found = said(folder) if (folder / "agent.sqlite").exists() else {}
        if found and true(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


class Agent:
    """A running agent whose stdout is read only when asked for."""

    def __init__(self, bundle: Path, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [AGENT, "watch", *map(str, arguments), "--bundle", str(bundle), "--no-grouping"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        self.process.terminate()
        out, error = self.process.communicate(timeout=60)
        return self.process.returncode, [json.loads(one) for one in out.splitlines()], str(error)


def test_it_works_while_the_agent_runs_and_after_it_was_killed(
    bundle_path: Path, tmp_path: Path
) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    write(log, session(1, *ODD), session(2, *NORMAL), ["no order in this line"])
    options = ("--state-dir", state, "--from-beginning", "--threshold", 0, "--end-regex", "lost")
    with Agent(bundle_path, log, *options) as agent:
        found = until(state, lambda one: one["counts"]["alerts_raised"] == 1 and not one["unsent"])
        assert found["running"]
        assert found["reading"]
        assert found["pid"] == agent.process.pid
        assert found["paths"] == [str(log)]
        assert (found["bundle"], found["threshold"]) == ("tiny", 0)
        assert (found["sessions_open"], found["events_open"]) == (1, 3)
        assert found["counts"] == {
            "lines_read": 8,
            "lines_without_session": 1,
            "lines_of_odd_format": 0,
            "sessions_scored": 1,
            "sessions_ended_early": 0,
            "events_forgotten": 0,
            "sessions_anomalous": 1,
            "sessions_silenced": 0,
            "sessions_suppressed": 0,
            "alerts_raised": 1,
        }
        assert (found["alerts_kept"], found["last_alert"]["key"]) == (1, "ord-1")
        assert found["stalled"] == {}
        [file] = found["files"]
        size = log.stat().st_size
        assert file == {
            "path": str(log), "source": str(log), "offset": size, "size": size, "lag_bytes": 0,
            "state": "followed",
        }  # fmt: skip
        agent.process.kill()
        agent.process.wait()
    write(log, session(3, *NORMAL))
    found = said(state)
    assert (found["running"], found["pid"], found["reading"]) == (False, None, False)
    assert found["files"][0]["lag_bytes"] == found["lag_bytes"] == log.stat().st_size - size
    assert found["seconds_since_saved"] > 0
    log.rename(tmp_path / "app.log.1")
    [file] = said(state)["files"]
    assert (file["path"], file["state"]) == (str(tmp_path / "app.log.1"), "renamed")
    (tmp_path / "app.log.1").unlink()
    [file] = said(state)["files"]
    assert (file["size"], file["lag_bytes"], file["state"]) == (None, None, "gone")
    assert run("status", "--state-dir", state).returncode == 0


def test_counts_go_on_over_a_restart(bundle_path: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    for number in (1, 2):
        write(log, session(number, *NORMAL))
        done = run("watch", log, "--once", "--bundle", bundle_path, "--state-dir", state)
        assert done.returncode == 0, done.stderr
        assert said(state)["counts"]["lines_read"] == 3 * number


def test_a_stalled_stdout_stops_the_reading_and_status_says_so(
    bundle_path: Path, tmp_path: Path
) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    log.touch()
    many = 30_000
    options = ("--state-dir", state, "--threshold", 0, "--window", 1, "--from-beginning")
    with Agent(bundle_path, log, *options) as agent:
        until(state, lambda one: bool(one["running"]))
        with log.open("a") as file:
            file.writelines(f"{line(number, 'paid')}\n" for number in range(many))
        # Nobody reads the agent's stdout.
        found = until(state, lambda one: "stdout" in one["stalled"] and not one["reading"])
        read = found["counts"]["lines_read"]
        assert found["unsent"]["stdout"]["alerts"] < many - 5000, "and the rest waits in the file"
        assert read < many
        assert found["lag_bytes"] > 0
        text = run("status", "--state-dir", state).stdout.decode()
        assert "stdout has delivered nothing since" in text
        assert "reading has stopped" in text
        assert agent.process.stdout is not None
        keys = {json.loads(agent.process.stdout.readline())["place"] for _ in range(many)}
        assert len(keys) == many
        found = until(state, lambda one: not one["unsent"])
        assert (found["stalled"], found["reading"], found["lag_bytes"]) == ({}, True, 0)
        code, rest, _ = agent.end()
        assert (code, rest) == (0, [])


def test_an_agent_whose_stdout_hangs_can_be_stopped(bundle_path: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    write(log, *(session(number, *ODD) for number in range(300)))
    options = ("--state-dir", state, "--threshold", 0, "--from-beginning", "--end-regex", "lost")
    with Agent(bundle_path, log, *options) as agent:
        until(state, lambda one: one["counts"]["alerts_raised"] == 300)
        agent.process.terminate()
        assert agent.process.wait(timeout=60) == 1
        unsent = said(state)["unsent"]["stdout"]["alerts"]
        assert unsent > 0
    done = run("watch", log, "--once", "--state-dir", state, "--bundle", bundle_path)
    assert len(done.stdout.splitlines()) == unsent, "each of them is sent by the next run"


def test_a_state_that_somebody_else_holds_stops_the_agent_for_no_longer(
    bundle_path: Path, tmp_path: Path
) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    log.touch()
    options = ("--state-dir", state, "--threshold", 0, "--from-beginning", "--end-regex", "lost")
    with Agent(bundle_path, log, *options) as agent:
        until(state, lambda one: bool(one["running"]))
        assert agent.process.stderr is not None
        with closing(sqlite3.connect(state / "agent.sqlite", isolation_level=None)) as other:
            other.execute("begin immediate")
            write(log, session(1, *ODD))
            while b"cannot be saved" not in agent.process.stderr.readline():
                assert agent.process.poll() is None
            write(log, session(2, *ODD))
            assert said(state)["counts"]["lines_read"] == 0
            other.execute("rollback")
        found = until(state, lambda one: one["counts"]["alerts_raised"] == 2 and not one["unsent"])
        assert found["counts"]["lines_read"] == 8
        code, alerts, _ = agent.end()
        assert (code, [one["key"] for one in alerts]) == (0, ["ord-1", "ord-2"])


def test_the_state_is_found_by_the_paths_or_when_it_is_the_only_one(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    refused = run("status")
    assert refused.returncode == 2
    assert b"no agent has kept a state" in refused.stderr
    for name in ("one.log", "two.log"):
        log = tmp_path / name
        write(log, session(1, *NORMAL))
        with Agent(bundle_path, log) as agent:
            assert agent.process.stderr is not None
            while b"following" not in agent.process.stderr.readline():
                assert agent.process.poll() is None
            assert agent.end()[0] == 0
        done = run("status", log, "--json")
        assert json.loads(done.stdout)["paths"] == [str(log)]
        alone = run("status", "--json")
        assert alone.returncode == (0 if name == "one.log" else 2)
    [told] = alone.stderr.decode().splitlines()
    assert "2 agents" in told


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 100])
def test_a_folder_without_a_state_is_one_line_and_exit_code_2(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "agent.sqlite").write_bytes(content)
    before = sorted(tmp_path.iterdir())
    done = run("status", "--state-dir", tmp_path)
    assert done.returncode == 2
    [told] = done.stderr.decode().splitlines()
    assert told.startswith(f"metalog-agent: {tmp_path}")
    assert done.stdout == b""
    assert sorted(tmp_path.iterdir()) == before, "it writes nothing"


def test_names_cannot_move_the_cursor(bundle_path: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "\x1b[2Japp.log", tmp_path / "state"
    write(log, session(1, *NORMAL))
    run("watch", tmp_path / "*.log", "--once", "--bundle", bundle_path, "--state-dir", state)
    out = run("status", "--state-dir", state).stdout
    assert b"\x1b" not in out
    assert b"app.log" in out


def test_a_probe_is_told_whether_it_runs_and_saves(bundle_path: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    write(log, session(1, *NORMAL))
    command = [AGENT, "watch", log, "--bundle", bundle_path, "--state-dir", state]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while (done := run("status", "--state-dir", state, "--check")).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert done.stdout == done.stderr == b""
    finally:
        process.kill()
        process.wait()
    done = run("status", "--state-dir", state, "--check")
    assert done.returncode == 1
    assert done.stderr == b"metalog-agent: no agent runs on this state\n"


def test_an_agent_that_saves_no_more_is_told_of() -> None:
    def found(**fields: Any) -> dict[str, Any]:
        return {"running": True, "seconds_since_saved": 3.0, **fields}

    assert unhealthy(found()) is None
    assert unhealthy(found(seconds_since_saved=61.0)) == "nothing was saved for 61 s"
    assert unhealthy(found(seconds_since_saved=None)) == "nothing was saved yet"
    assert unhealthy(found(running=False)) == "no agent runs on this state"
