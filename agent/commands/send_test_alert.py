"""``metalog-agent send-test-alert``: whether alerts would arrive, before there are any."""

import secrets
import socket

import typer

from agent.alerts.alert import VERSION, Alert, iso_time
from agent.assembly import Assembly
from agent.clock import SystemClock
from agent.commands.config_option import ConfigOption
from agent.commands.sink_options import (
    AlertFileOption,
    AlertmanagerOption,
    AuthorityOption,
    SinkOptions,
    SlackOption,
    WebhookHeaderOption,
    WebhookOption,
    WebhookSecretOption,
)
from agent.config import configured, file_to_read
from agent.sinks import Message, Outcome
from models.errors import UserError


def send_test_alert(
    config: ConfigOption = None,
    webhook: WebhookOption = None,
    webhook_secret_file: WebhookSecretOption = None,
    webhook_header: WebhookHeaderOption = None,
    webhook_ca: AuthorityOption = None,
    alertmanager: AlertmanagerOption = None,
    slack: SlackOption = None,
    alert_file: AlertFileOption = None,
) -> None:
    """Send one alert that says it is a test, once, and print what each sink answered.

    To the sinks that are named here, or else to those of the configuration. Exit code 0 only when
    all of them took it.
    """
    clock = SystemClock()
    options = SinkOptions(
        webhook or [], webhook_secret_file, webhook_header or [], webhook_ca,
        alertmanager or [], slack, alert_file or [],
    )  # fmt: skip
    file = file_to_read(config, otherwise=not options.any)
    if file is None or options.any:
        sinks = options.sinks(clock, resolves=False)
    else:
        assembly, configuration = Assembly(clock=clock), configured(file=file)
        sinks = [assembly.sink(one) for one in configuration.sinks.values() if one.kind != "stdout"]
    if not sinks:
        raise UserError("no sink to test: name one, such as --webhook URL or --alert-file FILE")
    message = _message(clock.wall())
    well = True
    for sink in sinks:
        answer = sink.send(message)
        sink.close()
        taken = answer.outcome is Outcome.taken
        well &= taken
        print(f"{'ok    ' if taken else 'FAILED'}  {sink.name}: {answer.said}", flush=True)
    if not well:
        raise typer.Exit(1)


def _message(wall: float) -> Message:
    ident = f"test-{secrets.token_hex(8)}"
    alert = Alert(
        schema=VERSION, kind="test", status="firing", id=ident, incident=ident,
        fingerprint="test", count=1, summary="sent by metalog-agent send-test-alert",
        raised_at=iso_time(wall), host=socket.gethostname(), key="", source="", place="", file=None,
        first_offset=None, last_file=None, last_offset=None, lines=0, first_time=None,
        last_time=None, score=0.0, threshold=0.0, bundle="", bundle_version="", epoch=0, events=(),
        new_events=(), context=(),
    )  # fmt: skip
    return Message(ident, alert.to_json())
