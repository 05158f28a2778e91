"""Sinks as a user configures them: ``send-test-alert``, and ``watch`` with several at once."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks

from benchmarks.alert_storm import storm
from tests.agent.orders import ODD, session
from tests.agent.receiver import Reply, nobody, receiver
from tests.agent.test_status import said
from tests.agent.test_watch import AGENT, objects, run, write

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def run_with(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [AGENT, *map(str, arguments)],
        env={**os.environ, **environment}, capture_output=True, timeout=60,
    )  # fmt: skip


def test_send_test_alert_says_what_each_sink_answered(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    with receiver(204) as hook, receiver(200) as manager, receiver(200) as slack:
        done = run_with(
            {"METALOG_SLACK_URL": f"{slack.url}T0/B0/slack-secret"},
            "send-test-alert", "--webhook", hook.url, "--webhook-secret-file", secret,
            "--webhook-header", "X-Team: shop", "--alertmanager", manager.url,
            "--alert-file", tmp_path / "alerts.jsonl",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        lines = done.stdout.decode().splitlines()
        assert lines == [
            f"ok      file {tmp_path}/alerts.jsonl: written",
            f"ok      webhook {hook.url.rstrip('/')}: HTTP 204",
            f"ok      alertmanager {manager.url.rstrip('/')}: HTTP 200",
            f"ok      slack {slack.url.rstrip('/')}: HTTP 200",
        ]
        [request] = hook.seen
        sent = standardwebhooks.Webhook(SECRET).verify(request.body, request.headers)
        assert sent["type"] == "alert.test"
        assert request.headers["x-team"] == "shop"
        assert manager.bodies[0][0]["labels"]["alertname"] == "MetalogTest"
        assert "nothing is wrong" in slack.bodies[0]["text"]
        [written] = objects((tmp_path / "alerts.jsonl").read_bytes())
        assert written == sent["data"]


def test_send_test_alert_fails_where_one_sink_does() -> None:
    with receiver(200) as well, receiver(Reply(404)) as ill, nobody() as refusing:
        done = run(
            "send-test-alert", "--webhook", well.url, "--webhook", f"{ill.url}path-secret?q=secret",
            "--webhook", refusing,
        )  # fmt: skip
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("ok ")
    assert lines[1].startswith("FAILED ")
    assert lines[1].endswith("HTTP 404")
    assert "refused" in lines[2]
    assert b"secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("environment", "arguments", "expected"),
    [
        ({}, [], "no sink to test"),
        ({}, ["--webhook", "secret"], "no URL"),
        ({}, ["--alertmanager", "secret"], "--alertmanager: no URL"),
        ({}, ["--slack", "missing"], "missing: cannot be read"),
        ({"METALOG_SLACK_URL": "secret"}, [], "$METALOG_SLACK_URL: no URL"),
        ({"METALOG_WEBHOOK_SECRET": "secret"}, ["--webhook", "http://h/"], "whsec_<base64>"),
        ({}, ["--webhook", "http://h/", "--webhook-secret-file", "missing"], "cannot be read"),
        ({}, ["--webhook", "http://h/", "--webhook-header", "secret"], "'Name: value'"),
        ({}, ["--webhook", "http://h/", "--webhook-ca", "missing"], "no certificate"),
    ],
)
def test_options_that_cannot_be_used_are_one_line_without_secrets(
    environment: dict[str, str], arguments: list[str], expected: str
) -> None:
    done = run_with(environment, "send-test-alert", *arguments)
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("metalog-agent: ")
    assert expected in line
    assert "secret" not in line.replace("secret-file", "").replace("webhook secret", "").replace(
        "may hold a secret", ""
    )


def test_watch_sends_to_all_sinks_at_once(bundle_path: Path, tmp_path: Path) -> None:
    log, file = tmp_path / "app.log", tmp_path / "alerts.jsonl"
    write(log, session(1, *ODD), session(2, *ODD))
    with receiver() as one, receiver() as two, receiver(410) as gone:
        done = run_with(
            {"METALOG_WEBHOOK_SECRET": SECRET},
            "watch", log, "--once", "--bundle", bundle_path, "--threshold", 0, "--no-grouping",
            "--state-dir", tmp_path / "state", "--webhook", one.url, "--webhook", f"{two.url}a",
            "--webhook", f"{two.url}b", "--webhook", gone.url, "--alert-file", file,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        alerts = objects(done.stdout)
        assert len(alerts) == 2
        assert objects(file.read_bytes()) == alerts
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert [body["data"] for body in one.bodies] == alerts
        for path in ("/a", "/b"):
            bodies = [json.loads(one.body) for one in two.seen if one.path == path]
            assert [body["data"] for body in bodies] == alerts
        for request in one.seen:
            standardwebhooks.Webhook(SECRET).verify(request.body, request.headers)
        sinks = said(tmp_path / "state")["sinks"]
    names = sorted(sinks)
    assert len(names) == 6, "two on one host are two sinks"
    assert names[0] == f"file {file}"
    by_problem: dict[Any, list[dict[str, Any]]] = {True: [], False: []}
    for told in sinks.values():
        by_problem[told["disabled"] is not None].append(told)
    [disabled] = by_problem[True]
    assert (disabled["delivered"], disabled["dropped"]) == (0, {"disabled": 2})
    assert all(told["delivered"] == 2 and not told["dropped"] for told in by_problem[False])
    text = run("status", "--state-dir", tmp_path / "state").stdout.decode()
    assert "0 delivered, dropped: 2 disabled; disabled since" in text


def test_pretty_is_for_people(bundle_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, session(1, *ODD))
    done = run(
        "watch", log, "--once", "--bundle", bundle_path, "--threshold", 0, "--format", "pretty"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Anomaly on ")
    assert b"ord-1" in done.stdout


def test_a_storm_arrives_whole_though_its_receiver_was_down(
    bundle_path: Path, tmp_path: Path
) -> None:
    result = storm(AGENT, bundle_path, tmp_path, alerts=2000)
    assert result.arrived == result.distinct == 2000
    assert result.dropped == {}
    assert result.read_while_down == 1000, "a receiver that is down does not stop the reading"
