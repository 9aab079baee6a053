"""Beam search against a process reward model, and lookahead search (METHOD §5).

The paper's own searches (Snell et al. 2024, §5.2).
"""

from __future__ import annotations

import asyncio
import math

from tasks.draws.nodes import Node
from tasks.strategies.forms import (
    STEPWISE,
    Form,
    Options,
    at_least,
    least_beams,
    width,
    width_at,
)
from tasks.strategies.tools import Tools, best_first, children_of_each, split_ended


async def beam_search(root: Node, budget: int, *, m: int, tools: Tools, k: int = 0) -> list[Node]:
    """budget / (k + 1) completions found by keeping the best prefixes at every step.

    Draws as many first steps; then, until all slots hold an ended completion or the rounds are
    over: scores every open prefix, keeps the best (open slots / m, rounded up) and draws m next
    steps from each, never more than there are open slots. An ended completion keeps its slot and is
    never extended; so does a prefix cut at the token limit, which is not returned. The same text
    drawn twice is returned twice.

    With k > 0 (lookahead) a prefix is scored at the end of a greedy rollout of up to k further
    steps; the rollout counts as k generations a slot and is never returned.
    Ties go to the earlier draw; a prefix whose verifier failed ranks last.
    """
    ended: list[Node] = []
    first_steps = await tools.next_steps(root, budget // (k + 1))
    beams = split_ended(first_steps, ended)
    for _ in range(tools.rounds):
        if not beams:
            break
        slots = len(beams)
        kept = await _keep_best(beams, math.ceil(slots / m), tools, k)
        # The last prefix kept takes what is left, where m does not divide the open slots.
        wanted = [(node, min(m, slots - place * m)) for place, node in enumerate(kept)]
        grown = await children_of_each(tools, wanted)
        beams = split_ended([child for siblings in grown for child in siblings], ended)
    tools.leave(len(beams))
    return ended


async def _keep_best(nodes: list[Node], count: int, tools: Tools, k: int) -> list[Node]:
    ends = nodes
    if k:
        ends = await asyncio.gather(*(_look_ahead(node, tools, k) for node in nodes))
    scores = await tools.scores(ends)
    return [nodes[place] for place in best_first(scores)[:count]]


async def _look_ahead(node: Node, tools: Tools, k: int) -> Node:
    """The end of a greedy rollout of up to k steps."""
    for _ in range(k):
        if not node.extendable:
            break
        node = await tools.ahead(node)
    return node


BEAM_SEARCH = Form(
    kind="search",
    selectors=STEPWISE,
    example="beam_search(m=4)",
    short="beam",
    run=beam_search,
    options={"m": width()},
    resolve=lambda options, budget: {"m": width_at(options["m"], budget)},
    least=lambda options: least_beams(options["m"]),
    unit=lambda options, budget: width_at(options["m"], budget),
)


def _rollouts(options: Options) -> int:
    """Generations a slot: the completion itself and the steps of its lookahead."""
    return int(options["k"]) + 1


def _width_of_beams(options: Options, budget: int) -> int:
    # `sqrt` is taken of the beams, which are what lookahead leaves of the budget.
    return width_at(options["m"], budget // _rollouts(options))


LOOKAHEAD = Form(
    kind="search",
    selectors=STEPWISE,
    example="lookahead(k=1,m=4)",
    short="lookahead",
    run=beam_search,
    options={"k": at_least(1), "m": width()},
    resolve=lambda options, budget: {**options, "m": _width_of_beams(options, budget)},
    least=lambda options: _rollouts(options) * least_beams(options["m"]),
    unit=lambda options, budget: _rollouts(options) * _width_of_beams(options, budget),
    rollouts=_rollouts,
)
