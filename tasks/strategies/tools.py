"""What a strategy may ask for while it runs, metered by role."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from tasks.draws.nodes import Node

T = TypeVar("T")
ATTEMPTS_SHOWN = 4
"""A revision sees so many of the latest attempts (METHOD §5)."""
MOST_SHOWN = 8
"""Most completions that a model is asked to compare at once (METHOD §13)."""

Chain = tuple[Node, ...]
"""Attempts at one question, each made in sight of those before it."""


class Tools(Protocol):
    """The only way from a strategy to models: whatever goes through it is counted."""

    @property
    def rounds(self) -> int:
        """How often a search over steps goes on before it ends."""
        ...

    def leave(self, slots: int) -> None:
        """Count the slots whose prefixes could go on when the rounds ended."""
        ...

    def spend(self, generations: int) -> None:
        """Say how many generations were taken, where they may be fewer than the budget."""
        ...

    async def completions(self, n: int) -> list[Node]:
        """The question's first n whole completions, those that pool strategies choose from."""
        ...

    async def next_steps(self, node: Node, n: int) -> list[Node]:
        """The first n children of the node, each ending at the next step's end."""
        ...

    async def ahead(self, node: Node) -> Node:
        """The node's likeliest child (temperature 0), ending at the next step's end."""
        ...

    def attempt_key(self, earlier: Chain, *, shown: int = ATTEMPTS_SHOWN) -> str:
        """Names what the next attempt after these sees, and how many they are.

        Chains of one key share children.
        """
        ...

    async def attempts(self, earlier: Chain, n: int, *, shown: int = ATTEMPTS_SHOWN) -> list[Node]:
        """The first n attempts in sight of the latest of these, each a whole completion."""
        ...

    def choice_key(self, attempts: Chain) -> str:
        """Names what a model sees that is to say which of these is best."""
        ...

    async def choices(self, attempts: Chain, n: int) -> list[int | None]:
        """Place of the one that the model says is best, each of the first n times it is asked.

        None: it names none of them.
        """
        ...

    async def score(self, node: Node) -> float | None:
        """The verifier's score at the node's end; None when the verifier failed."""
        ...

    async def scores(self, nodes: Sequence[Node]) -> list[float | None]:
        """The same of each node, all asked for at once."""
        ...

    async def answers(self, nodes: Sequence[Node]) -> list[str | None]:
        """The class that each completion votes for; None for one that is cut or has no answer."""
        ...


async def children_of_each(tools: Tools, wanted: Sequence[tuple[Node, int]]) -> list[list[Node]]:
    """n children for every (node, n), in order; a node listed twice gets different ones each time.

    All are drawn at once. A copy of a prefix is so one more independent draw, never a second vote
    of one.
    """
    totals: Counter[str] = Counter()
    nodes: dict[str, Node] = {}
    for node, n in wanted:
        if n:
            totals[node.key] += n
            nodes[node.key] = node
    requests = [tools.next_steps(nodes[key], n) for key, n in totals.items()]
    drawn = await asyncio.gather(*requests)
    # Copies of one prefix take turns at its children: each of them is handed out once.
    left: dict[str, Iterator[Node]] = {}
    for key, siblings in zip(totals, drawn, strict=True):
        left[key] = iter(siblings)
    children: list[list[Node]] = []
    for node, n in wanted:
        children.append(list(islice(left[node.key], n)) if n else [])
    return children


async def next_attempts(
    tools: Tools,
    chains: Sequence[Chain],
    taken: Counter[str],
    *,
    shown: int = ATTEMPTS_SHOWN,
) -> list[Node]:
    """The next attempt of every chain, in order, all drawn at once.

    Chains of one key get different draws: `taken` counts how many were handed out before.
    """

    async def draw(chain: Chain, n: int) -> list[Node]:
        return await tools.attempts(chain, n, shown=shown)

    keys = [tools.attempt_key(chain, shown=shown) for chain in chains]
    return await _next_of_each(keys, chains, taken, draw)


async def next_choices(
    tools: Tools, tables: Sequence[Chain], taken: Counter[str]
) -> list[int | None]:
    """What the model names of every table of attempts, in order, all asked for at once.

    Tables of one key get different draws, as chains do.
    """
    keys = [tools.choice_key(table) for table in tables]
    return await _next_of_each(keys, tables, taken, tools.choices)


async def _next_of_each(
    keys: Sequence[str],
    chains: Sequence[Chain],
    taken: Counter[str],
    draw: Callable[[Chain, int], Awaitable[list[T]]],
) -> list[T]:
    # Any chain of a key stands for the others: what is drawn sees the same of each.
    by_key = dict(zip(keys, chains, strict=True))
    wanted = Counter(keys)
    requests = [draw(by_key[key], taken[key] + n) for key, n in wanted.items()]
    drawn = await asyncio.gather(*requests)
    fresh: dict[str, Iterator[T]] = {}
    for key, siblings in zip(wanted, drawn, strict=True):
        fresh[key] = iter(siblings[taken[key] :])
    taken.update(wanted)
    return [next(fresh[key]) for key in keys]


def split_ended(nodes: Sequence[Node], ended: list[Node]) -> list[Node]:
    """The nodes that can go on; those that reached their end are appended to `ended`."""
    going: list[Node] = []
    for node in nodes:
        if node.ended:
            ended.append(node)
        elif node.extendable:
            going.append(node)
        # What was cut at the token limit is neither: it keeps its slot and is not returned.
    return going


def best_first(scores: Sequence[float | None]) -> list[int]:
    """Places by falling score; ties go to the earlier one, a missing score comes last."""
    # Scores lie in [0, 1], so that -1 is below every one of them; sorting is stable.
    known = [-1.0 if score is None else score for score in scores]
    return sorted(range(len(known)), key=lambda place: -known[place])
