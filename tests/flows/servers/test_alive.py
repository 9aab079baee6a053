"""A server of `ttc up` that ends by itself is started again, but not without end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from serving import free_port

from flows.servers import processes as servers
from flows.servers.alive import STARTS_AN_HOUR, Running, ServerEnded, check_alive, revive
from flows.servers.processes import Server
from tasks.settings import Settings


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def running() -> Iterator[Running]:
    started: Running = {}
    yield started
    for process in started.values():
        process.terminate()
        process.wait(20)


def answers_within(address: str, seconds: float) -> bool:
    latest = time.monotonic() + seconds
    while time.monotonic() < latest:
        try:
            return httpx.get(address, timeout=2).status_code == 200
        except httpx.HTTPError:
            time.sleep(0.1)
    return False


def test_a_killed_server_answers_again_at_its_address(
    here: Settings, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    pages = Server("pages", ("http.server", "--bind", "127.0.0.1", port))
    running[pages] = servers.start(pages, here)
    assert answers_within(address, 30)
    # The guard leaves with 128 + 9, as a shell does.
    (serving,) = psutil.Process(running[pages].pid).children()
    serving.kill()
    running[pages].wait(20)
    with pytest.raises(ServerEnded, match="pages ended with code 137"):
        check_alive(running, here)
    revive(running, here, {})
    assert answers_within(address, 30)
    assert "pages ended with code 137" in capsys.readouterr().err


def test_a_server_that_does_not_stay_is_given_up(
    here: Settings, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    brief = Server("brief", ("timeit", "-n", "1", "pass"))
    running[brief] = servers.start(brief, here)
    earlier: dict[Server, list[float]] = {}

    def go_on() -> subprocess.Popen[bytes]:
        running[brief].wait(30)
        revive(running, here, earlier)
        return running[brief]

    for _ in range(STARTS_AN_HOUR):
        go_on()
    with pytest.raises(ServerEnded, match="started again 3 times within an hour"):
        go_on()
    assert len(capsys.readouterr().err.splitlines()) == STARTS_AN_HOUR
    # Of those an hour ago nobody speaks any more.
    earlier[brief] = [time.monotonic() - 4000.0] * STARTS_AN_HOUR
    assert go_on().poll() is None or earlier[brief]
