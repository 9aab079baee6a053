"""Subsets of a pool: listed, in random orders, and votes over them."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import comb, sqrt
from typing import Final

import numpy as np

from tasks.statistics.arrays import Flags, Floats, Integers

EXACT_DRAWS: Final = 256
"""Largest pool whose majority is counted exactly.

Binomials of larger ones leave the range of a double.
"""


def majority_exact(
    target: int,
    rivals: Integers,
    silent: int,
    budgets: Integers,
    *,
    least: int = 1,
) -> Floats:
    """Probability, at each budget, that a class of `target` draws wins the vote of a random subset.

    With `least` votes or more: a subset whose leader has fewer is won by none.

    `rivals` are the sizes of the other classes, `silent` the number of draws without a vote. A tie
    with t rivals counts 1/(1+t). Class counts in a subset are independent binomials conditioned on
    their sum (METHOD §10); every term is positive, so nothing cancels. `budgets` rise, and the pool
    has at most `EXACT_DRAWS` draws.
    """
    from tasks.statistics import kernels

    # Largest first: the rivals that can reach j votes are then the first ones, for every j.
    descending = np.sort(rivals)[::-1].copy()
    draws = target + int(rivals.sum()) + silent
    won = kernels.winning_subsets(target, descending, silent, budgets, _binomials(), least)
    subsets = np.array([float(comb(draws, int(budget))) for budget in budgets])
    return won / subsets


def vote_credits(
    classes: Integers,
    points: Integers,
    correct: Flags,
    *,
    count: int,
) -> Floats:
    """Expected accuracy of what the class with most points serves, for each row of draws.

    All three are (rows, draws): one of `count` classes, or −1 for a draw that has no part in the
    vote; its points; whether it is correct. A class serves its draw with most points, draws
    with equally many in equal shares. Tied classes share in proportion to their voting draws in the
    row: the probability that the earliest of these is theirs when the draws come in random order.
    A row without a vote counts 0.
    """
    from tasks.statistics import kernels

    # One layout of memory, so that the kernel is compiled once.
    classes, points = np.ascontiguousarray(classes), np.ascontiguousarray(points)
    return kernels.vote_credits(classes, points, np.ascontiguousarray(correct), count)


def expected_longest(tokens: Floats, size: int) -> float:
    """Mean of the most tokens among a random subset of `size`: so long do parallel draws take.

    Exact: of falling rank the draw is the longest with the chance that it is in the subset and all
    that are longer are not. NaN where the tokens of some are.
    """
    return float(np.sort(tokens) @ _longest_chances(len(tokens), size))


@lru_cache(maxsize=256)
def _longest_chances(draws: int, size: int) -> Floats:
    """Chance of each draw, by rising length, to be the longest of a subset."""
    # Whole numbers until the division: both may leave the range of a double.
    subsets = comb(draws, size)
    return np.array([comb(rank, size - 1) / subsets for rank in range(draws)])


@lru_cache(maxsize=64)
def every_subset(draws: int, budget: int) -> Integers:
    """Indices of all subsets of `budget` among `draws`, one a row."""
    return np.array(list(combinations(range(draws), budget)), dtype=np.int64)


def shuffles(
    count: int,
    orders: int,
    seed: Sequence[int],
) -> Integers:
    """Random orders of `count` things, one a row; ValueError for fewer than 2 of them."""
    if orders < 2:
        raise ValueError(f"expected at least 2 orders to tell a Monte-Carlo error, got {orders}")
    rows = np.tile(np.arange(count), (orders, 1))
    return np.random.default_rng(list(seed)).permuted(rows, axis=1)


def sampling_error(
    means: Floats,
    *,
    subsets: int,
) -> float:
    """Standard error of the mean over random orders, whose own means are given: never 0.

    `subsets` were looked at in all. Where all ended alike, that says little of the few that would
    not: the error is at least that of as many coins, with two heads and two tails added.
    """
    orders = len(means)
    seen = float(means.std(ddof=1)) / sqrt(orders)
    chance = (subsets * float(means.mean()) + 2.0) / (subsets + 4.0)
    least = sqrt(chance * (1.0 - chance) / subsets)
    return max(seen, least)


def own_order(
    classes: Integers,
    points: Integers,
    correct: Flags,
) -> tuple[Integers, Integers]:
    """An order of a pool's draws that follows from these alone, and a number for each class.

    Draws lie as they were stored, and classes are numbered by the text of their answers: what is
    sampled must depend on neither. Classes rise by their size, then by the points and correctness
    of their draws; those that are alike in all of it may change places, which no figure tells.
    Draws without a class (−1) come first.
    """
    inside = np.lexsort((correct, points, classes))
    count = int(classes.max(initial=-1)) + 1
    members: list[tuple[int, bytes, bytes, int]] = []
    for one in range(count):
        own = inside[classes[inside] == one]
        held = points[own].tobytes()
        right = correct[own].tobytes()
        members.append((own.size, held, right, one))
    number = np.empty(count, dtype=np.int64)
    for place, (*_, one) in enumerate(sorted(members)):
        number[one] = place
    # Without a class a draw keeps −1.
    renamed = np.append(number, -1)[classes]
    return np.lexsort((correct, points, renamed)), number


@lru_cache(maxsize=1)
def _binomials() -> Floats:
    """Pascal's triangle: C(row, column), 0 above the diagonal."""
    table = np.zeros((EXACT_DRAWS + 1, EXACT_DRAWS + 1))
    table[:, 0] = 1.0
    for row in range(1, EXACT_DRAWS + 1):
        table[row, 1:] = table[row - 1, 1:] + table[row - 1, :-1]
    return table
