"""What `ttc serve` refuses before and while it answers, and that it answers others meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from endpoint import served
from scripted_runs import ScriptedEngines, run_all, small_study

from flows.servers import bounds
from tasks.benchmarks import bundled

PATH = "/v1/completions"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a warehouse with one complete run, and the run's id."""
    folder = tmp_path_factory.mktemp("bounds") / "warehouse"
    return folder, run_all(folder, small_study(probe_draws=2))


class Slow(ScriptedEngines):
    """Every reply takes a second."""

    def __init__(self, run: Any) -> None:
        super().__init__(run, 1.0)


def refusal(reply: httpx.Response) -> tuple[int, str]:
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return reply.status_code, error["message"]


def test_a_body_that_is_too_long_is_413_by_what_it_says_and_by_what_comes(
    home: tuple[Path, str],
) -> None:
    body = json.dumps({"prompt": "x" * bounds.LONGEST}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 2**16):
            yield body[at : at + 2**16]

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post(PATH, content=body),
            await client.post(PATH, content=pieces()),
            await client.post(PATH, content=b"{}", headers={"Content-Length": "99999999999"}),
            await client.post(PATH, content=b"{}", headers={"Content-Length": "many"}),
        ]

    for reply in served(home, ask):
        status, said = refusal(reply)
        assert status == 413 and f"at most {bounds.LONGEST:,} bytes" in said


def test_a_body_that_never_comes_is_408(
    home: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "READ_SECONDS", 0.1)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)
        yield b"}"

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(PATH, content=slowly())

    start = time.monotonic()
    assert refusal(served(home, ask))[0] == 408
    assert time.monotonic() - start < 15


def test_an_answer_that_takes_too_long_is_408_and_the_next_is_answered(
    home: tuple[Path, str],
) -> None:
    asked = {"prompt": bundled.questions("test", 20)[0].text, "budget": 4}

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.post(PATH, json=asked), await client.get("/health")]

    late, health = served(home, ask, seconds=0.2, engines=Slow)
    status, said = refusal(late)
    assert status == 408 and "budget of 4" in said
    assert health.status_code == 200


def test_health_answers_while_a_long_message_is_looked_at(home: tuple[Path, str]) -> None:
    text = "Modulo 7: A = 3·a, want A = 5; " * 30_000

    async def ask(client: httpx.AsyncClient) -> tuple[httpx.Response, int]:
        long = asyncio.create_task(client.post(PATH, json={"prompt": text}))
        answered = 0
        while not long.done():
            health = await client.get("/health")
            answered += health.status_code == 200 and not long.done()
            await asyncio.sleep(0.02)
        return await long, answered

    long, answered = served(home, ask)
    status, said = refusal(long)
    assert status == 400 and "prompt of at most" in said
    # Encoding it takes a second or more. With the loop kept waiting it would be one or two.
    assert answered >= 8


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, b'{"prompt": "1 + \\ud800"}'),
        (PATH, b'{"prompt": "\\udc00\\ud800"}'),
        ("/v1/chat/completions", b'{"messages": [{"role": "user", "content": "\\ud800"}]}'),
        (
            "/v1/chat/completions",
            b'{"messages": [{"role": "user", "content": [{"type": "text", "text": "\\udfff"}]}]}',
        ),
        (PATH, b'{"prompt": "\xff"}'),
        (PATH, b'{"prompt": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        (PATH, b'{"prompt": "1", "budget": ' + b"9" * 5_000 + b"}"),
    ],
    ids=["surrogate", "two", "chat", "part", "no UTF-8", "deep", "digits"],
)
def test_what_is_no_text_or_no_request_is_400(
    home: tuple[Path, str], path: str, body: bytes
) -> None:
    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, content=body, headers={"Content-Type": "application/json"})

    reply = served(home, ask)
    assert refusal(reply)[0] == 400


def test_strangers_are_refused_before_their_body_is_read(home: tuple[Path, str]) -> None:
    foreign = {"Origin": "http://evil.example", "Content-Length": "99999999999"}

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.get("/health", headers={"Host": "evil.example"}),
            await client.post(PATH, content=b"{}", headers=foreign),
        ]

    assert [refusal(reply)[0] for reply in served(home, ask)] == [403, 403]
