"""What a comparison of so many questions can see, and how many it takes (METHOD §7, §14).

The variance of a question's paired difference has two parts: how unlike questions truly are in it,
which more questions alone average out, and the chance of their draws, which more draws do too.
"""

from collections.abc import Mapping
from math import ceil, log2, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats
from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.statistics.intervals import Estimate, clusters_of, weights, with_bounds
from tasks.statistics.outcomes import Grid, grid_of
from warehouse.errors import UserError

DETECTABLE_RESAMPLES: Final = 200
POWER: Final = 0.8
"""Chance with which a true difference should be seen."""


class Spread(NamedTuple):
    """Variance of a question's difference between two figures."""

    between: float
    """Of what questions truly differ in, groups of them counted."""
    draw: float
    """What one draw of each of the two adds; k draws of each add a k-th of it."""
    draws: float
    """Of each figure, as measured."""

    def at(self, draws: float) -> float:
        """With so many draws of each figure."""
        return self.between + self.draw / draws


WORST: Final = Spread(between=0.0, draw=0.5, draws=1.0)
"""Nothing was measured: two independent draws, right with chance 1/2, is the most that draws vary.
"""


def spread_of(
    outcomes: pl.DataFrame, *, baseline: str, questions: pl.DataFrame | None = None
) -> Spread:
    """The most varied of the paired differences to the baseline, over strategies and budgets.

    Arguments and errors as those of `minimum_detectable`.
    """
    grid, known = _whole(outcomes, baseline, questions)
    pairs = _pairs(grid, known)
    gaps = np.stack(_gaps(grid, known), axis=1)
    count = len(gaps)
    variances = clusters_of(gaps, grid.groups).errors() ** 2 * count
    one = int(variances.argmax())
    if not pairs:
        # Two versions that have nothing in common: all of it may be their draws.
        return Spread(0.0, float(variances[one]), 1.0)
    own, other = pairs[one]
    by_draws = _of_draws(grid, own) + _of_draws(grid, other)
    left = float(variances[one]) - by_draws
    # As many draws of both would leave as much.
    share = 1.0 / grid.repeats[own] + 1.0 / grid.repeats[other]
    draws = 2.0 / float(share)
    return Spread(
        between=max(left, 0.0),
        draw=by_draws * draws,
        draws=draws,
    )


def _of_draws(grid: Grid, column: int) -> float:
    """Variance of a question's figure that its draws leave, as seen on the questions.

    Of single draws nothing says what is chance: all of p(1 − p) might be.
    """
    values = grid.accuracy[:, column]
    draws = float(grid.repeats[column])
    if draws < 2.0:
        mean = float(values.mean())
        return mean * (1.0 - mean)
    chance = values * (1.0 - values)
    unbiased = chance / (draws - 1.0)
    return float(unbiased.mean())


def questions_needed(
    spread: Spread,
    difference: float,
    *,
    draws: float,
    power: float = POWER,
    significance: float = SIGNIFICANCE,
) -> int:
    """Fewest questions on which a true difference is seen with this power, so often drawn.

    Raises ValueError for a difference outside (0, 1].
    """
    if not 0.0 < difference <= 1.0:
        raise ValueError(f"expected a difference above 0 and up to 1, got {difference}")
    reach = _reach(power, significance)
    by_variance = ceil(spread.at(draws) * (reach / difference) ** 2)
    least = ceil(1 - log2(significance))
    count = max(by_variance, least)
    # So many must differ by a draw at least (`least_share`): a share that falls with the questions.
    while least_share(count, power=power, significance=significance) / draws > difference:
        count = ceil(count * 1.1)
    return count


def detectable_with(spread: Spread, count: int, *, draws: float, power: float = POWER) -> float:
    """Smallest true difference that so many questions, so often drawn, show with this power."""
    by_variance = _reach(power, SIGNIFICANCE) * sqrt(spread.at(draws) / count)
    floor = least_share(count, power=power, significance=SIGNIFICANCE) / draws
    return min(max(by_variance, floor), 1.0)


def _reach(power: float, significance: float) -> float:
    """Standard errors: so far to be called significant, and so far beyond to be so mostly."""
    two_sided = NormalDist().inv_cdf(1 - significance / 2)
    return two_sided + NormalDist().inv_cdf(power)


def detectable_by_bin(
    outcomes: pl.DataFrame, bins: pl.DataFrame, *, baseline: str
) -> list[tuple[int, Estimate]]:
    """`minimum_detectable` of every bin of two questions or more, rising."""
    found: list[tuple[int, Estimate]] = []
    for one in bins["bin"].unique().sort().to_list():
        inside = bins.filter(bin=one)
        if inside.height > 1:
            found.append((one, minimum_detectable(outcomes, baseline=baseline, questions=inside)))
    return found


