"""Beam search against a process reward model (METHOD §5; Snell et al. 2024, §5.2)."""

from __future__ import annotations

import asyncio
import math
from collections import Counter

from tasks.nodes import Node
from tasks.strategies.tools import Tools

ROUNDS = 40


async def beam_search(root: Node, budget: int, *, m: int, tools: Tools) -> list[Node]:
    """`budget` completions found by keeping the best prefixes at every step.

    Draws `budget` first steps; then, until all slots hold an ended completion or 40 rounds
    passed: scores every open prefix, keeps the best (open slots / m, rounded up) and draws m
    next steps from each, never more than there are open slots. An ended completion keeps its
    slot and is never extended; so does a prefix cut at the token limit, which is not returned. The same
    text drawn twice is returned twice.
    Ties go to the earlier draw; a prefix whose verifier failed ranks last.
    """
    ended: list[Node] = []
    beams = _sort_out(await tools.next_steps(root, budget), ended)
    for _ in range(ROUNDS):
        if not beams:
            break
        slots = len(beams)
        kept = await _best(beams, math.ceil(slots / m), tools)
        beams = _sort_out(await _expand(kept, slots, m=m, tools=tools), ended)
    return ended


def _sort_out(nodes: list[Node], ended: list[Node]) -> list[Node]:
    """The nodes that can go on; those that reached their end are appended to `ended`."""
    ended.extend(node for node in nodes if node.ended)
    return [node for node in nodes if node.extendable]


async def _best(nodes: list[Node], count: int, tools: Tools) -> list[Node]:
    scores = await asyncio.gather(*(tools.score(node) for node in nodes))
    known = [-1.0 if score is None else score for score in scores]
    ranked = sorted(range(len(nodes)), key=lambda i: -known[i])
    return [nodes[i] for i in ranked[:count]]


async def _expand(kept: list[Node], slots: int, *, m: int, tools: Tools) -> list[Node]:
    """m children of every kept prefix, up to `slots` in all; a prefix kept twice gets 2m different ones."""
    wanted: Counter[str] = Counter()
    by_key = {node.key: node for node in kept}
    for i, node in enumerate(kept):
        wanted[node.key] += max(0, min(m, slots - i * m))
    families = await asyncio.gather(*(tools.next_steps(by_key[key], n) for key, n in wanted.items() if n))
    return [child for family in families for child in family]
