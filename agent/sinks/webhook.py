"""Alerts to an HTTP endpoint."""

import logging
import queue
import threading
from contextlib import suppress
from importlib.metadata import version

import httpx

from models.errors import UserError

_TIMEOUT = 15.0
_FIRST_RETRY = 5.0
_LONGEST_RETRY = 300.0
_ROOM = 1000
# Client errors that another attempt may mend (RFC 9110, RFC 6585); all others are final.
_PASSING = frozenset({408, 425, 429})

log = logging.getLogger("metalog.webhook")


class Webhook:
    """POSTs each alert as JSON, one after another, from a thread of its own.

    Only 2xx is success. Refused connections, timeouts, 5xx and a few 4xx are tried again, the
    pause doubling up to five minutes; other answers drop the alert, which is logged. Redirects are
    not followed: an alert goes where the user said. The URL may hold a secret, so only scheme and
    host are ever logged.
    """

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self.where = f"{self._url.scheme}://{self._url.netloc.decode().rpartition('@')[2]}"
        self.name = f"webhook {self.where}"
        self._waiting: queue.Queue[tuple[str, str] | None] = queue.Queue(_ROOM)
        self._delivered: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def offer(self, alert: str, body: str) -> bool:
        try:
            self._waiting.put_nowait((alert, body))
        except queue.Full:
            return False
        return True

    def delivered(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._delivered.get_nowait())
            except queue.Empty:
                return found

    def close(self, seconds: float) -> None:
        """What could not be delivered by then stays with the caller."""
        self._stopping.set()
        # A full queue is not waited for: its thread stops after the alert it has in hand.
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        headers = {
            "content-type": "application/json",
            "user-agent": f"metalog-agent/{version('metalog')}",
        }
        with httpx.Client(timeout=_TIMEOUT, headers=headers, follow_redirects=False) as client:
            while (one := self._waiting.get()) is not None:
                alert, body = one
                if self._deliver(client, body):
                    self._delivered.put(alert)
                elif self._stopping.is_set():
                    return

    def _deliver(self, client: httpx.Client, body: str) -> bool:
        """True when the alert is done with: delivered, or refused for good."""
        pause = _FIRST_RETRY
        while True:
            try:
                status = client.post(self._url, content=body).status_code
            except httpx.HTTPError as error:
                problem = type(error).__name__
            else:
                if 200 <= status < 300:
                    return True
                problem = f"HTTP {status}"
                if status < 500 and status not in _PASSING:
                    log.error("%s answered %s: alert dropped", self.where, problem)
                    return True
            log.warning("%s: %s; next attempt in %g s", self.where, problem, pause)
            if self._stopping.wait(pause):
                return False
            pause = min(2 * pause, _LONGEST_RETRY)


def parse_url(text: str) -> httpx.URL:
    """Raises UserError for what is no http(s) URL with a host."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise UserError(
            "--webhook: no URL of the form https://host/path; check it (it is not shown here, as "
            "it may hold a secret)"
        )
    return url
