"""Paired differences of what was measured on the same questions, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.curves import cross_validated, fold_of, resample_curve
from tasks.statistics.intervals import Estimate, centre, weights, with_bounds
from tasks.statistics.outcomes import Grid


def mean_of(
    values: Floats, *, groups: Integers | None = None, seed: int = 0, resamples: int = 1000
) -> Estimate:
    """The mean of one figure a question; `groups` says which of them belong together."""
    count = len(values)
    drawn = weights(count, resamples=resamples, seed=seed, groups=groups)
    units = count if groups is None else len(np.unique(groups))
    means = drawn @ values / count
    return with_bounds(values.mean(), means, count=units)


def lead(
    grid: Grid,
    one: str,
    other: str,
    *,
    budgets: Sequence[int],
    bins: Sequence[int] | None = None,
    seed: int = 0,
) -> Estimate:
    """Accuracy of a strategy minus another's, the mean over these budgets.

    Over all questions or those of some bins.
    """
    leads = _leads(grid, one, other, budgets)
    inside = np.ones(len(leads), dtype=bool) if bins is None else np.isin(grid.bins, bins)
    groups = None if grid.groups is None else grid.groups[inside]
    return mean_of(leads[inside], groups=groups, seed=seed)


def lead_change(
    grid: Grid,
    one: str,
    other: str,
    *,
    before: Sequence[int],
    after: Sequence[int],
    seed: int = 0,
) -> Estimate:
    """How much the lead of a strategy over another grows between some budgets and others."""
    # On each question, so that what both budgets share cancels.
    earlier = _leads(grid, one, other, before)
    later = _leads(grid, one, other, after)
    return mean_of(later - earlier, groups=grid.groups, seed=seed)


def _leads(grid: Grid, one: str, other: str, budgets: Sequence[int]) -> Floats:
    """Of each question, the mean over the budgets: (questions,)."""
    own = grid.of(one)
    others = grid.of(other)
    first = [grid.accuracy[:, own[budget]] for budget in budgets]
    second = [grid.accuracy[:, others[budget]] for budget in budgets]
    gaps = np.subtract(first, second)
    return np.mean(gaps, axis=0)


def policy_lead(one: Grid, other: Grid, *, seed: int = 0, resamples: int = 1000) -> Estimate:
    """Compute-optimal accuracy of one grid minus the other's, each the mean over its budgets.

    Cross-validated. The grids have the same questions in the same order; strategies, budgets and
    bins may differ. The choices are repeated in each resample, whose differences are centred.
    Raises ValueError for other questions.
    """
    if one.questions != other.questions:
        raise ValueError(
            "expected the same questions on both sides: filter both from one run's outcomes"
        )
    count = len(one.questions)
    # One set of resamples for both sides: a question that is drawn twice counts twice in each.
    drawn = weights(count, resamples=resamples, seed=seed, groups=one.groups)
    first = _worth(one, drawn, seed=seed)
    second = _worth(other, drawn, seed=seed)
    gap = first.estimate - second.estimate
    resampled = first.resampled - second.resampled
    centred = centre(resampled, gap)
    return with_bounds(gap[0], centred, count=one.units)


class _Worth(NamedTuple):
    """Mean compute-optimal accuracy over the budgets: (1,) and (resamples,)."""

    estimate: Floats
    resampled: Floats


def _worth(grid: Grid, drawn: Floats, *, seed: int) -> _Worth:
    fold = fold_of(grid, seed=seed)
    # Every question once: the estimate itself, as one more row of weights.
    everyone = np.ones((1, len(grid.questions)))
    curve = cross_validated(grid, fold, everyone)
    resampled = resample_curve(grid, fold, drawn)
    return _Worth(curve.mean(axis=1), resampled.mean(axis=1))
