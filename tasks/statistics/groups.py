"""Accuracy of strategies whose completions come in groups (chains, subtrees), from one set of them.

An estimate is the accuracy on a random subset of the groups, averaged over all subsets where they
are few and over seeded random orders elsewhere (METHOD §10). Groups are independent and alike, so
that a smaller budget is a smaller number of them.
"""

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.estimators import Pool
from tasks.statistics.selectors import POINTS, Candidate, weighted
from tasks.statistics.subsets import every_subset, sampling_error, shuffles, vote_credits


class GroupEstimate(NamedTuple):
    """Expected accuracy on `groups` of them; `mc_error` is 0 for an exact figure."""

    groups: int
    accuracy: float
    mc_error: float


def group_estimates(
    pool: Pool,
    groups: Sequence[Sequence[int]],
    counts: Sequence[int],
    *,
    selector: str,
    seed: int,
    orders: int = 64,
) -> list[GroupEstimate]:
    """An estimate for each number of groups in `counts`; `groups` holds indices into the pool.

    `majority` and `weighted` count every completion of the chosen groups at once; `hierarchical`
    lets each group name a winner (weighted) and then the winners vote (weighted, each with its own
    score; METHOD §5). Ties as in `tasks.statistics.estimators`. Raises ValueError for a count below
    1 or above the number of groups.
    """
    if not groups or min(counts) < 1 or max(counts) > len(groups):
        raise ValueError(
            f"expected counts between 1 and the {len(groups)} groups, got {list(counts)}"
        )
    if selector == "hierarchical":
        # Whatever other groups are drawn, a group's winner is the same: only winners need a vote.
        groups = [_winner(pool, group) for group in groups]
    by_heads = selector == "majority"
    table = _table(pool, groups, by_heads=by_heads)
    shuffled = shuffles(len(groups), orders, (seed, pool.answers.size))
    return [_average(table, count, shuffled) for count in counts]


def _winner(pool: Pool, group: Sequence[int]) -> list[int]:
    """The draw that a group names by weighted vote; none without a scored answer."""
    candidates = [_candidate(pool, draw) for draw in group]
    chosen = weighted(candidates).index
    return [] if chosen is None else [group[chosen]]


def _candidate(pool: Pool, draw: int) -> Candidate:
    answer = pool.answers[draw]
    score = pool.scores[draw]
    return Candidate(
        answer=None if answer < 0 else str(answer),
        score=None if np.isnan(score) else float(score),
    )


class _Table(NamedTuple):
    """Groups as rows of one width, and what their draws say.

    `members` (groups, longest) is padded with the index behind the pool's last draw; `classes`,
    `points` and `correct` (draws + 1) hold one entry for it that never votes; `kinds` is the number
    of classes.
    """

    members: Integers
    classes: Integers
    points: Integers
    correct: Flags
    kinds: int


def _table(pool: Pool, groups: Sequence[Sequence[int]], *, by_heads: bool) -> _Table:
    size = pool.answers.size
    # At least one column, for groups that are all empty.
    longest = max(1, *(len(group) for group in groups))
    members = np.full((len(groups), longest), size, dtype=np.int64)
    for row, group in enumerate(groups):
        members[row, : len(group)] = group
    classes, shares = pool.relabelled()
    points = np.ones(size)
    if not by_heads:
        # Without a score a draw has no part in the vote.
        classes = np.where(np.isnan(pool.scores), -1, classes)
        points = np.rint(np.nan_to_num(pool.scores) * POINTS)
    return _Table(
        members,
        classes=np.append(classes, -1),
        points=np.append(points.astype(np.int64), 0),
        correct=np.append(pool.correct, False),
        kinds=shares.size,
    )


def _average(table: _Table, count: int, shuffled: Integers) -> GroupEstimate:
    """Over all subsets of `count` groups where they are few, else over those of each order."""
    total = len(table.members)
    orders = len(shuffled)
    blocks = total // count
    if comb(total, count) <= orders * blocks:
        credit = _credits(table, every_subset(total, count))
        return GroupEstimate(count, float(credit.mean()), 0.0)
    chosen = shuffled[:, : blocks * count].reshape(-1, count)
    credit = _credits(table, chosen)
    # Blocks of one order depend on each other, orders do not: the error is taken over orders.
    means = credit.reshape(orders, blocks).mean(axis=1)
    # Nothing is right: no subset can be.
    certain = not table.correct.any()
    error = 0.0 if certain else sampling_error(means, subsets=credit.size)
    return GroupEstimate(count, float(means.mean()), error)


def _credits(table: _Table, chosen: Integers) -> Floats:
    """Expected accuracy of the vote over the members of each row of groups."""
    rows = table.members[chosen].reshape(len(chosen), -1)
    return vote_credits(
        table.classes[rows], table.points[rows], table.correct[rows], count=table.kinds
    )
