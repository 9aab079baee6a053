"""Draws from a server that speaks chat completions: whole texts, no token ids, every one paid."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx

from tasks.endpoints.dialect import CHAT, Dialect
from tasks.endpoints.keys import load_key
from tasks.endpoints.replies import UNTOLD, ChatReply, Said, Usage, cut_before, draws_of, read_chat
from tasks.endpoints.spending import Purse, Spending, most_of
from tasks.endpoints.statuses import Refusal
from tasks.engines.replica import Call, Fault, Limits, Replica
from tasks.engines.stepwise import as_they_come
from tasks.models.texts import messages_of
from tasks.models.thinking import Marks
from tasks.protocols import Reply, Sampling
from tasks.study.endpoints import Endpoint
from warehouse.errors import UserError

BUSY_SECONDS = 900.0
"""A server that says nothing but that it is busy is waited for so long."""


class ChatEndpoint:
    """An Engine of a text model: prefixes are dialogues as JSON, draws have no token ids.

    The first request goes alone, and so does the first that asks for several draws: what a server
    takes, and whether it answers with what is asked for, is known before all are paid for. Draws
    are not drawn again by their seeds, which few servers honour: they are kept in the journal.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        marks: Marks,
        *,
        earlier: Spending | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._marks = marks
        self._limits = limits or Limits()
        self._key = load_key(endpoint.api_key_env)
        tls = httpx.create_ssl_context()
        self._replica = Replica(endpoint.root, self._limits, tls, self._key)
        self._dialect = Dialect(endpoint)
        self._purse = Purse(endpoint, earlier or Spending())
        self._room = asyncio.Semaphore(endpoint.concurrency)
        self._alone = asyncio.Lock()
        self._random = random.Random()
        self._model: str | None = None
        """Who answered first."""
        self._refused: UserError | None = None
        """Why the first request was not answered: nobody asks again."""
        self._next_start = 0.0
        """When the next request may start, by the study's rate and the server's words."""

    @property
    def spent(self) -> Spending:
        """In this run so far, earlier sittings included."""
        return self._purse.spent

    async def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """n whole completions of the dialogue."""
        if sampling.until != "end":
            raise UserError(
                f"engine: expected whole completions to be asked of {self._endpoint.model}, which "
                "is known by its texts alone, got a step; name strategies that search no steps"
            )
        first = await self._ask_first(prefix, n, sampling, seed)
        yield self._reply(first, 0, sampling)
        missing = range(len(first.said), n)

        async def ask_for(place: int) -> Reply:
            single = await self._ask(prefix, 1, sampling, seed + place)
            return self._reply(single, place, sampling)

        # Each a request of its own, where one request gives one draw.
        async for reply in as_they_come(map(ask_for, missing)):
            yield reply

    async def close(self) -> None:
        """Close the connections."""
        self._replica.release()
        await self._replica.close()

    def _reply(self, reply: ChatReply, first: int, sampling: Sampling) -> Reply:
        """The draws of a reply from a place on."""
        draws = draws_of(reply, self._marks, limit=sampling.max_tokens)
        return Reply(
            dict(enumerate(draws, first)),
            prompt_tokens=reply.usage.prompt,
            cached_tokens=reply.usage.cached,
        )

    async def _ask_first(
        self, prefix: Sequence[int], n: int, sampling: Sampling, seed: int
    ) -> ChatReply:
        """A reply with as many draws as one request gives; alone while that is not known."""
        if self._knows(n):
            return await self._ask(prefix, n, sampling, seed)
        async with self._alone:
            # Known by now, if others waited for the same.
            if self._refused:
                raise self._refused
            if not self._knows(n):
                return await self._introduce(prefix, n, sampling, seed)
        return await self._ask(prefix, n, sampling, seed)

    async def _introduce(
        self, prefix: Sequence[int], n: int, sampling: Sampling, seed: int
    ) -> ChatReply:
        try:
            return await self._ask(prefix, n, sampling, seed)
        except UserError as error:
            if not self._replica.proven:
                self._refused = error
            raise

    def _knows(self, n: int) -> bool:
        return self._replica.proven and (n == 1 or self._dialect.several is not None)

    async def _ask(self, prefix: Sequence[int], n: int, sampling: Sampling, seed: int) -> ChatReply:
        """The reply to one request, written as this server takes it."""
        messages = [message._asdict() for message in messages_of(prefix)]
        while True:
            asked = 1 if self._dialect.several is False else n
            body = self._dialect.body(messages, asked, sampling=sampling, seed=seed)
            most = most_of(len(prefix), asked, sampling.max_tokens)
            try:
                reply = await self._insist(body, asked, most)
            except Refusal as refusal:
                complaint = refusal.complaint
                if cut_before(complaint):
                    return ChatReply("", [Said("", "", "limit")] * asked, Usage(0, 0, 0, 0))
                if not self._dialect.adapt(complaint, body):
                    raise self._dialect.blame(refusal, body) from refusal
                continue
            if asked > 1 and self._dialect.several is None:
                self._dialect.several = len(reply.said) == asked
            return reply

    async def _insist(self, body: dict[str, Any], n: int, most: Usage) -> ChatReply:
        """A reply, whatever the server does in between; UserError when it gives none."""
        tokens = int(most.prompt + most.generated)
        call = Call(CHAT, body, lambda content: self._read(content, n), tokens)
        content = call.content
        faults: list[str] = []
        allowed = self._limits.attempts
        busy_since: float | None = None
        while len(faults) < allowed:
            # A place is given back before the wait for the next attempt.
            async with self._room:
                await self._wait_for_start()
                async with self._purse.open_request(most):
                    try:
                        reply = await self._replica.ask(call, content)
                    except Fault as fault:
                        problem = fault
                    else:
                        self._purse.pay(reply.usage, most)
                        return reply
            self._refuse_at_first(problem)
            if problem.kind == "misread":
                # It was paid for, and a second one would be as well: there is no third.
                self._purse.pay(UNTOLD, most)
                allowed = min(allowed, len(faults) + 2)
            now = time.monotonic()
            busy_since = (busy_since or now) if problem.kind == "busy" else None
            # Busy is no failure, unless it never ends.
            if busy_since is None or now - busy_since > BUSY_SECONDS:
                faults.append(str(problem))
            await self._back_off(problem, len(faults))
        raise UserError(self._describe(faults))

    def _read(self, content: bytes, n: int) -> ChatReply:
        reply = read_chat(content, n)
        if self._model is None:
            self._model = reply.model
        if reply.model != self._model:
            raise ValueError(f"model: expected {self._model} as at first, got {reply.model}")
        return reply

    def _refuse_at_first(self, fault: Fault) -> None:
        """UserError for what no waiting mends before the first good reply."""
        if self._replica.proven or fault.kind not in ("unreachable", "astray", "misread"):
            return
        raise UserError(
            f"engine: expected a server that speaks chat completions at {self._endpoint.root}, "
            f"got {fault}; start it, or correct the url of the endpoint"
        )

    async def _wait_for_start(self) -> None:
        """Until the study's rate and the server's words allow one more request."""
        rate = self._endpoint.requests_per_minute
        start = max(time.monotonic(), self._next_start)
        if rate is not None:
            self._next_start = start + 60.0 / rate
        while (left := start - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _back_off(self, fault: Fault, times: int) -> None:
        doubled = self._limits.backoff * 2 ** min(times, 30)
        longest = min(doubled, self._limits.longest)
        wait = longest * self._random.uniform(0.5, 1.0)
        if fault.wait is not None:
            wait = min(fault.wait, BUSY_SECONDS)
            # Said of the key, not of this request: whoever asks meanwhile is told the same.
            self._next_start = max(self._next_start, time.monotonic() + wait)
        await asyncio.sleep(wait)

    def _describe(self, faults: Sequence[str]) -> str:
        # In their order: the first is the cause of what followed.
        kinds = ", then ".join(f"{faults.count(what)} × {what}" for what in dict.fromkeys(faults))
        return (
            f"engine: expected a reply of {self._endpoint.model} from {self._endpoint.root}, got "
            f"none in {len(faults)} attempts: {kinds}; run again when it answers: "
            "the study goes on where it stopped"
        )
