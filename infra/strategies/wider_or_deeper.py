"""Wider or deeper: a new attempt, or one that mends an earlier one (AB-MCTS, arXiv 2503.04412).

As the variant of the paper that aggregates scores in Beta distributions, with the verifier's
scores in place of its feedback from outside.
"""

from collections import Counter

from tasks.strategies.own import search
from tasks.strategies.tools import next_attempts


@search(attempts=True, scores=True)
async def branch(tools, *, prior=1.0):
    """`budget` attempts one after the other, each where Thompson sampling expects the best.

    To go wider draws from what first attempts scored; to mend an attempt draws from its own score
    and those of the attempts that followed it. One that was cut is never mended.
    """
    taken = Counter()
    attempts = []
    # By what was seen: () for first attempts, else the chain that ends with the mended one.
    scored = {(): []}
    for _ in range(tools.budget):
        seen = max(scored, key=lambda chain: thompson(tools, scored[chain], prior))
        (attempt,) = await next_attempts(tools, [seen], taken)
        attempts.append(attempt)
        reached = await tools.score(attempt) if attempt.ended else 0.0
        reached = 0.0 if reached is None else reached
        scored[seen].append(reached)
        if attempt.ended:
            scored[(*seen, attempt)] = [reached]
    return attempts


def thompson(tools, scores, prior):
    """A draw of the chance of success that these scores speak for."""
    gained = sum(scores)
    return tools.random.betavariate(prior + gained, prior + len(scores) - gained)
