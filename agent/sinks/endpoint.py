"""One HTTP endpoint: how a request is made and what its answer means."""

import logging
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path

import httpx

from agent.sinks import Answer, Outcome
from agent.sinks.rendering import plain
from models.errors import UserError

_TIMEOUT = 15.0
# A receiver that asks to be left alone for a day would make us keep alerts that nobody gets.
_LONGEST_RETRY_AFTER = 3600.0
# Client errors that another attempt may mend (RFC 9110, RFC 6585); 407 is the word of a proxy.
_PASSING = frozenset({407, 408, 425, 429})
_TOO_MANY = 429
_GONE = 410
# An answer read to its end lets the connection live on; a longer one is not worth that.
_MOST_READ = 64 * 2**10


class Endpoint:
    """POSTs to one URL. Only 2xx is success; redirects are not followed: an alert goes where the
    user said. Proxies come from the environment (HTTPS_PROXY, NO_PROXY, ...).

    The URL may hold a secret, so only scheme, host and port (``where``) are ever said.
    """

    def __init__(
        self,
        url: httpx.URL,
        *,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
        timeout: float = _TIMEOUT,
    ) -> None:
        # They would log the URL.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._url = url
        self.where = where(url)
        self._timeout = timeout
        self._client = httpx.Client(
            timeout=timeout,
            headers={
                "user-agent": f"metalog-agent/{version('metalog')}",
                **(headers or {}),
                "content-type": "application/json",
            },
            follow_redirects=False,
            verify=context or tls_context(),
        )

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        try:
            with self._client.stream(
                "POST", self._url, content=body, headers=dict(headers or {})
            ) as response:
                status, asked = response.status_code, response.headers.get("retry-after")
                self._finish(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError) as error:
            return Answer(Outcome.later, _problem(error))
        return read(status, asked)

    def close(self) -> None:
        self._client.close()

    def _finish(self, response: httpx.Response) -> None:
        """Read what follows the headers; it has been answered, whatever becomes of the rest."""
        until, count = time.monotonic() + self._timeout, 0
        try:
            for part in response.iter_raw():
                count += len(part)
                if count > _MOST_READ or time.monotonic() > until:
                    return
        except (httpx.HTTPError, httpx.StreamError):
            return


def read(status: int, retry_after: str | None) -> Answer:
    """What an answer means."""
    said = f"HTTP {status}"
    if 200 <= status < 300:
        return Answer(Outcome.taken, said)
    if status == _GONE:
        return Answer(Outcome.gone, said)
    if 400 <= status < 500 and status not in _PASSING:
        return Answer(Outcome.refused, said)
    # Whoever is sent too much is sent too much by every other alert, too.
    return Answer(Outcome.later, said, _seconds(retry_after), everybody=status == _TOO_MANY)


def _seconds(retry_after: str | None) -> float:
    """RFC 9110, 10.2.3: a number of seconds, or a date. Nonsense is 0."""
    if retry_after is None:
        return 0.0
    try:
        if retry_after.strip().isdecimal():
            seconds = float(retry_after)
        else:
            date = parsedate_to_datetime(retry_after)
            date = date if date.tzinfo else date.replace(tzinfo=UTC)
            seconds = (date - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _problem(error: Exception) -> str:
    # What a connection failed of names no URL, but says whether it is the certificate.
    kind = type(error).__name__
    said = str(error) if isinstance(error, httpx.ConnectError | ssl.SSLError) else ""
    return plain(f"{kind}: {said}" if said else kind, 200)


def where(url: httpx.URL) -> str:
    """Scheme, host and port: what may be said of a URL."""
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace').rpartition('@')[2]}"


def parse_url(text: str, option: str = "--webhook") -> httpx.URL:
    """Raises UserError for what is no http(s) URL with a host."""
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError):
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise UserError(
            f"{option}: no URL of the form https://host/path; check it (it is not shown here, as "
            "it may hold a secret)"
        )
    return url


def tls_context(authority: Path | None = None, option: str = "--webhook-ca") -> ssl.SSLContext:
    """Trusts the usual certificate authorities, and those in the PEM file ``authority``."""
    context = httpx.create_ssl_context()
    if authority is not None:
        try:
            context.load_verify_locations(authority)
        except (OSError, ssl.SSLError):
            raise UserError(
                f"{authority}: no certificate can be read from it; {option} wants a PEM file"
            ) from None
    return context
