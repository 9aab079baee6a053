"""An object store's bad line: a proxy on loopback that is busy, loses replies, or refuses."""

import http.client
import random
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Line:
    """What befalls requests: shares of them, drawn by chance."""

    def __init__(self, seed: int) -> None:
        self.busy = 0.0
        """Answered 503, not done."""
        self.lost = 0.0
        """Done, but the connection ends without a reply."""
        self.denied = False
        """Answered 403, each of them."""
        self.met = {"busy": 0, "lost": 0}
        self._chance = random.Random(seed)
        self._turn = threading.Lock()

    def fate(self) -> str:
        """'busy', 'lost', 'denied' or 'well'."""
        with self._turn:
            throw = self._chance.random()
            if self.denied:
                return "denied"
            if throw < self.busy + self.lost:
                fate = "busy" if throw < self.busy else "lost"
                self.met[fate] += 1
                return fate
            return "well"


class Passing(BaseHTTPRequestHandler):
    """Hands one request on to the store, if the line lets it."""

    line: Line
    target: str

    def pass_on(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        fate = self.line.fate()
        if fate == "busy":
            self.answer(503, BUSY, {})
        elif fate == "denied":
            self.answer(403, DENIED, {})
        else:
            status, said, headers = self.ask(body)
            if fate == "well":
                self.answer(status, said, headers)

    def ask(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection(self.target)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            reply = connection.getresponse()
            return reply.status, reply.read(), dict(reply.getheaders())
        finally:
            connection.close()

    def answer(self, status: int, said: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name in {"ETag", "Last-Modified", "Content-Type"} & headers.keys():
            self.send_header(name, headers[name])
        # What is deleted is answered without a body.
        if status != 204:
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def between(endpoint: str, seed: int = 0) -> Generator[tuple[str, Line]]:
    """The address of a proxy before `endpoint`, and the line that decides what it does."""
    line = Line(seed)
    verbs = {f"do_{verb}": Passing.pass_on for verb in ("GET", "PUT", "DELETE", "HEAD", "POST")}
    handler = type(
        "Handler", (Passing,), verbs | {"line": line, "target": urlsplit(endpoint).netloc}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", line
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
