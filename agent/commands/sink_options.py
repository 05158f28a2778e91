"""The options that say where alerts go, the same for every command that sends some."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from agent.clock import Clock
from agent.sinks import Sink
from agent.sinks.file import AlertFile
from agent.sinks.secret_file import read_secret
from agent.sinks.signature import Signer
from models.errors import UserError

_SECRET = "METALOG_WEBHOOK_SECRET"
_SLACK = "METALOG_SLACK_URL"

WebhookOption = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="POST alerts here, too; may be repeated."),
]
WebhookSecretOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=f"Holds the secret (whsec_...) that webhooks are signed with.  [default: ${_SECRET}]",
    ),
]
WebhookHeaderOption = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: VALUE'", help="Sent with each webhook; may be repeated."),
]
AuthorityOption = Annotated[
    Path | None,
    typer.Option(
        "--webhook-ca",
        metavar="FILE",
        help="Certificates (PEM) of authorities to trust, too, for all that is sent over TLS.",
    ),
]
AlertmanagerOption = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="Of a Prometheus Alertmanager; may be repeated."),
]
SlackOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=f"Holds the URL of a Slack-compatible incoming webhook.  [default: ${_SLACK}]",
    ),
]
AlertFileOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Append alerts here as JSON lines; may be repeated."),
]


@dataclass(frozen=True)
class SinkOptions:
    """What was asked for, beside stdout."""

    webhook: list[str] = field(default_factory=list)
    webhook_secret_file: Path | None = None
    webhook_header: list[str] = field(default_factory=list)
    authority: Path | None = None
    alertmanager: list[str] = field(default_factory=list)
    slack: Path | None = None
    alert_file: list[Path] = field(default_factory=list)

    def sinks(self, clock: Clock, *, resolves: bool = True) -> list[Sink]:
        """Raises UserError for what cannot be used, without showing a secret.

        resolves: see ``agent.sinks.alertmanager``.
        """
        signer = self._signer()
        if self.webhook_secret_file is not None and not self.webhook:
            raise UserError("--webhook-secret-file: there is no --webhook to sign")
        if self.webhook_header and not self.webhook:
            raise UserError("--webhook-header: there is no --webhook to send it with")
        sinks: list[Sink] = [AlertFile(path) for path in dict.fromkeys(self.alert_file)]
        slack = self._slack_url()
        if self.webhook or self.alertmanager or slack:
            from agent.sinks.remote import remote_sinks

            sinks += remote_sinks(
                webhooks=self.webhook, headers=self.webhook_header, signer=signer,
                alertmanagers=self.alertmanager, slack=slack, authority=self.authority,
                clock=clock, resolves=resolves,
            )  # fmt: skip
        return sinks

    @property
    def any(self) -> bool:
        """Whether anything was asked for on the command line."""
        return self != SinkOptions()

    def _signer(self) -> Signer | None:
        if self.webhook_secret_file is not None:
            origin = str(self.webhook_secret_file)
            return Signer.of(read_secret(self.webhook_secret_file), origin)
        given = os.environ.get(_SECRET)
        return Signer.of(given, f"${_SECRET}") if given else None

    def _slack_url(self) -> tuple[str, str] | None:
        if self.slack is not None:
            return read_secret(self.slack), f"--slack {self.slack}"
        given = os.environ.get(_SLACK)
        return (given, f"${_SLACK}") if given else None
