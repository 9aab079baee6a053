"""What equal FLOPs buy: test-time compute on a small model, or a larger model (METHOD §8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.curves import cross_validated, fold_of, resample_curve
from tasks.statistics.intervals import (
    UNKNOWN,
    Estimate,
    centre,
    mean_accuracy,
    weights,
    with_bounds,
)
from tasks.statistics.outcomes import Grid, grid_of

EXCHANGES: Final = {
    "source": pl.String,
    "ratio": pl.Float64,
    "multiple": pl.Float64,
    "bin": pl.Int64,
    "budget": pl.Int64,
    "questions": pl.Int64,
    "alone": pl.Float64,
    "small": pl.Float64,
    "small_lo": pl.Float64,
    "small_hi": pl.Float64,
    "large": pl.Float64,
    "large_lo": pl.Float64,
    "large_hi": pl.Float64,
    "difference": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "relative": pl.Float64,
    "relative_lo": pl.Float64,
    "relative_hi": pl.Float64,
}
EVERY_BIN: Final = 0
"""Stands for all questions."""


class Rate(NamedTuple):
    """How much is inferred for how much was trained on, and what a larger model is then worth."""

    source: Literal["study", "cards"]
    ratio: float
    """Inference tokens per training token (R of the paper)."""
    multiple: float
    """Generations that the small model has for the FLOPs of one of the larger model (k)."""


def rate_of_ratio(parameter_ratio: float, ratio: float) -> Rate:
    """k = M + 3·(1/R)·(M − 1): both models trained on equally many tokens, as the paper assumes."""
    # 3: training costs 6 FLOPs a parameter and token, inference 2.
    training = 3 * (parameter_ratio - 1) / ratio
    return Rate("study", ratio, parameter_ratio + training)


def rate_of_tokens(parameter_ratio: float, *, small: float, large: float, inference: float) -> Rate:
    """k of two models trained on `small` and `large` tokens that then write `inference` tokens.

    6·P·D_pretrain + 2·P·D_inference equal on both sides, the small one's inference taken k-fold:
    k = M + 3·(M·D_large − D_small) / D_inference. Beyond the paper; with equal training its k.
    """
    multiple = parameter_ratio + 3 * (parameter_ratio * large - small) / inference
    # At least 1: a small model that was trained for more FLOPs still answers once.
    return Rate("cards", inference / small, max(multiple, 1.0))


def compare_at_flops(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    single: pl.DataFrame,
    *,
    rates: Sequence[Rate],
    costs_order: Sequence[str],
    baseline: str | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> pl.DataFrame:
    """The small model under its policy against the larger one: a row for each rate and bin.

    Bin 0 is all questions. `outcomes` and `bins` are those of `fit_policy`; `single` has
    question_id, `large` (the larger model's greedy completion is right: 1 or 0) and `alone` (the
    small model's pass@1, may be NULL).

    `small` is the policy's cross-validated accuracy at the largest measured budget that is at most
    k (the smallest where none is); `difference` is small − large with its paired 95 % interval, the
    strategy choice repeated inside each resample; `relative` is difference / large, NULL where the
    larger model is never right in the estimate or in a resample.
    """
    grid = grid_of(outcomes, bins, costs=costs_order, baseline=baseline)
    # Folds of the whole benchmark: the figure of all questions is then the policy's own curve.
    fold = fold_of(grid, seed=seed)
    whole = _Part(grid, fold, _place(grid, single))
    rows: list[tuple[object, ...]] = []
    for one in (EVERY_BIN, *np.unique(grid.bins).tolist()):
        part = whole if one == EVERY_BIN else whole.only(np.flatnonzero(grid.bins == one))
        compared = _compare(part, seed=seed, resamples=resamples)
        rows += [_row(rate, one, compared, grid.budgets) for rate in rates]
    return pl.DataFrame(rows, schema=EXCHANGES, orient="row").fill_nan(None)


def _place(grid: Grid, single: pl.DataFrame) -> pl.DataFrame:
    """What single completions say of the grid's questions, in their order."""
    asked = pl.DataFrame({"question_id": grid.questions})
    placed = asked.join(
        single,
        on="question_id",
        how="left",
        maintain_order="left",
    )
    if placed["large"].has_nulls():
        raise ValueError(
            "expected a completion of the larger model for every question: "
            "draw and grade them first"
        )
    return placed


class _Part(NamedTuple):
    """Some of the questions: small model, folds, and the larger model's completions."""

    grid: Grid
    fold: Integers
    placed: pl.DataFrame

    def only(self, rows: Integers) -> _Part:
        """Fewer of them."""
        return _Part(self.grid.only(rows), self.fold[rows], self.placed[rows])


class _Compared(NamedTuple):
    """Both models on the questions of one bin and on each resample, the policy at every budget."""

    policy: Floats
    policy_resampled: Floats
    large: Estimate
    large_resampled: Floats
    alone: float
    questions: int
    units: int
    """Groups of them, or questions that stand alone."""


def _compare(part: _Part, *, seed: int, resamples: int) -> _Compared:
    count = len(part.grid.questions)
    large = part.placed["large"].to_numpy().astype(np.float64)
    alone = part.placed["alone"].to_numpy().astype(np.float64)
    # One set of resamples for both models: their difference is paired.
    groups = part.grid.groups
    drawn = weights(count, resamples=resamples, seed=seed, groups=groups)
    policy = cross_validated(part.grid, part.fold, np.ones((1, count)))
    resampled = centre(resample_curve(part.grid, part.fold, drawn), policy)
    return _Compared(
        policy=policy[0],
        policy_resampled=np.clip(resampled, 0.0, 1.0),
        large=mean_accuracy(large, groups),
        large_resampled=drawn @ large / count,
        alone=float(alone.mean()),
        questions=count,
        units=part.grid.units,
    )


def _row(rate: Rate, one: int, compared: _Compared, budgets: Sequence[int]) -> tuple[object, ...]:
    affordable = sum(budget <= rate.multiple for budget in budgets)
    # Where not even one completion is affordable, one is made all the same.
    place = max(affordable - 1, 0)
    small = float(compared.policy[place])
    resampled = compared.policy_resampled[:, place]
    difference = small - compared.large.value
    gap = resampled - compared.large_resampled
    count = compared.questions
    return (
        *rate,
        one,
        budgets[place],
        count,
        compared.alone,
        *with_bounds(small, resampled, count=compared.units),
        *compared.large,
        *with_bounds(difference, gap, count=compared.units),
        *_relative(difference, gap, compared),
    )


def _relative(difference: float, gap: Floats, compared: _Compared) -> Estimate:
    """The difference as a share of the larger model's accuracy; NaN where that is 0."""
    large = compared.large.value
    if large == 0:
        return UNKNOWN
    # One resample in which the larger model is never right makes the ends meaningless.
    if not compared.large_resampled.all():
        return UNKNOWN._replace(value=difference / large)
    shares = gap / compared.large_resampled
    return with_bounds(difference / large, shares, count=compared.units)
