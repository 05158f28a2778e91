"""Line formats, on lines as loghub has them, and lines that do not fit."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from models.lines import FORMATS, LineParser, Record, text_format


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = at("2024-02-10T12:00:00")


def parse(name: str, line: str, now: float = NOW) -> Record:
    return LineParser(FORMATS[name], now=lambda: now).parse(line)


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        (
            "hdfs",
            "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-160 src: /10.1",
            Record("Receiving block blk_-160 src: /10.1", at("2008-11-09T20:35:18"), None, None,
                   True),
        ),
        (
            "hdfs",
            "081109 203615 148 WARN dfs.FSDataset: Unexpected error: no file: x",
            Record("Unexpected error: no file: x", at("2008-11-09T20:36:15"), None, None, True),
        ),
        (
            "bgl",
            "- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.363779 "
            "R02-M1-N0-C:J12-U11 RAS KERNEL INFO instruction cache parity error corrected",
            Record("instruction cache parity error corrected", 1117838570.0, "R02-M1-N0-C:J12-U11",
                   "-", True),
        ),
        (
            "bgl",
            "KERNDTLB 1118536327 2005.06.11 R30-M0-N9-C:J16-U01 2005-06-11-17.32.07.581048 "
            "R30-M0-N9-C:J16-U01 RAS KERNEL FATAL data TLB error interrupt",
            Record("data TLB error interrupt", 1118536327.0, "R30-M0-N9-C:J16-U01", "KERNDTLB",
                   True),
        ),
        (
            "bgl",  # as a host writes it: no label column
            "1118536327 2005.06.11 NULL 2005-06-11-17.32.07.581048 NULL RAS BGLMASTER FAILURE gone",
            Record("gone", 1118536327.0, "NULL", None, True),
        ),
        (
            "bgl",  # a line without a message
            "- 1118536327 2005.06.11 R30 2005-06-11-17.32.07.581048 R30 RAS KERNEL FATAL",
            Record("", 1118536327.0, "R30", "-", True),
        ),
        (
            "thunderbird",
            "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: "
            "session closed for user root",
            Record("crond(pam_unix)[2915]: session closed for user root", 1131566461.0, "dn228",
                   "-", True),
        ),
        (
            "thunderbird",
            "VAPI 1131568461 2005.11.09 an747 Nov  9 12:34:21 an747/an747 kernel: [KERNEL_IB] "
            "Fatal error (Local Catastrophic Error)",
            Record("kernel: [KERNEL_IB] Fatal error (Local Catastrophic Error)", 1131568461.0,
                   "an747", "VAPI", True),
        ),
        (
            "openstack",
            "nova-compute.log.1.2017-05-16_13:55:31 2017-05-16 00:00:04.500 2931 INFO "
            "nova.compute.manager [req-3ea4052c-895d-4b64-9e2d-04d64c4d94ab - - - - -] "
            "[instance: b9000564-fe1a-409b-b8cc-1e88b294cd1d] VM Started (Lifecycle Event)",
            Record("[instance: b9000564-fe1a-409b-b8cc-1e88b294cd1d] VM Started (Lifecycle Event)",
                   at("2017-05-16T00:00:04.500"), None, None, True),
        ),
        (
            "openstack",  # Kalaki: no times; some lines are indented
            " WARNING nova.compute.manager [-] Received unexpected event",
            Record("Received unexpected event", None, None, None, True),
        ),
        (
            "syslog",
            "Jan  5 03:04:05 combo sshd(pam_unix)[19939]: authentication failure; logname=",
            Record("sshd(pam_unix)[19939]: authentication failure; logname=",
                   at("2024-01-05T03:04:05"), None, None, True),
        ),
        (
            "syslog",
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed",
            Record("su - ID47 - 'su root' failed", at("2003-10-11T22:14:15.003"), None, None, True),
        ),
        (
            "syslog",
            "2024-02-01T10:00:00+02:00 host app: hello",
            Record("app: hello", at("2024-02-01T08:00:00"), None, None, True),
        ),
        ("text", "  whatever it is ", Record("  whatever it is ", None, None, None, True)),
    ],
)  # fmt: skip
def test_formats(name: str, line: str, expected: Record) -> None:
    assert parse(name, line) == expected


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"text", "any"}))
@pytest.mark.parametrize(
    "line", ["Traceback (most recent call last):", "   at java.lang.Thread.run", "{", "12", "null"]
)
def test_a_line_that_does_not_fit_is_taken_whole_and_counted(name: str, line: str) -> None:
    parser = LineParser(FORMATS[name])
    assert parser.parse(line) == Record(line, None, None, None, False)
    assert parser.unfit == 1


@pytest.mark.parametrize(
    ("line", "content", "time"),
    [
        ("Jan  5 03:04:05 web1 sshd[12]: Failed password", "sshd[12]: Failed password",
         "2024-01-05T03:04:05"),
        ("Jan  5 03:04:05 web1 kernel: [ 1.5] up", "kernel: [ 1.5] up", "2024-01-05T03:04:05"),
        ("<34>1 2023-10-11T22:14:15.003Z my.host su - ID47 - failed", "su - ID47 - failed",
         "2023-10-11T22:14:15.003"),
        ("2024-01-05T03:04:05+02:00 web1 app[7]: hello", "app[7]: hello", "2024-01-05T01:04:05"),
        ("2024-01-05 03:04:05,123 ERROR [main] com.shop.Till: refused",
         "ERROR [main] com.shop.Till: refused", "2024-01-05T03:04:05.123"),
        ("2024-01-05T03:04:05.123456789Z error till: refused", "error till: refused",
         "2024-01-05T03:04:05.123456"),
        ("2024-01-05 03:04:05 - root - WARNING - slow", "- root - WARNING - slow",
         "2024-01-05T03:04:05"),
        ("[2024-01-05 03:04:05] WARN: slow", "WARN: slow", "2024-01-05T03:04:05"),
        ('{"msg": "slow", "ts": "2024-01-05T03:04:05Z"}', "slow", "2024-01-05T03:04:05"),
        ('  {"message": "slow", "ts": 1704423845}', "slow", "2024-01-05T03:04:05"),
        ('{"level": 3}', '{"level": 3}', None),
        ("{ not JSON", "{ not JSON", None),
        ("  at java.lang.Thread.run", "  at java.lang.Thread.run", None),
        ("", "", None),
    ],
)  # fmt: skip
def test_each_line_says_what_it_is(line: str, content: str, time: str | None) -> None:
    parser = LineParser(FORMATS["any"], now=lambda: NOW)
    expected = None if time is None else at(time)
    assert parser.parse(line) == Record(content, expected, None, None, True)
    assert parser.unfit == 0


@given(st.sampled_from(sorted(FORMATS)), st.text())
def test_any_text_is_a_line(name: str, line: str) -> None:
    record = parse(name, line)
    assert record.fits or record.content == line


@pytest.mark.parametrize(
    ("now", "line", "moment"),
    [
        ("2024-01-02T00:00:00", "Dec 31 23:59:59", "2023-12-31T23:59:59"),
        ("2024-01-02T00:00:00", "Jan  1 10:00:00", "2024-01-01T10:00:00"),
        # Clocks and zones differ by less than a day: still this year.
        ("2024-01-02T00:00:00", "Jan  2 20:00:00", "2024-01-02T20:00:00"),
        ("2024-01-02T00:00:00", "Jan  3 01:00:00", "2023-01-03T01:00:00"),
        ("2023-12-31T20:00:00", "Jan  1 03:00:00", "2024-01-01T03:00:00"),
        ("2024-03-01T00:00:00", "Feb 29 08:00:00", "2024-02-29T08:00:00"),
        ("2025-03-01T00:00:00", "Feb 29 08:00:00", "2024-02-29T08:00:00"),
        ("2027-06-01T00:00:00", "Feb 29 08:00:00", "2024-02-29T08:00:00"),
    ],
)
def test_a_year_that_is_not_written(now: str, line: str, moment: str) -> None:
    assert parse("syslog", f"{line} host app: x", at(now)).time == at(moment)


@pytest.mark.parametrize("moment", ["Feb 30 08:00:00", "Xyz 10 08:00:00", "Jan 10 25:00:00"])
def test_a_time_that_is_none(moment: str) -> None:
    record = parse("syslog", f"{moment} host app: x")
    assert (record.content, record.time, record.fits) == ("app: x", None, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1117838570", 1117838570.0),
        ("1117838570.25", 1117838570.25),
        ("1117838570123", 1117838570.123),
        ("1117838570123456", 1117838570.123456),
        ("1117838570123456789", 1117838570.123456789),
        ("9" * 400, None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
    ],
)
def test_epochs_in_seconds_and_smaller(text: str, seconds: float | None) -> None:
    parser = LineParser(text_format(r"(?P<time>\S+) (?P<content>.*)", "epoch"))
    assert parser.parse(f"{text} x").time == (seconds and pytest.approx(seconds))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"message": "hello", "time": "2024-01-01T00:00:00Z", "host": "a", "level": "INFO"},
         Record("hello", at("2024-01-01T00:00:00"), "a", None, True)),
        ({"msg": "hello", "ts": 1704067200123, "label": 1},
         Record("hello", at("2024-01-01T00:00:00.123"), None, "1", True)),
        ({"log": "hello", "@timestamp": "2024-01-01 00:00:00,5", "service": 7},
         Record("hello", at("2024-01-01T00:00:00.5"), "7", None, True)),
        ({"message": None, "body": {"a": 1}, "time": True},
         Record("{'a': 1}", None, None, None, True)),
        ({"message": "hello", "time": int("9" * 400)}, Record("hello", None, None, None, True)),
        ({"message": "cut \ud83d", "host": "\ud800"}, Record("cut ?", None, "?", None, True)),
    ],
)  # fmt: skip
def test_json_lines(fields: dict[str, object], expected: Record) -> None:
    assert parse("jsonl", json.dumps(fields)) == expected


@pytest.mark.parametrize("line", ['{"level": "INFO"}', "[1, 2]", '"text"', "[" * 60_000, "{]"])
def test_json_without_a_message_is_taken_whole(line: str) -> None:
    assert parse("jsonl", line) == Record(line, None, None, None, False)


def test_a_zone_is_noticed() -> None:
    parser = LineParser(FORMATS["syslog"], now=lambda: NOW)
    parser.parse("Jan  5 03:04:05 combo sshd: x")
    assert not parser.zoned
    parser.parse("2024-02-01T10:00:00+02:00 host app: hello")
    assert parser.zoned
    assert LineParser(FORMATS["bgl"]).zoned


def test_a_format_of_ones_own() -> None:
    regex = r"(?P<time>[^|]+)\|(?P<source>\w+)\|(?P<label>\w)\|(?P<content>.*)"
    line_format = text_format(regex, "%d/%m/%Y %H:%M")
    assert LineParser(line_format).parse("05/01/2024 10:30|web|x|hello|you") == Record(
        "hello|you", at("2024-01-05T10:30:00"), "web", "x", True
    )


@pytest.mark.parametrize(
    ("regex", "message"), [("(", "no regular expression"), (r"(?P<time>.*)", "group 'content'")]
)
def test_a_format_that_cannot_be_used(regex: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        text_format(regex, None)
