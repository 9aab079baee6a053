"""Benchmarks in the views: known by their content, called by one name each."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_draws import DAY
from small_run import frame, rows_of

from warehouse.schema import attach_empty_large, create_views, migrate

BEFORE = None
"""Content of a run from before it was kept."""


class Night(NamedTuple):
    """A run: what its benchmark is called, what it is, which of its questions were asked."""

    name: str
    content: str | None
    asked: str = "all"
    given: str | None = None


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        migrate(connection)
        attach_empty_large(connection)
        create_views(connection)
        yield connection


def run_row(place: int, night: Night) -> dict[str, Any]:
    (row,) = rows_of(f"run-{place}", version=1)["runs"]
    study = {"name": "s", "benchmark_name": night.given}
    return row | {
        "study_json": json.dumps(study),
        "benchmark": night.given or night.name,
        "benchmark_content": night.content,
        "benchmark_fingerprint": f"{night.content or night.name}-{night.asked}",
        "model_fingerprint": "generator-1",
        "opened_at": DAY + timedelta(days=place),
    }


def names(connection: duckdb.DuckDBPyConnection, *nights: Night) -> list[str]:
    """What each run's benchmark is called, in the order of the runs."""
    runs = frame("runs", [run_row(place, night) for place, night in enumerate(nights)])
    models = frame("model_versions", rows_of("run-0", version=1)["model_versions"])
    connection.execute("DELETE FROM runs")
    connection.register("incoming", runs)
    connection.register("models", models)
    connection.execute("INSERT INTO runs BY NAME FROM incoming")
    connection.execute("INSERT OR IGNORE INTO model_versions BY NAME FROM models")
    order = "ORDER BY opened_at"
    sql = f"SELECT run_benchmarks.benchmark FROM run_benchmarks JOIN runs USING (run_id) {order}"
    return [name for (name,) in connection.sql(sql).fetchall()]


def test_two_files_of_one_name_are_two_benchmarks(connection: duckdb.DuckDBPyConnection) -> None:
    nights = (Night("test", "aaaaaaaa"), Night("test", "bbbbbbbb"), Night("test", "aaaaaaaa"))
    assert names(connection, *nights) == ["test", "test (bbbbbb)", "test"]


def test_one_content_under_two_names_is_one(connection: duckdb.DuckDBPyConnection) -> None:
    nights = (Night("first", "aaaaaaaa"), Night("second", "aaaaaaaa", asked="half"))
    assert names(connection, *nights) == ["first", "first"]


def test_a_study_may_name_a_benchmark_later(connection: duckdb.DuckDBPyConnection) -> None:
    nights = (Night("test", "aaaaaaaa"), Night("test", "aaaaaaaa", given="mine"))
    assert names(connection, *nights) == ["mine", "mine"]
    # Who comes first keeps the name that two studies give.
    several = (*nights, Night("other", "bbbbbbbb", given="mine"), Night("x", "aaaaaaaa", given="y"))
    assert names(connection, *several) == ["mine", "mine", "mine (bbbbbb)", "mine"]


def test_runs_from_before_are_of_the_first_benchmark_of_their_name(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    before = (Night("test", BEFORE), Night("alone", BEFORE))
    assert names(connection, *before) == ["test", "alone"]
    later = (*before, Night("test", "aaaaaaaa"), Night("test", "bbbbbbbb"))
    assert names(connection, *later) == ["test", "alone", "test", "test (bbbbbb)"]


NIGHTS = st.lists(
    st.builds(
        Night,
        name=st.sampled_from(["test", "it's", "a/b", "🎲"]),
        content=st.sampled_from(["a" * 8, "b" * 8, "c" * 8]),
        asked=st.sampled_from(["all", "half"]),
        given=st.sampled_from([None, None, "mine", "test"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nights=NIGHTS)
def test_benchmarks_are_called_the_same_where_their_content_is_and_nowhere_else(
    connection: duckdb.DuckDBPyConnection, nights: Sequence[Night]
) -> None:
    called = names(connection, *nights)
    pairs = {(night.content, name) for night, name in zip(nights, called, strict=True)}
    assert len(pairs) == len({content for content, _ in pairs}) == len(set(called))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nights=NIGHTS)
def test_versions_are_numbered_within_a_content(
    connection: duckdb.DuckDBPyConnection, nights: Sequence[Night]
) -> None:
    names(connection, *nights)
    rows = connection.sql("SELECT benchmark, version FROM model_history").fetchall()
    assert len(rows) == len({night.content for night in nights})
    assert {version for _, version in rows} == {1}
