"""Diverse verifier tree search: many independent small trees (METHOD §5; Beeching et al. 2024)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple

from tasks.draws.nodes import Node
from tasks.strategies.forms import Form, at_least
from tasks.strategies.tools import Tools, best_first, children_of_each, split_ended


class _Head(NamedTuple):
    """Where a subtree goes on."""

    place: int
    """Among the subtrees."""
    node: Node
    """Its best prefix."""
    slots: int
    """Its open ones."""


async def dvts(root: Node, budget: int, *, m: int, tools: Tools) -> list[list[Node]]:
    """The ended completions of budget / m independent subtrees, one list a subtree (METHOD §5).

    A subtree draws m first steps and goes on from the best of them; an ended completion keeps its
    slot, so the best open prefix is continued as often as slots are open. Prefixes cut at the token
    limit are not returned. The first subtrees of a larger budget are those of a smaller one. Ties
    go to the earlier draw; a prefix whose verifier failed ranks last.
    """
    ended: list[list[Node]] = [[] for _ in range(budget // m)]
    heads = [_Head(place, root, m) for place in range(len(ended))]
    for _ in range(tools.rounds):
        wanted = [(head.node, head.slots) for head in heads]
        grown = await children_of_each(tools, wanted)
        going: list[Coroutine[Any, Any, _Head]] = []
        for head, children in zip(heads, grown, strict=True):
            nodes = split_ended(children, ended[head.place])
            # A subtree without open prefixes is done: its slots ended or were cut.
            if nodes:
                going.append(_go_on(head.place, nodes, tools))
        heads = await asyncio.gather(*going)
        if not heads:
            break
    tools.leave(sum(head.slots for head in heads))
    return ended


async def _go_on(place: int, nodes: list[Node], tools: Tools) -> _Head:
    """The subtree goes on from the best of its open prefixes, in the place of all of them."""
    scores = await tools.scores(nodes)
    best = nodes[best_first(scores)[0]]
    return _Head(place, best, slots=len(nodes))


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
