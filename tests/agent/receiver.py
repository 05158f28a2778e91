"""A real HTTP server that answers as it is told."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """``answers`` in turn, the last one for ever; a body is kept when it was answered with 2xx."""

    def __init__(self, answers: Sequence[int]) -> None:
        self.answers = list(answers)
        self.requests = 0
        self.bodies: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.arrived:
                    many = len(receiver.answers) > 1
                    status = receiver.answers.pop(0) if many else receiver.answers[0]
                    receiver.requests += 1
                    if 200 <= status < 300:
                        receiver.bodies.append(json.loads(body))
                    receiver.arrived.notify_all()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", f"{receiver.url}elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.bodies) >= count, timeout=30)
            return list(self.bodies)


@contextmanager
def receiver(*answers: int) -> Iterator[Receiver]:
    one = Receiver(answers or (200,))
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield one
    finally:
        one.server.shutdown()
        thread.join()
        one.server.server_close()
