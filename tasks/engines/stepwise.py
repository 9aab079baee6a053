"""Children of a prefix as they end, each with a step's end where that is asked for.

An engine stops at any token with which a step may end. Where none does, the draw goes on from there
in another request: a model writes each token by those before it, so that the law is the same one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from array import array
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from tasks.models.steps import Steps
from tasks.protocols import Draw, Reply, Sampling, TokenIds, key_of

T = TypeVar("T")


class Answer(NamedTuple):
    """What one request to a model gave."""

    draws: list[Draw]
    prompt_tokens: int
    """Of all of its children."""
    cached_tokens: int


class Request(Protocol):
    """One request to a model, whose draws stop at the tokens of `Steps.stops`."""

    async def __call__(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> Answer:
        """n children of the prefix; child i is drawn under seed + i."""
        ...


async def draw_in_pieces(
    request: Request,
    prefix: Sequence[int],
    pieces: Iterable[range],
    *,
    sampling: Sampling,
    seed: int,
    steps: Steps,
) -> AsyncGenerator[Reply]:
    """The children of the prefix, each ending where the sampling says.

    A piece is the places of children that are asked for, and come, together.
    """
    going = _Going(request, array("i", prefix), sampling, steps)
    async for reply in as_they_come(going.draw(piece, seed) for piece in pieces):
        yield reply


async def as_they_come(work: Iterable[Coroutine[Any, Any, T]]) -> AsyncGenerator[T]:
    """What each piece of work gives, as soon as it does.

    The first failure is raised when all others have ended, so that nothing of theirs is lost.
    """
    ended: asyncio.Queue[asyncio.Task[T]] = asyncio.Queue()
    tasks = [asyncio.ensure_future(one) for one in work]
    for task in tasks:
        task.add_done_callback(ended.put_nowait)
    failure: BaseException | None = None
    try:
        for _ in tasks:
            task = await ended.get()
            error = task.exception()
            failure = failure or error
            if error is None:
                yield task.result()
    finally:
        for task in tasks:
            task.cancel()
    if failure:
        raise failure


@dataclasses.dataclass(frozen=True, slots=True)
class _Going:
    """How draws of a prefix go on until their steps end."""

    request: Request
    prefix: TokenIds
    sampling: Sampling
    steps: Steps

    async def draw(self, piece: range, seed: int) -> Reply:
        """The children of these places, and all that was asked for them."""
        first = seed + piece.start
        answer = await self.request(self.prefix, len(piece), sampling=self.sampling, seed=first)
        answers = [answer]
        draws = dict(zip(piece, answer.draws, strict=True))
        if self.sampling.until == "step":
            grown = await asyncio.gather(
                *(self._go_on(draw, seed + place) for place, draw in draws.items())
            )
            draws = {place: draw for place, (draw, _) in zip(piece, grown, strict=True)}
            answers += [more for _, several in grown for more in several]
        return Reply(
            draws,
            prompt_tokens=sum(one.prompt_tokens for one in answers),
            cached_tokens=sum(one.cached_tokens for one in answers),
            requests=len(answers),
        )

    async def _go_on(self, draw: Draw, seed: int) -> tuple[Draw, list[Answer]]:
        """The draw at the end of its step, and the answers that it took beyond the first."""
        answers: list[Answer] = []
        while draw.stop == "step" and self.steps.ended(draw.ids) is None:
            left = self.sampling.max_tokens - int(draw.tokens)
            if left <= 0:
                return draw._replace(stop="limit"), answers
            so_far = self.prefix + draw.ids
            rest = dataclasses.replace(self.sampling, max_tokens=left)
            answer = await self.request(so_far, 1, sampling=rest, seed=_next_seed(seed, so_far))
            answers.append(answer)
            draw = self._join(draw, answer.draws[0])
        return draw, answers

    def _join(self, draw: Draw, more: Draw) -> Draw:
        token_ids = draw.ids + more.ids
        text = self.steps.text(token_ids)
        return Draw(token_ids, text, more.stop, draw.tokens + more.tokens)


def _next_seed(seed: int, so_far: TokenIds) -> int:
    """Seed of what follows: the same whenever it is drawn, another one after each text."""
    text = f"{seed}|{key_of(so_far)}"
    # Six bytes, as the seeds of first requests: engines take 64 bits with a sign.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")
