"""Accuracy and cost of the vote of those that finish first (METHOD §13)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.estimators import Pool
from tasks.statistics.subsets import shuffles, vote_credits
from warehouse.errors import UserError


class FirstEstimate(NamedTuple):
    """Expected accuracy of the first m of `budget` parallel draws, and tokens until they are there.

    `mc_error` is the standard error of averaging over random orders.
    """

    budget: int
    accuracy: float
    mc_error: float
    tokens: float
    latency: float
    """Tokens of the m-th to finish, on average."""


def first_estimates(
    pool: Pool, budgets: Sequence[int], *, m: int, seed: int, orders: int = 64
) -> list[FirstEstimate]:
    """An estimate at each budget of m or more: majority over the m draws of fewest tokens.

    Parallel draws write a token each at a time, so that the one with fewest tokens finishes first;
    the others are stopped when the m-th has finished: Σ min(t_i, t_(m)) tokens (Hassid et al.,
    arXiv 2505.17813). Draws of equally many tokens come in the order of the draws. Averaged over
    seeded random orders. UserError where the tokens of a draw are unknown.
    """
    tokens = _known_tokens(pool)
    draws = tokens.size
    shuffled = shuffles(draws, orders, (seed, draws))
    estimates: list[FirstEstimate] = []
    for budget in budgets:
        if budget < m:
            continue
        rows = shuffled[:, :budget]
        accuracy, spent, waited = _vote_of_first(pool, tokens, rows, m)
        error = accuracy.std(ddof=1) / np.sqrt(orders)
        one = FirstEstimate(
            budget=int(budget),
            accuracy=float(accuracy.mean()),
            mc_error=float(error),
            tokens=float(spent.mean()),
            latency=float(waited.mean()),
        )
        estimates.append(one)
    return estimates


def _known_tokens(pool: Pool) -> Floats:
    if pool.tokens is None or np.isnan(pool.tokens).any():
        raise UserError(
            "study: expected token counts of all draws for the strategy first, which takes those "
            "that finish first, some are not told by server or log; drop the strategy"
        )
    return pool.tokens


def _vote_of_first(
    pool: Pool, tokens: Floats, rows: Integers, m: int
) -> tuple[Floats, Floats, Floats]:
    """Expected accuracy, tokens spent and tokens waited for, of each row of draws."""
    lengths = tokens[rows]
    # Stable: of equally long ones the earlier comes first.
    earliest = np.argsort(lengths, axis=1, kind="stable")[:, :m]
    finished = np.take_along_axis(rows, earliest, axis=1)
    classes, shares = pool.relabelled()
    heads = np.ones(finished.shape, dtype=np.int64)
    credit = vote_credits(classes[finished], heads, pool.correct[finished], count=shares.size)
    last = np.take_along_axis(lengths, earliest[:, -1:], axis=1)
    return credit, np.minimum(lengths, last).sum(axis=1), last[:, 0]
