"""Speculative rejection: best-of-N that gives up the worst beginnings (arXiv 2410.20290).

The paper rejects whenever the memory of the accelerator is full; here it does after every step.
"""

from tasks.strategies.own import search
from tasks.strategies.tools import children_of_each


@search(steps=True, scores=True)
async def reject(tools, *, share=0.5):
    """Completions that were never among this share of the lowest scores of a step.

    The best open one always goes on. A beginning whose verifier failed counts as worst.
    """
    ended = []
    nodes = await tools.next_steps(tools.root, tools.budget)
    for _ in range(tools.rounds):
        ended += [node for node in nodes if node.ended]
        going = [node for node in nodes if node.extendable]
        if not going:
            return ended
        kept = await best(tools, going, max(1, round(len(going) * (1 - share))))
        # One step each; two draws of one text go on with draws of their own.
        grown = await children_of_each(tools, [(node, 1) for node in kept])
        nodes = [child for children in grown for child in children]
    tools.leave(len(nodes))
    return ended


async def best(tools, nodes, count):
    """So many of the nodes by their scores, ties to the earlier."""
    scores = await tools.scores(nodes)
    known = [-1.0 if score is None else score for score in scores]
    ranked = sorted(range(len(nodes)), key=lambda place: -known[place])
    return [nodes[place] for place in ranked[:count]]
