"""`ttc serve`: an OpenAI-compatible endpoint that answers under a policy."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Literal, NamedTuple

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import AfterValidator, BaseModel
from starlette.exceptions import HTTPException

from flows.cli.solve import answer_record
from flows.cli.stream import Drawn, Kind, events, within_reach
from flows.servers.bounds import Bounded
from flows.servers.visitors import OwnOnly, own_hosts
from tasks.engines.log import noise_in
from tasks.publication.first_lines import usual_budget
from tasks.serving.controller import Solved
from tasks.serving.policy import policy_run
from tasks.serving.solver import Solver, open_solver
from tasks.settings import Settings
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot

USUAL_SECONDS = 600.0
"""What an answer may take; a client that is gone by then would be answered for nobody."""


def _check_text(text: str) -> str:
    """The text; ValueError for what is none: half a character of UTF-16 stands for nothing."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("expected text, got a lone surrogate in it") from error
    return text


Text = Annotated[str, AfterValidator(_check_text)]


class Part(BaseModel):
    """A piece of a message's content."""

    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """One turn of a dialogue."""

    role: str
    content: Text | list[Part]

    @property
    def text(self) -> str:
        """The content as one text; clients send it whole or in parts."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """What a stream holds beside the answer."""

    include_usage: bool = False
    """A last chunk with the tokens."""


class Asked(BaseModel):
    """What both endpoints take; how completions are sampled is the policy's to say."""

    model: str | None = None
    budget: int | None = None
    """Generations allowed on the question."""
    # Refused and not ignored: a client that asks for several choices would wait for them.
    n: Literal[1] = 1
    stream: bool = False
    stream_options: StreamOptions | None = None


class ChatAsked(Asked):
    """Body of /v1/chat/completions."""

    messages: list[Message]


class CompletionAsked(Asked):
    """Body of /v1/completions."""

    prompt: Text


class Endpoint(NamedTuple):
    """What requests are answered with."""

    solver: Solver
    budget: int
    """Where a request names none."""
    seconds: float
    """What an answer may take."""

    async def answer(self, asked: Asked, question: str, drawn: Drawn) -> Solved:
        """The answer; `drawn` counts what is drawn for it.

        HTTP status 404 and the name of this model where another is asked for, 408 where it takes
        too long.
        """
        name = self.solver.run.generator.name
        if asked.model not in (None, name):
            raise HTTPException(404, f"model: expected {name!r}, got {asked.model!r}")
        budget = self.budget if asked.budget is None else asked.budget
        limit = asyncio.timeout(self.seconds)
        try:
            async with limit:
                return await self.solver.solve(question, budget, drawn.count)
        except TimeoutError as error:
            # An engine's own is not the client's to mend.
            if not limit.expired():
                raise
            raise HTTPException(
                408,
                f"budget: expected an answer within {self.seconds:.0f} s, got none with a budget "
                f"of {budget}; ask with a smaller one, or again when less is going on",
            ) from error


def application(
    solvers: Callable[[], AbstractAsyncContextManager[Solver]],
    *,
    hosts: Iterable[str],
    budget: int | None = None,
    seconds: float = USUAL_SECONDS,
) -> FastAPI:
    """The endpoint over a solver that lives as long as it does.

    It answers who calls it by one of `hosts`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with solvers() as solver:
            app.state.endpoint = Endpoint(
                solver, budget or usual_budget(solver.policy.budgets), seconds
            )
            yield

    app = FastAPI(title="ttc", lifespan=lifespan)
    app.add_api_route("/health", _health)
    app.add_api_route("/v1/models", _models)
    app.add_api_route("/v1/chat/completions", _chat, methods=["POST"], response_model=None)
    app.add_api_route("/v1/completions", _completion, methods=["POST"], response_model=None)
    for kind in (UserError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _refuse)
    # The last one added is the first to look: of a stranger not even the body is read.
    app.add_middleware(Bounded)
    app.add_middleware(OwnOnly, hosts=hosts)
    return app


def serve(
    now: Settings, *, port: int, budget: int | None, policy: str | None, seconds: float
) -> None:
    """Answer requests until stopped; the first is taken once the policy's models have started."""
    folder = now.warehouse
    run_id = policy_run(Snapshot(folder), policy)
    app = application(
        # Eager: the first request should not wait for models to load, minutes on a large one.
        lambda: open_solver(folder, run_id, eager=True),
        hosts=own_hosts(now.host, port, now.allowed_hosts),
        budget=budget,
        seconds=seconds,
    )
    print(
        f"run {run_id} at http://{now.host}:{port}/v1 (models are starting; Ctrl-C ends it)",
        file=sys.stderr,
    )
    with noise_in(folder.parent / "logs" / "engine.log"), contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(app, host=now.host, port=port, log_level="warning")


