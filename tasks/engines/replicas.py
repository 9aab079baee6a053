"""Replies from replicas of an OpenAI-compatible server, whatever single ones of them do.

Retries and back-off are written out here: a library for them (tenacity, stamina) repeats one
callable with one wait. A request here is barred from a single replica, for as long as that one's
Retry-After says, and goes on with the others meanwhile; it counts against the replica, and one that
is frozen is set aside with all requests that wait for it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import httpx

from tasks.endpoints.keys import Key
from tasks.endpoints.statuses import Refusal, is_of_the_request
from tasks.engines.replica import Call, Fault, Limits, Replica, roots
from tasks.engines.server_checks import explain, misfit
from warehouse.errors import UserError

T = TypeVar("T")


class _Bar(NamedTuple):
    """What keeps one request from a replica."""

    times: int = 0
    """How often it has failed there."""
    until: float = 0.0
    """When it may ask again."""


class Replicas:
    """Servers of one model, by address (`http://host:port/v1`).

    A request goes to the least loaded, then to another. `probe` makes a server generate a token: it
    shows what a server gives before all requests are paid for, and that it lives, since vLLM's
    /health answers while the engine behind it is frozen.
    """

    def __init__(
        self,
        urls: Sequence[str],
        probe: Call[Any],
        *,
        limits: Limits | None = None,
        key: Key | None = None,
    ) -> None:
        self._limits = limits or Limits()
        # One for all replicas: making it takes longer than a request.
        tls = httpx.create_ssl_context()
        self._replicas = [Replica(url, self._limits, tls, key) for url in roots(urls)]
        self._probe = probe
        self._room = asyncio.Semaphore(self._limits.at_once * len(self._replicas))
        self._random = random.Random()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watched = False
        self._proving: asyncio.Task[None] | None = None
        """The proof that one of the servers gives what is asked for; None where it failed."""
        self._refused: UserError | None = None
        """What is wrong with one of the servers, found out after another was asked already."""
        self._closed = False

    async def ask(self, call: Call[T]) -> T:
        """What the first reply that can be trusted says.

        UserError when a server calls the request wrong, or every attempt failed; cancelled by
        `close`.
        """
        # Only here: an event loop is needed, which may not run yet when an engine is made.
        if not self._watched:
            self._watched = True
            for replica in self._replicas:
                self._spawn(self._watch(replica))
        if self._proving is None:
            self._proving = self._spawn(self._prove())
        await asyncio.shield(self._proving)
        content = call.content
        bars = dict.fromkeys(self._replicas, _Bar())
        faults: list[str] = []
        for _ in range(self._limits.attempts):
            # Outside of the room: who waits to try again takes no place from the others.
            await self._wait_until_free(bars)
            async with self._room:
                if self._closed:
                    raise asyncio.CancelledError("the engine was closed")
                if self._refused:
                    raise self._refused
                replica = self._least_loaded(bars)
                try:
                    return await self._ask_one(replica, call, content)
                except Fault as fault:
                    faults.append(str(fault))
                    bars[replica] = self._bar(fault, bars[replica].times)
                    replica.strikes += fault.strike
            if replica.strikes >= self._limits.strikes:
                self._set_aside(replica)
        raise UserError(self._describe(call, faults))

    async def _ask_one(self, replica: Replica, call: Call[T], content: bytes) -> T:
        """What one replica says; what it alone refuses is a fault of its own."""
        try:
            return await replica.ask(call, content)
        except Refusal as refusal:
            # Alone it would refuse the same for ever; of several another may know the page, the key
            # or the model that this one does not.
            if len(self._replicas) == 1 or is_of_the_request(refusal.complaint):
                raise
            raise Fault(refusal.complaint.said, "trouble") from refusal

    async def _prove(self) -> None:
        """Until one of the servers has generated a token; the others are set aside till they do.

        UserError for a server whose reply is not what is asked for, or when none is there.
        """
        said: list[str] = []
        # A server that hangs takes the whole time of a probe for every attempt.
        latest = time.monotonic() + 2 * self._limits.probe
        for times in range(self._limits.attempts):
            faults = await self._prove_once()
            if not faults:
                self._set_unproven_aside()
                return
            said += [str(fault) for fault in faults]
            # Nobody listens, or somebody else: a server that is to be there is not waited for.
            if all(fault.kind in ("unreachable", "astray") for fault in faults):
                break
            if time.monotonic() > latest:
                break
            await asyncio.sleep(min(self._wait_after(fault, times) for fault in faults))
        # Who asks again later is not answered by what was so now.
        self._proving = None
        self._set_unproven_aside()
        raise UserError(self._describe(self._probe, said))

    def _set_unproven_aside(self) -> None:
        for replica in self._replicas:
            if not replica.proven:
                self._set_aside(replica)

    async def _prove_once(self) -> list[Fault]:
        """What went wrong with each of the servers; nothing as soon as one is proven."""
        faults: list[Fault] = []
        proofs = [self._spawn(self._prove_one(replica)) for replica in self._replicas]
        for proof in asyncio.as_completed(proofs):
            fault = await proof
            if fault is None:
                return []
            faults.append(fault)
        return faults

    async def _prove_one(self, replica: Replica) -> Fault | None:
        wrong = UserError("")
        # Twice: one spoiled reply is an accident, two of them are the server's manner.
        for _ in range(2):
            try:
                await replica.probe(self._probe)
            except Fault as fault:
                if fault.kind != "misread":
                    return fault
                why = f"with what exact draws need, got {fault}"
                wrong = misfit(replica.url, self._probe, why)
            except Refusal as refusal:
                wrong = explain(replica.url, self._probe, refusal)
                break
            else:
                return None
        self._refused = wrong
        raise wrong

    async def close(self) -> None:
        """End what is under way and close every connection."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for replica in self._replicas:
            replica.release()
        # Requests end their own wait; a client closed before would leave them an odd error.
        while self.in_flight:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(replica.close() for replica in self._replicas))

    @property
    def in_flight(self) -> int:
        """Requests that wait for a server's reply."""
        return sum(len(replica.waiting) for replica in self._replicas)

    @property
    def aside(self) -> list[str]:
        """Addresses of the replicas that are set aside."""
        return [replica.url for replica in self._replicas if replica.aside]

    def _candidates(self) -> list[Replica]:
        """Those not set aside; all when none is left."""
        return [replica for replica in self._replicas if not replica.aside] or self._replicas

    def _least_loaded(self, bars: Mapping[Replica, _Bar]) -> Replica:
        """The candidate with the fewest requests in flight, ties in order.

        One this request has failed on comes after the others: who fails at once is always idle.
        """
        now = time.monotonic()

        def rank(replica: Replica) -> tuple[bool, int, int]:
            bar = bars[replica]
            return bar.until > now, bar.times, len(replica.waiting)

        return min(self._candidates(), key=rank)

    async def _wait_until_free(self, bars: Mapping[Replica, _Bar]) -> None:
        """Until one of the replicas that are left may be asked."""
        earliest = min(bars[replica].until for replica in self._candidates())
        left = earliest - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)

    def _bar(self, fault: Fault, times: int) -> _Bar:
        return _Bar(times + 1, time.monotonic() + self._wait_after(fault, times))

    def _wait_after(self, fault: Fault, times: int) -> float:
        # A server may ask for days; no request waits longer than one attempt may take.
        asked = fault.wait
        return self._backoff(times) if asked is None else min(asked, self._limits.total)

    def _backoff(self, times: int) -> float:
        """Seconds before the next attempt after so many."""
        # The exponent has a bound of its own, or the power grows without end while nothing works.
        doubled = self._limits.backoff * 2 ** min(times, 30)
        longest = min(doubled, self._limits.longest)
        return longest * self._random.uniform(0.5, 1.0)

    def _set_aside(self, replica: Replica) -> None:
        if not replica.aside and not self._closed:
            replica.aside = True
            self._spawn(self._recover(replica))

    async def _recover(self, replica: Replica) -> None:
        """Take a replica back once it generates a token."""
        for times in itertools.count():
            await asyncio.sleep(self._backoff(times))
            if not replica.aside or await replica.generates(self._probe):
                return

    async def _watch(self, replica: Replica) -> None:
        """For ever: ask a replica that keeps requests waiting in silence for one token.

        One that does not give it is frozen: it is set aside, and its requests go elsewhere.
        """
        while True:
            # Four times in the limit, so that silence is noticed at most a quarter later.
            await asyncio.sleep(self._limits.silence / 4)
            asked = time.monotonic()
            if not replica.waiting or asked - replica.heard < self._limits.silence:
                continue
            lives = await replica.generates(self._probe)
            # A reply to another request that came meanwhile shows that it lives as well.
            if not lives and replica.heard < asked:
                self._set_aside(replica)
                replica.release()

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        # asyncio itself holds tasks weakly: without this one could vanish at work.
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # Looked at here: asyncio would print what was raised where nobody waits any longer.
        if not task.cancelled():
            task.exception()

    def _describe(self, call: Call[Any], faults: Sequence[str]) -> str:
        """One sentence of what was tried in vain; four kinds of fault say enough."""
        # In the order in which they came: the first is the cause of what followed.
        counts = list(Counter(faults).items())[:4]
        kinds = ", then ".join(f"{count} × {what}" for what, count in counts)
        names = ", ".join(replica.url for replica in self._replicas)
        return (
            f"engine: expected a reply to {call.path} from {names}, "
            f"got none to use in {len(faults)} attempts: {kinds}; read the servers' logs, "
            "start them again or take them out of the study, then run again"
        )
