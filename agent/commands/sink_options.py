"""The options that say where alerts go, the same for every command that sends some."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import httpx
import typer

from agent.clock import Clock
from agent.sinks import Sink
from agent.sinks.alertmanager import LONGEST_SILENCE, Alertmanager, alertmanager_url
from agent.sinks.endpoint import Endpoint, parse_url, tls_context, where
from agent.sinks.file import AlertFile
from agent.sinks.signature import Signer
from agent.sinks.slack import Slack
from agent.sinks.webhook import Webhook, parse_headers
from agent.state import State
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

        resolves: see ``Alertmanager``.
        """
        hooks = [parse_url(one) for one in self.webhook]
        managers = [parse_url(one, "--alertmanager") for one in self.alertmanager]
        slack = self._slack_url()
        headers = parse_headers(self.webhook_header)
        signer = self._signer()
        if self.webhook_secret_file is not None and not hooks:
            raise UserError("--webhook-secret-file: there is no --webhook to sign")
        sinks: list[Sink] = [AlertFile(path) for path in dict.fromkeys(self.alert_file)]
        if not (hooks or managers or slack):
            return sinks
        context = tls_context(self.authority)
        for name, url in _named("webhook", hooks):
            endpoint = Endpoint(url, headers=headers, context=context)
            sinks.append(Webhook(endpoint, name=name, signer=signer, clock=clock))
        for name, url in _named("alertmanager", managers):
            sinks.append(
                Alertmanager(
                    Endpoint(alertmanager_url(url), context=context),
                    name=name,
                    clock=clock,
                    resolves=resolves,
                )
            )
        if slack is not None:
            sinks.append(Slack(Endpoint(slack, context=context)))
        return sinks

    def _signer(self) -> Signer | None:
        if self.webhook_secret_file is not None:
            origin = str(self.webhook_secret_file)
            return Signer.of(_secret(self.webhook_secret_file), origin)
        given = os.environ.get(_SECRET)
        return Signer.of(given, f"${_SECRET}") if given else None

    def _slack_url(self) -> httpx.URL | None:
        if self.slack is not None:
            return parse_url(_secret(self.slack), f"--slack {self.slack}")
        given = os.environ.get(_SLACK)
        return parse_url(given, f"${_SLACK}") if given else None


def restore_firing(sinks: Iterable[Sink], state: State, clock: Clock) -> None:
    """Tell those sinks that have to know what fired when the last run ended."""
    managers = [sink for sink in sinks if isinstance(sink, Alertmanager)]
    if managers:
        firing = state.firing(clock.wall() - LONGEST_SILENCE)
        for manager in managers:
            manager.restore(firing)


def _secret(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        raise UserError(f"{file}: holds no text") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


def _named(kind: str, urls: list[httpx.URL]) -> list[tuple[str, httpx.URL]]:
    """Names without secrets, the same at every start. Several on one host need more than the host:
    a few digits that nobody can guess the URL from."""
    urls = list(dict.fromkeys(urls))
    many = Counter(map(where, urls))

    def name(url: httpx.URL) -> str:
        plain = f"{kind} {where(url)}"
        if many[where(url)] == 1:
            return plain
        return f"{plain} ({hashlib.sha256(str(url).encode()).hexdigest()[:6]})"

    return [(name(url), url) for url in urls]
