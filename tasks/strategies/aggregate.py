"""Recursive self-aggregation: attempts in sight of several earlier ones (METHOD §13).

Venkatraman et al., arXiv 2509.26626.
"""

from __future__ import annotations

import random
from collections import Counter

from tasks.draws.nodes import Node
from tasks.strategies.forms import Form, within
from tasks.strategies.tools import MOST_SHOWN, Chain, Tools, next_attempts


async def aggregate(root: Node, budget: int, *, k: int, rounds: int, tools: Tools) -> list[Node]:
    """The last of `rounds` populations of budget / rounds attempts each.

    The first is drawn afresh; every later attempt sees k random ones of the population before it,
    without replacement, in random order. What was cut at the token limit is not shown: where fewer
    than k ended all of those are, and where none did an attempt is made afresh.
    """
    width = budget // rounds
    rng = random.Random(f"{root.key}|{budget}")
    taken: Counter[str] = Counter()
    shown: list[Chain] = [()] * width
    population: list[Node] = []
    for _ in range(rounds):
        population = await next_attempts(tools, shown, taken, shown=k)
        ended = [node for node in population if node.ended]
        shown = [tuple(rng.sample(ended, min(k, len(ended)))) for _ in range(width)]
    return population


AGGREGATE = Form(
    kind="search",
    # No verifier, as in the source.
    selectors=("majority",),
    example="aggregate(k=4,rounds=2)",
    short="aggregate",
    run=aggregate,
    options={"k": within(2, MOST_SHOWN), "rounds": within(2, 16)},
    least=lambda options: int(options["k"]) * int(options["rounds"]),
    unit=lambda options, _: int(options["rounds"]),
    rollouts=lambda options: int(options["rounds"]),
    steps=False,
    scores=False,
    shows=lambda options: int(options["k"]),
)
