"""Whether two state folders hold the same results: `python infra/bench/same_tables.py OLD NEW`.

Runs are told apart by study and model version, not by their ids. What depends on the moment and not
on the seeds is left out: times, paces, requests and what came from a prefix cache. Exit code 1 when
a table differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import polars as pl

from warehouse.reader import Reader
from warehouse.snapshot import Snapshot

TABLES = {
    "draws": "run_id, drawn_at, requests, prompt_tokens, cached_tokens",
    "scores": "run_id, scored_at, requests",
    "answers": "",
    "grades": "",
    "outcomes": "run_id, latency_seconds, engine_seconds",
    "bins": "run_id",
    "probes": "run_id",
    "probings": "run_id",
    "policies": "run_id",
    "curves": "run_id",
    "efficiencies": "run_id",
    "allocations": "run_id",
    "cost_policies": "run_id",
    "cost_curves": "run_id",
    "token_outcomes": "run_id",
}
"""Columns of each table that are left out."""
PER_RUN = {name for name in TABLES if name not in ("draws", "scores", "answers", "grades")}


def rows_of(reader: Reader, table: str) -> pl.DataFrame:
    """The table's rows in an order of their own, of the newest complete run of each model."""
    without = f" EXCLUDE ({TABLES[table]})" if TABLES[table] else ""
    if table not in PER_RUN:
        return reader.read(f"SELECT *{without} FROM {table} ORDER BY ALL")
    # Seconds are measured, so that axis is never the same twice.
    measured = "WHERE axis <> 'seconds'" if table.startswith("cost_") else ""
    return reader.read(
        f"""SELECT newest.study, newest.model_fingerprint, its.*{without} FROM {table} AS its
        JOIN (
            SELECT * FROM complete_runs QUALIFY row_number() OVER (
                PARTITION BY study, model_fingerprint ORDER BY completed_at DESC) = 1
        ) AS newest USING (run_id) {measured} ORDER BY ALL"""
    )


def main() -> int:
    """Print a line a table; 1 when one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args()
    old, new = (Snapshot(folder / "warehouse") for folder in (options.old, options.new))
    differing = 0
    for table in TABLES:
        before, now = rows_of(old, table), rows_of(new, table)
        same = before.equals(now)
        differing += not same
        print(f"{table:15}{before.height:9}{now.height:9}  {'the same' if same else 'DIFFERS'}")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
