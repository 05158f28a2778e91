"""A real HTTP server that answers as it is told."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """How one request is answered. hangs: not before the server ends. cut: the connection is closed
    in the middle: "before" the status line, within the "headers", or within the "body"."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    cut: str | None = None


@dataclass(frozen=True)
class Request:
    """What came. headers: names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """``answers`` in turn, the last one for ever; a body is kept when it was answered with 2xx.

    requests: how many came; seen: all of them. choose: answers by what the request holds, instead.
    """

    def __init__(self, answers: Sequence[int | Reply], context: ssl.SSLContext | None) -> None:
        self.answers = list(answers)
        self.choose: Callable[[Request], int | Reply] | None = None
        self.requests = 0
        self.seen: list[Request] = []
        self.bodies: list[Any] = []
        self.arrived = threading.Condition()
        self.ending = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = receiver.take(Request(self.path, headers, body))
                if reply.hangs:
                    receiver.ending.wait()
                if reply.hangs or reply.cut == "before":
                    self.close_connection = True
                    return
                if reply.cut == "headers":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-le")
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if 300 <= reply.status < 400:
                    self.send_header("location", f"{receiver.url}elsewhere")
                self.send_header("content-length", "10" if reply.cut == "body" else "0")
                self.end_headers()
                if reply.cut == "body":
                    self.wfile.write(b"half")
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                # A client that went away, or would not trust us, is what some tests are about.
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            # The handshake belongs to the connection's own thread.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/"

    def take(self, request: Request) -> Reply:
        with self.arrived:
            if self.choose is not None:
                answer = self.choose(request)
            else:
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            reply = Reply(answer) if isinstance(answer, int) else answer
            self.requests += 1
            self.seen.append(request)
            if 200 <= reply.status < 300 and not reply.hangs and reply.cut in (None, "body"):
                self.bodies.append(json.loads(request.body))
            self.arrived.notify_all()
        return reply

    def wait_for(self, count: int) -> list[Any]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.bodies) >= count, timeout=30)
            return list(self.bodies)

    def wait_for_requests(self, count: int) -> list[Request]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.requests >= count, timeout=30)
            return list(self.seen)


@contextmanager
def receiver(*answers: int | Reply, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    one = Receiver(answers or (200,), context)
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield one
    finally:
        one.ending.set()
        one.server.shutdown()
        thread.join()
        one.server.server_close()


@contextmanager
def nobody() -> Iterator[str]:
    """URL of a port where every connection is refused."""
    with socket.socket() as held:
        # Bound and not listening: nobody else can take it meanwhile.
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/"
