"""What a run still owes, as one sentence that names the worst cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tasks.runs.completeness import missing_outcomes
from warehouse.schema import tables
from warehouse.store import Store

OWED = [(strategy, budget) for strategy in ("majority", "weighted") for budget in (1, 2)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A run that owes two strategies at two budgets on three questions, and has nothing of it."""
    with Store.open(tmp_path) as opened:
        cells = [{"run_id": "run-a", "strategy": s, "budget": n} for s, n in OWED]
        opened.append("run_cells", pl.DataFrame(cells, schema=tables()["run_cells"].schema))
        questions = [{"run_id": "run-a", "question_id": q} for q in "abc"]
        shape = tables()["run_questions"].schema
        opened.append("run_questions", pl.DataFrame(questions, schema=shape))
        yield opened


def answer(store: Store, strategy: str, budget: int, questions: str) -> None:
    shape = tables()["outcomes"].schema
    # Every figure is 1: only which rows are there matters here.
    ones = {name: 1.0 for name, kind in shape.items() if kind == pl.Float64}
    key = {"run_id": "run-a", "strategy": strategy, "budget": budget}
    rows = [{**ones, **key, "question_id": question} for question in questions]
    store.append("outcomes", pl.DataFrame(rows, schema=shape))


def test_the_cell_that_lacks_most_is_named(store: Store) -> None:
    answer(store, "majority", 1, "abc")
    answer(store, "majority", 2, "ab")
    answer(store, "weighted", 1, "abc")
    # weighted at 2 lacks three questions, majority at 2 one
    assert missing_outcomes(store, "run-a") == (
        "2 cells lack outcomes, weighted at budget 2 on 3 questions; run the study again"
    )


def test_of_cells_that_lack_as_many_the_first_by_name_and_budget_is_named(store: Store) -> None:
    answer(store, "majority", 1, "abc")
    assert missing_outcomes(store, "run-a") == (
        "3 cells lack outcomes, majority at budget 2 on 3 questions; run the study again"
    )


def test_a_complete_run_owes_nothing(store: Store) -> None:
    for strategy, budget in OWED:
        answer(store, strategy, budget, "abc")
    assert missing_outcomes(store, "run-a") is None
