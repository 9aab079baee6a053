"""Pruning: of runs that are long over, what takes space goes, where no kept run could replay it.

What goes are rows of the large tables. Outcomes, policies, curves, events and costs stay, so a
pruned run is as good as another in comparisons; it cannot be replayed or graded again.
"""

from datetime import datetime

import duckdb

from warehouse.schema import LARGE, tables

KEPT = """
CREATE OR REPLACE TEMP TABLE kept_runs AS
SELECT run_id FROM runs WHERE opened_at >= $before
UNION
SELECT run_id FROM run_events WHERE "at" >= $before
UNION
SELECT run_id FROM champions
"""
"""Runs to which something happened since, and those whose policy is in use."""

POOLS = """
CREATE OR REPLACE TEMP TABLE kept_pools AS
WITH asked AS (
    SELECT
        run_id,
        unnest([model_fingerprint, reviser_fingerprint, larger_fingerprint]) AS model_fingerprint
    FROM runs
    UNION
    SELECT run_id, large_fingerprint FROM exchanges
)
SELECT DISTINCT asked.model_fingerprint, runs.benchmark_fingerprint, run_questions.question_id
FROM asked
JOIN kept_runs USING (run_id)
JOIN runs USING (run_id)
JOIN run_questions USING (run_id)
"""
"""Models and questions whose draws a kept run may ask for, whoever paid for them."""

GONE = {
    "draws": """
        SELECT {key}, node_key, step_keys
        FROM draws
        SEMI JOIN (SELECT run_id FROM runs ANTI JOIN kept_runs USING (run_id)) USING (run_id)
        ANTI JOIN kept_pools USING (model_fingerprint, benchmark_fingerprint, question_id)
    """,
    "scores": """
        SELECT {key}
        FROM scores
        SEMI JOIN (SELECT run_id FROM runs ANTI JOIN kept_runs USING (run_id)) USING (run_id)
        ANTI JOIN (
            SELECT unnest(step_keys) AS node_key FROM draws ANTI JOIN gone_draws USING ({draw})
        ) USING (node_key)
    """,
    "answers": """
        SELECT {key}
        FROM answers
        SEMI JOIN gone_draws USING (node_key)
        ANTI JOIN (
            SELECT node_key FROM draws ANTI JOIN gone_draws USING ({draw})
        ) USING (node_key)
    """,
    "stated_verdicts": "SELECT {key} FROM stated_verdicts SEMI JOIN gone_draws USING ({draw})",
}
"""Keys of the rows that go: a step that a kept draw has too keeps its score and its answer."""

COSTS = """
FROM cost_by_role
SEMI JOIN (
    SELECT run_id FROM draws SEMI JOIN gone_draws USING ({draw})
    UNION
    SELECT run_id FROM scores SEMI JOIN gone_scores USING ({score})
) USING (run_id)
"""
"""What the runs have spent that paid for rows that go."""


def key_of(table: str) -> str:
    """The key's columns as SQL lists them."""
    return ", ".join(tables()[table].key)


def mark(connection: duckdb.DuckDBPyConnection, before: datetime) -> dict[str, int]:
    """How many rows of each large table may go; their keys are in temporary tables `gone_…`."""
    connection.execute(KEPT, {"before": before})
    connection.execute(POOLS)
    counts: dict[str, int] = {}
    for table, sql in GONE.items():
        keys = sql.format(key=key_of(table), draw=key_of("draws"))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE gone_{table} AS {keys}")
        counts[table] = connection.sql(f"SELECT count(*) FROM gone_{table}").fetchall()[0][0]
    return counts


def costs_sql() -> str:
    """SQL for what the runs have spent whose rows are marked."""
    return COSTS.format(draw=key_of("draws"), score=key_of("scores"))


def remove(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Removes the marked rows from the database."""
    key = tables()[table].key
    same = " AND ".join(f"its.{column} = gone_{table}.{column}" for column in key)
    home = f'{LARGE}.main."{table}"'
    connection.execute(f"DELETE FROM {home} AS its USING gone_{table} WHERE {same}")
