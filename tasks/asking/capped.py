"""Completions whose thinking is cut, made of whole ones: one trace gives every cap (METHOD §12)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tasks.asking.tools import A_CHAIN
from tasks.draws.nodes import Node, extend, split_draw
from tasks.draws.sampler import Sampler
from tasks.models.formats import Format
from tasks.models.thinking import Thinking
from tasks.models.thinking_caps import Cap, Cut, cut_thinking, thinks_again
from tasks.protocols import Draw, Sampling


class Again(NamedTuple):
    """What it took to go on from traces that were cut, besides what was generated."""

    forced: bool
    """Whether its answer follows thinking that was cut."""
    prompt_tokens: int
    """Read by its requests but the first one."""
    cached_tokens: int
    """Of these, what the request before had read or written."""


NOTHING_AGAIN: Final = Again(forced=False, prompt_tokens=0, cached_tokens=0)


class _Request(NamedTuple):
    """The next draw of a completion that goes on from where it was cut."""

    node: Node
    sampling: Sampling
    thinks: bool


@dataclass(slots=True)
class _Line:
    """One completion on its way to its end."""

    node: Node
    cap: Cap
    """What is left of it."""
    request: _Request | None = None


async def cap_thinking(
    sampler: Sampler,
    format: Format,
    traces: Sequence[Node],
    cap: Cap,
    *,
    sampling: Sampling,
    replicate: int,
) -> list[Node]:
    """Each of the whole completions of one question, as it would be under the cap.

    Where a trace thinks longer it is cut, the end of thinking is written, and an answer drawn: a
    child of the cut trace, so that the next trace that was cut alike takes the next child. Any
    other is the completion itself, cut where it is longer than both parts may be.
    """
    lines = [_Line(trace, cap) for trace in traces]
    prompt = format.render(traces[0].question.text) if traces else ""
    going = lines
    # A round draws for each completion once; one that is extended has several.
    for number in range(cap.extend + 2):
        for line in going:
            _look(line, format, prompt, sampling)
        going = [line for line in lines if line.request]
        # The same prefix met again in a later round is drawn anew, as in a chain of attempts.
        await _draw(sampler, going, replicate + A_CHAIN * number)
    return [line.node for line in lines]


def _look(line: _Line, format: Format, prompt: str, sampling: Sampling) -> None:
    """Say what a completion that thought freely is under its cap, and what it still needs."""
    node, cap = line.node, line.cap
    parent = node.parent
    assert parent is not None
    if line.request and not line.request.thinks:
        line.request = None
        again = thinks_again(format, node.read_ids)
        line.node = node if again is None else node.shorten(again, format.steps)
        return
    line.request = None
    tokens = int(node.generated_tokens - parent.generated_tokens)
    cut = cut_thinking(format, prompt, parent.text, node.read_ids, tokens=tokens, cap=cap)
    if cut is None:
        is_longer = tokens > cap.limit
        line.node = node.shorten(cap.limit, format.steps) if is_longer else node
        return
    start = _restart(node, cut, format)
    if not cut.goes_on:
        answering = dataclasses.replace(sampling, max_tokens=cap.answer)
        line.request = _Request(start, answering, thinks=False)
        return
    left = cap.tokens - cut.kept - len(cut.given)
    line.cap = Cap(left, cap.answer, cap.extend - 1)
    thinking = dataclasses.replace(sampling, max_tokens=left + cap.answer)
    line.request = _Request(start, thinking, thinks=True)


def _restart(node: Node, cut: Cut, format: Format) -> Node:
    """The node from which the model goes on: what is kept, and what is written for it."""
    assert node.parent is not None
    ids = node.read_ids[: cut.kept]
    ids.extend(cut.given)
    draw = Draw(ids, "", "step", cut.kept)
    start = extend(node.parent, draw, split_draw(node.parent, draw, format.steps))
    return dataclasses.replace(start, given=len(cut.given))


async def _draw(sampler: Sampler, lines: Sequence[_Line], replicate: int) -> None:
    """The next draw of every completion, all at once; those of one prefix get different ones."""
    alike: defaultdict[tuple[str, str], list[_Line]] = defaultdict(list)
    for line in lines:
        assert line.request is not None
        alike[line.request.node.key, line.request.sampling.key].append(line)

    async def draw(group: list[_Line]) -> None:
        request = group[0].request
        assert request is not None
        children = await sampler.children(
            request.node,
            len(group),
            sampling=request.sampling,
            role="extension" if request.thinks else "answer",
            replicate=replicate,
        )
        for line, child in zip(group, children, strict=True):
            line.node = child

    await asyncio.gather(*map(draw, alike.values()))


def look_again(node: Node, thinking: Thinking) -> Again:
    """What a completion took besides its first draw."""
    restarts = [one for one in node.line() if one.given]
    if not restarts:
        return NOTHING_AGAIN
    prompts = sum(int(one.length) for one in restarts)
    given = sum(one.given for one in restarts)
    # Only the last one may be the end of thinking: whatever follows that is the answer.
    is_forced = thinking.final(restarts[-1].text) is not None
    return Again(is_forced, prompts, prompts - given)
