"""``metalog-agent`` as a user runs it: a process, real files, signals."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agent.conftest import make_bundle
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.receiver import receiver

# The environment that only the agent is installed in, where `make agent-env` made one.
AGENT = os.environ.get("METALOG_AGENT") or str(Path(sys.executable).with_name("metalog-agent"))


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [AGENT, *map(str, arguments)], input=stdin, capture_output=True, timeout=60
    )


def objects(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def write(path: Path, *sessions: Sequence[str]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for lines in sessions for line in lines))


class Watcher:
    """A running agent; ``alerts`` are read from its stdout as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen: list[dict[str, Any]] = []

    def alerts(self, count: int) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        while len(self.seen) < count:
            line = self.process.stdout.readline()
            assert line, f"the agent ended: {self.process.wait()}"
            self.seen.append(json.loads(line))
        return self.seen

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=30)
        self.seen += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode


@pytest.fixture
def watch(bundle_path: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    state = tmp_path / "state"

    @contextmanager
    def start(*arguments: object) -> Iterator[Watcher]:
        fixed = ("--bundle", bundle_path, "--state-dir", state, "--no-grouping")
        command = [AGENT, "watch", *fixed, *arguments]
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        # A pipe that nobody reads would stop the agent: wait for the word that it is up, and it
        # says little afterwards.
        assert process.stderr is not None
        for line in process.stderr:
            if "following" in line:
                break
        # A reader that waits for an alert which never comes must not wait for ever.
        deadline = threading.Timer(60, process.kill)
        deadline.start()
        try:
            yield Watcher(process)
        finally:
            deadline.cancel()
            process.kill()
            process.communicate()

    yield start


def scores(bundle_path: Path, log: Path) -> dict[str, dict[str, Any]]:
    done = run("score", log, "--bundle", bundle_path, "--threshold", 0)
    assert done.returncode == 0, done.stderr
    return {one["key"]: one for one in objects(done.stdout)}


def test_score_says_one_object_a_session(bundle_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, session(1, *NORMAL), session(2, *ODD))
    done = run("score", log, "--bundle", bundle_path)
    assert done.returncode == 0
    found = objects(done.stdout)
    assert [set(one) for one in found] == [{"key", "score", "anomalous", "lines", "source"}] * 2
    assert [(one["key"], one["lines"], one["source"]) for one in found] == [
        ("ord-1", 3, "app.log"),
        ("ord-2", 4, "app.log"),
    ]
    assert all(one["anomalous"] == (one["score"] >= 0.5) for one in found)


def test_score_reads_gz_and_stdin_alike(bundle_path: Path, tmp_path: Path) -> None:
    text = "\n".join(session(1, *ODD)).encode()
    packed = tmp_path / "app.log.gz"
    packed.write_bytes(gzip.compress(text))
    [from_file] = objects(run("score", packed, "--bundle", bundle_path).stdout)
    [from_stdin] = objects(run("score", "-", "--bundle", bundle_path, stdin=text).stdout)
    assert from_file["score"] == from_stdin["score"]


def test_options_override_the_rule_of_the_bundle(bundle_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, session(1, *NORMAL, *NORMAL), session(2, *NORMAL))

    def keys(*options: object) -> list[tuple[str, int]]:
        done = run("score", log, "--bundle", bundle_path, *options)
        assert done.returncode == 0, done.stderr
        return [(one["key"], one["lines"]) for one in objects(done.stdout)]

    assert keys("--window", 4) == [("app.log#0", 4), ("app.log#1", 4), ("app.log#2", 1)]
    assert keys("--key-regex", r"order (\S+)") == [("ord-1", 6), ("ord-2", 3)]
    assert keys("--end-regex", "shipped") == [("ord-1", 3), ("ord-1", 3), ("ord-2", 3)]


def test_watch_once_gives_the_verdicts_of_score(bundle_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write(folder / "app.log", *(session(n, *(ODD if n % 3 else NORMAL)) for n in range(12)))
    verdicts = scores(bundle_path, folder / "app.log")
    edge = sum({one["score"] for one in verdicts.values()}) / 2
    options = ("--bundle", bundle_path, "--threshold", edge, "--no-grouping")
    done = run("watch", folder, "--once", *options)
    assert done.returncode == 0, done.stderr
    alarmed = {one["key"]: one["score"] for one in objects(done.stdout)}
    assert alarmed == {k: one["score"] for k, one in verdicts.items() if one["score"] >= edge}


def test_an_odd_session_appended_to_a_followed_file_raises_an_alert(
    watch: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "app.log").write_text("Mar  1 11:59:59 web shop[311]: order ord-0 paid\n")
    with watch(folder, "--threshold", 0, "--idle", 0.5) as agent:
        write(folder / "new.log", session(2, *ODD))
        [alert] = agent.alerts(1)
        assert agent.stop() == 0
    assert alert["key"] == "ord-2"
    assert alert["source"] == str(folder / "new.log")
    assert alert["lines"] == 4
    assert (alert["first_time"][4:], alert["last_time"][4:]) == (
        "-03-01T12:00:00",
        "-03-01T12:00:03",
    )
    assert alert["threshold"] == 0
    assert alert["bundle"] == "tiny"
    assert alert["new_events"]
    assert agent.seen == [alert], "what stood in app.log before the first run is not read"


def test_a_restart_goes_on_in_the_middle_of_a_session(
    watch: Callable[..., Any], bundle_path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    lines = session(5, *ODD)
    write(log, lines[:2])
    with watch(log, "--from-beginning", "--threshold", 0, "--idle", 300) as agent:
        assert agent.stop() == 0
        assert agent.seen == []
    write(log, lines[2:])
    # The saved offset wins over --from-beginning: the session is scored once, with all lines.
    with watch(log, "--from-beginning", "--threshold", 0, "--end-regex", "lost") as agent:
        [alert] = agent.alerts(1)
        agent.stop()
    assert (alert["key"], alert["lines"]) == ("ord-5", 4)
    [whole] = scores(bundle_path, log).values()
    assert abs(alert["score"] - whole["score"]) <= 1e-6


def test_an_alert_has_the_same_id_when_the_agent_was_killed(
    watch: Callable[..., Any], tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    write(log, session(5, *ODD))
    ids = []
    for state in ("one", "two"):
        options = (log, "--from-beginning", "--threshold", 0, "--idle", 0.3)
        with watch(*options, "--state-dir", tmp_path / state) as agent:
            ids.append(agent.alerts(1)[0]["id"])
            agent.stop(signal.SIGKILL)
    assert ids[0] == ids[1]


def test_a_bundle_replaced_between_runs_keeps_open_sessions(
    watch: Callable[..., Any], tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    lines = session(5, *ODD)
    write(log, lines[:3])
    with watch(log, "--from-beginning", "--threshold", 0, "--idle", 300) as agent:
        assert agent.stop() == 0
    other = make_bundle(tmp_path / "other", seed=9, name="tiny", events=2)
    write(log, lines[3:])
    options = (log, "--bundle", other, "--threshold", 0, "--end-regex", "lost")
    with watch(*options) as agent:
        [alert] = agent.alerts(1)
        agent.stop()
    [expected] = scores(other, log).values()
    assert alert["lines"] == 4
    assert abs(alert["score"] - expected["score"]) <= 1e-6


def test_alerts_go_to_the_webhook_and_to_stdout(bundle_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, session(1, *ODD), session(2, *NORMAL))
    with receiver() as server:
        done = run(
            "watch", log, "--once", "--bundle", bundle_path, "--threshold", 0,
            "--no-grouping", "--webhook", server.url,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert [body["data"] for body in server.bodies] == objects(done.stdout)
        assert len(server.bodies) == 2


def test_alerts_for_a_webhook_that_is_down_are_sent_at_the_next_start(
    bundle_path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    write(log, session(1, *ODD))
    with receiver(503) as server:
        options = (
            "watch", log, "--once", "--bundle", bundle_path, "--threshold", 0,
            "--state-dir", tmp_path / "state", "--webhook", server.url,
        )  # fmt: skip
        first = run(*options)
        assert first.returncode == 1
        assert b"could not be delivered" in first.stderr
        server.answers = [200]
        second = run(*options)
        assert second.returncode == 0, second.stderr
        assert second.stdout == b"", "stdout had it already"
        assert [body["data"] for body in server.bodies] == objects(first.stdout)


def test_a_second_agent_on_one_state_folder_refuses(
    watch: Callable[..., Any], bundle_path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    write(log, session(1, *NORMAL))
    with watch(log) as agent:
        state = tmp_path / "state"
        second = run("watch", log, "--bundle", bundle_path, "--state-dir", state)
        assert second.returncode == 2
        assert b"another metalog-agent" in second.stderr
        assert agent.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["score", "missing.log"], "missing.log: no such file"),
        (["score", "empty.log"], "empty.log: is empty"),
        (["score", "binary.log"], "binary.log: is binary"),
        (["score", "."], "is a folder"),
        (["score", "broken.log.gz"], "damaged gzip"),
        (["score", "app.log", "--threshold", "7"], "between 0 and 1"),
        (["score", "app.log", "--key-regex", "(a)(b)"], "exactly one group"),
        (["score", "app.log", "--key-regex", "(a"], "no regular expression"),
        (["score", "app.log", "--window", "0"], "larger than 0"),
        (["score", "app.log", "--window", "3", "--key-regex", "(a)"], "one of them"),
        (["watch", "missing", "--once"], "no log file there"),
        (["watch", "app.log", "--webhook", "nonsense"], "no URL"),
        (["watch", "app.log", "--multiline-start", "("], "first line of a record"),
        (["watch", "app.log", "--encoding", "klingon"], "klingon"),
        (["watch", "app.log.gz"], "score"),
        (["watch", "binary.log"], "binary.log"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    bundle_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    write(Path("app.log"), session(1, *NORMAL))
    Path("empty.log").touch()
    Path("binary.log").write_bytes(b"\0\1\2" * 100)
    packed = gzip.compress(b"line\n" * 1000)
    Path("app.log.gz").write_bytes(packed)
    Path("broken.log.gz").write_bytes(packed[:-20])
    done = run(*arguments, "--bundle", bundle_path)
    assert done.returncode == 2, done
    [said] = done.stderr.decode().splitlines()
    assert said.startswith("metalog-agent: ")
    assert expected in said
    assert done.stdout == b""


def test_without_a_bundle_it_says_how_to_get_one(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, session(1, *NORMAL))
    done = run("score", log)
    if done.returncode == 0:
        pytest.skip("this metalog ships a default bundle")
    assert done.returncode == 2
    assert b"metalog-train" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_reads_well() -> None:
    for command in ([], ["watch"], ["score"], ["status"]):
        done = run(*command, "--help")
        assert done.returncode == 0
        assert b"Usage: metalog-agent" in done.stdout
    assert b"[default: the bundle's]" in run("score", "--help").stdout
