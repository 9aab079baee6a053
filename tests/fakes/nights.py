"""Simulated nights: a version's outcomes, drawn anew, from questions of known difficulty."""

from __future__ import annotations

from math import comb

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.statistics.curves import fold_of
from tasks.statistics.difficulty import bins
from tasks.statistics.outcomes import grid_of
from tasks.statistics.worth import PolicyWorth, worth_of
from tasks.versions.comparison import Compared, compare

BUDGETS = (1, 4, 16)
POOL, DIFFICULTY_DRAWS = 16, 32


def chances(questions: int, *, seed: int) -> NDArray[np.float64]:
    """True chance of one draw on each question: many hard, many easy, some between."""
    return np.random.default_rng(seed).beta(0.7, 0.7, questions)


def majority(right: int, budget: int) -> float:
    """Chance that most of `budget` draws out of a pool are right; half of it where half are."""
    ways = [comb(right, k) * comb(POOL - right, budget - k) for k in range(budget + 1)]
    won = sum(way * ((2 * k > budget) + (2 * k == budget) / 2) for k, way in enumerate(ways))
    return won / comb(POOL, budget)


def night(chance: NDArray[np.float64], rng: np.random.Generator) -> PolicyWorth:
    """What a night measures of a model with these chances, by draws, bins and folds of its own.

    `majority` is exact over a pool of draws, `search` one draw of a search that lifts the chance,
    `verified` one of best-of-N with a verifier that errs.
    """
    names = [f"q{i:04d}" for i in range(len(chance))]
    right = rng.binomial(POOL, chance)
    rows: list[pl.DataFrame] = []
    for budget in BUDGETS:
        figures = {
            "majority": np.array([majority(r, budget) for r in range(POOL + 1)])[right],
            "search": rng.binomial(1, 1 - (1 - chance) ** (budget**0.6)).astype(float),
            "verified": rng.binomial(1, (1 - (1 - chance) ** budget) * 0.9).astype(float),
        }
        rows += [
            pl.DataFrame(
                {
                    "question_id": names,
                    "strategy": key,
                    "budget": budget,
                    "accuracy": values,
                    "flops": budget * (1.0 + (key != "majority")),
                }
            )
            for key, values in figures.items()
        ]
    value = rng.binomial(DIFFICULTY_DRAWS, chance) / DIFFICULTY_DRAWS
    binned = bins(pl.DataFrame({"question_id": names, "value": value}))
    grid = grid_of(pl.concat(rows), binned, costs=("flops",))
    return worth_of(grid, fold_of(grid, seed=0))


def compared(now: NDArray[np.float64], before: NDArray[np.float64], *, seed: int) -> Compared:
    """A night's version against the champion of the night before, both measured anew."""
    rng = np.random.default_rng(seed)
    return compare([night(now, rng)], [night(before, rng)], budgets=BUDGETS, seed=seed)
