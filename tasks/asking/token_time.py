"""Replays in which time is counted in tokens: the longest path of a strategy (METHOD §12)."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Skipping(selectors.DefaultSelector):
    """Does not wait for the next timer: it moves the time there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; with nothing left to do at this time, the time goes on."""
        # Without a timer there is nothing to skip to: then something outside is waited for.
        if timeout is None:
            return super().select(None)
        self.now += max(timeout, 0.0)
        return super().select(0)


class _TokenTime(asyncio.SelectorEventLoop):
    """A loop whose time is the tokens that were written one after the other."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Tokens since the loop began."""
        return self._skipping.now


def run_in_token_time(work: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, of a replay: drawing takes as many units of time as tokens.

    What a strategy asks for at once costs the slowest, what it awaits in turn adds up: it is the
    strategy's own code that says which is which.
    """
    with asyncio.Runner(loop_factory=_TokenTime) as runner:
        return runner.run(work)


async def pass_tokens(tokens: float) -> None:
    """Let a draw of so many tokens pass; nothing in a loop of ordinary time, or if unknown."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, _TokenTime) and tokens > 0:
        await asyncio.sleep(tokens)


def tokens_now() -> float:
    """The loop's time in tokens; NaN in a loop of ordinary time."""
    loop = asyncio.get_running_loop()
    return loop.time() if isinstance(loop, _TokenTime) else math.nan
