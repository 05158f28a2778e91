"""Grouping, silences and labels with the real agent: processes, files, kill -9."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agent.orders import NORMAL, ODD, line, session
from tests.agent.test_watch import AGENT, objects, run, write
from trainer.corpus import Corpus
from trainer.datasets.prepare import PrepareOptions, prepare

Start = Callable[..., Any]
Valid = Callable[[str], dict[str, Any]]


class Watched:
    """A running agent over one log, its stdout in a file."""

    def __init__(self, folder: Path, bundle: Path, *options: object) -> None:
        self.log, self.state, self.out = folder / "app.log", folder / "state", folder / "out.jsonl"
        command = [
            AGENT, "watch", self.log, "--bundle", bundle, "--state-dir", self.state,
            "--from-beginning", "--threshold", 0, "--end-regex", "lost|shipped", *options,
        ]  # fmt: skip
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                list(map(str, command)), stdout=out, stderr=subprocess.PIPE, text=True
            )
        assert self.process.stderr is not None
        for said in self.process.stderr:
            if "following" in said:
                break

    @property
    def alerts(self) -> list[dict[str, Any]]:
        whole, _, _ = self.out.read_bytes().rpartition(b"\n")
        return objects(whole)

    def until(self, true: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 60
        while not true(self.alerts):
            assert self.process.poll() is None, "the agent ended by itself"
            assert time.monotonic() < deadline, self.alerts
            time.sleep(0.02)
        return self.alerts

    def read_to_the_end(self) -> None:
        """Until the agent has saved that it has read all there is."""
        deadline = time.monotonic() + 60
        size = self.log.stat().st_size
        while True:
            found = json.loads(run("status", "--state-dir", self.state, "--json").stdout)
            if [one["offset"] for one in found["files"]] == [size]:
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def silence(self, *arguments: object) -> str:
        done = run("silence", *arguments, "--state-dir", self.state)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()


@pytest.fixture
def start(tmp_path: Path, bundle_path: Path) -> Iterator[Start]:
    (tmp_path / "app.log").touch()

    @contextmanager
    def watched(*options: object) -> Iterator[Watched]:
        agent = Watched(tmp_path, bundle_path, *options)
        try:
            yield agent
        finally:
            agent.process.kill()
            agent.process.communicate()

    yield watched


def test_a_hundred_sessions_of_a_kind_are_one_alert_and_its_end(start: Start, valid: Valid) -> None:
    with start("--group-wait", "3s", "--resolve-after", "4s") as agent:
        write(agent.log, *(session(number, *ODD) for number in range(100)))
        firing, resolved = agent.until(lambda alerts: len(alerts) >= 2)
        assert agent.process.send_signal(15) is None
        agent.process.communicate(timeout=60)
        assert agent.process.returncode == 0
        assert len(agent.alerts) == 2
    assert (firing["status"], firing["count"]) == ("firing", 100)
    assert (resolved["status"], resolved["count"]) == ("resolved", 100)
    assert resolved["incident"] == firing["id"] != resolved["id"]
    for one in (firing, resolved):
        valid(json.dumps(one))


def test_a_group_that_waits_survives_kill_9(start: Start) -> None:
    with start("--group-wait", "1h") as agent:
        write(agent.log, *(session(number, *ODD) for number in range(20)))
        agent.read_to_the_end()
    with start("--group-wait", "0") as agent:
        [alert] = agent.until(lambda alerts: len(alerts) >= 1)
    assert alert["count"] == 20
    assert alert["events"][0]["raw"]


def test_lines_of_an_open_session_survive_kill_9(start: Start) -> None:
    lines = session(3, *ODD)
    with start("--no-grouping") as agent:
        write(agent.log, lines[:3])
        agent.read_to_the_end()
    with start("--no-grouping") as agent:
        write(agent.log, lines[3:])
        [alert] = agent.until(lambda alerts: len(alerts) >= 1)
    shown = [*alert["events"], *alert["context"]]
    assert {one["line"] for one in shown} >= {1, 2, 3}
    assert all(one["raw"] == lines[one["line"] - 1] for one in shown)
    assert alert["last_offset"] == sum(len(one) + 1 for one in lines[:3])


def test_a_silence_reaches_the_running_agent_and_is_lifted(start: Start) -> None:
    with start("--no-grouping") as agent:
        write(agent.log, session(1, *ODD))
        [alert] = agent.until(lambda alerts: len(alerts) == 1)
        agent.silence(alert["fingerprint"], "--for", "2h", "--note", "we know")
        listed = agent.silence("list")
        assert alert["fingerprint"] in listed
        assert "we know" in listed
        # What comes after the command ended is silent, without any waiting.
        write(agent.log, session(2, *ODD), session(3, *NORMAL))
        agent.until(lambda alerts: len(alerts) == 2)
        assert [one["key"] for one in agent.alerts] == ["ord-1", "ord-3"]
        agent.silence("lift", alert["fingerprint"])
        assert agent.silence("list") == ""
        write(agent.log, session(4, *ODD))
        agent.until(lambda alerts: len(alerts) == 3)
        assert agent.alerts[-1]["key"] == "ord-4"
        counts = json.loads(run("status", "--state-dir", agent.state, "--json").stdout)["counts"]
        assert counts["sessions_silenced"] == 1


def test_what_is_labelled_normal_is_quiet_and_can_be_trained_on(
    start: Start, tmp_path: Path
) -> None:
    with start("--no-grouping") as agent:
        write(agent.log, session(1, *ODD), session(2, *NORMAL))
        first, second = agent.until(lambda alerts: len(alerts) == 2)
        state = ("--state-dir", agent.state)
        assert run("label", first["id"], "normal", "--note", "a drill", *state).returncode == 0
        write(agent.log, session(3, *ODD), session(4, *NORMAL))
        agent.until(lambda alerts: len(alerts) == 3)
        assert [one["key"] for one in agent.alerts] == ["ord-1", "ord-2", "ord-4"]
    with start("--no-grouping") as agent:
        write(agent.log, session(5, *ODD), session(6, *NORMAL))
        agent.until(lambda alerts: alerts[-1]["key"] == "ord-6")
        keys = {one["key"] for one in agent.alerts}
        assert keys == {"ord-1", "ord-2", "ord-4", "ord-6"}, "over a restart, too"
        assert run("label", second["id"], "anomaly", *state).returncode == 0
        # Somebody who changes their mind is heard: there is one label, and alerts again.
        assert run("label", first["id"], "anomaly", *state).returncode == 0
        write(agent.log, session(7, *ODD))
        agent.until(lambda alerts: alerts[-1]["key"] == "ord-7")
    labels = agent.state / "labels.jsonl"
    assert labels.stat().st_mode & 0o077 == 0
    assert [json.loads(one)["alert"] for one in labels.open()] == [second["id"], first["id"]]
    counts = prepare(PrepareOptions(logs=(labels,), format="sessions", output=tmp_path / "corpus",
                                    key_regex=r"(ord-\d+)"))  # fmt: skip
    assert (counts["sessions"], counts["anomalous"]) == (2, 2)
    corpus = Corpus.open(tmp_path / "corpus")
    assert [corpus.messages[event] for event in corpus.session(1)] == [
        f"shop[<NUM>]: order <KEY> {word}" for word in ODD
    ]


def test_once_says_everything_at_the_end(bundle_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *(session(number, *(ODD if number % 2 else NORMAL)) for number in range(40)))
    done = run("watch", log, "--once", "--bundle", bundle_path, "--threshold", 0)
    assert done.returncode == 0, done.stderr
    assert [one["count"] for one in objects(done.stdout)] == [20, 20]


def test_secrets_are_masked_and_raw_lines_can_be_left_out(
    bundle_path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    write(log, [line(1, "lost, password=hunter2 card 4111111111111111")])
    options = ("watch", log, "--once", "--bundle", bundle_path, "--threshold", 0)
    [alert] = objects(run(*options, "--mask", "CARD=[0-9]{16}").stdout)
    assert alert["events"][0]["raw"].endswith("lost, password=<SECRET> card <CARD>")
    done = run(*options, "--no-raw")
    [alert] = objects(done.stdout)
    assert alert["events"][0]["raw"] is None
    assert b"hunter2" not in done.stdout, "nor in the template, which is new"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["silence", "nonsense", "--for", "2h"], "no fingerprint"),
        (["silence", "0" * 16], "for how long"),
        (["silence", "0" * 16, "--for", "soon"], "a duration such as"),
        (["silence", "lift"], "of which FINGERPRINT"),
        (["silence", "lift", "0" * 16], "no such silence"),
        (["silence", "list", "--for", "2h"], "go with a fingerprint"),
        (["label", "0" * 32, "normal"], "no alert of this id"),
        (["label", "\x1b[2J", "normal"], "no alert of this id"),
        (["watch", "app.log", "--mask", "x"], "NAME=REGEX"),
        (["watch", "app.log", "--group-wait", "-1"], "--group-wait"),
        (["watch", "app.log", "--resolve-after", "0"], "longer than 0"),
    ],
)
def test_bad_input_is_one_line(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str],
    expected: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write(Path("app.log"), session(1, *NORMAL))
    made = run("watch", "app.log", "--once", "--bundle", bundle_path, "--state-dir", "state")
    assert made.returncode == 0
    done = run(*arguments, "--state-dir", "state")
    assert done.returncode == 2, done
    [said] = done.stderr.decode().splitlines()
    assert said.startswith("metalog-agent: ")
    assert expected in said
    assert "\x1b" not in said


@pytest.mark.parametrize("command", [["silence", "list"], ["label", "x", "normal"]])
def test_without_a_state_it_says_so(tmp_path: Path, command: list[str]) -> None:
    done = run(*command, "--state-dir", tmp_path / "none")
    assert done.returncode == 2
    assert b"no agent has kept its state here" in done.stderr
