"""What every Engine must do: checks that take a started engine and what to ask it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from replies import Drawn, all_of

from tasks.models.formats import Format
from tasks.protocols import Engine, Sampling


class Subject(NamedTuple):
    """An engine under contract."""

    engine: Engine
    form: Format
    prompts: list[tuple[int, ...]]
    """Four at least, each long enough to be cut in two."""
    whole: Sampling
    """Long enough for most draws to end."""
    in_flight: Callable[[], Awaitable[int]]
    """Requests that the engine still works on."""
    url: str = ""
    """Where its server is, if it has one of vLLM's."""

    async def draw(self, prompt: Sequence[int], n: int, *, sampling: Sampling, seed: int) -> Drawn:
        """All that the engine gives for a request."""
        return await all_of(self.engine.draw(prompt, n, sampling=sampling, seed=seed))

    @property
    def step(self) -> Sampling:
        return dataclasses.replace(self.whole, until="step")

    @property
    def cut(self) -> Sampling:
        return dataclasses.replace(self.whole, max_tokens=3)


async def every_request_gets_its_number_of_draws(subject: Subject) -> None:
    for n in (1, 2, 7, 16):
        reply = await subject.draw(subject.prompts[0], n, sampling=subject.whole, seed=n)
        assert len(reply.draws) == n


async def child_i_depends_on_prefix_and_seed_plus_i_alone(subject: Subject) -> None:
    async def draws(n: int, seed: int) -> list[object]:
        reply = await subject.draw(subject.prompts[0], n, sampling=subject.whole, seed=seed)
        return [draw._replace(token_ids=tuple(draw.token_ids)) for draw in reply.draws]

    at_once = await draws(4, 100)
    assert await draws(2, 100) + await draws(2, 102) == at_once
    assert [*await draws(1, 103), *await draws(1, 101)] == [at_once[3], at_once[1]]
    assert len(set(at_once) | set(await draws(12, 500))) > 1


async def other_prompts_get_other_draws(subject: Subject) -> None:
    ask = subject.draw
    replies = [
        await ask(prompt, 8, sampling=subject.whole, seed=0) for prompt in subject.prompts[:4]
    ]
    assert len({tuple(draw.text for draw in reply.draws) for reply in replies}) > 1


async def whole_draws_end_with_the_end_of_text_counted_and_not_kept(subject: Subject) -> None:
    reply = await subject.draw(subject.prompts[0], 16, sampling=subject.whole, seed=0)
    ended = [draw for draw in reply.draws if draw.stop == "end"]
    assert len(ended) >= 8
    for draw in ended:
        assert draw.tokens == len(draw.token_ids) + 1
        assert not subject.form.end_of_text & set(draw.token_ids)
        assert draw.text == subject.form.tokenizer.decode(draw.token_ids)


async def step_draws_stop_at_the_first_step_end(subject: Subject) -> None:
    reply = await subject.draw(subject.prompts[0], 16, sampling=subject.step, seed=0)
    steps = [draw for draw in reply.draws if draw.stop == "step"]
    assert len(steps) >= 4 and {draw.stop for draw in reply.draws} <= {"step", "end", "limit"}
    for draw in steps:
        *inside, last = draw.token_ids
        assert subject.form.steps.ended(draw.token_ids) == draw.tokens == len(draw.token_ids)
        assert subject.form.steps.ended(inside) is None and last in subject.form.steps.stops


async def a_prefix_is_continued_where_it_stops(subject: Subject) -> None:
    ask, prompt = subject.draw, subject.prompts[0]
    first = (await ask(prompt, 16, sampling=subject.step, seed=0)).draws
    longer = prompt + tuple(next(draw.token_ids for draw in first if draw.stop == "step"))
    reply = await ask(longer, 4, sampling=subject.step, seed=0)
    assert (reply.prompt_tokens == len(longer)) == (reply.requests == 1)
    assert len(reply.draws) == 4
    assert (await ask(longer, 4, sampling=subject.step, seed=0)).draws == reply.draws


async def a_draw_cut_at_its_limit_says_so(subject: Subject) -> None:
    reply = await subject.draw(subject.prompts[0], 8, sampling=subject.cut, seed=0)
    for draw in reply.draws:
        assert draw.stop == "limit" and draw.tokens == len(draw.token_ids) == 3
        assert draw.text == subject.form.tokenizer.decode(draw.token_ids)


async def prompt_tokens_are_counted_once_or_for_every_child(subject: Subject) -> None:
    for prompt in subject.prompts[:3]:
        reply = await subject.draw(prompt, 3, sampling=subject.step, seed=0)
        assert 0 <= reply.cached_tokens <= reply.prompt_tokens
        # A step that goes on is asked for again, with all that was written before it.
        again = reply.requests > 3
        counted = (len(prompt), 3 * len(prompt))
        assert reply.prompt_tokens > len(prompt) if again else reply.prompt_tokens in counted


async def concurrent_requests_do_not_mix(subject: Subject) -> None:
    def ask(i: int) -> Awaitable[object]:
        prompt = subject.prompts[i % len(subject.prompts)]
        return subject.draw(prompt, 1 + i % 3, sampling=subject.whole, seed=1000 * i)

    together = await asyncio.gather(*map(ask, range(24)))
    for i in (0, 1, 5, 11, 23):
        alone = await ask(i)
        assert alone.draws == together[i].draws and alone.prompt_tokens == together[i].prompt_tokens


async def cancellation_leaves_nothing_in_flight(subject: Subject) -> None:
    ask = subject.draw
    asked = [
        asyncio.ensure_future(ask(p, 16, sampling=subject.whole, seed=7)) for p in subject.prompts
    ]
    await asyncio.sleep(0.05)
    for request in asked:
        request.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    async with asyncio.timeout(20.0):
        while await subject.in_flight():
            await asyncio.sleep(0.05)
    await every_request_gets_its_number_of_draws(subject)


CHECKS = (
    every_request_gets_its_number_of_draws,
    child_i_depends_on_prefix_and_seed_plus_i_alone,
    other_prompts_get_other_draws,
    whole_draws_end_with_the_end_of_text_counted_and_not_kept,
    step_draws_stop_at_the_first_step_end,
    a_prefix_is_continued_where_it_stops,
    a_draw_cut_at_its_limit_says_so,
    prompt_tokens_are_counted_once_or_for_every_child,
    concurrent_requests_do_not_mix,
    cancellation_leaves_nothing_in_flight,
)
