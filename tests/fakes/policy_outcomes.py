"""Outcomes of 100 questions in five bins of 20, by laws of accuracy, to fit a policy to."""

from collections.abc import Callable

import numpy as np
import polars as pl

QUESTIONS = [f"q{i:03}" for i in range(100)]
BINS = pl.DataFrame({"question_id": QUESTIONS, "bin": [1 + i // 20 for i in range(100)]})
Accuracy = Callable[[str, str, int], float]


def outcomes_of(
    accuracy: Accuracy, strategies: dict[str, float], budgets: tuple[int, ...] = (4,)
) -> pl.DataFrame:
    """Outcomes of every question; `strategies` gives each one's tokens for a budget of 1."""
    return pl.DataFrame(
        [
            (question, strategy, budget, accuracy(question, strategy, budget), tokens * budget)
            for question in QUESTIONS
            for strategy, tokens in strategies.items()
            for budget in budgets
        ],
        schema=["question_id", "strategy", "budget", "accuracy", "generated_tokens"],
        orient="row",
    )


def noisy(seed: int, *, gain: dict[str, float] | None = None) -> Accuracy:
    """Single draws, independent, right with probability .5 plus the strategy's gain."""
    rng = np.random.default_rng(seed)
    return lambda _question, strategy, _budget: float(
        rng.random() < 0.5 + (gain or {}).get(strategy, 0.0)
    )
