"""What an alert says, against its schema."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.alerts import Alert, Reporter, read_evidence, secrets_masker
from agent.detector import Detector
from models.bundle import Bundle
from tests.agent.alerts.conftest import Judge
from tests.agent.orders import NORMAL, ODD, line, session

Valid = Callable[[str], dict[str, Any]]


def test_it_says_what_happened_where_and_why(
    judge: Judge, reporter: Reporter, valid: Valid, bundle: Bundle
) -> None:
    lines = session(2, *ODD)
    [verdict] = judge(lines)
    alert = valid(reporter.alert(verdict, 1_000_000_000.0).to_json())
    assert (alert["kind"], alert["status"], alert["count"]) == ("session", "firing", 1)
    assert alert["incident"] == alert["id"]
    assert (alert["key"], alert["source"], alert["lines"]) == ("ord-2", "app.log", 4)
    assert (alert["file"], alert["first_offset"]) == ("app.log", 0)
    last = sum(len(one) + 1 for one in lines[:3])
    assert (alert["last_file"], alert["last_offset"]) == ("app.log", last)
    assert (alert["first_time"][4:], alert["last_time"][4:]) == (
        "-03-01T12:00:00",
        "-03-01T12:00:03",
    )
    assert alert["raised_at"] == "2001-09-09T01:46:40.000+00:00"
    assert (alert["bundle"], alert["bundle_version"]) == ("tiny", bundle.fingerprint[:12])
    weights = [one["weight"] for one in alert["events"]]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0 or (weights[0] <= 0 and len(weights) == 4)
    for one in alert["events"]:
        assert one["raw"] == lines[one["line"] - 1]
        assert one["offset"] == sum(len(other) + 1 for other in lines[: one["line"] - 1])
        assert one["new"] == (one["template"] in alert["new_events"])
    assert set(alert["new_events"]) == {
        f"shop[<NUM>]: order <KEY> {word}" for word in ("exploded", "refused", "lost")
    }
    heaviest = alert["events"][0]["line"]
    numbers = [one["line"] for one in alert["context"]]
    assert numbers == [n for n in range(heaviest - 2, heaviest + 3) if 1 <= n <= 4]


def test_a_fingerprint_is_of_the_reason_and_not_of_the_session(
    judge: Judge, reporter: Reporter
) -> None:
    verdicts = judge(session(1, *ODD) + session(2, *ODD) + session(3, *NORMAL))
    one, same, other = (reporter.alert(verdict, 0.0) for verdict in verdicts)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert one.id != same.id


def test_secrets_do_not_leave_in_any_field(judge: Judge, reporter: Reporter, valid: Valid) -> None:
    lines = [
        line(4, "opened"),
        line(4, "refused: password=hunter2 for alice@shop.example"),
        line(4, "lost with token: hunter2"),
    ]
    [verdict] = judge(lines)
    alert = reporter.alert(verdict, 0.0)
    text = alert.to_json()
    valid(text)
    assert "hunter2" not in text
    assert "alice@" not in text
    assert "password=<SECRET> for <EMAIL>" in text
    _, _, messages = read_evidence(reporter.evidence(verdict))
    assert "hunter2" not in "".join(messages)


def test_evidence_is_the_whole_session(judge: Judge, reporter: Reporter) -> None:
    words = ("opened", "exploded", "paid", "exploded", "lost")
    [verdict] = judge(session(2, *words))
    key, source, messages = read_evidence(reporter.evidence(verdict))
    assert (key, source) == ("ord-2", "app.log")
    # Without what the line format takes off.
    assert messages == [f"shop[311]: order ord-2 {word}" for word in words]
    with pytest.raises(ValueError, match="incorrect header"):
        read_evidence(b"damaged")


def test_without_kept_lines_there_is_no_raw_text(bundle: Bundle, valid: Valid) -> None:
    detector = Detector(
        bundle, rule=bundle.manifest.rule, threshold=0.0, provider="cpu", keep_lines=False
    )
    lines = session(2, *ODD)
    detector.add("app.log", lines, 0.0, [0] * len(lines))
    detector.close()
    [verdict] = detector.take()
    reporter = Reporter(bundle=bundle, threshold=0.5, secrets=secrets_masker())
    alert = valid(reporter.alert(verdict, 0.0).to_json())
    assert all(one["raw"] is None for one in alert["events"])
    assert alert["context"] == []
    assert alert["events"][0]["template"]
    assert read_evidence(reporter.evidence(verdict))[2][0] == "shop[<NUM>]: order <KEY> opened"


@given(words=st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_any_line_makes_a_valid_alert_of_one_printable_line(
    bundle: Bundle, valid: Valid, words: list[str]
) -> None:
    reporter = Reporter(bundle=bundle, threshold=0.5, secrets=secrets_masker())
    detector = Detector(bundle, rule=bundle.manifest.rule, threshold=0.0, provider="cpu")
    detector.add("\x1b[2J\udcff", [line(9, word) for word in words], 0.0, [0] * len(words))
    detector.close()
    [verdict] = detector.take()
    alert = reporter.alert(verdict, 0.0)
    text = alert.to_json()
    assert text.isascii()
    assert all(character >= " " for character in text)
    valid(text)
    assert Alert.from_json(text).to_json() == text
    assert len(read_evidence(reporter.evidence(verdict))[2]) == len(words)


def test_a_line_of_a_mebibyte_is_cut(judge: Judge, reporter: Reporter) -> None:
    [verdict] = judge([line(9, "lost " + "x" * 2**20)])
    text = reporter.alert(verdict, 0.0).to_json()
    assert len(text) < 10_000
    [event] = reporter.alert(verdict, 0.0).events
    assert len(event["raw"]) <= 1024
    assert event["raw"].endswith(" ...")


def test_the_message_about_suppressed_ones_is_an_alert(reporter: Reporter, valid: Valid) -> None:
    alert = reporter.about_suppressed({"a": 3, "b": 4}, ident="x", most_an_hour=60, wall=0.0)
    said = valid(alert.to_json())
    assert (said["kind"], said["count"]) == ("suppressed", 7)
    assert "7 anomalous sessions of 2 kinds" in said["summary"]


def test_an_alert_of_another_form_is_no_alert(judge: Judge, reporter: Reporter) -> None:
    [verdict] = judge(session(1, *ODD))
    alert = reporter.alert(verdict, 0.0)
    assert Alert.from_json(alert.to_json()) == replace(alert)
    with pytest.raises((TypeError, KeyError, ValueError)):
        Alert.from_json('{"id": "x"}')
