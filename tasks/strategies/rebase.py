"""REBASE: the width is shared out among prefixes by their scores.

METHOD §5; Wu et al., arXiv 2408.00724.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.draws.nodes import Node
from tasks.strategies.forms import STEPWISE, Form
from tasks.strategies.tools import Tools, children_of_each, split_ended

TEMPERATURE = 0.2
"""Of the softmax over scores, as in the paper of the method (arXiv 2408.00724)."""


async def rebase(root: Node, budget: int, *, tools: Tools) -> list[Node]:
    """`budget` completions from a tree whose open slots follow softmax(score / 0.2).

    Draws `budget` first steps; an ended completion releases its slot for good, and the open slots
    are shared out anew at every step. A prefix cut at the token limit keeps its slot and is not
    returned.
    """
    ended: list[Node] = []
    nodes = split_ended(await tools.next_steps(root, budget), ended)
    for _ in range(tools.rounds):
        if not nodes:
            break
        scores = await tools.scores(nodes)
        counts = shares(scores, len(nodes))
        grown = await children_of_each(tools, list(zip(nodes, counts, strict=True)))
        nodes = split_ended([child for siblings in grown for child in siblings], ended)
    tools.leave(len(nodes))
    return ended


def shares(scores: Sequence[float | None], slots: int) -> list[int]:
    """Whole numbers that add up to `slots`, in proportion to softmax(score / 0.2).

    Rounded by largest remainders, ties to the earlier one. A missing score gets nothing, unless
    all are missing: then all count alike.
    """
    top = max((score for score in scores if score is not None), default=None)
    if top is None:
        return shares([0.0] * len(scores), slots)
    # Less the highest score, so that no exponential overflows; the proportions are the same.
    weights: list[float] = []
    for score in scores:
        weights.append(0.0 if score is None else math.exp((score - top) / TEMPERATURE))
    total = sum(weights)
    exact = [slots * weight / total for weight in weights]
    counts = [math.floor(quota) for quota in exact]
    by_remainder = sorted(range(len(counts)), key=lambda place: counts[place] - exact[place])
    for place in by_remainder[: slots - sum(counts)]:
        counts[place] += 1
    return counts


REBASE = Form(
    kind="search",
    selectors=STEPWISE,
    example="rebase",
    short="rebase",
    run=rebase,
    least=lambda _: 2,  # below, there is nothing to share out
)
