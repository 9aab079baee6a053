"""Simulated nights of model versions: numpy alone, nothing of the code that is judged.

A question of ability a is right with log-odds a, moved by what a version has on all questions and
by its taste for this one. They rise with log2 of the budget as the strategy says. All outcomes of
a question in one night have a part in common, so that they are right or wrong together.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr  # pyright: ignore[reportMissingTypeStubs]

Floats = NDArray[np.float64]

BUDGETS: Final = (1, 4, 16)
POOL: Final = 16
BASELINE: Final = "weighted"
RISE: Final = {"majority": 0.12, BASELINE: 0.30, "search": 0.34}
"""How the log-odds rise with log2 of the budget."""
TOKENS: Final = {"majority": 1.0, BASELINE: 1.3, "search": 1.5}
ABILITY: Final = (-0.4, 1.8)
"""Mean and standard deviation of a question's log-odds."""
TASTE: Final = 0.2
"""Standard deviation of what a version has on a single question."""
COMMON: Final = 0.2
"""Correlation of the outcomes of a question in one night."""
DIFFICULTY_DRAWS: Final = 32


class Version(NamedTuple):
    """Log-odds of a model version on each question at a budget of 1."""

    odds: Floats


class Night(NamedTuple):
    """What a night measures: accuracies (questions, cells), and right ones of some more draws."""

    accuracy: Floats
    reading: Floats


def cells() -> list[tuple[int, str]]:
    """Budgets rising, strategies by name."""
    return [(budget, key) for budget in BUDGETS for key in sorted(RISE)]


def abilities(questions: int, rng: np.random.Generator) -> Floats:
    """Of the questions of a benchmark."""
    return ABILITY[0] + ABILITY[1] * rng.standard_normal(questions)


def version_of(
    ability: Floats,
    rng: np.random.Generator,
    *,
    worse: float = 0.0,
) -> Version:
    """A version whose mean accuracy is so much lower than that of others; 0: equal to them."""
    taste = TASTE * rng.standard_normal(ability.size)
    return Version(ability + taste - shift_of(worse))


def shift_of(worse: float) -> float:
    """Log-odds to take away so that accuracy, over all questions and budgets, is so much lower."""
    if not worse:
        return 0.0
    # Spread evenly over the population, which the questions of one benchmark are a draw from.
    even = np.random.default_rng(0).normal(*ABILITY, 20_000)
    full = _mean_chance(even)
    shifts = np.linspace(-3.0, 3.0, 241)
    lost = np.array([full - _mean_chance(even - one) for one in shifts])
    return float(np.interp(worse, lost, shifts))


def _mean_chance(odds: Floats) -> float:
    chances = [chance(odds, budget, BASELINE).mean() for budget in BUDGETS]
    return float(np.mean(chances))


def chance(
    odds: Floats,
    budget: int,
    key: str,
) -> Floats:
    """Of a right answer."""
    return expit(odds + RISE[key] * np.log2(budget))


def night_of(version: Version, rng: np.random.Generator) -> Night:
    """A night of new draws."""
    count = version.odds.size
    together = np.sqrt(COMMON) * rng.standard_normal(count)
    columns: list[Floats] = []
    for budget, key in cells():
        alone = rng.standard_normal((repeats(budget, key), count))
        place = ndtr(together + np.sqrt(1.0 - COMMON) * alone)
        right = place < chance(version.odds, budget, key)
        columns.append(right.mean(axis=0))
    reading = rng.binomial(DIFFICULTY_DRAWS, expit(version.odds))
    return Night(np.stack(columns, axis=1), reading / DIFFICULTY_DRAWS)


def repeats(budget: int, key: str) -> int:
    """Draws behind the figure of one question: a search is run once."""
    return 1 if key == "search" else POOL // budget


def columns_of(night: Night) -> dict[str, Any]:
    """The night as columns: question_id, strategy, budget, accuracy, repeats, tokens."""
    every = cells()
    names = question_names(night.reading.size)
    return {
        "question_id": np.repeat(names, len(every)),
        "strategy": np.tile([key for _, key in every], len(names)),
        "budget": np.tile([budget for budget, _ in every], len(names)),
        "accuracy": night.accuracy.ravel(),
        "repeats": np.tile([repeats(*cell) for cell in every], len(names)),
        "generated_tokens": np.tile([n * TOKENS[key] for n, key in every], len(names)),
    }


def question_names(count: int) -> NDArray[np.str_]:
    """Ids of the questions."""
    return np.array([f"q{place:05}" for place in range(count)])
