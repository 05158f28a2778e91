"""Sinks that are reached over HTTP. Their client takes 12 MiB and a quarter of a second to load:
imported only where there is such a sink."""

import hashlib
import ssl
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    context = _context(authority)
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


def remote_sink(
    *,
    kind: str,
    name: str,
    url: str,
    said: str,
    headers: Sequence[str],
    headers_said: str,
    signer: Signer | None,
    authority: Path | None,
    authority_said: str,
    clock: Clock,
    resolves: bool,
    labels: Mapping[str, str],
) -> Sink:
    """One of a configuration; see ``remote_sinks``. kind: webhook, alertmanager or slack; said:
    what is to blame for what."""
    address = parse_url(url, said)
    sent = parse_headers(list(headers), headers_said)
    context = _context(authority, authority_said)
    if kind == "alertmanager":
        endpoint = Endpoint(alertmanager_url(address), context=context)
        return Alertmanager(endpoint, name=name, clock=clock, resolves=resolves, labels=labels)
    endpoint = Endpoint(address, headers=sent, context=context)
    if kind == "slack":
        return Slack(endpoint, name=name)
    return Webhook(endpoint, name=name, signer=signer, clock=clock)


# By file and the time of its last change: a context takes half a MiB and some milliseconds.
_contexts: dict[tuple[Path | None, int], ssl.SSLContext] = {}


def _context(authority: Path | None, said: str = "--webhook-ca") -> ssl.SSLContext:
    changed = 0
    if authority is not None and authority.exists():
        changed = authority.stat().st_mtime_ns
    if (authority, changed) not in _contexts:
        _contexts[authority, changed] = tls_context(authority, said)
    return _contexts[authority, changed]


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
