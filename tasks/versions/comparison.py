"""Whether a new model version's policy takes the champion's place (METHOD §7)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.comparisons import Difference, paired_p
from tasks.statistics.intervals import Floats, centre, weights, with_bounds
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
    """FLOPs a question, as a share of the earlier version's mean."""


def compare(
    now: PolicyWorth,
    before: PolicyWorth,
    *,
    budgets: Sequence[int],
    seed: int,
    resamples: int = 1000,
) -> list[Comparison]:
    """The two at each of the budgets that both have; UserError when they are not of the same questions.

    Both are resampled with the same questions and choose their strategies anew in each resample. The resampled
    differences are moved onto the measured one: with fewer distinct questions a resample chooses less well.
    """
    if now.questions != before.questions:
        raise UserError(
            f"expected two runs on the same questions, got {len(now.questions)} and {len(before.questions)} that are "
            "not the same; run the study with both model versions"
        )
    shared = [budget for budget in budgets if budget in now.budgets and budget in before.budgets]
    drawn = weights(len(now.questions), resamples=resamples, seed=seed)
    new, old = now.resampled(drawn), before.resampled(drawn)
    found: list[Comparison] = []
    for budget in shared:
        here, there = now.at(budget), before.at(budget)
        first, second = now.accuracy[:, here], before.accuracy[:, there]
        gain = _test(first - second, new[0][:, here] - old[0][:, there])
        usual = float(before.cost[:, there].mean()) or 1.0
        dearer = (now.cost[:, here] - before.cost[:, there]) / usual
        cost = _test(dearer, (new[1][:, here] - old[1][:, there]) / usual)
        found.append(Comparison(budget, float(first.mean()), float(second.mean()), gain, cost))
    return found


def _test(gaps: Floats, resampled: Floats) -> Difference:
    """Mean of the questions' differences, its interval from the resampled means, and p by Student's t on both.

    p is the greater of that with the resampled standard error and of `paired_p`, which knows the questions alone.
    """
    gain, count = float(gaps.mean()), len(gaps)
    difference = with_bounds(gain, centre(resampled, gain), count=count)
    alone = float(paired_p(gaps[:, None])[0])
    error = float(resampled.std())
    if error == 0.0 or count < 2:
        return Difference(difference, alone)
    t = (
        abs(gain) / error * sqrt((count - 1) / count)
    )  # a bootstrap's spread lacks Bessel's correction
    p = 2.0 * float(special.stdtr(count - 1, -t))  # pyright: ignore
    return Difference(difference, max(p, alone))
