"""Draws that end with a step, whatever tokens its separator takes.

An engine stops at any token with which a step may end. Where none does, the draw goes on from there
in another request: a model writes each token by those before it, so that the law is the same one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Protocol

from tasks.models.steps import Steps
from tasks.protocols import Draw, Reply, Sampling, key_of


class Request(Protocol):
    """One request to a model, whose draws stop at the tokens of `Steps.stops`."""

    async def __call__(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> Reply:
        """n children of the prefix; child i is drawn under seed + i."""
        ...


async def draw_to_steps(
    request: Request,
    prefix: Sequence[int],
    n: int,
    *,
    sampling: Sampling,
    seed: int,
    steps: Steps,
) -> Reply:
    """n children of the prefix, each ending where the sampling says."""
    first = await request(prefix, n, sampling=sampling, seed=seed)
    if sampling.until == "end":
        return first
    going = _Going(request, tuple(prefix), sampling, steps)
    grown = await asyncio.gather(
        *(going.go_on(draw, seed + place) for place, draw in enumerate(first.draws))
    )
    replies = [first, *(reply for _, more in grown for reply in more)]
    return Reply(
        [draw for draw, _ in grown],
        prompt_tokens=sum(reply.prompt_tokens for reply in replies),
        cached_tokens=sum(reply.cached_tokens for reply in replies),
        requests=len(replies),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Going:
    """How a draw of a prefix goes on until its step ends."""

    request: Request
    prefix: tuple[int, ...]
    sampling: Sampling
    steps: Steps

    async def go_on(self, draw: Draw, seed: int) -> tuple[Draw, list[Reply]]:
        """The draw at the end of its step, and the replies that it took beyond the first."""
        replies: list[Reply] = []
        while draw.stop == "step" and self.steps.ended(draw.ids) is None:
            left = self.sampling.max_tokens - int(draw.tokens)
            if left <= 0:
                return draw._replace(stop="limit"), replies
            so_far = self.prefix + draw.ids
            rest = dataclasses.replace(self.sampling, max_tokens=left)
            reply = await self.request(so_far, 1, sampling=rest, seed=_next_seed(seed, so_far))
            replies.append(reply)
            draw = self._join(draw, reply.draws[0])
        return draw, replies

    def _join(self, draw: Draw, more: Draw) -> Draw:
        token_ids = draw.ids + more.ids
        text = self.steps.text(token_ids)
        return Draw(token_ids, text, more.stop, draw.tokens + more.tokens)


def _next_seed(seed: int, so_far: tuple[int, ...]) -> int:
    """Seed of what follows: the same whenever it is drawn, another one after each text."""
    text = f"{seed}|{key_of(so_far)}"
    # Six bytes, as the seeds of first requests: engines take 64 bits with a sign.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")
