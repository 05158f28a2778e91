"""Entries of the journal as ``journalctl -o json`` of systemd 252 wrote them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.streams.entry import Entry, EntryReader, Rendering, own_unit
from models.lines import FORMATS, LineParser

CURSOR = "s=410bca3f;i=163;b=320c5943;m=e5dd46e5;t=66102339ce493;x=1527f77c"


def reader(rendering: Rendering = Rendering.message, *, limit: int = 65536) -> EntryReader:
    return EntryReader(rendering, limit, "metalog-agent.service")


def entry(some: EntryReader | None = None, **fields: Any) -> Entry:
    given = {"__CURSOR": CURSOR, "__REALTIME_TIMESTAMP": "1795511944012947", **fields}
    found = (some or reader()).read(json.dumps(given).encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\nlines"),
        ("with its newline\n", "with its newline"),
        ("", ""),
        ([98, 97, 100, 32, 255, 32, 98], "bad \ufffd b"),
        (["one", "two"], "one\ntwo"),
        ([[255, 97], "two"], "\ufffda\ntwo"),
        (None, None),
        (17, None),
        ([], None),
    ],
)
def test_messages_of_every_kind(message: object, text: str | None) -> None:
    assert entry(MESSAGE=message).text == text


def test_an_entry_without_a_message_is_passed_over_with_its_cursor() -> None:
    assert entry(PRIORITY="3") == Entry(CURSOR, 0x163, "journal", None, 1795511944012947)


def test_the_source_is_the_unit_or_the_program() -> None:
    both: dict[str, Any] = {
        "MESSAGE": "x",
        "_SYSTEMD_UNIT": "nginx.service",
        "SYSLOG_IDENTIFIER": "nginx",
    }
    assert entry(**both).source == "nginx.service"
    assert entry(MESSAGE="x", SYSLOG_IDENTIFIER="cron").source == "cron"
    assert entry(MESSAGE="x").source == "journal"


def test_a_long_message_is_cut_within_no_character() -> None:
    some = reader(limit=5)
    assert entry(some, MESSAGE="ééé").text == "éé"
    assert some.cut == 1


def test_what_the_agent_says_is_not_read() -> None:
    assert entry(MESSAGE="x", _PID=str(os.getpid())).text is None
    assert entry(MESSAGE="x", _SYSTEMD_UNIT="metalog-agent.service").text is None
    assert entry(MESSAGE="x", _SYSTEMD_UNIT="other.service", _PID="1").text == "x"


@pytest.mark.parametrize(
    "line", [b"", b"-- No entries --", b"{", b"[]", b'{"MESSAGE":"x"}', b"\xff"]
)
def test_other_lines_are_no_entries(line: bytes) -> None:
    some = reader()
    assert some.read(line) is None
    assert some.odd == bool(line)


def test_as_syslog_it_is_a_line_of_that_format() -> None:
    some = reader(Rendering.syslog)
    fields: dict[str, Any] = {
        "MESSAGE": "order ord-1 opened",
        "_HOSTNAME": "web",
        "SYSLOG_IDENTIFIER": "shop",
    }
    line = entry(some, **fields, _PID="311").text
    assert line == "2026-11-24T09:19:04.012947+00:00 web shop[311]: order ord-1 opened"
    record = LineParser(FORMATS["syslog"]).parse(line)
    assert record.fits
    assert record.content == "shop[311]: order ord-1 opened"
    assert record.time == 1795511944.012947
    assert entry(some, MESSAGE="x", _COMM="sh").text == line[:32] + " localhost sh: x"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = ("__CURSOR", "__REALTIME_TIMESTAMP", "MESSAGE", "_SYSTEMD_UNIT", "_PID", "_HOSTNAME")


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.sampled_from(list(Rendering)))
def test_nothing_that_is_json_breaks_it(fields: dict[str, Any], rendering: Rendering) -> None:
    found = reader(rendering).read(json.dumps(fields).encode())
    if found is not None:
        assert 0 <= found.number < 2**63
        assert "\n" not in found.source
        f"{found.source}{found.text}".encode()


@pytest.mark.parametrize(
    ("cgroups", "unit"),
    [
        ("0::/system.slice/metalog-agent.service\n", "metalog-agent.service"),
        ("0::/system.slice/system-x.slice/a@b.service/below\n", "a@b.service"),
        ("12:cpu:/\n1:name=systemd:/system.slice/old.service\n0::/\n", None),
        ("0::/user.slice/user-0.slice/session-3.scope\n", None),
        ("", None),
    ],
)
def test_the_unit_of_this_process(cgroups: str, unit: str | None, tmp_path: Path) -> None:
    file = tmp_path / "cgroup"
    file.write_text(cgroups)
    assert own_unit(file) == unit
    assert own_unit(tmp_path / "none") is None
