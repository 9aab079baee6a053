"""The models of a run: each in a vLLM process of its own, or behind servers of the study."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.endpoints.keys import load_key
from tasks.endpoints.spending import Spending
from tasks.engines.chat_endpoint import ChatEndpoint
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.http_served import HttpServed
from tasks.engines.imported import LogOnly
from tasks.engines.server_checks import check_same, check_served
from tasks.engines.vllm_process import end_starts, on_gpu
from tasks.models.folders.configs import outputs_of
from tasks.models.served_verifier import ServedVerifier
from tasks.models.texts import IMPORTED
from tasks.models.thinking import choose_field_marks
from tasks.models.verifiers import load_reading
from tasks.models.version import Model
from tasks.protocols import Engine, StepScore, Verifier
from tasks.runs.refusals import check_room
from tasks.runs.run import Run
from tasks.study.tables import Server


class RunEngines:
    """Starts a model at the first request for it."""

    def __init__(self, run: Run, earlier: Mapping[str, Spending] | None = None) -> None:
        """`earlier` is what the run has spent on models behind endpoints, by fingerprint."""
        self._run = run
        self._earlier = earlier or {}
        self._started: dict[str, asyncio.Task[Any]] = {}
        self._checked: asyncio.Task[None] | None = None

    async def engine(self, model: Model) -> Engine:
        """The model's engine.

        On CPU its verifier's starts beside it, since what is drawn will be scored.
        """
        run = self._run
        judge = run.verifier
        if run.judge and model.fingerprint == run.reviser.fingerprint:
            judge = run.judge
        if judge and not on_gpu():
            self._begin(judge, self._start_verifier)
        return await asyncio.shield(self._begin(model, self._start_engine))

    async def verifier(self, model: Model) -> Verifier:
        """The model's engine, asked for scores."""
        return await asyncio.shield(self._begin(model, self._start_verifier))

    async def close(self) -> None:
        """End what was started, a start that is still under way included."""
        starts = list(self._started.values())
        for start in starts:
            if start.done():
                await _close(start)
        # Nobody waits for a model to be loaded that is not wanted any more.
        while under_way := [start for start in starts if not start.done()]:
            end_starts()
            await asyncio.wait(under_way, timeout=0.2)
            for start in under_way:
                if start.done():
                    await _close(start)
        self._started.clear()

    def _begin(self, model: Model, start: Callable[[Model], Any]) -> asyncio.Task[Any]:
        """The start of a model, one for all who ask for it."""
        if model.fingerprint not in self._started:
            before = list(self._started.values()) if on_gpu() else []
            task = asyncio.ensure_future(self._start_after(before, start, model))
            self._started[model.fingerprint] = task
        return self._started[model.fingerprint]

    async def _start_after(
        self, before: list[asyncio.Task[Any]], start: Callable[[Model], Any], model: Model
    ) -> Any:
        """One engine after the other on a GPU, where each measures the memory that is free."""
        # Before any model is loaded, which may take minutes: what is refused is refused at once.
        if self._checked is None:
            self._checked = asyncio.ensure_future(asyncio.to_thread(self._check_servers))
        await asyncio.shield(self._checked)
        await asyncio.gather(*before, return_exceptions=True)
        return await asyncio.to_thread(start, model)

    def _check_servers(self) -> None:
        """UserError for a server of the run's models that is not there, or has another model."""
        run = self._run
        for model in run.models_asked:
            server = self._server(model)
            if server:
                self._check(server, model)

    def _check(self, server: Server, model: Model) -> None:
        key = load_key(server.api_key_env)
        for served in check_served(server.urls, server.name, key=key):
            check_same(served, server.name, model, key=key)
            if served.context and model is self._run.generator:
                check_room(self._run, self._run.benchmark.questions, served.context)

    def _server(self, model: Model) -> Server | None:
        servers = self._run.study.engine.servers
        return next((server for server in servers if server.model == model.name), None)

    def _start_engine(self, model: Model) -> Engine:
        server = self._server(model)
        if server:
            self._check(server, model)
            key = load_key(server.api_key_env)
            return HttpGenerator(
                server.urls,
                server.name,
                self._run.format_of(model),
                key=key,
                confident=self._run.asks_confidence,
                outputs=outputs_of(model.files),
            )
        endpoint = self._run.study.endpoint(model.name)
        if endpoint:
            kwargs = self._run.study.generator.chat_template_kwargs
            extra = {"chat_template_kwargs": kwargs} if kwargs else {}
            asked = dataclasses.replace(endpoint, extra=endpoint.extra | extra)
            marks = choose_field_marks(self._run.format.thinking)
            return ChatEndpoint(asked, marks, earlier=self._earlier.get(model.fingerprint))
        if model.name.startswith(IMPORTED):
            return LogOnly(model)
        # Here: a study whose models are all behind servers needs no vLLM.
        from tasks.engines.vllm_generator import VllmGenerator

        options = self._run.study.engine
        return VllmGenerator(
            model.files,
            self._run.format_of(model),
            options,
            adapter=model.adapter,
            confident=self._run.asks_confidence,
        )

    def _start_verifier(self, model: Model) -> Verifier:
        if model.name.startswith(IMPORTED):
            return LogOnly(model)
        server = self._server(model)
        format = self._run.format
        verifier_format = self._run.verifier_settings(model).format
        if server:
            self._check(server, model)
            reading = load_reading(verifier_format, model.files, format=format)
            head = not reading.verifier_format.generates
            key = load_key(server.api_key_env)
            served = HttpServed(server.urls, server.name, head=head, key=key)
            # One token less: a language model's server draws one beside those that are read.
            longest = (model.context or 0) - 1
            return RemoteVerifier(ServedVerifier(reading, served, longest), served)
        from tasks.engines.vllm_served import VllmVerifier

        options = self._run.study.engine
        return VllmVerifier(
            model.files, verifier_format, options, format=format, adapter=model.adapter
        )


async def _close(start: asyncio.Task[Any]) -> None:
    """End what the start, which is over, has brought up."""
    # One that failed was raised where it was awaited.
    if start.cancelled() or start.exception() is not None:
        return
    # Connections close in the event loop, a process of our own does so by itself.
    closing = start.result().close()
    if inspect.isawaitable(closing):
        await closing


@dataclass(frozen=True, slots=True)
class RemoteVerifier:
    """A Verifier behind HTTP."""

    verifier: ServedVerifier
    served: HttpServed

    async def score(self, question: str, steps: Any) -> list[StepScore]:
        """One score a step."""
        return await self.verifier.score(question, steps)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.served.close()
