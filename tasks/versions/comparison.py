"""Two model versions at every budget, each under its own policy (METHOD §7)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats
from tasks.statistics.comparisons import Difference, paired_p
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


def compare(
    now: PolicyWorth,
    before: PolicyWorth,
    *,
    budgets: Sequence[int],
    seed: int,
    resamples: int = 1000,
) -> list[Comparison]:
    """The two at each of the budgets that both have.

    Both are resampled with the same questions and choose their strategies anew in each resample.
    UserError when they are not of the same questions.
    """
    if now.questions != before.questions:
        raise UserError(
            f"expected two runs on the same questions, got {len(now.questions)} and "
            f"{len(before.questions)} that are not the same; "
            "run the study with both model versions"
        )
    drawn = weights(len(now.questions), resamples=resamples, seed=seed)
    new = _resample(now, drawn)
    old = _resample(before, drawn)
    shared = [budget for budget in budgets if budget in now.budgets and budget in before.budgets]
    return [_compare_at(budget, new, old) for budget in shared]


class _Resampled(NamedTuple):
    """What a version is worth, and its mean accuracy and cost in each resample."""

    worth: PolicyWorth
    accuracy: Floats
    cost: Floats


def _resample(worth: PolicyWorth, drawn: Floats) -> _Resampled:
    return _Resampled(worth, *worth.resampled(drawn))


def _compare_at(budget: int, new: _Resampled, old: _Resampled) -> Comparison:
    here = new.worth.at(budget)
    there = old.worth.at(budget)
    first = new.worth.accuracy[:, here]
    second = old.worth.accuracy[:, there]
    gain = _test(first - second, new.accuracy[:, here] - old.accuracy[:, there])
    now = new.worth.cost[:, here]
    before = old.worth.cost[:, there]
    # A version that costs nothing has nothing to be a share of: then in FLOPs.
    usual = float(before.mean()) or 1.0
    dearer = (new.cost[:, here] - old.cost[:, there]) / usual
    cost = _test((now - before) / usual, dearer)
    return Comparison(budget, float(first.mean()), float(second.mean()), gain, cost)


def _test(gaps: Floats, resampled: Floats) -> Difference:
    """Mean of the questions' differences, its interval from the resampled means, and p.

    p is the greater of Student's t with the resampled standard error and of `paired_p`: the first
    counts that another choice might have been made, the second knows the questions alone.
    """
    gain = float(gaps.mean())
    count = len(gaps)
    estimate = with_bounds(gain, centre(resampled, gain), count=count)
    alone = float(paired_p(gaps[:, None])[0])
    error = float(resampled.std())
    if error == 0.0 or count < 2:
        return Difference(estimate, alone)
    # A bootstrap's spread lacks Bessel's correction.
    t = abs(gain) / error * sqrt((count - 1) / count)
    p = 2.0 * float(special.stdtr(count - 1, -t))  # pyright: ignore
    return Difference(estimate, max(p, alone))
