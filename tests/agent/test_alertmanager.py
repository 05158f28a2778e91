"""The real Prometheus Alertmanager, where it is installed (Debian: prometheus-alertmanager)."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agent.sinks import Message, Outcome
from agent.sinks.alertmanager import Alertmanager, alertmanager_url
from agent.sinks.endpoint import Endpoint, parse_url
from tests.agent.receiver import receiver
from tests.agent.test_courier import MovedClock
from tests.agent.test_sinks import alert

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
needs_binary = pytest.mark.skipif(BINARY is None, reason="no Alertmanager is installed here")
CONFIGURATION = """
route: {receiver: nobody, group_wait: 1s, group_interval: 1s}
receivers: [{name: nobody}]
"""


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert BINARY is not None
    folder = tmp_path_factory.mktemp("alertmanager")
    (folder / "alertmanager.yml").write_text(CONFIGURATION)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                BINARY, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data",
                f"--web.listen-address={address}", "--cluster.listen-address=",
            ],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    url = f"http://{address}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{url}/-/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def fired(fingerprint: str, number: int, **more: Any) -> Message:
    value = {
        **alert("order <KEY> refused\x1b[2J"), "id": f"{fingerprint}-{number}",
        "incident": f"{fingerprint}-1", "fingerprint": fingerprint,
        "raised_at": f"2026-03-01T12:00:0{number}.000+00:00", "score": 0.9 + number / 100, **more,
    }  # fmt: skip
    return Message(value["id"], json.dumps(value))


def sink_to(url: str, clock: MovedClock, **given: Any) -> Alertmanager:
    return Alertmanager(Endpoint(alertmanager_url(parse_url(url))), clock=clock, **given)


def there(url: str, fingerprint: str) -> list[dict[str, Any]]:
    found = httpx.get(
        f"{url}/api/v2/alerts", params={"filter": f'fingerprint="{fingerprint}"'}
    ).raise_for_status()
    return list(found.json())


@needs_binary
def test_an_alert_appears_once_keeps_its_labels_and_resolves(manager: str) -> None:
    clock = MovedClock()
    sink = sink_to(manager, clock)
    assert sink.send(fired("f1", 1)).outcome is Outcome.taken
    [first] = there(manager, "f1")
    assert first["labels"] == {
        "alertname": "MetalogAnomaly", "severity": "warning", "host": "shop", "bundle": "b",
        "fingerprint": "f1",
    }  # fmt: skip
    assert first["annotations"]["summary"] == "Anomaly on shop, score 0.91"
    assert "order <KEY> refused\\x1b[2J" in first["annotations"]["description"]
    assert first["startsAt"].startswith("2026-03-01T12:00:01")
    # Another message of the same alert, and the minutely word that it still fires.
    assert sink.send(fired("f1", 2, count=5)).outcome is Outcome.taken
    clock.ahead = 60.0
    assert sink.keep_up() == 60.0
    [again] = there(manager, "f1")
    assert again["labels"] == first["labels"]
    assert again["fingerprint"] == first["fingerprint"]
    assert again["startsAt"] == first["startsAt"]
    assert again["endsAt"] > first["endsAt"]
    clock.ahead = 0.0
    assert sink.send(fired("f1", 3, status="resolved")).outcome is Outcome.taken
    # It lists no alert that is over.
    deadline = time.monotonic() + 30
    while there(manager, "f1"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    sink.keep_up()
    assert there(manager, "f1") == []
    sink.close()


@needs_binary
def test_alerts_of_an_earlier_run_go_on_and_end(manager: str) -> None:
    clock = MovedClock()
    first = sink_to(manager, clock)
    first.send(fired("f2", 1))
    first.close()
    second = sink_to(manager, clock)
    second.restore([fired("f2", 1).alert()])
    clock.ahead = 30.0
    before = there(manager, "f2")[0]["endsAt"]
    second.keep_up()
    assert there(manager, "f2")[0]["endsAt"] > before
    clock.ahead = 0.0
    second.send(fired("f2", 2, status="resolved"))
    assert there(manager, "f2") == []
    second.close()


@needs_binary
def test_odd_words_are_taken_too(manager: str) -> None:
    sink = sink_to(manager, MovedClock())
    for number, text in enumerate(["\udcff\0", "\x1b]0;t\x07" * 100_000, "{{ $x }}", "\u202e<b>"]):
        value = {**alert(text), "host": text or "-", "fingerprint": f"odd{number}"}
        assert sink.send(Message("i", json.dumps(value))).outcome is Outcome.taken
        [found] = there(manager, f"odd{number}")
        assert all(line.isprintable() for line in str(found["labels"]["host"]).split("\n"))
    sink.close()


def test_what_fires_is_said_again_until_it_is_over() -> None:
    clock = MovedClock()
    with receiver() as server:
        sink = sink_to(server.url, clock)
        sink.send(fired("f1", 1))
        sink.send(fired("f2", 1))
        assert sink.keep_up() == 60.0
        sink.send(fired("f1", 2, status="resolved"))
        sink.keep_up()
        assert [request.path for request in server.seen] == ["/api/v2/alerts"] * 5
        said = [[one["labels"]["fingerprint"] for one in body] for body in server.bodies]
        assert said == [["f1"], ["f2"], ["f1", "f2"], ["f1"], ["f2"]]
        # The word may have been lost that it is over.
        clock.ahead = 90_000.0
        sink.keep_up()
        assert len(server.bodies) == 5
        sink.close()


def test_a_retry_does_not_bring_back_what_is_over() -> None:
    with receiver(500, 200) as server:
        sink = sink_to(server.url, MovedClock())
        assert sink.send(fired("f1", 1)).outcome is Outcome.later
        assert sink.send(fired("f1", 2, status="resolved")).outcome is Outcome.taken
        assert sink.send(fired("f1", 1)).outcome is Outcome.taken
        sink.keep_up()
        assert server.requests == 2
        sink.close()


@pytest.mark.parametrize("more", [{"kind": "suppressed"}, {"kind": "test"}, {}])
def test_what_nobody_will_end_ends_by_itself(more: dict[str, Any]) -> None:
    with receiver() as server:
        sink = sink_to(server.url, MovedClock(), resolves=bool(more))
        before = time.time()
        sink.send(fired("f1", 1, **more))
        sink.keep_up()
        [[said]] = server.bodies
        ends = time.mktime(time.strptime(said["endsAt"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        assert 890 < ends - before < 990
        sink.close()


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("http://h:9093", "/api/v2/alerts"),
        ("http://h/", "/api/v2/alerts"),
        ("http://h/prefix/", "/prefix/api/v2/alerts"),
        ("http://h/api/v2/alerts", "/api/v2/alerts"),
    ],
)
def test_the_api_is_under_the_address_that_people_know(given: str, path: str) -> None:
    assert alertmanager_url(parse_url(given)).path == path
