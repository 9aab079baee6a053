"""The migration that admits more kinds of difficulty, and the views on difficulty and costs."""

from pathlib import Path

import duckdb
import polars as pl
import pytest
from small_draws import QUESTIONS
from small_run import fill, frame

from warehouse.schema import MIGRATIONS, attach_empty_large, create_views, migrate, migrations
from warehouse.store import Store


def test_a_database_from_before_the_migration_keeps_its_bins(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for step in migrations():
        if step.number < 4:
            (old / step.name).write_text(step.sql)
    path = tmp_path / "old.duckdb"
    with duckdb.connect(path) as connection:
        migrate(connection, old)
        connection.execute("CREATE VIEW leaning AS SELECT difficulty, bin FROM bins")
        connection.execute("INSERT INTO bins VALUES ('run-a', 'oracle', 'q0', 0.5, 1)")
    with duckdb.connect(path) as connection:
        migrate(connection, MIGRATIONS)
        attach_empty_large(connection)
        create_views(connection)
        connection.execute("INSERT INTO bins VALUES ('run-a', 'probe', 'q0', 0.4, 2)")
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO bins VALUES ('run-a', 'probe', 'q0', 0.4, 3)")
        # A kind of difficulty is declared in Python; the table takes whatever is declared there.
        connection.execute("INSERT INTO bins VALUES ('run-a', 'by length', 'q0', 0.4, 2)")
    with duckdb.connect(path) as connection:
        found = connection.sql("SELECT difficulty, value, bin FROM bins ORDER BY ALL").fetchall()
    assert found == [("by length", 0.4, 2), ("oracle", 0.5, 1), ("probe", 0.4, 2)]


def binned(difficulty: str, values: list[float], bins: list[int]) -> pl.DataFrame:
    rows = zip(QUESTIONS, values, bins, strict=True)
    return frame(
        "bins",
        [
            {"run_id": "run-x", "difficulty": difficulty, "question_id": q, "value": v, "bin": b}
            for q, v, b in rows
        ],
    )


def test_agreement_with_the_oracle_is_ranks_shared_bins_and_neighbours(store: Store) -> None:
    oracle = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    store.append("bins", binned("oracle", oracle, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]))
    # the first and third change places: Σd² = 4 + 4, ρ = 1 − 6 · 8 / (10 · 99)
    probe = [0.7, 0.8, 0.9, *oracle[3:]]
    store.append("bins", binned("probe", probe, [2, 1, 1, 2, 3, 3, 4, 4, 5, 2]))
    store.append("bins", binned("predicted", [0.5] * 10, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]))
    sql = """SELECT difficulty, questions, rank_correlation, same_bin, within_one
        FROM difficulty_agreement ORDER BY ALL"""
    assert store.read(sql).rows() == [
        ("predicted", 10, None, 1.0, 1.0),  # all values are the same
        ("probe", 10, pytest.approx(1 - 48 / 990), pytest.approx(0.7), pytest.approx(0.9)),
    ]


def test_equal_values_share_their_mean_rank(store: Store) -> None:
    # oracle ranks 1.5, 1.5, 3 … 10 against 1 … 10: r = cov / √(var · var) = 82 / √(82 · 82.5)
    store.append("bins", binned("oracle", [0.0, 0.0, *(i / 10 for i in range(2, 10))], [5] * 10))
    store.append("bins", binned("probe", [i / 10 for i in range(10)], [5] * 10))
    found = store.read("SELECT rank_correlation FROM difficulty_agreement").item()
    assert found == pytest.approx(82 / (82 * 82.5) ** 0.5)


def test_truncation_and_silence_are_told_by_bin_of_every_difficulty(small: Store) -> None:
    sql = """SELECT difficulty, bin, no_answer, truncated
        FROM accuracy WHERE bin > 0 AND run_id = 'run-a'"""
    found = small.read(sql)
    assert found["bin"].n_unique() == 5
    assert not found["no_answer"].has_nulls()
    assert not found["truncated"].has_nulls()


def curve(run: str, doubling: int, gain_lo: float | None) -> dict[str, object]:
    return {
        "run_id": run,
        "difficulty": "probe",
        "axis": "flops",
        "level": doubling,
        "at_most": 6000.0 * 2**doubling,
        "accuracy": 0.6,
        "lo": 0.5,
        "hi": 0.7,
        "cost": 5000.0,
        "baseline": "weighted",
        "gain": None if gain_lo is None else gain_lo + 0.1,
        "gain_lo": gain_lo,
    }


def test_the_policy_is_ahead_where_the_whole_interval_of_its_gain_is_above_zero(
    small: Store,
) -> None:
    small.append(
        "cost_curves",
        frame(
            "cost_curves",
            [curve("run-a", 0, None), curve("run-a", 1, 0.0), curve("run-a", 2, 0.02)],
        ),
    )
    sql = "SELECT level, model, ahead FROM accuracy_for_cost WHERE run_id = 'run-a' ORDER BY level"
    assert small.read(sql).rows() == [
        (0, "generator", None),
        (1, "generator", False),
        (2, "generator", True),
    ]


def cell(run: str, bin_: int, strategy: str) -> dict[str, object]:
    return {
        "run_id": run,
        "difficulty": "probe",
        "axis": "flops",
        "level": 2,
        "bin": bin_,
        "at_most": 24000.0,
        "strategy": strategy,
        "budget": 2,
        "questions": 2,
        "accuracy": 0.6,
        "lo": 0.5,
        "hi": 0.7,
        "cost": 12000.0,
    }


def test_the_newest_complete_run_has_the_last_word_on_costs(store: Store) -> None:
    fill(store, "run-a")
    fill(store, "run-b")
    later = frame(
        "run_events",
        [
            {
                "run_id": "run-b",
                "event": "complete",
                "at": store.read('SELECT max("at") FROM run_events').item(),
            }
        ],
    )
    store.append("run_events", later)
    store.append(
        "cost_policies", frame("cost_policies", [cell("run-a", b, "majority") for b in (1, 2)])
    )
    store.append(
        "cost_policies", frame("cost_policies", [cell("run-b", b, "weighted") for b in (1, 2)])
    )
    found = store.read("SELECT bin, strategy, run_id FROM latest_cost_policy ORDER BY ALL").rows()
    assert found == [(1, "weighted", "run-b"), (2, "weighted", "run-b")]
