"""Accuracy of strategies whose completions come in groups (chains, subtrees), from one set of groups (METHOD §10).

An estimate is the accuracy on a random subset of the groups, averaged over all subsets where they are few and
over seeded random orders elsewhere. Groups are independent and alike, so that a smaller budget is a smaller
number of them.
"""

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from tasks.statistics.estimators import Pool
from tasks.statistics.selectors import POINTS, Candidate, weighted
from tasks.statistics.subsets import Floats, Integers, every_subset, vote_credits


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

    `majority` and `weighted` count every completion of the chosen groups at once; `hierarchical` lets each group
    name a winner (weighted) and then the winners vote (weighted, each with its own score; METHOD §5). Ties as in
    `tasks.statistics.estimators`. Raises ValueError for a count below 1 or above the number of groups.
    """
    if not groups or min(counts) < 1 or max(counts) > len(groups):
        raise ValueError(
            f"expected counts between 1 and the {len(groups)} groups, got {list(counts)}"
        )
    if orders < 2:
        raise ValueError(f"expected at least 2 orders to tell a Monte-Carlo error, got {orders}")
    if selector == "hierarchical":
        groups = [
            [winner] if (winner := _winner(pool, group)) is not None else [] for group in groups
        ]
        selector = "weighted"
    members, classes, points, correct = _table(pool, groups, by_heads=selector == "majority")
    rng = np.random.default_rng([seed, pool.answers.size])
    shuffled = rng.permuted(np.tile(np.arange(len(groups)), (orders, 1)), axis=1)
    return [_averaged(members, (classes, points, correct), count, shuffled) for count in counts]


def _winner(pool: Pool, group: Sequence[int]) -> int | None:
    candidates = [
        Candidate(
            None if pool.answers[i] < 0 else str(pool.answers[i]),
            None if np.isnan(pool.scores[i]) else float(pool.scores[i]),
        )
        for i in group
    ]
    chosen = weighted(candidates).index
    return None if chosen is None else group[chosen]


def _table(
    pool: Pool, groups: Sequence[Sequence[int]], *, by_heads: bool
) -> tuple[Integers, Integers, Integers, Floats]:
    """Members of each group (groups, longest) padded with a draw that never votes; classes, points, correctness."""
    size = pool.answers.size
    longest = max(1, *(len(group) for group in groups))
    members = np.full((len(groups), longest), size, dtype=np.int64)
    for row, group in enumerate(groups):
        members[row, : len(group)] = group
    names, first, inverse = np.unique(pool.answers, return_index=True, return_inverse=True)
    shift = int(names[0] < 0) if names.size else 0
    silent = np.zeros(size, dtype=bool) if by_heads else np.isnan(pool.scores)
    classes = np.where((pool.answers < 0) | silent, -1, inverse - shift).astype(np.int64)
    points = np.ones(size) if by_heads else np.rint(np.nan_to_num(pool.scores) * POINTS)
    correct = pool.correct[first[shift:]].astype(np.float64)
    return members, np.append(classes, -1), np.append(points.astype(np.int64), 0), correct


def _averaged(
    members: Integers, ballot: tuple[Integers, Integers, Floats], count: int, shuffled: Integers
) -> GroupEstimate:
    total = len(members)
    blocks = total // count
    if comb(total, count) <= len(shuffled) * blocks:
        chosen = every_subset(total, count)
        return GroupEstimate(count, float(_credits(members, ballot, chosen).mean()), 0.0)
    chosen = shuffled[:, : blocks * count].reshape(-1, count)
    means = _credits(members, ballot, chosen).reshape(len(shuffled), blocks).mean(axis=1)
    return GroupEstimate(
        count, float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(shuffled)))
    )


def _credits(
    members: Integers, ballot: tuple[Integers, Integers, Floats], chosen: Integers
) -> Floats:
    rows = members[chosen].reshape(len(chosen), -1)
    classes, points, correct = ballot
    return vote_credits(classes[rows], points[rows], correct)
