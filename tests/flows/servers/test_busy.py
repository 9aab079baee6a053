"""Prefect's API while it is busy: what is asked of it is asked again."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from serving import free_port

from flows.servers import deployment
from flows.servers.processes import POOL

RESET = 0
"""In place of a status: the connection is cut before any answer."""

FLOW = {"id": "1", "name": "nightly"}
DEPLOYED = {"flow_id": "1", "name": "nightly", "schedules": []}
ANSWERS: dict[str, Any] = {
    "/api/work_pools/": {},
    f"/api/work_pools/{POOL}/workers/filter": [{"name": "elsewhere", "status": "ONLINE"}],
    "/api/flow_runs/filter": [{"id": "7"}],
    "/api/flow_runs/7/set_state": {},
    "/api/flows/filter": [FLOW],
    "/api/deployments/filter": [DEPLOYED],
}


class Troubled(ThreadingHTTPServer):
    """Answers every path as above once it failed the first requests of that path."""

    def __init__(self, failures: list[int]) -> None:
        self.failures = failures
        self.asked: dict[str, int] = {}
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"

    def next_status(self, path: str) -> int:
        place = self.asked.get(path, 0)
        self.asked[path] = place + 1
        return self.failures[place] if place < len(self.failures) else 200


class Answering(BaseHTTPRequestHandler):
    server: Troubled

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.next_status(self.path)
        if status == RESET:
            # Closed with this, the connection is reset and not ended.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        body = json.dumps(ANSWERS[self.path] if status == 200 else {}).encode()
        self.send_response(status)
        # As Prefect's server does; with it the test takes no longer than it must.
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test has its own words."""


@contextmanager
def troubled(failures: list[int]) -> Generator[Troubled]:
    server = Troubled(failures)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


CALLS: list[Callable[[str], Any]] = [
    deployment.make_pool,
    deployment.bury_orphans,
    deployment.schedules,
    deployment.worker_is_online,
    lambda api: deployment.workers_elsewhere(api, "own"),
]
"""Everything that is asked of Prefect's API."""


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("failures", [[], [503, 503], [429, 502]])
def test_a_busy_server_is_asked_until_it_answers(
    call: Callable[[str], Any], failures: list[int]
) -> None:
    with troubled([]) as calm, troubled(failures) as busy:
        assert call(busy.api) == call(calm.api)
        tries = len(failures) + 1
        assert busy.asked == {path: tries * times for path, times in calm.asked.items()}


def test_a_connection_that_is_cut_is_made_again() -> None:
    with troubled([RESET]) as server:
        assert deployment.bury_orphans(server.api) == 1
        assert set(server.asked.values()) == {2}


def test_a_server_that_stays_busy_is_said_to_be() -> None:
    with troubled([503] * 100) as server, pytest.raises(httpx.HTTPStatusError, match="503"):
        deployment.worker_is_online(server.api)


def test_an_error_of_the_server_is_not_taken_for_a_pool_without_workers() -> None:
    with troubled([500]) as server, pytest.raises(httpx.HTTPStatusError, match="500"):
        deployment.worker_is_online(server.api)
    with troubled([404]) as server:
        assert not deployment.worker_is_online(server.api)


def test_a_server_that_is_not_there_is_said_to_be_so_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(httpx.ConnectError):
        deployment.bury_orphans(f"http://127.0.0.1:{free_port()}/api")
    assert time.monotonic() - started < 2
