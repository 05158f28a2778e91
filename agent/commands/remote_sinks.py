"""Sinks that are reached over HTTP. Their client takes 12 MiB and a quarter of a second to load:
imported only where there is such a sink."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx

from agent.clock import Clock
from agent.sinks import Sink
from agent.sinks.alertmanager import LONGEST_SILENCE, Alertmanager, alertmanager_url
from agent.sinks.endpoint import Endpoint, parse_url, tls_context, where
from agent.sinks.signature import Signer
from agent.sinks.slack import Slack
from agent.sinks.webhook import Webhook, parse_headers
from agent.state import State


def remote_sinks(
    *,
    webhooks: Sequence[str],
    headers: Sequence[str],
    signer: Signer | None,
    alertmanagers: Sequence[str],
    slack: tuple[str, str] | None,
    authority: Path | None,
    clock: Clock,
    resolves: bool,
) -> list[Sink]:
    """Raises UserError for what cannot be used, without showing a secret.

    slack: URL, and where it came from; authority: certificates to trust, too; resolves: see
    ``Alertmanager``.
    """
    hooks = [parse_url(one) for one in webhooks]
    managers = [parse_url(one, "--alertmanager") for one in alertmanagers]
    channel = None if slack is None else parse_url(*slack)
    sent = parse_headers(list(headers))
    context = tls_context(authority)
    sinks: list[Sink] = []
    for name, url in _named("webhook", hooks):
        endpoint = Endpoint(url, headers=sent, context=context)
        sinks.append(Webhook(endpoint, name=name, signer=signer, clock=clock))
    for name, url in _named("alertmanager", managers):
        endpoint = Endpoint(alertmanager_url(url), context=context)
        sinks.append(Alertmanager(endpoint, name=name, clock=clock, resolves=resolves))
    if channel is not None:
        sinks.append(Slack(Endpoint(channel, context=context)))
    return sinks


def restore_firing(sinks: Iterable[Sink], state: State, clock: Clock) -> None:
    """Tell those sinks that have to know what fired when the last run ended."""
    managers = [sink for sink in sinks if isinstance(sink, Alertmanager)]
    if managers:
        firing = state.firing(clock.wall() - LONGEST_SILENCE)
        for manager in managers:
            manager.restore(firing)


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
