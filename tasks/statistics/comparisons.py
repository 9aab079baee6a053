"""Whether one strategy beats another at all, and what difference the benchmark could show (METHOD §7)."""

from statistics import NormalDist
from typing import Final

import numpy as np
import polars as pl

from tasks.errors import UserError
from tasks.statistics.bootstrap import Floats, bounds, weights
from tasks.statistics.outcomes import SAME_ACCURACY, Grid, grid_of

DIFFERENCES: Final = {
    "bin": pl.Int64,
    "budget": pl.Int64,
    "strategy": pl.String,
    "gain": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "beats": pl.Boolean,
}


def differences(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    rival: str = "majority",
    seed: int = 0,
    resamples: int = 1000,
) -> pl.DataFrame:
    """Every strategy minus `rival` at the same budget: (bin, budget, strategy, gain, lo, hi, beats).

    `bin` is NULL over all questions. Intervals are paired 95 % bootstrap intervals over questions, one by
    one; `beats` says that the whole interval is above 0. Raises UserError when `rival` is not measured.
    """
    grid = grid_of(outcomes, bins, costs=())
    known = grid.of(rival)
    if not known:
        raise UserError(f"expected outcomes of {rival!r} to compare with, got none: add it to the study")
    groups = [None, *np.unique(grid.bins).tolist()]
    rows = [row for one in groups for row in _against(grid, known, one, seed=seed, resamples=resamples)]
    return pl.DataFrame(rows, schema=DIFFERENCES, orient="row").fill_nan(None)


def verdict(compared: pl.DataFrame, *, rival: str = "majority") -> str:
    """One sentence on `differences` over all questions: what beats the rival, or that nothing does."""
    winners = compared.filter(pl.col("beats") & pl.col("bin").is_null())
    if winners.is_empty():
        return f"no strategy beats {rival} here"
    best = winners.sort("gain", descending=True).row(0, named=True)
    count = winners["strategy"].n_unique()
    beaters = "1 strategy beats" if count == 1 else f"{count} strategies beat"
    return (
        f"{beaters} {rival} at some budget, most of all "
        f"{best['strategy']} at {best['budget']}: {best['gain']:+.3f} [{best['lo']:+.3f}, {best['hi']:+.3f}]"
    )


def minimum_detectable(
    outcomes: pl.DataFrame, *, baseline: str = "weighted", power: float = 0.8, level: float = 0.05
) -> float:
    """Smallest true difference that a paired comparison on these questions detects with this power.

    (z₁₋level/₂ + z_power) · s / √n, with n the questions and s the largest standard deviation, over
    questions, of the difference between a strategy and the baseline at one budget: it holds for every such
    pair. Without another strategy s is √2 times the baseline's own largest, as for two model versions whose
    accuracies are unrelated. Raises UserError for fewer than two questions or an unknown baseline.
    """
    everyone = outcomes.select(pl.col("question_id").unique()).with_columns(bin=pl.lit(1))
    grid = grid_of(outcomes, everyone, costs=())
    known = grid.of(baseline)
    if len(grid.questions) < 2 or not known:
        raise UserError(f"expected outcomes of {baseline!r} on at least 2 questions: add it to the study")
    pairs = [
        grid.accuracy[:, one] - grid.accuracy[:, own]
        for budget, own in known.items()
        for one in grid.at(budget)
        if one != own
    ]
    alone = [np.sqrt(2) * grid.accuracy[:, own] for own in known.values()]
    spread = max(float(pair.std(ddof=1)) for pair in pairs or alone)
    reach = NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(power)
    return reach * spread / len(grid.questions) ** 0.5


def _against(
    grid: Grid, known: dict[int, int], one: int | None, *, seed: int, resamples: int
) -> list[tuple[int | None, int, str, float, float, float, bool]]:
    accuracy: Floats = grid.accuracy if one is None else grid.accuracy[grid.bins == one]
    drawn = weights(len(accuracy), resamples=resamples, seed=seed)
    pairs = [(column, own) for budget, own in known.items() for column in grid.at(budget) if column != own]
    gaps = accuracy[:, [column for column, _ in pairs]] - accuracy[:, [own for _, own in pairs]]
    ends = bounds(drawn @ gaps / len(accuracy), count=len(accuracy))
    return [
        (one, cell.budget, cell.strategy, float(gain), float(lo), float(hi), bool(lo > SAME_ACCURACY))
        for cell, gain, lo, hi in zip(
            [grid.cells[column] for column, _ in pairs], gaps.mean(axis=0), ends.lo, ends.hi, strict=True
        )
    ]
