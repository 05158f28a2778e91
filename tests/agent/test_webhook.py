import logging

import pytest

from agent.sinks.webhook import Webhook, parse_url
from models.errors import UserError
from tests.agent.receiver import receiver


def test_alerts_arrive_in_order_and_are_reported_as_delivered() -> None:
    with receiver() as server:
        hook = Webhook(server.url)
        for number in range(20):
            assert hook.offer(f"id-{number}", f'{{"number": {number}}}')
        hook.close(10)
        assert [body["number"] for body in server.bodies] == list(range(20))
        assert hook.delivered() == [f"id-{number}" for number in range(20)]


def test_a_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.sinks.webhook._FIRST_RETRY", 0.01)
    with receiver(500, 429, 503, 204) as server:
        hook = Webhook(server.url)
        hook.offer("id", '{"a": 1}')
        assert server.wait_for(1) == [{"a": 1}]
        hook.close(10)
        assert server.requests == 4
        assert hook.delivered() == ["id"]


@pytest.mark.parametrize("status", [301, 302, 400, 404, 410])
def test_a_final_answer_drops_the_alert_and_says_so(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with receiver(status) as server, caplog.at_level(logging.ERROR):
        hook = Webhook(f"{server.url}secret-token")
        hook.offer("id", "{}")
        hook.close(10)
        assert server.requests == 1
        assert hook.delivered() == ["id"]
    assert f"HTTP {status}" in caplog.text
    assert "secret-token" not in caplog.text


def test_what_cannot_be_delivered_stays_with_the_caller() -> None:
    with receiver(503) as server:
        hook = Webhook(server.url)
        hook.offer("id", "{}")
        with server.arrived:
            assert server.arrived.wait_for(lambda: server.requests >= 1, timeout=30)
        hook.close(10)
        assert hook.delivered() == []


@pytest.mark.parametrize("text", ["", "no url", "ftp://host/", "http://", "https:///path", "//h/p"])
def test_what_is_no_url_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UserError, match="no URL") as caught:
        parse_url(text)
    assert len(text) < 5 or text not in str(caught.value)
