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
    first = _first_vote(small, k, votes_needed(k, agree), seed=(seed, 0), orders=orders)
    sizes = [budget - k for budget in fitting]
    behind = _majorities(large, sizes, seed=(seed, 1), orders=orders)
    # Rounding alone may leave a chance below 0.
    passed = float(np.clip(1 - first.won.mean(), 0.0, 1.0))
    estimates: list[CascadeEstimate] = []
    for budget, right in zip(fitting, behind, strict=True):
        reached = first.right + (1 - first.won) * right
        accuracy = float(np.clip(reached.mean(), 0.0, 1.0))
        error = _error_of_mean(reached)
        one = CascadeEstimate(
            budget=int(budget),
            accuracy=accuracy,
            mc_error=error,
            passed=passed,
        )
        estimates.append(one)
    return estimates


def _check(small: Pool, large: Pool, k: int, budgets: Sequence[int]) -> None:
    """ValueError where a subset would be larger than its pool."""
    most = max(budgets, default=k) - k
    if k > small.answers.size or most > large.answers.size:
        raise ValueError(
            f"expected pools of at least {k} and {most} draws, "
            f"got {small.answers.size} and {large.answers.size}"
        )


def _error_of_mean(values: Floats) -> float:
    """Of figures of random orders; of a single one, which is exact, 0."""
    if values.size == 1:
        return 0.0
    return float(values.std(ddof=1) / math.sqrt(values.size))


def _first_vote(pool: Pool, k: int, least: int, *, seed: tuple[int, int], orders: int) -> _Votes:
    """The vote of k random draws, which a class of fewer than `least` of them does not win."""
    classes, shares = pool.relabelled()
    if classes.size > EXACT_DRAWS:
        rows = classes[shuffles(classes.size, orders, seed)]
        return _sampled(rows, shares, k, least)
    ballot = _Ballot.of(classes, shares)
    size = np.array([k], dtype=np.int64)
    right = np.zeros(1)
    won = np.zeros(1)
    for one in range(shares.size):
        wins = ballot.wins(one, size, least)
        right += shares[one] * wins
        won += wins
    return _Votes(right, won)


def _majorities(
    pool: Pool, sizes: Sequence[int], *, seed: tuple[int, int], orders: int
) -> list[Floats]:
    """Accuracy of the majority of a random subset of each size, sizes rising."""
    classes, shares = pool.relabelled()
    if classes.size > EXACT_DRAWS:
        rows = classes[shuffles(classes.size, orders, seed)]
        return [_sampled(rows, shares, size, least=1).right for size in sizes]
    ballot = _Ballot.of(classes, shares)
    rising = np.array(sizes, dtype=np.int64)
    right = np.zeros(rising.size)
    # All sizes at once, and of the right answers alone: the others would add nothing.
    for one in np.flatnonzero(shares) if sizes else ():
        right += shares[one] * ballot.wins(int(one), rising, least=1)
    return list(right[:, None])


class _Ballot(NamedTuple):
    """How many draws of a pool vote for each class, and how many for none."""

    votes: Integers
    silent: int

    @classmethod
    def of(cls, classes: Integers, shares: Floats) -> _Ballot:
        """Counted; classes are numbered from 0, −1 is none."""
        votes = np.bincount(classes[classes >= 0], minlength=shares.size)
        return cls(votes, classes.size - int(votes.sum()))

    def wins(self, one: int, sizes: Integers, least: int) -> Floats:
        """Chance that a class wins subsets of these sizes with `least` votes or more."""
        rivals = np.delete(self.votes, one)
        target = int(self.votes[one])
        return majority_exact(target, rivals, self.silent, sizes, least=least)


def _sampled(rows: Integers, shares: Floats, size: int, least: int) -> _Votes:
    """Means over the subsets that each order is cut into."""
    blocks = rows.shape[1] // size
    whole = blocks * size
    dealt = rows[:, :whole].reshape(len(rows), blocks, size)
    # Votes of every class in every block; a draw without an answer is of none.
    every_class = np.arange(shares.size)
    votes = (dealt[..., None] == every_class).sum(axis=2)
    most = votes.max(axis=2, initial=0)
    is_first = votes == most[..., None]
    is_enough = most >= least
    leads = is_first & is_enough[..., None]
    leaders = np.maximum(leads.sum(axis=2), 1)
    right = (leads * shares).sum(axis=2) / leaders
    won = leads.any(axis=2)
    return _Votes(right.mean(axis=1), won.mean(axis=1))
