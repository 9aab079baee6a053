"""An OpenAI-compatible endpoint that answers under a policy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from flows.answers.bodies import Asked, ChatAsked, CompletionAsked
from flows.answers.refusals import refusal_of, refuse
from flows.answers.replies import Kind, reply
from flows.answers.stream import Drawn, events, within_reach
from flows.servers.bounds import Bounded
from flows.servers.visitors import OwnOnly
from tasks.publication.first_lines import usual_budget
from tasks.serving.controller import Solved
from tasks.serving.solver import Solver
from warehouse.errors import UserError

USUAL_SECONDS = 600.0
"""What an answer may take; a client that is gone by then would be answered for nobody."""


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
        app.add_exception_handler(kind, refuse)
    # The last one added is the first to look: of a stranger not even the body is read.
    app.add_middleware(Bounded)
    app.add_middleware(OwnOnly, hosts=hosts)
    return app


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
        return JSONResponse(reply(endpoint.solver, solved, kind))
    answer = asyncio.create_task(endpoint.answer(asked, question, drawn))
    await within_reach(answer)
    stream = events(
        answer,
        drawn,
        reply=lambda solved: reply(endpoint.solver, solved, kind),
        error=lambda failure: {"error": refusal_of(failure).body()},
        usage=asked.stream_options is not None and asked.stream_options.include_usage,
    )
    # A proxy that gathers before it passes on would hold the progress back.
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
