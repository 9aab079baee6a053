"""All that an engine gives for one request, awaited in one go."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import NamedTuple

from tasks.protocols import Draw, Reply


class Drawn(NamedTuple):
    """The children in the order of their places, and what was asked for them in all."""

    draws: list[Draw]
    prompt_tokens: float
    cached_tokens: float
    requests: int


async def all_of(parts: AsyncIterable[Reply]) -> Drawn:
    """What came in parts."""
    replies = [reply async for reply in parts]
    by_place = {place: draw for reply in replies for place, draw in reply.draws.items()}
    return Drawn(
        [by_place[place] for place in sorted(by_place)],
        sum(reply.prompt_tokens for reply in replies),
        sum(reply.cached_tokens for reply in replies),
        sum(reply.requests for reply in replies),
    )
