"""Stdout, files and Slack; and that nothing in a log line breaks any of them."""

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.sinks import Message, Outcome, Sink
from agent.sinks.endpoint import Endpoint, parse_url
from agent.sinks.file import AlertFile
from agent.sinks.rendering import json_line, plain, pretty
from agent.sinks.slack import Slack, slack_text
from agent.sinks.stdout import Format, Stdout
from agent.sinks.webhook import Webhook
from tests.agent.receiver import receiver


def alert(text: str = "a line") -> dict[str, Any]:
    """All that a log can put its words into."""
    event = {"template": text, "raw": text, "weight": 1.0, "count": 1, "new": True}
    return {
        "kind": "session", "status": "firing", "id": "a1", "incident": "a1", "fingerprint": "f1",
        "count": 1, "summary": text, "raised_at": "2026-03-01T12:00:00+00:00", "host": "shop",
        "key": text, "source": text, "place": text, "lines": 3, "first_time": None,
        "last_time": None, "score": 0.9, "threshold": 0.5, "bundle": "b", "events": [event] * 5,
        "new_events": [text], "context": [event],
    }  # fmt: skip


def message(value: dict[str, Any], ident: str = "a1") -> Message:
    return Message(ident, json.dumps(value))


# Control characters, ANSI escapes, overrides of the direction of writing, markup, mentions; and
# bytes that are no UTF-8, as they arrive here.
NASTY = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "replace")),
    st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.lists(
        st.sampled_from(
            ["\x1b[2J", "\x1b]0;t\x07", "\r", "\n", "\0", "\x7f", "\x9b", "\u202e", "\u2028",
             "```", "`", "<!channel>", "<@U1>", "<http://x|y>", "&lt;", "*b*", "_i_", "@here",
             '"', "\\", "}", "\u200b", "\ufeff"]
        )
    ).map("".join),
)  # fmt: skip


@given(NASTY)
@example("\x1b[31m\r\n" * 200_000)
def test_no_line_breaks_json_or_the_terminal(text: str) -> None:
    value = alert(text)
    for form in Format:
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
        assert Stdout(out, form).send(message(value)).outcome is Outcome.taken
        out.seek(0)
        written = out.read()
        assert written.endswith("\n")
        assert all(line.isprintable() for line in written.split("\n"))
        if form is Format.json:
            assert json.loads(written) == value
            assert written.count("\n") == 1
            assert written.isascii()
        else:
            assert len(written) < 100_000


@given(NASTY)
@example("`" * 100_000)
def test_no_line_leaves_the_code_block_of_slack(text: str) -> None:
    written = slack_text(alert(text))
    assert len(written) <= 3000
    head, block, after = written.split("```")
    assert (head, after) == (slack_text(alert("other")).split("```")[0], "")
    assert "<" not in written
    assert ">" not in written
    assert "`" not in block
    for entity in block.split("&")[1:]:
        assert entity.startswith(("amp;", "lt;", "gt;"))
    assert all(line.isprintable() for line in written.split("\n"))


def test_no_line_breaks_a_request() -> None:
    texts = ["\r\nx-evil: 1", "\x1b[2J\0\x7f", "\udcff\udc80", "ö" * 2**20, "\u202e<!channel>"]
    with receiver() as server:
        sinks: list[Sink] = [
            Webhook(Endpoint(parse_url(server.url))),
            Slack(Endpoint(parse_url(server.url))),
        ]
        for text in texts:
            for sink in sinks:
                # Not even where an id is made of it.
                assert sink.send(message(alert(text), ident=text)).outcome is Outcome.taken
        for request in server.seen:
            assert "x-evil" not in request.headers
            assert request.body.isascii()
            json.loads(request.body)
        for request, text in zip(server.seen[::2], texts, strict=True):
            assert json.loads(request.body)["data"] == alert(text)
            assert request.headers["webhook-id"].isalnum()


def test_what_is_printable_stays_as_it_is() -> None:
    assert plain("größer <&> 10 € \\x1b") == "größer <&> 10 € \\x1b"
    assert plain("a\x1b[0mb\n") == "a\\x1b[0mb\\n"
    assert plain("x" * 301) == "x" * 300 + "…"
    assert json_line('{"a": "ö\\u001b"}') == '{"a": "\\u00f6\\u001b"}'


def test_pretty_says_what_and_where() -> None:
    value = alert("order refused") | {"count": 7, "place": "/var/log/app.log:120"}
    lines = pretty(value).splitlines()
    assert lines[0] == "Anomaly on shop, 7 sessions, score 0.9"
    assert "  place       /var/log/app.log:120" in lines
    assert "  new event   order refused" in lines
    assert pretty({**value, "status": "resolved"}).startswith("Resolved on shop")
    assert pretty({**value, "kind": "suppressed"}).startswith("Alerts about 7 sessions")


def test_pretty_on_a_terminal_without_utf_8() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Stdout(out, Format.pretty).send(message(alert("größer"))).outcome is Outcome.taken


# Files.


def test_a_file_is_appended_to_and_is_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    for number in range(2):
        sink = AlertFile(path)
        assert sink.send(message(alert(f"run {number}"))).outcome is Outcome.taken
        sink.close()
    assert [json.loads(line)["key"] for line in path.open()] == ["run 0", "run 1"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o027 == 0


@pytest.mark.parametrize("rotate", ["rename", "delete", "replace", "truncate"])
def test_a_file_is_rotated_under_it(tmp_path: Path, rotate: str) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = AlertFile(path)
    sink.send(message(alert("before")))
    if rotate == "rename":
        path.rename(tmp_path / "alerts.jsonl.1")
    elif rotate == "delete":
        path.unlink()
    elif rotate == "replace":
        (tmp_path / "new").touch()
        (tmp_path / "new").rename(path)
    else:
        os.truncate(path, 0)
    sink.send(message(alert("after")))
    assert [json.loads(line)["key"] for line in path.open()] == ["after"]
    sink.close()


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "later" / "alerts.jsonl"
    sink = AlertFile(path)
    answer = sink.send(message(alert()))
    assert (answer.outcome, answer.said) == (Outcome.later, "No such file or directory")
    path.parent.mkdir()
    assert sink.send(message(alert())).outcome is Outcome.taken
    sink.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_tried_again() -> None:
    sink = AlertFile(Path("/dev/full"))
    assert sink.send(message(alert())).outcome is Outcome.later
    sink.close()


def test_a_line_that_the_disk_had_no_room_for_is_taken_back(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "alerts.jsonl"
    sink = AlertFile(path)
    sink.send(message(alert("first")))
    size = path.stat().st_size
    child = os.fork()
    if child == 0:
        code = 1
        try:
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, size + 50))
            code = 0 if sink.send(message(alert("second"))).outcome is Outcome.later else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert path.stat().st_size == size
    assert sink.send(message(alert("third"))).outcome is Outcome.taken
    assert [json.loads(line)["key"] for line in path.open()] == ["first", "third"]
    sink.close()