def _endpoint(request: Request) -> Endpoint:
    """What `application` put there when it started."""
    return request.app.state.endpoint


def _health(request: Request) -> dict[str, Any]:
    """Which run is served; 200 means that its models have started."""
    endpoint = _endpoint(request)
    return {"status": "ok", "run_id": endpoint.solver.run.run_id, "budget": endpoint.budget}


def _models(request: Request) -> dict[str, Any]:
    """The one model of the run, as OpenAI lists models."""
    run = _endpoint(request).solver.run
    # When a model was made is not known of every one; the field is not optional for clients.
    model = {
        "id": run.generator.name,
        "object": "model",
        "created": 0,
        "owned_by": "ttc",
    }
    return {"object": "list", "data": [model]}


async def _chat(request: Request, asked: ChatAsked) -> Response:
    """The last user message answered; those before it are not read."""
    questions = [message.text for message in asked.messages if message.role == "user"]
    if not questions:
        raise UserError(
            "messages: expected one of role user, got none; the last of them is the question"
        )
    return await _answered(_endpoint(request), asked, questions[-1], "chat.completion")


async def _completion(request: Request, asked: CompletionAsked) -> Response:
    """The prompt answered as a question."""
    return await _answered(_endpoint(request), asked, asked.prompt, "text_completion")


async def _answered(endpoint: Endpoint, asked: Asked, question: str, kind: Kind) -> Response:
    """The answer as one body, or as events where a stream is asked for."""
    if asked.stream_options is not None and not asked.stream:
        raise UserError("stream_options: expected with stream true alone; leave it out")
    drawn = Drawn()
    if not asked.stream:
        solved = await endpoint.answer(asked, question, drawn)
        return JSONResponse(_reply(endpoint, solved, kind))
    answer = asyncio.create_task(endpoint.answer(asked, question, drawn))
    await within_reach(answer)
    told = events(
        answer,
        drawn,
        reply=lambda solved: _reply(endpoint, solved, kind),
        error=lambda failure: {"error": _refusal(failure).body()},
        usage=asked.stream_options is not None and asked.stream_options.include_usage,
    )
    # A proxy that gathers before it passes on would hold the progress back.
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


def _reply(endpoint: Endpoint, solved: Solved, kind: Kind) -> dict[str, Any]:
    """OpenAI's form of an answer; what only this product knows stands under `ttc`."""
    text = solved.text or ""
    is_chat = kind == "chat.completion"
    said = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
    cost = solved.cost
    # Tokens of all generations, the probe's too: what a client would pay, not what it reads.
    usage = {
        "prompt_tokens": cost.prompt_tokens,
        "completion_tokens": cost.generated_tokens,
        "total_tokens": cost.prompt_tokens + cost.generated_tokens,
    }
    # Fields that mean nothing here stand because clients parse them: the only choice, without
    # log-probabilities, never cut off.
    choice = {"index": 0, **said, "logprobs": None, "finish_reason": "stop"}
    return {
        "id": f"ttc-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": endpoint.solver.run.generator.name,
        "choices": [choice],
        "usage": usage,
        "ttc": answer_record(endpoint.solver, solved),
    }


def _refuse(_: Request, error: Exception) -> JSONResponse:
    """The error as OpenAI's clients read it."""
    refusal = _refusal(error)
    return JSONResponse({"error": refusal.body()}, refusal.status)


class _Refusal(NamedTuple):
    status: int
    message: str
    place: str | None = None
    """The field of the request that is wrong; None: it is not about one."""

    def body(self) -> dict[str, str | None]:
        """What OpenAI's clients read under `error`."""
        status, message, place = self
        kind = "server_error" if status >= 500 else "invalid_request_error"
        # The one code that clients look at: a wrong path is a 404 too, and has none.
        code = "model_not_found" if status == 404 and message.startswith("model:") else None
        return {"message": message, "type": kind, "param": place, "code": code}


def _refusal(error: Exception) -> _Refusal:
    """What to say of an error, and whose fault it is."""
    if isinstance(error, UserError):
        return _Refusal(400, str(error))
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        # The first part of the place is always `body`.
        parts = first["loc"][1:]
        place = ".".join(map(str, parts)) or None
        return _Refusal(400, f"{place or 'body'}: {first['msg']}", place)
    if isinstance(error, HTTPException):
        return _Refusal(error.status_code, error.detail)
    # Whatever else it is, its text may name paths and addresses of this machine.
    return _Refusal(500, "the question could not be answered; the server's log says why")
