"""Accuracy of every selector at every budget, estimated from one pool of draws (METHOD §10).

An estimate is the selector's accuracy on a random subset of N of the n draws, in random order,
averaged over all subsets: never the first N of one ordering. Ties follow from that. The selectors
of `tasks.statistics.selectors` give a tie in score to the earliest draw; in random order each of
the tied draws is equally often the earliest, so tied completions share equally (best_of_n) and tied
answers share in proportion to their scored draws in the subset (weighted). Tied votes share equally
(majority). A draw without an answer, or for best_of_n and weighted without a score, takes a place
in the subset and never wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Final, Literal, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tasks.protocols import Confidence
from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.selectors import POINTS
from tasks.statistics.subsets import (
    EXACT_DRAWS,
    every_subset,
    majority_exact,
    own_order,
    sampling_error,
    shuffles,
    vote_credits,
)

EstimateName = Literal["pass", "majority", "best_of_n", "weighted"]


FEW_SUBSETS: Final = 12_870
"""So many subsets are listed and not sampled: those of 8 of 16 draws, in half a millisecond."""


class PoolEstimate(NamedTuple):
    """Expected accuracy of a selector on `budget` draws of one question.

    `mc_error` is the standard error of the average over random orders, 0 for an exact figure alone.
    """

    selector: EstimateName
    budget: int
    accuracy: float
    mc_error: float


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """All n draws of one question: voting class (−1: none), correctness, score (NaN: missing).

    Draws of one class may differ in correctness: two programs that agree on the public inputs may
    differ on the hidden tests. Raises ValueError when the arrays differ in length, a draw without a
    class is correct, or a score lies outside [0, 1].
    """

    answers: NDArray[np.integer]
    correct: Flags
    scores: Floats
    tokens: Floats | None = None
    """Generated tokens of each draw, NaN where unknown; None: nobody asked."""
    confidences: tuple[Confidence | None, ...] = ()
    """Of each draw, None where unknown; empty: nobody asked."""

    def __post_init__(self) -> None:
        lengths = {self.answers.size, self.correct.size, self.scores.size}
        if len(lengths) != 1 or not self.answers.size:
            raise ValueError(
                f"expected three arrays of one length above 0, got lengths {sorted(lengths)}"
            )
        if np.any(self.correct & (self.answers < 0)):
            raise ValueError("a draw without an answer is marked correct: grade it as not correct")
        if np.any((self.scores < 0) | (self.scores > 1)):
            raise ValueError(
                "expected scores in [0, 1] or NaN where missing: check the verifier's output"
            )

    def relabelled(self) -> tuple[Integers, Floats]:
        """Class of each draw, 0 … K−1 or −1 without one; and the share of each that is correct.

        Where votes alone decide, a class is served by any of its draws alike, whatever the votes:
        draws are exchangeable. The share is then the chance that what is served is right.
        """
        answered = self.answers >= 0
        _, inverse = np.unique(self.answers[answered], return_inverse=True)
        classes = np.full(self.answers.size, -1, dtype=np.int64)
        classes[answered] = inverse
        right = np.bincount(inverse, weights=self.correct[answered])
        return classes, right / np.bincount(inverse)


def pool_estimates(
    pool: Pool, budgets: Sequence[int], *, seed: int, orders: int = 64
) -> list[PoolEstimate]:
    """Estimates of pass@N, majority, best_of_n and weighted at each budget, in that order.

    pass@N and best_of_n are exact; majority is for pools of at most 256 draws. The rest is exact
    where there are no more than FEW_SUBSETS subsets or than would be sampled, and elsewhere
    averaged over `orders` random orders (at least 2), each cut into as many disjoint subsets as it
    holds. Equal pools and seeds give equal figures, in whatever order the draws are; different
    pools get different orders. Raises ValueError for a budget below 1 or above the draws.
    """
    draws = pool.answers.size
    if not budgets or min(budgets) < 1 or max(budgets) > draws:
        raise ValueError(
            f"expected budgets between 1 and the {draws} draws of the pool, got {list(budgets)}"
        )
    ballot = _ballot(pool).sorted()
    shuffled = _shuffle(ballot, seed=seed, orders=orders)
    heads = _deal(ballot.by_heads(), shuffled)
    scored = _deal(ballot.by_score(), shuffled)
    counted = _count_majority(ballot, budgets) if draws <= EXACT_DRAWS else {}
    right = pool.correct.sum()
    estimates: list[PoolEstimate] = []
    for budget in budgets:
        missed = _miss_chances(draws, budget)
        # pass@N: the chance that not all of the right draws are missed.
        coverage = 1 - float(missed[right])
        best_of_n = _best_of_n(ballot, missed)
        majority = counted.get(budget) or _average(heads, budget)
        weighted = _average(scored, budget)
        estimates += [
            _estimate("pass", budget, _Figure(coverage, 0.0)),
            _estimate("majority", budget, majority),
            _estimate("best_of_n", budget, _Figure(best_of_n, 0.0)),
            _estimate("weighted", budget, weighted),
        ]
    return estimates


class _Figure(NamedTuple):
    accuracy: float
    mc_error: float


def _estimate(name: EstimateName, budget: int, figure: _Figure) -> PoolEstimate:
    # Rounding alone can leave [0, 1], and a stored accuracy outside of it is refused.
    accuracy = min(max(figure.accuracy, 0.0), 1.0)
    return PoolEstimate(name, budget, accuracy, figure.mc_error)


class _Ballot(NamedTuple):
    """A pool relabelled for the kernels.

    Classes 0 … K−1 or −1 for a draw without an answer, points or −1 without a score, and whether
    each draw is correct; and the share of each class that is.
    """

    classes: Integers
    points: Integers
    correct: Flags
    shares: Floats

    def sorted(self) -> "_Ballot":
        """The same draws in an order of their own, classes numbered by it."""
        order, number = own_order(self.classes, self.points, self.correct)
        classes = np.append(number, -1)[self.classes[order]]
        shares = self.shares[np.argsort(number)]
        return _Ballot(classes, self.points[order], self.correct[order], shares)

    @property
    def is_certain(self) -> bool:
        """Whether every vote of it must end the same: all draws are right and vote, or none is."""
        voting = self.correct[self.classes >= 0]
        all_vote = voting.size == self.classes.size
        return not voting.any() or bool(all_vote and voting.all())

    def by_heads(self) -> "_Ballot":
        """One point a draw, whatever its score: the vote of majority."""
        return self._replace(points=np.ones_like(self.points))

    def by_score(self) -> "_Ballot":
        """No class for a draw without a score: the vote of weighted."""
        classes = np.where(self.points < 0, -1, self.classes)
        return self._replace(classes=classes)

    def rows(self, draws: Integers) -> "_Ballot":
        """The ballot of rows of draws."""
        return self._replace(
            classes=self.classes[draws],
            points=self.points[draws],
            correct=self.correct[draws],
        )

    def blocks(self, blocks: int, budget: int) -> "_Ballot":
        """Each order cut into so many blocks of `budget` draws, a block a row."""
        whole = blocks * budget
        return self._replace(
            classes=self.classes[:, :whole].reshape(-1, budget),
            points=self.points[:, :whole].reshape(-1, budget),
            correct=self.correct[:, :whole].reshape(-1, budget),
        )

    def credits(self) -> Floats:
        """Expected accuracy of the vote of each row."""
        return vote_credits(self.classes, self.points, self.correct, count=self.shares.size)


def _shuffle(ballot: _Ballot, *, seed: int, orders: int) -> Integers:
    """Random orders of the draws, one a row."""
    # Seeded by the pool too: under one order for all, the errors of the questions would add up.
    classes = crc32(ballot.classes.tobytes())
    content = crc32(ballot.points.tobytes(), classes)
    return shuffles(ballot.classes.size, orders, (seed, content))


class _Dealt(NamedTuple):
    """A ballot, and the same in random orders: one order a row, laid out once for all budgets."""

    ballot: _Ballot
    orders: _Ballot


def _deal(ballot: _Ballot, shuffled: Integers) -> _Dealt:
    return _Dealt(ballot, ballot.rows(shuffled))


def _ballot(pool: Pool) -> _Ballot:
    classes, shares = pool.relabelled()
    scores = pool.scores.astype(np.float64)
    # −1 point where there is no score.
    known = np.where(np.isnan(scores), -1 / POINTS, scores)
    # Whole points, as the selectors count them: sums that do not depend on the order of the draws.
    points = np.rint(known * POINTS).astype(np.int64)
    return _Ballot(classes, points, pool.correct, shares)


def _miss_chances(draws: int, budget: int) -> Floats:
    """Probability that a random subset of `budget` misses m given draws, for m = 0 … n.

    C(n−m, N)/C(n, N), as a running product: the binomials themselves overflow.
    """
    left = np.arange(draws, 0, -1)
    missed = np.maximum(left - budget, 0) / left
    return np.concatenate([[1.0], np.cumprod(missed)])


def _best_of_n(ballot: _Ballot, missed: Floats) -> float:
    """Exact: a group of equal scores wins unless a higher one is drawn or none of its own is."""
    visible = (ballot.classes >= 0) & (ballot.points >= 0)
    right = ballot.correct[visible]
    # Negative, because `unique` sorts upwards and the highest score comes first here.
    values, group = np.unique(-ballot.points[visible], return_inverse=True)
    sizes = np.bincount(group, minlength=values.size)
    right_sizes = np.bincount(group, weights=right, minlength=values.size)
    # Draws down to and with each group, and draws above it.
    down_to = np.cumsum(sizes)
    above = down_to - sizes
    wins = missed[above] - missed[down_to]
    return float(np.sum(wins * right_sizes / sizes))


def _count_majority(ballot: _Ballot, budgets: Sequence[int]) -> dict[int, _Figure]:
    """Exact majority at every budget below the whole pool."""
    draws = ballot.classes.size
    answered = ballot.classes[ballot.classes >= 0]
    sizes = np.bincount(answered, minlength=ballot.shares.size)
    silent = draws - int(sizes.sum())
    smaller = {budget for budget in budgets if budget < draws}
    if not smaller:
        return {}
    rising = np.array(sorted(smaller), dtype=np.int64)
    total = np.zeros(rising.size)
    for one in np.flatnonzero(ballot.shares):
        rivals = np.delete(sizes, one)
        won = majority_exact(int(sizes[one]), rivals, silent, rising)
        total += ballot.shares[one] * won
    counted: dict[int, _Figure] = {}
    for budget, value in zip(rising, total, strict=True):
        counted[int(budget)] = _Figure(float(value), 0.0)
    return counted


def _average(dealt: _Dealt, budget: int) -> _Figure:
    """The vote averaged over all subsets, or where they are many over blocks of the orders."""
    orders, draws = dealt.orders.classes.shape
    blocks = draws // budget
    # To list every subset costs little here, and leaves no Monte-Carlo error.
    if comb(draws, budget) <= max(FEW_SUBSETS, orders * blocks):
        subsets = dealt.ballot.rows(every_subset(draws, budget))
        credit = subsets.credits()
        return _Figure(float(credit.mean()), 0.0)
    credit = dealt.orders.blocks(blocks, budget).credits()
    # The blocks of one order depend on each other, orders do not.
    means = credit.reshape(orders, blocks).mean(axis=1)
    mean = float(means.mean())
    if dealt.ballot.is_certain:
        return _Figure(mean, 0.0)
    return _Figure(mean, sampling_error(means, subsets=credit.size))
