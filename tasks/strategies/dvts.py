"""Diverse verifier tree search: many independent small trees (METHOD §5; Beeching et al. 2024)."""

from __future__ import annotations

import asyncio

from tasks.draws.nodes import Node
from tasks.strategies.forms import Form, at_least
from tasks.strategies.tools import ROUNDS, Tools, children_of_each


async def dvts(root: Node, budget: int, *, m: int, tools: Tools) -> list[list[Node]]:
    """The ended completions of budget / m independent subtrees, one list a subtree (METHOD §5).

    A subtree draws m first steps and goes on from the best of them; an ended completion keeps its slot, so the
    best open prefix is continued as often as slots are open. Prefixes cut at the token limit are not returned.
    The first subtrees of a larger budget are those of a smaller one. Ties go to the earlier draw; a prefix
    whose verifier failed ranks last.
    """
    ended: list[list[Node]] = [[] for _ in range(budget // m)]
    heads = [(place, root, m) for place in range(len(ended))]
    for _ in range(ROUNDS):
        grown = await children_of_each(tools, [(node, slots) for _, node, slots in heads])
        best = await asyncio.gather(*(_best(children, tools) for children in grown))
        for (place, _, _), children in zip(heads, grown, strict=True):
            ended[place] += [child for child in children if child.ended]
        heads = [
            (place, node, sum(child.extendable for child in children))
            for (place, _, _), children, node in zip(heads, grown, best, strict=True)
            if node is not None
        ]
        if not heads:
            break
    return ended


async def _best(children: list[Node], tools: Tools) -> Node | None:
    going = [child for child in children if child.extendable]
    scores = await asyncio.gather(*(tools.score(child) for child in going))
    known = [-1.0 if score is None else score for score in scores]
    return going[max(range(len(going)), key=lambda i: known[i])] if going else None


DVTS = Form(
    kind="groups",
    selectors=("weighted", "majority"),
    example="dvts(m=4)",
    short="dvts",
    run=dvts,
    options={"m": at_least(2)},
    least=lambda options: int(options["m"]),
    unit=lambda options, _: int(options["m"]),
)
