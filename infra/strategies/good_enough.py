"""Early-stopping best-of-N: the first completion that scores enough (arXiv 2503.00031).

The paper trains the model to state its confidence; here the verifier's score stands for it.
"""

from tasks.strategies.own import pool


@pool(scores=True)
async def good_enough(tools, *, score=0.9):
    """The first completion with this score; without one, the selector chooses among all."""
    drawn = []
    for n in range(1, tools.budget + 1):
        drawn = await tools.completions(n)
        # None where the verifier failed, or the completion was cut.
        reached = await tools.score(drawn[-1])
        if reached is not None and reached >= score:
            return drawn[-1:]
    return drawn
