"""Two model versions at every budget, each under its own policy (METHOD §7)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.comparisons import Difference, holm, paired_p
from tasks.statistics.intervals import centre, weights, with_bounds
from tasks.statistics.worth import PolicyWorth
from warehouse.errors import UserError


class Comparison(NamedTuple):
    """Two model versions at one budget, each under its own policy, on the same questions."""

    budget: int
    accuracy: float
    before: float
    """Accuracy of the earlier version."""
    gain: Difference
    cost: Difference
    """What a question costs, in FLOPs where both runs know them.

    As a share of the earlier version's mean.
    """


class Compared(NamedTuple):
    """Two model versions budget by budget, and at all these budgets together."""

    budgets: list[Comparison]
    overall: Difference | None
    """Mean gain over the budgets, which is surer than each; None of fewer than two."""


def compare(
    now: Sequence[PolicyWorth],
    before: Sequence[PolicyWorth],
    *,
    budgets: Sequence[int],
    seed: int,
    resamples: int = 1000,
) -> Compared:
    """The two at each of the budgets that all have; each side is the mean of its measurements.

    All are resampled with the same questions and choose their strategies anew in each resample.
    UserError when they are not of the same questions.
    """
    first = now[0].questions
    for one in (*now, *before):
        if one.questions != first:
            raise UserError(
                f"expected two runs on the same questions, got {len(first)} and "
                f"{len(one.questions)} that are not the same; "
                "run the study with both model versions"
            )
    known = [set(one.budgets) for one in (*now, *before)]
    shared = [budget for budget in budgets if all(budget in one for one in known)]
    if not shared:
        return Compared([], None)
    groups = now[0].grid.groups
    drawn = weights(len(first), resamples=resamples, seed=seed, groups=groups)
    new = _mean_of(now, shared, drawn)
    old = _mean_of(before, shared, drawn)
    compared: list[Comparison] = []
    for place, budget in enumerate(shared):
        one = _compare_at(
            budget,
            place,
            new,
            old,
            groups,
        )
        compared.append(one)
    return Compared(compared, _compare_overall(new, old, groups))


def adjusted(compared: Compared) -> tuple[float, Floats]:
    """p-values that hold together: of the gain at all budgets together, and at each (budgets,).

    Half of a level is for all budgets together, half for Holm over single ones; where the first is
    significant, these have the whole (a fallback procedure). NaN where there is no test.
    """
    p_values = np.array([one.gain.p for one in compared.budgets], dtype=np.float64)
    each = holm(p_values)
    if compared.overall is None:
        return float("nan"), each
    together = min(2.0 * compared.overall.p, 1.0)
    passed_on = np.maximum(each, together)
    return together, np.fmin(np.minimum(2.0 * each, 1.0), passed_on)


class Gain(NamedTuple):
    """How far a version is ahead, the mean over some budgets."""

    difference: Difference
    error: float
    """Standard error, of resampled choices and of the questions, whichever is more."""
    units: int
    """Questions, or groups of them, that were drawn independently."""


def gain_of(
    now: Sequence[PolicyWorth],
    before: Sequence[PolicyWorth],
    *,
    budgets: Sequence[int],
    seed: int,
    resamples: int = 1000,
) -> Gain:
    """The mean gain over budgets that all have, as `compare` tests it."""
    grid = now[0].grid
    compared = compare(now, before, budgets=budgets, seed=seed, resamples=resamples)
    tested = compared.overall or compared.budgets[0].gain
    units = grid.units
    return Gain(tested, _error_of(tested, units), units)


def _error_of(tested: Difference, units: int) -> float:
    """The standard error with which Student's t gives this p; NaN where there is no test."""
    distance = abs(tested.estimate.value)
    freedom = units - 1
    if not tested.p < 1.0 or distance == 0.0:
        # Of no difference p says nothing; the interval's half does.
        half = (tested.estimate.hi - tested.estimate.lo) / 2.0
        usual = float(special.stdtrit(freedom, 0.975))  # pyright: ignore
        return half / usual
    tail = tested.p / 2.0
    errors = float(special.stdtrit(freedom, 1.0 - tail))  # pyright: ignore
    return distance / errors


class _Side(NamedTuple):
    """A version's accuracy and cost (questions, budgets), and their means in each resample."""

    accuracy: Floats
    cost: Floats
    resampled_accuracy: Floats
    resampled_cost: Floats


def _mean_of(
    worths: Sequence[PolicyWorth],
    budgets: Sequence[int],
    drawn: Floats,
) -> _Side:
    measured: list[_Side] = []
    for worth in worths:
        places = [worth.at(budget) for budget in budgets]
        accuracy, cost = worth.resampled(drawn)
        side = _Side(
            worth.accuracy[:, places],
            worth.cost[:, places],
            accuracy[:, places],
            cost[:, places],
        )
        measured.append(side)
    return _Side(*(np.mean(those, axis=0) for those in zip(*measured, strict=True)))


def _compare_at(
    budget: int,
    place: int,
    new: _Side,
    old: _Side,
    groups: Integers | None,
) -> Comparison:
    first = new.accuracy[:, place]
    second = old.accuracy[:, place]
    moved = new.resampled_accuracy[:, place] - old.resampled_accuracy[:, place]
    gain = _test(first - second, moved, groups)
    now = new.cost[:, place]
    before = old.cost[:, place]
    # A version that costs nothing has nothing to be a share of: then in FLOPs.
    usual = float(before.mean()) or 1.0
    dearer = (new.resampled_cost[:, place] - old.resampled_cost[:, place]) / usual
    cost = _test((now - before) / usual, dearer, groups)
    return Comparison(budget, float(first.mean()), float(second.mean()), gain, cost)


def _compare_overall(new: _Side, old: _Side, groups: Integers | None) -> Difference | None:
    if new.accuracy.shape[1] < 2:
        return None
    gaps = (new.accuracy - old.accuracy).mean(axis=1)
    moved = (new.resampled_accuracy - old.resampled_accuracy).mean(axis=1)
    return _test(gaps, moved, groups)


def _test(gaps: Floats, resampled: Floats, groups: Integers | None) -> Difference:
    """Mean of the questions' differences, its interval from the resampled means, and p.

    p is the greater of Student's t with the resampled standard error and of `paired_p`: the first
    counts that another choice might have been made, the second knows the questions alone.
    """
    gain = float(gaps.mean())
    count = len(gaps) if groups is None else len(np.unique(groups))
    estimate = with_bounds(gain, centre(resampled, gain), count=count)
    alone = float(paired_p(gaps[:, None], groups=groups)[0])
    error = float(resampled.std())
    if error == 0.0 or count < 2:
        return Difference(estimate, alone)
    # A bootstrap's spread lacks Bessel's correction.
    t = abs(gain) / error * sqrt((count - 1) / count)
    p = 2.0 * float(special.stdtr(count - 1, -t))  # pyright: ignore
    return Difference(estimate, max(p, alone))
