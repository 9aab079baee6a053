"""Strategies against a baseline that spends as many tokens, each question with itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_run import BEAM, frame

from warehouse.store import Store

COLUMNS = "strategy, budget, questions, accuracy, baseline_accuracy, difference, lo, hi"
BUDGETS = (1, 2, 4, 8)
QUESTIONS = 12
Z = 1.959963984540054


def contrasts(store: Store, run: str) -> dict[tuple[str, int], list[float]]:
    sql = f"SELECT {COLUMNS} FROM contrast_at_equal_tokens('{run}', 'majority')"
    return {(key, budget): figures for key, budget, *figures in store.read(sql).iter_rows()}


def test_at_the_same_tokens_it_is_the_contrast_of_two_budgets(small: Store) -> None:
    found = contrasts(small, "run-a")
    # Both spend 3 tokens a generation.
    assert set(found) == {(BEAM, budget) for budget in (1, 2, 4)}
    sql = f"""SELECT questions, accuracy_a, accuracy_b, difference, lo, hi
        FROM contrast('run-a', 'oracle', '{BEAM}', 4, 'majority', 4) WHERE bin = 0"""
    (plain,) = small.read(sql).iter_rows()
    assert found[BEAM, 4] == pytest.approx(list(plain))


def outcomes(seed: int) -> tuple[list[dict[str, object]], dict[str, np.ndarray]]:
    """Rows of random outcomes, and (questions, budgets, accuracy or tokens) of each strategy."""
    rng = np.random.default_rng(seed)
    values: dict[str, np.ndarray] = {}
    rows: list[dict[str, object]] = []
    for key, pace in (("majority", 100), ("short", 60), ("long", 130)):
        accuracy = rng.random((QUESTIONS, len(BUDGETS)))
        tokens = pace * np.array(BUDGETS) * rng.uniform(0.5, 1.5, (QUESTIONS, 1))
        values[key] = np.stack([accuracy, tokens], axis=-1)
        shares = {"mc_error": 0.0, "no_answer": 0.0, "truncated": 0.0}
        for question in range(QUESTIONS):
            for place, budget in enumerate(BUDGETS):
                cell = {"run_id": "run-x", "question_id": f"q{question}", "strategy": key}
                cost = {"generations": float(budget), "generated_tokens": tokens[question, place]}
                other = {"prompt_tokens": 1.0, "verifier_tokens": 0.0, "flops": 1.0}
                reached = {"budget": budget, "accuracy": accuracy[question, place]}
                rows.append(cell | reached | shares | cost | other)
    return rows, values


@pytest.mark.parametrize("seed", range(6))
def test_between_two_budgets_it_is_straight_in_the_logarithm(store: Store, seed: int) -> None:
    rows, values = outcomes(seed)
    store.append("outcomes", frame("outcomes", rows))
    found = contrasts(store, "run-x")
    baseline, means = values["majority"], values["majority"][..., 1].mean(axis=0)
    expected: dict[tuple[str, int], list[float]] = {}
    for key in ("short", "long"):
        for place, budget in enumerate(BUDGETS):
            accuracy, tokens = values[key][:, place, 0], values[key][:, place, 1].mean()
            if not means[0] <= tokens <= means[-1]:
                continue
            curve = [np.interp(np.log(tokens), np.log(means), one) for one in baseline[..., 0]]
            gaps = accuracy - np.array(curve)
            half = Z * gaps.std(ddof=1) / math.sqrt(QUESTIONS)
            centre = gaps.mean()
            figures = [QUESTIONS, accuracy.mean(), np.mean(curve), centre, centre - half]
            expected[key, budget] = [*figures, centre + half]
    assert 4 <= len(expected) < 8
    assert set(found) == set(expected)
    for cell, figures in expected.items():
        assert found[cell] == pytest.approx(figures)
