"""A proxy on loopback before a real server, on which requests fail as they are told to."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trials import ROOT

STAYING = ("gone", "500 on", "slow")
"""Faults that all further requests meet too."""
SLOW_SECONDS = 2.0
"""Before each reply of a slow server."""


class Line:
    """What befalls requests that go through the proxy."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.kind = ""
        self.at = 0
        self.seen = 0
        """Requests since."""
        self._turn = threading.Lock()

    def breaks(self, kind: str, at: int) -> None:
        """From now on requests are counted, and that one fails so; no kind: all is well."""
        with self._turn:
            self.kind, self.at, self.seen = kind, at, 0

    def fate(self) -> str:
        """What befalls the next request."""
        with self._turn:
            place = self.seen
            self.seen += 1
            meets = place >= self.at if self.kind in STAYING else place == self.at
            return self.kind if meets else ""

    def is_gone(self) -> bool:
        """Whether nobody is answered any more."""
        with self._turn:
            return self.kind == "gone" and self.seen > self.at


@contextlib.contextmanager
def between(port: int) -> Iterator[tuple[Line, str]]:
    """The line to a server, and the address at which it is asked through the line."""
    line = Line(port)

    class Passing(BaseHTTPRequestHandler):
        """Hands on whatever it is asked."""

        def __getattr__(self, name: str) -> object:
            # `do_GET` and the like, which the base class looks up by name.
            if name.startswith("do_"):
                return lambda: _handle(line, self)
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield line, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def _handle(line: Line, asked: BaseHTTPRequestHandler) -> None:
    content = asked.rfile.read(int(asked.headers.get("Content-Length", 0)))
    # Whether it is there at all is asked before a publication: a server that dies does so later.
    fate = "" if asked.path == "/health" else line.fate()
    if fate in ("500", "500 on"):
        asked.send_error(500, "on purpose")
        return
    if fate in ("cut before", "gone"):
        asked.connection.shutdown(socket.SHUT_RDWR)
        return
    if asked.headers.get("Upgrade"):
        _tunnel(line, asked)
        return
    if fate == "slow":
        time.sleep(SLOW_SECONDS)
    status, headers, reply = _ask(line.port, asked, content)
    if fate == "cut after":
        asked.connection.shutdown(socket.SHUT_RDWR)
        return
    asked.send_response(status)
    for name, value in headers:
        if name.lower() not in ("transfer-encoding", "content-length", "connection"):
            asked.send_header(name, value)
    asked.send_header("Content-Length", str(len(reply)))
    asked.send_header("Connection", "close")
    asked.end_headers()
    with contextlib.suppress(OSError):
        _send(asked, reply, slowly=fate == "drip")


def _ask(
    port: int, asked: BaseHTTPRequestHandler, content: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {k: v for k, v in asked.headers.items() if k.lower() not in ("host", "connection")}
    server.request(asked.command, asked.path, body=content, headers=headers)
    reply = server.getresponse()
    return reply.status, reply.getheaders(), reply.read()


def _tunnel(line: Line, asked: BaseHTTPRequestHandler) -> None:
    """A WebSocket, whose bytes go to and fro until one side ends it or the server is gone."""
    asked.close_connection = True
    with socket.create_connection(("127.0.0.1", line.port)) as server:
        headers = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
        server.sendall(f"{asked.requestline}\r\n{headers}\r\n".encode("latin-1"))
        others = {asked.connection: server, server: asked.connection}
        with contextlib.suppress(OSError):
            while not line.is_gone():
                ready, _, _ = select.select(list(others), [], [], 0.2)
                for one in ready:
                    content = one.recv(1 << 16)
                    if not content:
                        return
                    others[one].sendall(content)


def _send(asked: BaseHTTPRequestHandler, reply: bytes, *, slowly: bool) -> None:
    for byte in reply if slowly else ():
        asked.wfile.write(bytes([byte]))
        asked.wfile.flush()
        time.sleep(1.0)
    if not slowly:
        asked.wfile.write(reply)


@contextlib.contextmanager
def serving(
    command: list[str], port: int, *, log: Path, environment: dict[str, str], path: str
) -> Iterator[int]:
    """The port of a server that the command starts, from when it answers at the path."""
    with log.open("w") as said:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)
    try:
        wait_for_server(port, server, path)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def wait_for_server(port: int, server: subprocess.Popen[bytes], path: str) -> None:
    """Back once the server answers at the path; RuntimeError where it ended, or never does."""
    until = time.monotonic() + 300
    while time.monotonic() < until and server.poll() is None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            line.request("GET", path)
            if line.getresponse().status == 200:
                return
        time.sleep(0.3)
    raise RuntimeError("the server did not start")


def free_port() -> int:
    """A port of loopback at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
