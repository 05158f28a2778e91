"""Webhooks against a real server on loopback that fails in every way."""

import json
import logging
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import standardwebhooks

from agent.sinks import Answer, Message, Outcome
from agent.sinks.endpoint import Endpoint, parse_url, read, tls_context
from agent.sinks.signature import Signer
from agent.sinks.webhook import Webhook, parse_headers
from models.errors import UserError
from tests.agent.receiver import Receiver, Reply, nobody, receiver

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ALERT = {
    "id": "a1",
    "kind": "session",
    "status": "firing",
    "raised_at": "2026-03-01T12:00:00+00:00",
}
MESSAGE = Message("a1", json.dumps(ALERT))


def hook(url: str, *, timeout: float = 15.0, signer: Signer | None = None) -> Webhook:
    return Webhook(Endpoint(parse_url(url), timeout=timeout), signer=signer)


def answer_of(server: Receiver, message: Message = MESSAGE) -> Answer:
    sink = hook(server.url)
    answer = sink.send(message)
    sink.close()
    return answer


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_the_body_says_type_time_and_alert(status: str) -> None:
    alert = {**ALERT, "status": status}
    with receiver(204) as server:
        assert answer_of(server, Message("a1", json.dumps(alert))).outcome is Outcome.taken
        [body] = server.bodies
        [request] = server.seen
    assert body == {"type": f"alert.{status}", "timestamp": ALERT["raised_at"], "data": alert}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "a1"
    assert "webhook-signature" not in request.headers


def test_the_public_package_accepts_the_signature_and_no_other_body() -> None:
    with receiver(200) as server:
        sink = hook(server.url, signer=Signer.of(SECRET, "test"))
        for number in range(3):
            alert = {**ALERT, "id": f"a{number}", "events": [{"raw": "ö\x1b\n\ufffd" * number}]}
            assert sink.send(Message(f"a{number}", json.dumps(alert))).outcome is Outcome.taken
        sink.close()
        public = standardwebhooks.Webhook(SECRET)
        for number, request in enumerate(server.seen):
            verified = public.verify(request.body, request.headers)
            assert verified["data"]["id"] == f"a{number}" == request.headers["webhook-id"]
            with pytest.raises(standardwebhooks.WebhookVerificationError):
                public.verify(request.body + b" ", request.headers)


def test_several_secrets_sign_while_one_replaces_another() -> None:
    other = "whsec_" + "A" * 32
    with receiver(200) as server:
        hook(server.url, signer=Signer.of(f"{SECRET}\n{other}", "test")).send(MESSAGE)
        [request] = server.seen
        for secret in (SECRET, other):
            standardwebhooks.Webhook(secret).verify(request.body, request.headers)


@pytest.mark.parametrize("text", ["", "  ", "plain", "whsec_", "whsec_###", f"{SECRET} x"])
def test_what_is_no_secret_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UserError, match="whsec_<base64>") as caught:
        Signer.of(text, "the file")
    assert str(caught.value).startswith("the file: ")
    assert "###" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(200), Outcome.taken),
        (Reply(299), Outcome.taken),
        (Reply(200, cut="body"), Outcome.taken),
        (Reply(cut="before"), Outcome.later),
        (Reply(cut="headers"), Outcome.later),
        (Reply(500), Outcome.later),
        (Reply(503), Outcome.later),
        (Reply(301), Outcome.later),
        (Reply(302), Outcome.later),
        (Reply(408), Outcome.later),
        (Reply(425), Outcome.later),
        (Reply(429), Outcome.later),
        (Reply(400), Outcome.refused),
        (Reply(401), Outcome.refused),
        (Reply(404), Outcome.refused),
        (Reply(410), Outcome.gone),
    ],
)
def test_what_an_answer_means(reply: Reply, outcome: Outcome) -> None:
    with receiver(reply) as server:
        answer = answer_of(server)
        assert answer.outcome is outcome
        # A redirect is not followed, and one attempt is one request.
        assert [request.path for request in server.seen] == ["/"]


