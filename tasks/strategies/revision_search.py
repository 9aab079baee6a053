"""Verifier search over revisions: go on from the best attempts so far.

The future work of Snell et al. 2024 (METHOD §11.1).
"""

from __future__ import annotations

import math
from collections import Counter

from tasks.draws.nodes import Node
from tasks.strategies.forms import STEPWISE, Form, at_least
from tasks.strategies.tools import Chain, Tools, best_first, next_attempts


async def revision_search(_root: Node, budget: int, *, m: int, tools: Tools) -> list[Node]:
    """`budget` attempts in rounds: the first afresh, then m revisions each of the best so far.

    A round makes as many attempts as there are rounds, or twice as many (`width`). From the second
    round on the best (width / m, rounded up) attempts of all rounds are revised, best by the
    verifier's score, each in sight of the chain that led to it. An attempt once revised may be
    revised again, by new draws. Attempts cut at the token limit are returned and never revised.
    Ties go to the earlier attempt.
    """
    wide = width(budget)
    taken: Counter[str] = Counter()
    chains: list[Chain] = []
    scores: list[float | None] = []
    parents: list[Chain] = [()] * wide
    while len(chains) < budget:
        attempts = await next_attempts(tools, parents, taken)
        for parent, attempt in zip(parents, attempts, strict=True):
            chains.append((*parent, attempt))
        scores += await _score_ended(attempts, tools)
        best = _best(chains, scores, math.ceil(wide / m))
        # Each of the best m times, in their order; where there are fewer of them, from the front.
        parents = [best[number // m % len(best)] for number in range(wide)]
    return [chain[-1] for chain in chains]


async def _score_ended(attempts: list[Node], tools: Tools) -> list[float | None]:
    """The score of each attempt; None for one that was cut."""
    ended = [attempt for attempt in attempts if attempt.ended]
    scores = iter(await tools.scores(ended))
    return [next(scores) if attempt.ended else None for attempt in attempts]


def _best(chains: list[Chain], scores: list[float | None], count: int) -> list[Chain]:
    """The chains of the best-scored attempts; an empty one (start afresh) when none has a score."""
    best: list[Chain] = []
    for place in best_first(scores)[:count]:
        if scores[place] is not None:
            best.append(chains[place])
    return best or [()]


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
    least=lambda _: 2,  # below, there is no second round
    unit=lambda _, budget: width(budget),
    revises=True,
)
