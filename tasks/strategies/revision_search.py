"""Verifier search over revisions: go on from the best attempts so far (the future work of Snell et al. 2024)."""

from __future__ import annotations

import asyncio
import math
from collections import Counter

from tasks.draws.nodes import Node
from tasks.strategies.forms import STEPWISE, Form, at_least
from tasks.strategies.tools import Chain, Tools, next_attempts


async def revision_search(_root: Node, budget: int, *, m: int, tools: Tools) -> list[Node]:
    """`budget` attempts, made in rounds: the first afresh, then m revisions each of the best attempts so far.

    A round makes as many attempts as there are rounds, or twice as many (`width`). From the second round on
    the best (width / m, rounded up) attempts of all rounds are revised, best by the verifier's score, each in sight
    of the chain that led to it. An attempt once revised may be revised again, by new draws. Attempts cut at the
    token limit are returned and never revised. Ties go to the earlier attempt.
    """
    wide, taken = width(budget), Counter[str]()
    made: list[Chain] = []
    scores: list[float | None] = []
    parents: list[Chain] = [()] * wide
    while len(made) < budget:
        new = await next_attempts(tools, parents, taken)
        made += [(*parent, attempt) for parent, attempt in zip(parents, new, strict=True)]
        scores += await asyncio.gather(*(_score(attempt, tools) for attempt in new))
        kept = _best(made, scores, math.ceil(wide / m))
        parents = [kept[number // m % len(kept)] for number in range(wide)]
    return [chain[-1] for chain in made]


async def _score(attempt: Node, tools: Tools) -> float | None:
    return await tools.score(attempt) if attempt.ended else None


def _best(made: list[Chain], scores: list[float | None], count: int) -> list[Chain]:
    """The chains of the best-scored attempts; an empty one (start afresh) when none has a score."""
    scored = [(score, place) for place, score in enumerate(scores) if score is not None]
    ranked = sorted(scored, key=lambda one: -one[0])
    return [made[place] for _, place in ranked[:count]] or [()]


def width(budget: int) -> int:
    """Attempts a round: √budget, rounded up to a power of two."""
    return 2 ** math.ceil(math.log2(budget) / 2)


REVISION_SEARCH = Form(
    kind="search",
    selectors=STEPWISE,
    example="revision_search(m=4)",
    short="rev. search",
    run=revision_search,
    options={"m": at_least(2)},
    least=lambda _: 2,
    unit=lambda _, budget: width(budget),
    revises=True,
)