def test_a_receiver_that_hangs_is_left_after_a_while() -> None:
    with receiver(Reply(hangs=True), 200) as server:
        sink = hook(server.url, timeout=0.2)
        assert sink.send(MESSAGE) == Answer(Outcome.later, "ReadTimeout")
        assert sink.send(MESSAGE).outcome is Outcome.taken


def test_a_receiver_that_refuses_the_connection() -> None:
    with nobody() as url:
        answer = hook(url).send(MESSAGE)
    assert answer.outcome is Outcome.later
    assert "refused" in answer.said


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 0),
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("-3", 0),
        ("soon", 0),
        ("1e9", 0),
        ("9" * 30, 3600),
    ],
)
def test_retry_after_in_seconds(said: str | None, seconds: float) -> None:
    assert read(503, said) == Answer(Outcome.later, "HTTP 503", seconds)
    assert read(429, said).everybody


def test_retry_after_as_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    assert 200 < read(503, format_datetime(soon, usegmt=True)).after <= 300
    past = datetime.now(UTC) - timedelta(minutes=5)
    assert read(503, format_datetime(past, usegmt=True)).after == 0


def test_neither_url_nor_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with receiver(302) as server, caplog.at_level(logging.DEBUG):
        url = server.url.replace("://", "://user:pass-word@") + "secret-path?token=secret-query"
        sink = Webhook(Endpoint(parse_url(url)), signer=Signer.of(SECRET, "test"))
        said = sink.send(MESSAGE).said
        assert server.seen[0].path == "/secret-path?token=secret-query"
    for secret in ("pass-word", "secret-path", "secret-query", SECRET[6:]):
        assert secret not in caplog.text + said + sink.name + repr(sink.__dict__["_signer"])


@pytest.mark.parametrize("text", ["", "no url", "ftp://host/", "http://", "https:///path", "//h/p"])
def test_what_is_no_url_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UserError, match="no URL") as caught:
        parse_url(text)
    assert len(text) < 5 or text not in str(caught.value)


def test_headers_are_sent_along() -> None:
    headers = parse_headers(["Authorization: Bearer abc:def", "X-Empty:"])
    with receiver() as server:
        Webhook(Endpoint(parse_url(server.url), headers=headers)).send(MESSAGE)
        assert server.seen[0].headers["authorization"] == "Bearer abc:def"
        assert server.seen[0].headers["x-empty"] == ""


@pytest.mark.parametrize(
    "given",
    [
        "no colon",
        ": value",
        "a b: c",
        "A: b\r\nC: d",
        "A: \x00",
        "A: ö",
        "Webhook-Id: x",
        "HOST: x",
    ],
)
def test_what_is_no_header_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="--webhook-header"):
        parse_headers([given])


def test_a_bad_certificate_is_no_receiver(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name, one in (("own", authority), ("other", other)):
        one.cert_pem.write_to_path(str(tmp_path / name))

    def send(trusted: Path | None) -> Answer:
        sink = Webhook(Endpoint(parse_url(server.url), context=tls_context(trusted)))
        answer = sink.send(MESSAGE)
        sink.close()
        return answer

    with receiver(200, context=context) as server:
        for untrusted in (None, tmp_path / "other"):
            answer = send(untrusted)
            assert answer.outcome is Outcome.later
            assert "CERTIFICATE_VERIFY_FAILED" in answer.said
        assert server.requests == 0
        assert send(tmp_path / "own").outcome is Outcome.taken


def test_a_certificate_for_another_host_is_no_receiver(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    with receiver(200, context=context) as server:
        sink = Webhook(Endpoint(parse_url(server.url), context=tls_context(tmp_path / "ca")))
        assert "CERTIFICATE_VERIFY_FAILED" in sink.send(MESSAGE).said
        assert server.requests == 0


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"ca\.pem: no certificate"):
        tls_context(file)


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert hook("http://receiver.example/path").send(MESSAGE).outcome is Outcome.taken
        assert proxy.seen[0].path == "http://receiver.example/path"
