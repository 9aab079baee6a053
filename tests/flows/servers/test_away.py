"""A Prefect server that is gone or fails is one sentence, and the command is tried again later."""

from __future__ import annotations

import subprocess
import sys
import time

import httpx
import pytest
from dripping import dripping

from flows.cli import main
from flows.servers import away, deployment
from flows.servers.away import server_away
from flows.servers.processes import answers
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


def test_the_server_that_a_command_started_for_itself_is_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect.server.api.server import SubprocessASGIServer

    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setattr(SubprocessASGIServer, "_instances", {})
    own = SubprocessASGIServer(8123)
    seen = httpx.Request("POST", f"{own.api_url}/flow_runs/1/set_state")
    said = server_away(wrapped(httpx.ConnectError("[Errno 111] refused", request=seen)))
    assert said is not None and said.exit_code == 75
    assert "started for itself to answer, got [Errno 111] refused" in str(said)
    elsewhere = httpx.Request("GET", "http://127.0.0.1:8124/api")
    assert server_away(httpx.ConnectError("refused", request=elsewhere)) is None


def test_errors_of_others_are_not_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    other = httpx.Request("GET", "http://mlflow.lan/api")
    assert server_away(httpx.ConnectError("refused", request=other)) is None
    assert server_away(httpx.ConnectError("refused")) is None
    assert server_away(ValueError("a bug")) is None
    assert server_away(failed(422)) is None
    monkeypatch.delenv("PREFECT_API_URL")
    assert server_away(httpx.ConnectError("refused", request=SEEN)) is None


def test_one_that_sends_a_byte_a_second_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(away, "PATIENCE_SECONDS", 1.0)
    away.bound_waits()
    begun = time.monotonic()
    with dripping() as uri, pytest.raises(httpx.TimeoutException) as failed:
        monkeypatch.setenv("PREFECT_API_URL", uri)
        deployment.client(uri).get("/flows/")
    assert "not done within 1 s" in str(server_away(failed.value))
    with dripping() as uri:
        assert not answers(f"{uri}/health")
    # Its whole answer takes more than two minutes.
    assert time.monotonic() - begun < 30


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