def minimum_detectable(
    outcomes: pl.DataFrame,
    *,
    baseline: str = "weighted",
    questions: pl.DataFrame | None = None,
    power: float = POWER,
    significance: float = SIGNIFICANCE,
    seed: int = 0,
) -> Estimate:
    """Smallest true difference that a paired comparison on these questions detects with this power.

    (z₁₋significance/₂ + z_power) · s / √n, with n the questions and s the largest standard
    deviation, over questions, of the difference between a strategy and the baseline at one budget:
    it holds for every such pair. Its interval resamples the questions. Neither is below what the
    binomial allows, whatever was seen: so many questions must differ by a draw or more that the
    test can tell (`paired_p`), see `least_share`. `questions` (question_id, question_group) says
    which of them count and which belong together; None: all, each alone. Raises UserError for fewer
    than two questions or an unknown baseline.
    """
    grid, known = _whole(outcomes, baseline, questions)
    units = grid.units
    clusters = clusters_of(np.stack(_gaps(grid, known), axis=1), grid.groups)
    sums = clusters.around()
    drawn = weights(units, resamples=DETECTABLE_RESAMPLES, seed=seed)
    means = drawn @ sums / units
    squares = drawn @ sums**2 / units
    # Rounding alone can leave a variance below 0.
    spread = np.maximum((squares - means**2).max(axis=1), 0.0)
    count = len(grid.questions)
    reach = _reach(power, significance)
    value = reach * float(np.nanmax(clusters.errors())) if units > 1 else 1.0
    resampled = reach * np.sqrt(spread * units / max(units - 1, 1) * units) / count
    share = least_share(units, power=power, significance=significance)
    floor = share / _finest(grid, known)
    seen = with_bounds(value, resampled, count=units)
    return Estimate(*(max(one, floor) for one in seen))


def _whole(
    outcomes: pl.DataFrame, baseline: str, questions: pl.DataFrame | None
) -> tuple[Grid, dict[int, int]]:
    """All questions as one bin, and the baseline's columns."""
    if questions is None:
        questions = outcomes.select(pl.col("question_id").unique())
    # One bin for all: what can be seen is said of all that are asked about.
    everyone = questions.with_columns(bin=pl.lit(1))
    asked = outcomes.join(questions.select("question_id"), on="question_id", how="semi")
    grid = grid_of(asked, everyone, costs=())
    known = grid.of(baseline)
    if len(grid.questions) < 2 or not known:
        raise UserError(
            f"expected outcomes of {baseline!r} on at least 2 questions: add it to the study"
        )
    return grid, known


def least_share(
    count: int,
    *,
    power: float,
    significance: float,
) -> float:
    """Smallest share of questions that, all differing one way, is seen with this power; at most 1.

    Two-sided, of m that differ all must point one way with a chance of 2 / 2^m: no less than m of
    `count` must differ, which Binomial(count, share) does with this power.
    """
    fewest = ceil(1 - log2(significance))
    if count < fewest:
        return 1.0
    # P(X ≥ m) ≥ power ⇔ share ≥ the quantile of Beta(m, count − m + 1).
    return float(special.betaincinv(fewest, count - fewest + 1, power))  # pyright: ignore


def _finest(
    grid: Grid,
    known: Mapping[int, int],
) -> float:
    """Most draws behind a figure that is compared: by one of them a question differs at least.

    The fewest over the pairs, of a pair the most: what holds for every pair.
    """
    fewest = np.inf
    for budget, own in known.items():
        most = np.maximum(grid.repeats[grid.at(budget)], grid.repeats[own])
        fewest = min(fewest, float(most.min()))
    return fewest


def _gaps(
    grid: Grid,
    known: Mapping[int, int],
) -> list[Floats]:
    """Differences between the baseline, given by its column at each budget, and all else."""
    pairs = _pairs(grid, known)
    if pairs:
        return [grid.accuracy[:, one] - grid.accuracy[:, own] for one, own in pairs]
    # Without another strategy: two model versions whose accuracies are unrelated differ √2 as much.
    return [np.sqrt(2) * grid.accuracy[:, own] for own in known.values()]


def _pairs(grid: Grid, known: Mapping[int, int]) -> list[tuple[int, int]]:
    """Columns of every other strategy and of the baseline at its budget."""
    return [(one, own) for budget, own in known.items() for one in grid.at(budget) if one != own]
