"""Accuracy of a small model's vote that a larger model is asked behind (METHOD §13)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.estimators import Pool
from tasks.statistics.subsets import EXACT_DRAWS, majority_exact, shuffles

_SAME: Final = 1e-9
"""Shares closer than this are the same: 0.7 of 10 votes are 7, whatever the last digit says."""


class CascadeEstimate(NamedTuple):
    """Expected accuracy at one budget, and how often the larger model is asked."""

    budget: int
    accuracy: float
    mc_error: float
    """Standard error of averaging over random orders; 0 for an exact figure."""
    passed: float
    """Chance that the question is passed on to the larger model."""


class _Votes(NamedTuple):
    """Of a vote: the share that is right, and that which is won at all. One figure, or an order's.

    Exact of a pool of at most `EXACT_DRAWS`, else each of random orders.
    """

    right: Floats
    won: Floats


def votes_needed(k: int, agree: float) -> int:
    """Votes of k that the leading answer needs for a share of `agree`; at least 1."""
    return max(1, math.ceil(agree * k - _SAME))


def cascade_estimates(
    small: Pool,
    large: Pool,
    budgets: Sequence[int],
    *,
    k: int,
    agree: float,
    seed: int,
    orders: int = 64,
) -> list[CascadeEstimate]:
    """An estimate at each budget above k.

    k draws of the small model vote. Where its leading answer has a share of `agree` of them or
    more, it is the answer; else that of the vote of the other draws of the budget, all of the
    larger model. Draws without an answer count among the k, and vote for nothing. Subsets of the
    two pools are independent of each other, so that with both pools of at most `EXACT_DRAWS` draws
    the figure is exact: the share kept and right, and the share passed on times the larger model's
    majority (METHOD §10). ValueError for a pool that is too small for a budget.
    """
    fitting = [budget for budget in budgets if budget > k]
    _check(small, large, k, fitting)
    first = _votes(small, k, least=votes_needed(k, agree), seed=(seed, 0), orders=orders)
    estimates: list[CascadeEstimate] = []
    for budget in fitting:
        behind = _votes(large, budget - k, least=1, seed=(seed, 1), orders=orders)
        reached = first.right + (1 - first.won) * behind.right
        accuracy = float(np.clip(reached.mean(), 0.0, 1.0))
        error = reached.std(ddof=1) / math.sqrt(reached.size) if reached.size > 1 else 0.0
        # Rounding alone may leave a chance below 0.
        passed = float(np.clip(1 - first.won.mean(), 0.0, 1.0))
        estimates.append(CascadeEstimate(int(budget), accuracy, float(error), passed))
    return estimates


def _check(small: Pool, large: Pool, k: int, budgets: Sequence[int]) -> None:
    most = max(budgets, default=k) - k
    if k > small.answers.size or most > large.answers.size:
        raise ValueError(
            f"expected pools of at least {k} and {most} draws, "
            f"got {small.answers.size} and {large.answers.size}"
        )


def _votes(pool: Pool, size: int, *, least: int, seed: tuple[int, int], orders: int) -> _Votes:
    """The vote of a random subset of `size`, which a class of fewer than `least` does not win."""
    classes, shares = pool.relabelled()
    if classes.size > EXACT_DRAWS:
        rows = classes[shuffles(classes.size, orders, seed)]
        return _sampled(rows, shares, size, least)
    sizes = np.bincount(classes[classes >= 0], minlength=shares.size)
    silent = classes.size - int(sizes.sum())
    right, won = 0.0, 0.0
    for one in range(shares.size):
        rivals = np.delete(sizes, one)
        budgets = np.array([size], dtype=np.int64)
        wins = majority_exact(int(sizes[one]), rivals, silent, budgets, least=least)
        right += float(shares[one] * wins[0])
        won += float(wins[0])
    return _Votes(np.array([right]), np.array([won]))


def _sampled(rows: Integers, shares: Floats, size: int, least: int) -> _Votes:
    """Means over the subsets that each order is cut into."""
    blocks = rows.shape[1] // size
    dealt = rows[:, : blocks * size].reshape(len(rows), blocks, size)
    # Votes of every class in every block; a draw without an answer is of none.
    votes = (dealt[..., None] == np.arange(shares.size)).sum(axis=2)
    most = votes.max(axis=2, initial=0)
    leads = (votes == most[..., None]) & (most >= least)[..., None]
    leaders = np.maximum(leads.sum(axis=2), 1)
    right = (leads * shares).sum(axis=2) / leaders
    return _Votes(right.mean(axis=1), leads.any(axis=2).mean(axis=1))
