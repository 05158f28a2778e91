"""What the agent says of itself: in three forms, and never what a log line holds."""

import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agent.logs import (
    LogFormat,
    LogLevel,
    configure_logging,
    fields_of,
    json_of,
    printable,
    speaking_of,
)
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.receiver import receiver
from tests.agent.running import AGENT, append, until
from tests.agent.test_watch import run

_SECRET = "s3cr3t-c0ntent"


@pytest.fixture
def once(bundle_path: Path, tmp_path: Path) -> list[object]:
    append(tmp_path / "app.log", session(1, *NORMAL))
    return ["watch", tmp_path / "app.log", "--once", "--bundle", bundle_path]


def objects(said: bytes | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_json_is_an_object_a_line_with_the_same_fields(once: list[object], tmp_path: Path) -> None:
    found = objects(run(*once, "--log-format", "json").stderr)
    for one in found:
        assert datetime.fromisoformat(one["ts"]).utcoffset() is not None
        assert one["level"] == "info"
        assert one["msg"]
    [opened] = [one for one in found if one.get("event") == "opened"]
    assert opened["path"] == str(tmp_path / "app.log")
    [last] = [one for one in found if one["msg"].startswith("3 lines read")]
    assert (last["lines"], last["without_session"]) == (3, 0)


def test_logfmt_is_key_and_value(once: list[object]) -> None:
    said = run(*once, "--log-format", "logfmt").stderr.decode()
    for one in said.splitlines():
        assert re.fullmatch(r'ts=\S+ level=info msg=(".+?"|\S+)( \w+=("(\\.|[^"])*"|\S+))*', one)
    assert re.search(r'msg="following 1 files" files=1$', said, re.MULTILINE)


def test_text_is_what_it_always_was(once: list[object]) -> None:
    by_default, by_name = run(*once).stderr, run(*once, "--log-format", "text").stderr
    assert by_default == by_name
    assert b"metalog-agent: following 1 files\n" in by_default


def test_the_input_is_a_field(bundle_path: Path, tmp_path: Path) -> None:
    append(tmp_path / "app.log", session(1, *NORMAL))
    file = tmp_path / "agent.toml"
    file.write_text(
        f"bundle = '{bundle_path}'\nlog_format = 'json'\n[inputs.shop]\npaths = ['app.log']\n"
    )
    said = objects(run("watch", "--config", file, "--once").stderr)
    assert {one.get("input") for one in said if "files" in one} == {"shop"}


def test_levels(once: list[object]) -> None:
    assert run(*once, "--log-level", "warning").stderr == b""
    assert run(*once, "--log-level", "debug", "--quiet").stderr == b""
    assert b"loud" in run(*once, "--log-level", "loud").stderr


def test_what_ends_it_is_said_in_the_same_form(bundle_path: Path, tmp_path: Path) -> None:
    append(tmp_path / "app.log", session(1, *NORMAL))
    (tmp_path / "no").touch()
    arguments = ("watch", tmp_path / "app.log", "--bundle", bundle_path, "--once")
    done = run(*arguments, "--state-dir", tmp_path / "no", "--log-format", "json")
    assert done.returncode == 2
    [said] = objects(done.stderr)
    assert said["level"] == "error"
    assert str(tmp_path / "no") in said["msg"]


def test_auto_is_logfmt_on_a_terminal(once: list[object]) -> None:
    master, slave = pty.openpty()
    done = subprocess.run([AGENT, *map(str, once)], stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    assert done.returncode == 0
    said = b""
    with os.fdopen(master, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(4096):
                said += part
        except OSError:  # the other end is closed
            pass
    assert all(one.startswith(b"ts=") for one in said.splitlines())
    assert b'msg="following 1 files" files=1' in said


@pytest.mark.parametrize("ours", [True, False])
def test_auto_is_json_in_a_service_of_systemd_and_not_in_what_it_starts(
    ours: bool, once: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    status = os.fstat(write)
    inode = status.st_ino if ours else status.st_ino + 1
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{inode}")
    monkeypatch.setenv("INVOCATION_ID", "0" * 32)
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    subprocess.run([AGENT, *map(str, once)], stdout=subprocess.DEVNULL, stderr=write, check=True)
    os.close(write)
    with os.fdopen(read) as stream:
        said = stream.read()
    assert said.startswith('{"ts": ' if ours else "metalog-agent: ")


def test_auto_is_json_where_the_service_writes_to_a_file(once: list[object]) -> None:
    code = (
        "import os, sys; os.environ['SYSTEMD_EXEC_PID'] = str(os.getpid()); "
        f"sys.argv = {['metalog-agent', *map(str, once)]!r}; from agent.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0
    assert objects(done.stderr)


@pytest.mark.parametrize(("form", "level"), [("text", "info"), ("json", "debug")])
def test_what_a_line_holds_is_never_said(
    form: str, level: str, bundle_path: Path, tmp_path: Path
) -> None:
    """Neither of normal nor of odd lines, of long or broken ones, nor where a receiver fails."""
    log, said = tmp_path / "app.log", tmp_path / "said"
    log.touch()
    with receiver(500, 400) as hook, said.open("wb") as stderr:
        process = subprocess.Popen(
            [
                AGENT, "watch", str(log), "--bundle", str(bundle_path), "--threshold", "0",
                "--no-grouping", "--end-regex", "lost|shipped", "--webhook", hook.url,
                "--state-dir", str(tmp_path / "state"), "--log-format", form, "--log-level", level,
            ],
            stdout=subprocess.PIPE, stderr=stderr,
        )  # fmt: skip
        try:
            until(lambda: b"following" in said.read_bytes())
            append(log, session(1, *(f"{word} {_SECRET}" for word in ODD)))
            append(log, session(2, *(f"{word} {_SECRET}" for word in NORMAL)))
            append(log, [f"no order {_SECRET}", f"order ord-3 {_SECRET} {'x' * 100_000}"])
            with log.open("ab") as file:
                file.write(b"order ord-4 \xff\xfe " + _SECRET.encode() + b"\n")
            for words in (b"bad_bytes", b"line_cut", b"HTTP 500", b"HTTP 400"):
                until(lambda words=words: words in said.read_bytes())  # type: ignore[misc]
            process.terminate()
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    assert _SECRET.encode() in output, "the alerts do hold it"
    assert _SECRET.encode() not in said.read_bytes()


def _record(message: str, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("metalog", logging.INFO, "", 0, "%s", (message,), None)
    record.fields = fields
    return record


@pytest.fixture
def handler() -> Iterator[logging.Handler]:
    """That of the root, put back as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [logging.StreamHandler()]
    yield root.handlers[0]
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize("form", ["text", "logfmt", "json"])
def test_a_name_that_acts_on_a_terminal_is_harmless(form: str, handler: logging.Handler) -> None:
    configure_logging(LogFormat(form), LogLevel.info, environment={})
    said = handler.format(_record("/logs/\x1b[31m\x9b\u202e\udcff.log opened", path="\x1b\x9b"))
    assert said.isprintable()
    assert "\\" in said


@given(message=some.text(), value=some.text(), name=some.from_regex(r"[a-z]{1,8}", fullmatch=True))
def test_json_gives_back_what_was_said(message: str, value: str, name: str) -> None:
    found = json.loads(json_of(fields_of(logging.Formatter(), _record(message, **{name: value}))))
    assert found["msg"] == message
    assert name in {"ts", "level", "msg", "input", "error"} or found[name] == value


@given(some.text())
def test_printable_is_printable_but_for_newlines(text: str) -> None:
    assert printable(text).replace("\n", "").isprintable() or not text
    assert json_of({"msg": text}).isprintable()


def test_a_traceback_is_a_field(handler: logging.Handler) -> None:
    configure_logging(LogFormat.json, environment={})
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        record = _record("an error of this program")
        record.exc_info = sys.exc_info()
    with speaking_of("shop"):
        handler.filter(record)
    found = json.loads(handler.format(record))
    assert found["input"] == "shop"
    assert found["error"].endswith("RuntimeError: broken")
