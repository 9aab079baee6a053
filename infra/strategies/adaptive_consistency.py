"""Adaptive-consistency: draw until the leading answer is likely to stay ahead (arXiv 2305.11860).

By the rule of the paper that looks at the first two answers alone (its Beta rule).
"""

from collections import Counter
from math import comb

from tasks.strategies.own import pool


@pool
async def certain(tools, *, posterior=0.95):
    """Majority of what was drawn when the leader is ahead with more than this probability."""
    drawn = []
    for n in range(1, tools.budget + 1):
        drawn = await tools.completions(n)
        votes = Counter(one for one in await tools.answers(drawn) if one is not None)
        if votes and ahead(*most_two(votes)) > posterior:
            break
    return drawn


def most_two(votes):
    """Votes of the first answer and of the second, 0 where there is none."""
    ranked = sorted(votes.values(), reverse=True)
    return ([*ranked, 0])[:2]


def ahead(first, second):
    """Probability that a draw of the two is of the first, more often than not.

    Beta(first + 1, second + 1) above one half, which for whole numbers is a sum of binomials.
    """
    trials = first + second + 1
    return sum(comb(trials, k) for k in range(first + 1)) / 2**trials
