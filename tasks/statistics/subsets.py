"""Subsets of a pool: listed, in random orders, and kernels for votes over them."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any, Final, TypeVar, cast

import numba  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

from tasks.statistics.arrays import Floats, Integers

EXACT_DRAWS: Final = 256
"""Largest pool whose majority is counted exactly.

Binomials of larger ones leave the range of a double.
"""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compile_kernel(kernel: Kernel) -> Kernel:
    """The same function compiled by numba at its first call, kept on disk for later processes."""
    # Without the lock of the interpreter, so that threads estimate several questions at once.
    options: dict[str, Any] = {"cache": True, "nogil": True}
    return cast("Kernel", numba.njit(**options)(kernel))  # pyright: ignore


def majority_exact(target: int, rivals: Integers, silent: int, budgets: Integers) -> Floats:
    """Probability, at each budget, that a class of `target` draws wins the vote of a random subset.

    `rivals` are the sizes of the other classes, `silent` the number of draws without a vote. A tie
    with t rivals counts 1/(1+t). Class counts in a subset are independent binomials conditioned on
    their sum (METHOD §10); every term is positive, so nothing cancels. `budgets` rise, and the pool
    has at most `EXACT_DRAWS` draws.
    """
    # Largest first: the rivals that can reach j votes are then the first ones, for every j.
    descending = np.sort(rivals)[::-1].copy()
    draws = target + int(rivals.sum()) + silent
    won = _winning_subsets(target, descending, silent, budgets, _binomials())
    subsets = np.array([float(comb(draws, int(budget))) for budget in budgets])
    return won / subsets


def vote_credits(classes: Integers, points: Integers, correct: Floats) -> Floats:
    """Expected accuracy of the class with most points, for each row of draws.

    `classes` and `points` are (rows, draws); a class is −1 for a draw that has no part in the vote.
    `correct` holds 0 or 1 for each class. Tied classes share in proportion to their voting draws in
    the row: the probability that the earliest of these is theirs when the draws come in random
    order. A row without a vote counts 0.
    """
    # One layout of memory, so that the kernel is compiled once.
    return _vote_credits(np.ascontiguousarray(classes), np.ascontiguousarray(points), correct)


@lru_cache(maxsize=64)
def every_subset(draws: int, budget: int) -> Integers:
    """Indices of all subsets of `budget` among `draws`, one a row."""
    return np.array(list(combinations(range(draws), budget)), dtype=np.int64)


def shuffles(count: int, orders: int, seed: Sequence[int]) -> Integers:
    """Random orders of `count` things, one a row; ValueError for fewer than 2 of them."""
    if orders < 2:
        raise ValueError(f"expected at least 2 orders to tell a Monte-Carlo error, got {orders}")
    rows = np.tile(np.arange(count), (orders, 1))
    return np.random.default_rng(list(seed)).permuted(rows, axis=1)


@lru_cache(maxsize=1)
def _binomials() -> Floats:
    """Pascal's triangle: C(row, column), 0 above the diagonal."""
    table = np.zeros((EXACT_DRAWS + 1, EXACT_DRAWS + 1))
    table[:, 0] = 1.0
    for row in range(1, EXACT_DRAWS + 1):
        table[row, 1:] = table[row - 1, 1:] + table[row - 1, :-1]
    return table


@compile_kernel
def _winning_subsets(target: int, rivals: Any, silent: int, budgets: Any, choose: Any) -> Any:
    """Number of subsets that `target` wins, ties shared: summed over its votes j."""
    wins = np.zeros(budgets.size)
    for votes in range(1, min(target, budgets[-1]) + 1):
        # The other rivals cannot reach j: every way of drawing them is open.
        able = np.sum(rivals >= votes)
        free = silent + np.sum(rivals[able:])
        shares = _rival_shares(rivals[:able], votes, budgets[-1] - votes, choose)
        for at in range(budgets.size):
            rest = budgets[at] - votes
            least, most = max(0, rest - free), min(rest, shares.size - 1)
            total = 0.0
            for drawn in range(least, most + 1):
                total += shares[drawn] * choose[free, rest - drawn]
            wins[at] += choose[target, votes] * total
    return wins


@compile_kernel
def _rival_shares(rivals: Any, votes: int, limit: int, choose: Any) -> Any:
    """Ways to draw m ≤ limit of the rivals, none above `votes`, over 1 + those equal to it.

    `ways[t, m]` counts the ways in which t of the rivals so far are tied. With r rivals so far m
    lies between t·votes and that plus (r − t)·(votes − 1).
    """
    # Each tied rival takes `votes` of the m draws: more of them than this do not fit.
    most = min(rivals.size, limit // votes)
    ways = np.zeros((most + 1, max(limit, 0) + 1))
    ways[0, 0] = 1.0
    for seen in range(rivals.size):
        row = choose[rivals[seen]]
        # Downwards in t and m: what is read still belongs to the rivals before this one.
        for ties in range(min(seen + 1, most), -1, -1):
            floor = ties * votes
            before = floor + (seen - ties) * (votes - 1)
            for drawn in range(min(limit, before + votes - 1), floor - 1, -1):
                least, last = max(0, drawn - before), min(votes - 1, drawn - floor)
                total = 0.0
                for taken in range(least, last + 1):
                    total += ways[ties, drawn - taken] * row[taken]
                if ties > 0:
                    total += ways[ties - 1, drawn - votes] * row[votes]
                ways[ties, drawn] = total
    for ties in range(1, most + 1):
        ways[0] += ways[ties] / (1 + ties)
    return ways[0]


@compile_kernel
def _vote_credits(classes: Any, points: Any, correct: Any) -> Any:
    # Both are emptied at the end of each row: quicker than new arrays for thousands of rows.
    totals = np.zeros(correct.size, dtype=np.int64)
    voters = np.zeros(correct.size, dtype=np.int64)
    shares = np.zeros(classes.shape[0])
    for row in range(classes.shape[0]):
        most = -1
        for place in range(classes.shape[1]):
            one = classes[row, place]
            if one >= 0:
                totals[one] += points[row, place]
                voters[one] += 1
                # Points are not negative: totals only rise, so the largest seen is the largest.
                most = max(most, totals[one])
        tied, won = 0, 0.0
        for one in classes[row]:
            if one >= 0:
                # A class that was met before has been emptied: it counts once.
                if totals[one] == most:
                    tied += voters[one]
                    won += voters[one] * correct[one]
                totals[one] = 0
                voters[one] = 0
        if tied > 0:
            shares[row] = won / tied
    return shares
