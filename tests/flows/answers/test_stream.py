"""`stream: true` at the endpoint: what OpenAI's own client makes of it, and the bare events."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from endpoint import served
from scripted_runs import ScriptedEngines, run_all, small_study

from flows.answers import stream
from tasks.benchmarks import bundled

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a warehouse with one complete run, and the run's id."""
    folder = tmp_path_factory.mktemp("stream") / "warehouse"
    return folder, run_all(folder, small_study(probe_draws=2))


class Slow(ScriptedEngines):
    """Every reply takes a while, so that there is something to tell meanwhile."""

    def __init__(self, run: Any) -> None:
        super().__init__(run, 0.05)


class Breaks(ScriptedEngines):
    """Fails once the stream has begun."""

    async def engine(self, _model: object) -> Any:
        await asyncio.sleep(0.3)
        raise RuntimeError("/secret/place broke")


def body(**changes: Any) -> dict[str, Any]:
    question = bundled.questions("test", 20)[0].text
    asked = {"messages": [{"role": "user", "content": question}], "budget": 8, "stream": True}
    return asked | changes


def read(reply: httpx.Response) -> tuple[list[str], list[dict[str, Any]]]:
    """Comments, and data but for the last, which says that this was all."""
    assert reply.text.endswith("\n\n")
    blocks = reply.text.removesuffix("\n\n").split("\n\n")
    assert blocks.pop() == "data: [DONE]"
    comments = [block for block in blocks if block.startswith(": ")]
    data = [block.removeprefix("data: ") for block in blocks if block.startswith("data: ")]
    assert len(comments) + len(data) == len(blocks)
    # Progress stands before the answer.
    assert blocks[: len(comments)] == comments
    return comments, [json.loads(one) for one in data]


def test_openais_client_reads_the_answer_that_it_would_get_without_a_stream(
    home: tuple[Path, str],
) -> None:
    async def ask(client: httpx.AsyncClient) -> Any:
        # Its types know a fork of httpx alone; it takes this one all the same.
        http_client: Any = client
        caller = openai.AsyncOpenAI(base_url="http://x/v1", api_key="none", http_client=http_client)
        asked = body()
        chunks = await caller.chat.completions.create(
            model="bundled/congruences-generator",
            messages=asked["messages"],
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"budget": 8},
        )
        received = [chunk async for chunk in chunks]
        whole = await client.post(CHAT, json=body(stream=False))
        return received, whole.json()

    chunks, whole = served(home, ask)
    role, answer, end, last = chunks
    assert (role.choices[0].delta.role, role.choices[0].delta.content) == ("assistant", "")
    assert answer.choices[0].delta.content == whole["choices"][0]["message"]["content"]
    assert answer.ttc["cost"] == whole["ttc"]["cost"]
    assert [one.choices[0].finish_reason for one in (role, answer, end)] == [None, None, "stop"]
    assert last.choices == [] and last.usage.model_dump(exclude_none=True) == whole["usage"]
    assert {one.object for one in chunks} == {"chat.completion.chunk"}
    assert len({one.id for one in chunks}) == 1


def test_without_the_wish_for_usage_no_chunk_has_the_field(home: tuple[Path, str]) -> None:
    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(CHAT, json=body())

    reply = served(home, ask)
    assert reply.headers["content-type"].startswith("text/event-stream")
    _, chunks = read(reply)
    assert len(chunks) == 3
    assert not any("usage" in chunk for chunk in chunks)


def test_progress_counts_what_is_drawn(
    home: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PROGRESS_SECONDS", 0.01)

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(CHAT, json=body())

    comments, chunks = read(served(home, ask, engines=Slow))
    draws = [int(comment.split()[1]) for comment in comments]
    tokens = [int(comment.split()[3]) for comment in comments]
    assert draws == sorted(draws) and tokens == sorted(tokens)
    assert draws[0] < draws[-1]
    assert tokens[-1] == chunks[1]["ttc"]["cost"]["generated_tokens"]


def test_a_completion_is_streamed_too(home: tuple[Path, str]) -> None:
    question = body()["messages"][0]["content"]

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        asked = {"prompt": question, "budget": 4, "stream": True}
        return await client.post("/v1/completions", json=asked)

    _, (chunk,) = read(served(home, ask))
    assert chunk["object"] == "text_completion"
    assert chunk["choices"][0]["text"] == chunk["ttc"]["text"]
    assert chunk["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"model": "other"}, 404), ({"budget": 0}, 400), ({"messages": []}, 400)],
)
def test_what_is_refused_at_once_has_its_status(
    home: tuple[Path, str], changes: dict[str, Any], status: int
) -> None:
    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(CHAT, json=body(**changes))

    reply = served(home, ask)
    assert reply.status_code == status
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("engines", "seconds", "kind", "said"),
    [(Breaks, 60, "server_error", "log says why"), (Slow, 0.05, "invalid_request_error", "budget")],
)
def test_what_fails_later_is_an_error_that_the_client_raises(
    home: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    engines: type,
    seconds: float,
    kind: str,
    said: str,
) -> None:
    monkeypatch.setattr(stream, "PROGRESS_SECONDS", 0.01)

    async def ask(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(CHAT, json=body())

    reply = served(home, ask, engines=engines, seconds=seconds)
    assert reply.status_code == 200
    _, (data,) = read(reply)
    assert data["error"]["type"] == kind and said in data["error"]["message"]
    assert "secret" not in reply.text


def test_a_client_that_leaves_ends_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PROGRESS_SECONDS", 0.01)

    async def forever() -> Any:
        await asyncio.sleep(3600)

    async def leave() -> bool:
        answer = asyncio.create_task(forever())
        events = stream.events(
            answer, stream.Drawn(), reply=lambda _: {}, error=lambda _: {}, usage=False
        )
        assert (await anext(events)).startswith(": 0 draws")
        await events.aclose()
        return answer.cancelled()

    assert asyncio.run(leave())
