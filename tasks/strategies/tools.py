"""What a strategy may ask for while it runs, metered by role."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from tasks.draws.nodes import Node

ROUNDS = 40
"""A search that goes step by step stops after so many, as in the paper (Snell et al. 2024, §5.2)."""

ATTEMPTS_SHOWN = 4
"""A revision sees so many of the latest attempts (METHOD §5)."""

Chain = tuple[Node, ...]
"""Attempts at one question, each made in sight of those before it."""


class Tools(Protocol):
    """The only way from a strategy to models: whatever goes through it is counted."""

    async def next_steps(self, node: Node, n: int) -> list[Node]:
        """The first n children of the node, each ending at the next step's end."""
        ...

    async def ahead(self, node: Node) -> Node:
        """The node's likeliest child (temperature 0), ending at the next step's end."""
        ...

    def attempt_key(self, earlier: Chain) -> str:
        """Names the number of these and what the next attempt sees of them; chains of one sight share children."""
        ...

    async def attempts(self, earlier: Chain, n: int) -> list[Node]:
        """The first n attempts that follow these, each a whole completion."""
        ...

    async def score(self, node: Node) -> float | None:
        """The verifier's score at the node's end; None when the verifier failed."""
        ...


async def children_of_each(tools: Tools, wanted: Sequence[tuple[Node, int]]) -> list[list[Node]]:
    """n children for every (node, n), in order; a node that is listed twice gets different children each time.

    All are drawn at once. A copy of a prefix is so one more independent draw, never a second vote of one.
    """
    totals: Counter[str] = Counter()
    for node, n in wanted:
        totals[node.key] += n
    nodes = {node.key: node for node, _ in wanted}
    drawn = await asyncio.gather(
        *(tools.next_steps(nodes[key], n) for key, n in totals.items() if n)
    )
    children = {
        key: iter(family)
        for key, family in zip((k for k, n in totals.items() if n), drawn, strict=True)
    }
    return [list(islice(children[node.key], n)) if n else [] for node, n in wanted]


async def next_attempts(tools: Tools, chains: Sequence[Chain], taken: Counter[str]) -> list[Node]:
    """The next attempt of every chain, in order, all drawn at once.

    Chains of one sight get different draws: `taken` counts how many of them were handed out before.
    """
    sights = [tools.attempt_key(chain) for chain in chains]
    by_sight = dict(zip(sights, chains, strict=True))
    wanted = Counter(sights)
    drawn = await asyncio.gather(
        *(tools.attempts(by_sight[s], taken[s] + n) for s, n in wanted.items())
    )
    fresh = {s: iter(family[taken[s] :]) for s, family in zip(wanted, drawn, strict=True)}
    taken.update(wanted)
    return [next(fresh[sight]) for sight in sights]


def split_ended(nodes: list[Node], ended: list[Node]) -> list[Node]:
    """The nodes that can go on; those that reached their end are appended to `ended`."""
    ended.extend(node for node in nodes if node.ended)
    return [node for node in nodes if node.extendable]
