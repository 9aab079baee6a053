"""Intervals of views where questions come in groups: those of tasks/statistics, by another road."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from small_run import BEAM, frame, rows_of

from tasks.statistics.intervals import clusters_of, design_effect, wilson
from warehouse.store import Store

PASSAGES = ["one", "one", "one", "two", "two", "three", "three", "three", "three", None]
# The last question stands alone.
UNITS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3])
Z = 1.959963984540054


@pytest.fixture
def grouped(store: Store) -> Store:
    parts = rows_of("run-a", version=1)
    for row, passage in zip(parts["questions"], PASSAGES, strict=True):
        row["question_group"] = passage
    for table, rows in parts.items():
        store.append(table, frame(table, rows))
    return store


def accuracies(store: Store, strategy: str) -> np.ndarray:
    sql = """SELECT accuracy FROM outcomes WHERE strategy = $strategy AND budget = 4
        ORDER BY question_id"""
    return store.read(sql, strategy=strategy)["accuracy"].to_numpy()


def wilson_in_groups(of: np.ndarray) -> tuple[float, float, float]:
    design = design_effect(of, UNITS)
    assert design > 1
    found = wilson(of.mean(), of.var(ddof=1), len(of), design=design)
    return (of.mean(), found.lo, found.hi)


def interval(store: Store, sql: str) -> tuple[float, ...]:
    (row,) = store.read(sql).rows()
    return row


def test_a_contrast_varies_as_its_groups_do(grouped: Store) -> None:
    gaps = accuracies(grouped, BEAM) - accuracies(grouped, "majority")
    (error,) = clusters_of(gaps[:, None], UNITS).errors()
    sql = f"""SELECT difference, lo, hi
        FROM contrast('run-a', 'oracle', '{BEAM}', 4, 'majority', 4) WHERE bin = 0"""
    mean = gaps.mean()
    assert interval(grouped, sql) == pytest.approx((mean, mean - Z * error, mean + Z * error))
    assert error > gaps.std(ddof=1) / np.sqrt(10)


def test_a_contrast_at_equal_tokens_does_too(grouped: Store) -> None:
    sql = """SELECT strategy, difference, lo, hi
        FROM contrast_at_equal_tokens('run-a', 'majority') WHERE budget = 2"""
    strategy, difference, lo, hi = interval(grouped, sql)
    assert lo < difference < hi and strategy == BEAM


def test_accuracy_counts_the_questions_of_a_group_together(grouped: Store) -> None:
    of = accuracies(grouped, "majority")
    sql = """SELECT accuracy, lo, hi FROM accuracy
        WHERE strategy = 'majority' AND budget = 4 AND bin = 0"""
    assert interval(grouped, sql) == pytest.approx(wilson_in_groups(of), rel=1e-4)


def test_accuracy_at_tokens_does_too(grouped: Store) -> None:
    of = np.array([1, 1, 1, 1, 0.5, 0, 0, 0.25, 0, 1])
    rows = pl.DataFrame(
        {
            "run_id": "run-a",
            "question_id": [f"q{place}" for place in range(10)],
            "strategy": "majority",
            "token_budget": 100,
            "accuracy": of,
            "mc_error": 0.0,
            "generations": 2.0,
            "generated_tokens": 90.0,
            "cut": 0.5,
        }
    )
    grouped.append("token_outcomes", rows)
    sql = "SELECT accuracy, lo, hi FROM accuracy_at_tokens"
    assert interval(grouped, sql) == pytest.approx(wilson_in_groups(of), rel=1e-4)
