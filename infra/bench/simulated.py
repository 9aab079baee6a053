"""Simulated benchmarks of known truth: questions of latent difficulty, strategies of known worth.

The log-odds of a right answer on a question of ability a are a at a budget of 1, and rise with log2
of the budget by `rise`, more on hard questions where `on_hard` is above 0, less at large budgets
where `fade` is, and by a taste that each question has for each strategy. What is measured is the
share of right ones among a few draws: a pool of 64 holds 64/N at budget N, a search is run once.
Bins come from 16 further draws.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, ndtri  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats
from tasks.statistics.difficulty import BINS
from tasks.statistics.difficulty import bins as cut

BUDGETS: Final = (1, 2, 4, 8, 16, 32, 64)
BASELINE: Final = "weighted"
DIFFICULTY_DRAWS: Final = 16
ABILITY: Final = (-0.8, 1.8)
"""Mean and standard deviation of the log-odds of a right answer."""


class Simulated(NamedTuple):
    """A strategy: tokens of a generation, how its log-odds rise, its smallest budget.

    `pooled`: it selects from a pool that it shares, so smaller budgets are measured more often.
    """

    key: str
    tokens: float
    rise: float
    on_hard: float = 0.0
    fade: float = 0.0
    smallest: int = 1
    pooled: bool = True


Lineup = tuple[Simulated, ...]
"""The strategies that are compared."""

SNELL: Final[Lineup] = (
    Simulated("majority", 1.0, rise=0.12, on_hard=-0.10),
    Simulated("best_of_n", 1.3, rise=0.46, fade=0.03),
    Simulated(BASELINE, 1.3, rise=0.42, on_hard=-0.02, fade=0.015),
    Simulated("beam_search", 1.6, rise=0.44, on_hard=0.08, fade=0.024, smallest=4, pooled=False),
    Simulated("dvts", 1.5, rise=0.44, on_hard=0.02, fade=0.015, smallest=4, pooled=False),
    Simulated("revisions", 1.4, rise=0.48, on_hard=-0.08, fade=0.02, smallest=2, pooled=False),
)
"""Search is ahead on hard questions, revisions on easy ones; large budgets mislead best-of-N."""

EQUAL: Final[Lineup] = tuple(one._replace(rise=0.42, on_hard=0.0, fade=0.015) for one in SNELL)
"""The null line-up: one strategy under six names, each measured with draws of its own."""


class Cell(NamedTuple):
    """A strategy at a budget, and how many draws measure it on a question."""

    strategy: Simulated
    budget: int
    draws: int


class Questions(NamedTuple):
    """Some questions: pass@1 and the known accuracy of every cell (questions, cells)."""

    first: Floats
    expected: Floats


class Benchmark(NamedTuple):
    """What is measured on some questions, as `tasks.statistics.policy.fit_policy` takes it."""

    outcomes: pl.DataFrame
    bins: pl.DataFrame


class Truth(NamedTuple):
    """Expected accuracy of every cell: over all questions (cells), and by bin (bins, cells)."""

    accuracy: Floats
    by_bin: Floats


def cells(lineup: Lineup) -> list[Cell]:
    """Budgets rising, strategies by name: the order of `tasks.statistics.outcomes.Grid`."""
    ordered = sorted(lineup, key=lambda one: one.key)
    return [
        Cell(one, budget, BUDGETS[-1] // budget if one.pooled else 1)
        for budget in BUDGETS
        for one in ordered
        if budget >= one.smallest
    ]


def questions(lineup: Lineup, count: int, *, seed: int) -> Questions:
    """`count` questions of the population."""
    rng = np.random.default_rng(seed)
    return _answer_odds(lineup, ABILITY[0] + ABILITY[1] * rng.standard_normal(count), rng)


def truth(lineup: Lineup, *, count: int = 100_000, seed: int = 1) -> Truth:
    """Expected accuracies, from `count` questions spread evenly over the population."""
    rng = np.random.default_rng(seed)
    even = ndtri((np.arange(count) + 0.5) / count)
    everyone = _answer_odds(lineup, ABILITY[0] + ABILITY[1] * even, rng)
    placed = _bins(everyone, rng)
    by_bin = [everyone.expected[placed == one].mean(axis=0) for one in range(1, BINS + 1)]
    return Truth(everyone.expected.mean(axis=0), np.array(by_bin))


def benchmark(lineup: Lineup, count: int, *, seed: int) -> Benchmark:
    """Measured accuracies and bins of `count` new questions."""
    rng = np.random.default_rng([seed, count])
    some = questions(lineup, count, seed=int(rng.integers(2**62)))
    known = cells(lineup)
    draws = np.array([cell.draws for cell in known])
    measured = rng.binomial(draws, some.expected) / draws
    names = np.array([f"q{place:05}" for place in range(count)])
    outcomes = pl.DataFrame(
        {
            "question_id": np.repeat(names, len(known)),
            "strategy": np.tile([cell.strategy.key for cell in known], count),
            "budget": np.tile([cell.budget for cell in known], count),
            "accuracy": measured.ravel(),
            "generated_tokens": np.tile(
                [cell.budget * cell.strategy.tokens for cell in known], count
            ),
        }
    )
    return Benchmark(outcomes, pl.DataFrame({"question_id": names, "bin": _bins(some, rng)}))


def _answer_odds(lineup: Lineup, ability: Floats, rng: np.random.Generator) -> Questions:
    # In the order of the line-up, one row a strategy: the seeds of stored figures depend on it.
    tastes = rng.normal(0, 0.13, (len(lineup), ability.size))
    taste = dict(zip((one.key for one in lineup), tastes, strict=True))
    columns: list[Floats] = []
    for one, budget, _ in cells(lineup):
        doublings = np.log2(budget)
        slope = one.rise - one.on_hard * ability - one.fade * doublings + taste[one.key]
        columns.append(expit(ability + doublings * slope))
    return Questions(expit(ability), np.stack(columns, axis=1))


def _bins(some: Questions, rng: np.random.Generator) -> NDArray[np.int64]:
    """Bins from draws that measure nothing else, in the order of the questions."""
    value = rng.binomial(DIFFICULTY_DRAWS, some.first) / DIFFICULTY_DRAWS
    placed = cut(pl.DataFrame({"question_id": np.arange(value.size), "value": value}))
    return placed.sort("question_id")["bin"].to_numpy()
