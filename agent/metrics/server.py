"""A small HTTP server for /metrics, /livez and /readyz. Imported where there is an endpoint.

It has its own thread and one for each request, for at most so many at a time. It says nothing on
stderr: where that is stuck, the main loop is, and this must be able to tell.
"""

import io
import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any

from agent.metrics.address import Address
from agent.metrics.board import Board
from agent.metrics.health import dead, unready

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# Connections at a time; seconds for a request to come and for an answer to be taken; bytes of what
# comes before a body, which nobody needs.
MOST_CONNECTIONS = 8
SECONDS_FOR_A_REQUEST = 5.0
MOST_BYTES = 16 * 2**10
_METHODS = frozenset({"GET", "HEAD"})
_TEXT = "text/plain; charset=utf-8"
_PAGES = "/metrics\n/livez\n/readyz\n"


class Server(ThreadingMixIn, TCPServer):
    """Raises OSError where it cannot listen. ``shutdown`` and ``server_close`` end it."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(self, address: Address, board: Board) -> None:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        self.address_family, place = found[0][0], found[0][4]
        self.board = board
        self._registry: CollectorRegistry | None = None
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(place, Handler)  # type: ignore[arg-type]
        threading.Thread(
            target=self.serve_forever, args=(1.0,), name="metrics", daemon=True
        ).start()

    @property
    def registry(self) -> "CollectorRegistry":
        # Imports 3.3 MiB, which an agent that nobody scrapes need not have. Two who ask at once
        # make two that say the same.
        if self._registry is None:
            from agent.metrics.collector import registry_of

            self._registry = registry_of(self.board)
        return self._registry

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            # Whoever holds the others is done with within seconds.
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's concern."""


class Handler(BaseHTTPRequestHandler):
    """One request on a connection. What is too slow gets no answer, what is too long a 4xx."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "metalog-agent", ""

    def setup(self) -> None:
        self.connection = self.request
        self.rfile = io.BytesIO(_head(self.connection))
        self.connection.settimeout(SECONDS_FOR_A_REQUEST)
        self.wfile = self._answered = io.BytesIO()

    def handle(self) -> None:
        self.close_connection = True
        self.handle_one_request()

    def finish(self) -> None:
        """All at once: a page is made before any of it is sent."""
        self.connection.sendall(self._answered.getvalue())

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        self.close_connection = True
        if self.command not in _METHODS:
            self.send_response(HTTPStatus.METHOD_NOT_ALLOWED)
            self.send_header("Allow", "GET, HEAD")
            self._end("only GET and HEAD\n")
            return False
        return True

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        now = time.monotonic()
        if path == "/metrics":
            self._metrics()
        elif path == "/livez":
            reason = dead(self.server.board, now)
            self._answer([] if reason is None else [reason])
        elif path == "/readyz":
            self._answer(unready(self.server.board, now))
        else:
            self.send_response(HTTPStatus.OK if path == "/" else HTTPStatus.NOT_FOUND)
            self._end(_PAGES)

    def _metrics(self) -> None:
        from prometheus_client.exposition import choose_encoder

        encoder, kind = choose_encoder(self.headers.get("Accept", ""))
        page = encoder(self.server.registry)
        self.send_response(HTTPStatus.OK)
        self._end(page, kind)

    def _answer(self, reasons: list[str]) -> None:
        self.send_response(HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK)
        self._end("".join(f"{reason}\n" for reason in reasons) or "ok\n")

    def _end(self, body: str | bytes, kind: str = _TEXT) -> None:
        raw = body.encode("utf-8", "backslashreplace") if isinstance(body, str) else body
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _head(connection: socket.socket) -> bytes:
    """What comes up to the empty line; as much as there is where that is too long. Raises OSError
    where it comes too slowly."""
    until = time.monotonic() + SECONDS_FOR_A_REQUEST
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) < MOST_BYTES:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(MOST_BYTES)
        if not part:
            break
        head += part
    return head
