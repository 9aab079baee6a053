"""A Prefect server that is gone or fails is one sentence, and the command is tried again later."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from flows.cli import main
from flows.servers.away import server_away
from tasks.settings import QUIET

API = "http://prefect.lan:4200/api"
SEEN = httpx.Request("POST", f"{API}/flow_runs/1/set_state")


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", API)


def failed(status: int) -> httpx.HTTPStatusError:
    """What Prefect's client raises for a status."""
    return httpx.HTTPStatusError("error", request=SEEN, response=httpx.Response(status))


def wrapped(error: Exception) -> Exception:
    """As Prefect raises it anew."""
    outer = RuntimeError(f"Failed to reach API at {API}")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused", request=SEEN), "refused"),
        (httpx.RemoteProtocolError("Server disconnected\n", request=SEEN), "disconnected;"),
        (httpx.ReadTimeout("", request=SEEN), "ReadTimeout"),
        (failed(500), "status 500"),
    ],
)
def test_a_server_that_is_gone_is_one_sentence_and_75(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def app() -> None:
        raise wrapped(error)

    monkeypatch.setattr(main, "app", app)
    assert main.exit_code() == 75
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line and API in line and "again" in line


def test_errors_of_others_are_not_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    other = httpx.Request("GET", "http://mlflow.lan/api")
    assert server_away(httpx.ConnectError("refused", request=other)) is None
    assert server_away(httpx.ConnectError("refused")) is None
    assert server_away(ValueError("a bug")) is None
    assert server_away(failed(422)) is None
    monkeypatch.delenv("PREFECT_API_URL")
    assert server_away(httpx.ConnectError("refused", request=SEEN)) is None


@pytest.mark.slow
def test_prefect_says_nothing_of_its_own_socket_for_events() -> None:
    program = (
        "import logging, prefect;"
        "print(logging.getLogger('prefect._internal.concurrency').isEnabledFor(logging.ERROR))"
    )
    noise = QUIET["prefect"].noise
    done = subprocess.run(
        [sys.executable, "-c", program], env=noise, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
