"""The vote of the most confident draws, weighted by their confidence (METHOD §13)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.estimators import Pool
from tasks.statistics.selectors import NO_CHOICE, POINTS, Choice
from tasks.statistics.subsets import every_subset, sampling_error, shuffles, vote_credits


class ConfidentEstimate(NamedTuple):
    """Expected accuracy of the vote; `mc_error` is 0 where every subset was looked at."""

    budget: int
    accuracy: float
    mc_error: float


def choose_confident(
    answers: Sequence[str | None], confidence: Sequence[float], *, top: float
) -> Choice:
    """The most confident draw of the answer with most confidence among the top share.

    The share is of the draws with an answer, rounded up; what is tied goes to the earlier draw.
    """
    points = [_points(value) for value in confidence]
    answered = [place for place, answer in enumerate(answers) if answer is not None]
    ranked = sorted(answered, key=lambda place: -points[place])
    kept = sorted(ranked[: _kept_of(len(answered), top)])
    totals: Counter[str] = Counter()
    for place in kept:
        totals[str(answers[place])] += points[place]
    if not totals:
        return NO_CHOICE
    # `max` keeps the first of equal ones, and a Counter the order in which answers came.
    winner = max(totals, key=lambda answer: totals[answer])
    behind = [place for place in kept if answers[place] == winner]
    return Choice(max(behind, key=lambda place: points[place]), winner, {winner: 1.0})


def confident_estimates(
    pool: Pool,
    confidence: Floats,
    budgets: Sequence[int],
    *,
    top: float,
    seed: int,
    orders: int = 64,
) -> list[ConfidentEstimate]:
    """An estimate at each budget of the vote of a random subset in random order.

    `confidence` is one number a draw. Exact where there are no more subsets than would be sampled
    and the order of draws decides nothing; else averaged over `orders` seeded random orders, each
    cut into as many disjoint subsets as it holds.
    """
    draws = pool.answers.size
    shuffled = shuffles(draws, orders, (seed, draws))
    ballot = _ballot(pool, confidence, top)
    return [_estimate(ballot, int(budget), shuffled) for budget in budgets]


def _estimate(ballot: _Ballot, budget: int, shuffled: Integers) -> ConfidentEstimate:
    orders, draws = shuffled.shape
    blocks = draws // budget
    if not ballot.tied and comb(draws, budget) <= orders * blocks:
        exact = ballot.credits(every_subset(draws, budget))
        return ConfidentEstimate(budget, float(exact.mean()), 0.0)
    rows = shuffled[:, : blocks * budget].reshape(-1, budget)
    # The blocks of one order depend on each other, orders do not: the error is taken over these.
    means = ballot.credits(rows).reshape(orders, blocks).mean(axis=1)
    # Nothing is right: no subset can be.
    certain = not ballot.pool.correct.any()
    error = 0.0 if certain else sampling_error(means, subsets=len(rows))
    return ConfidentEstimate(budget, float(means.mean()), error)


class _Ballot(NamedTuple):
    """A pool as the kernel of votes takes it."""

    pool: Pool
    classes: Integers
    points: Integers
    """−1 of a draw without an answer, which is never kept."""
    kinds: int
    """Number of classes."""
    top: float
    tied: bool
    """Whether two draws that are not alike have equal points: then the earlier one is kept."""

    def credits(self, rows: Integers) -> Floats:
        """Expected accuracy of the vote of each row of draws, which are in their order."""
        points = self.points[rows]
        # Stable: of equally confident ones the earlier comes first.
        ranked = np.argsort(-points, axis=1, kind="stable")
        chosen = np.take_along_axis(rows, ranked, axis=1)
        answered = (points >= 0).sum(axis=1)
        kept = np.array([_kept_of(int(one), self.top) for one in answered])
        is_kept = np.arange(rows.shape[1])[None, :] < kept[:, None]
        # A draw that is not kept has no class: it has no part in the vote.
        classes = np.where(is_kept, self.classes[chosen], -1)
        correct = self.pool.correct[chosen]
        return vote_credits(classes, self.points[chosen], correct, count=self.kinds)


def _ballot(pool: Pool, confidence: Floats, top: float) -> _Ballot:
    classes, shares = pool.relabelled()
    points = np.array([_points(value) for value in confidence], dtype=np.int64)
    points[classes < 0] = -1
    answered = classes >= 0
    drawn = np.stack([points, classes, pool.correct.astype(np.int64)])[:, answered]
    kinds = np.unique(drawn, axis=1)
    is_tied = np.unique(kinds[0]).size < kinds.shape[1]
    return _Ballot(pool, classes, points, shares.size, top, bool(is_tied))


def _kept_of(answered: int, top: float) -> int:
    # Rounded first: a tenth of thirty is three, and not a little more.
    return math.ceil(round(top * answered, 9))


def _points(confidence: float) -> int:
    """Whole points, so that no vote depends on the order in which numbers are added."""
    return round(confidence * POINTS)
