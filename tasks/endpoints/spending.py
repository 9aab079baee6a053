"""What a run spends at an endpoint: no request starts beyond its cap."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from tasks.endpoints.replies import Usage
from tasks.study.endpoints import Cap, Endpoint, Price
from warehouse.errors import UserError

_MILLION = 1e6


class Spending(NamedTuple):
    """Tokens read and generated, and what they cost."""

    tokens: float = 0.0
    money: float = 0.0

    def plus(self, other: Spending) -> Spending:
        """Both together."""
        return Spending(self.tokens + other.tokens, self.money + other.money)

    def minus(self, other: Spending) -> Spending:
        """This one without the other."""
        return Spending(self.tokens - other.tokens, self.money - other.money)


def spending_of(price: Price | None, usage: Usage) -> Spending:
    """What these tokens cost; prompt tokens that nobody calls cached cost the full price."""
    price = price or Price()
    cached = 0.0 if math.isnan(usage.cached) else usage.cached
    money = (
        (usage.prompt - cached) * price.prompt
        + cached * price.of_cached
        + usage.generated * price.generated
    )
    return Spending(usage.prompt + usage.generated, money / _MILLION)


class Purse:
    """Lets requests to an endpoint start while there is room under its cap.

    Requests in flight count as the most that they may take, so that the cap is exceeded by one
    request at most.
    """

    def __init__(self, endpoint: Endpoint, earlier: Spending) -> None:
        self._endpoint = endpoint
        self._cap = endpoint.cap or Cap()
        self.spent = earlier
        """Earlier sittings of the run included."""
        self._reserved = Spending()
        self._open = 0
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def open_request(self, most: Usage) -> AsyncGenerator[None]:
        """One request that takes so much at most; UserError when there is no room for it."""
        reserved = spending_of(self._endpoint.price, most)
        while not self._has_room():
            # What is in flight may turn out smaller than it might have been.
            if not self._open:
                raise UserError(self._describe())
            self._freed.clear()
            await self._freed.wait()
        self._reserved = self._reserved.plus(reserved)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            # Sums of money round: with nothing in flight nothing is reserved.
            left = self._reserved.minus(reserved)
            self._reserved = left if self._open else Spending()
            self._freed.set()

    def pay(self, usage: Usage, most: Usage) -> None:
        """Count a reply; what a server does not tell counts as the most that it may be."""
        known = [
            limit if math.isnan(tokens) else tokens
            for tokens, limit in zip(usage, most, strict=True)
        ]
        paid = spending_of(self._endpoint.price, Usage(*known))
        self.spent = self.spent.plus(paid)

    def _has_room(self) -> bool:
        tokens, money = self.spent.plus(self._reserved)
        return not (
            (self._cap.tokens is not None and tokens >= self._cap.tokens)
            or (self._cap.money is not None and money >= self._cap.money)
        )

    def _describe(self) -> str:
        cap = self._cap
        limits = [f"{cap.tokens:,} tokens"] if cap.tokens is not None else []
        limits += [f"{cap.money:g} in money"] if cap.money is not None else []
        money = f" and {self.spent.money:.4g} in money" if self._endpoint.price else ""
        return (
            f"engine: the cap of {self._endpoint.model} at {self._endpoint.root} "
            f"({' and '.join(limits)}) is reached: this run spent "
            f"{self.spent.tokens:,.0f} tokens{money} there; "
            "raise cap in [[endpoints]] and run again: the study goes on where it stopped"
        )


def most_of(messages_bytes: int, n: int, limit: int) -> Usage:
    """The most tokens that a request may take."""
    # No tokenizer writes more tokens than bytes; a template adds a few around every turn.
    return Usage(messages_bytes + 64.0, float(n * limit), 0.0, 0.0)
