"""What equal FLOPs buy: test-time compute on a small model, or a larger model (METHOD §8)."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.statistics.curves import cross_validated, fold_of, resample_curve
from tasks.statistics.intervals import (
    UNKNOWN,
    Estimate,
    Floats,
    centre,
    weights,
    wilson,
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
    """How much is inferred for how much was trained on, and what that makes a larger model worth."""

    source: Literal["study", "cards"]
    ratio: float
    """Inference tokens per training token (R of the paper)."""
    multiple: float
    """Generations a question that the small model has for the FLOPs of one of the larger model (k)."""


def rate_of_ratio(parameter_ratio: float, ratio: float) -> Rate:
    """k = M + 3·(1/R)·(M − 1): both models trained on equally many tokens, as the paper assumes."""
    return Rate("study", ratio, parameter_ratio + 3 * (parameter_ratio - 1) / ratio)


def rate_of_tokens(parameter_ratio: float, *, small: float, large: float, inference: float) -> Rate:
    """k of two models trained on `small` and `large` tokens that then write `inference` tokens each.

    6·P·D_pretrain + 2·P·D_inference equal on both sides, the small one's inference taken k-fold:
    k = M + 3·(M·D_large − D_small) / D_inference; at least 1. Beyond the paper; with equal training it is its k.
    """
    multiple = parameter_ratio + 3 * (parameter_ratio * large - small) / inference
    return Rate("cards", inference / small, max(multiple, 1.0))


def compare_at_flops(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    single: pl.DataFrame,
    *,
    rates: Sequence[Rate],
    costs_order: Sequence[str],
    seed: int = 0,
    resamples: int = 1000,
) -> pl.DataFrame:
    """The small model under its policy against the larger one: a row for each rate and bin, bin 0 all questions.

    `outcomes` and `bins` are those of `fit_policy`; `single` has question_id, `large` (the larger model's greedy
    completion is right: 1 or 0) and `alone` (the small model's pass@1, may be NULL).

    `small` is the policy's cross-validated accuracy at the largest measured budget that is at most k (the
    smallest where none is); `difference` is small − large with its paired 95 % interval, the strategy choice
    repeated inside each resample; `relative` is difference / large, NULL where the larger model is never right
    in the estimate or in a resample.
    """
    grid = grid_of(outcomes, bins, costs=costs_order)
    placed = pl.DataFrame({"question_id": grid.questions}).join(
        single, on="question_id", how="left", maintain_order="left"
    )
    if placed["large"].has_nulls():
        raise ValueError(
            "expected a completion of the larger model for every question: draw and grade them first"
        )
    fold = fold_of(grid, seed=seed)
    rows = [
        row
        for one in (EVERY_BIN, *np.unique(grid.bins).tolist())
        for row in _inside(grid, fold, placed, one, rates=rates, seed=seed, resamples=resamples)
    ]
    return pl.DataFrame(rows, schema=EXCHANGES, orient="row").fill_nan(None)


class _Compared(NamedTuple):
    """Questions of one bin: the policy at every budget and the larger model, and both on each resample."""

    policy: Floats
    policy_resampled: Floats
    large: float
    large_resampled: Floats
    questions: int


def _inside(
    grid: Grid,
    fold: NDArray[np.int64],
    placed: pl.DataFrame,
    one: int,
    *,
    rates: Sequence[Rate],
    seed: int,
    resamples: int,
) -> list[tuple[object, ...]]:
    rows = np.arange(len(grid.questions)) if one == EVERY_BIN else np.flatnonzero(grid.bins == one)
    part = _only(grid, rows)
    large = placed["large"].to_numpy().astype(np.float64)[rows]
    alone = placed["alone"].to_numpy().astype(np.float64)[rows]
    drawn = weights(len(rows), resamples=resamples, seed=seed)
    policy = cross_validated(part, fold[rows], np.ones((1, len(rows))))
    resampled = resample_curve(part, fold[rows], drawn)
    moved = np.clip(centre(resampled, policy), 0.0, 1.0)
    compared = _Compared(
        policy[0], moved, float(large.mean()), drawn @ large / len(rows), len(rows)
    )
    answer = wilson(compared.large, float(large.var(ddof=1)) if len(rows) > 1 else None, len(rows))
    budgets = np.asarray(grid.budgets)
    return [
        (
            rate.source,
            rate.ratio,
            rate.multiple,
            one,
            *_row(
                compared,
                budgets,
                int((budgets <= rate.multiple).sum()),
                float(alone.mean()),
                answer,
            ),
        )
        for rate in rates
    ]


def _row(
    compared: _Compared, budgets: NDArray[np.int64], affordable: int, alone: float, answer: Estimate
) -> tuple[object, ...]:
    place = max(affordable - 1, 0)
    small, moved = float(compared.policy[place]), compared.policy_resampled[:, place]
    gap = moved - compared.large_resampled
    difference = small - compared.large
    return (
        int(budgets[place]),
        compared.questions,
        alone,
        *with_bounds(small, moved, count=compared.questions),
        *answer,
        *with_bounds(difference, gap, count=compared.questions),
        *_relative(
            difference,
            compared.large,
            gap,
            compared.large_resampled,
            count=compared.questions,
        ),
    )


def _relative(
    difference: float, large: float, gap: Floats, resampled: Floats, *, count: int
) -> Estimate:
    """The difference as a share of the larger model's accuracy; NaN where that is 0."""
    if large == 0:
        return UNKNOWN
    if not resampled.all():
        return UNKNOWN._replace(value=difference / large)
    return with_bounds(difference / large, gap / resampled, count=count)


def _only(grid: Grid, rows: NDArray[np.int64]) -> Grid:
    """The grid of these questions alone."""
    return dataclasses.replace(
        grid,
        questions=tuple(grid.questions[row] for row in rows),
        bins=grid.bins[rows],
        accuracy=grid.accuracy[rows],
        costs=grid.costs[:, rows],
    )
