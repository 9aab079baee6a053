"""`ttc policy`: the latest policy and what changed since the previous model version."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
from rich.console import Console

from flows.cli.sql import as_table
from tasks.publication.policy_table import policy_text
from tasks.publication.summary import load_summary
from tasks.runs.outcomes import load_used_difficulty
from tasks.strategies.names import short_names
from tasks.versions.gate import alarm_sentence
from tasks.versions.version import alarm_of_run
from warehouse import snapshot
from warehouse.errors import UserError
from warehouse.reader import Reader


def show_policy(folder: Path, *, console: Console, as_json: bool) -> None:
    """Print the latest policy of every family × benchmark, its versions' standings, changed cells.

    Of each run the policy under the difficulty that it is used by: the table that is served.
    """
    reader = snapshot.Snapshot(folder)
    latest = _in_use(
        reader,
        reader.read(
            "SELECT * FROM latest_policy ORDER BY family, benchmark, difficulty, bin, budget"
        ),
        run="run_id",
    )
    if not len(latest):
        raise UserError(
            "policy: no complete run in the warehouse yet; start with `ttc demo` or `ttc run STUDY`"
        )
    changes = _in_use(
        reader,
        reader.read("SELECT * FROM policy_changes WHERE changed ORDER BY ALL"),
        run="run_now",
    )
    standings = reader.read("SELECT * FROM standings ORDER BY family, benchmark, version")
    if as_json:
        shown = {
            "latest": latest.to_dicts(),
            "changes": changes.to_dicts(),
            "standings": standings.to_dicts(),
        }
        print(json.dumps(shown, default=str, indent=1))
        return
    for run_id in latest["run_id"].unique(maintain_order=True):
        console.print(policy_text(load_summary(reader, run_id)))
    if len(standings):
        named = standings.select("family", "benchmark", "version", "standing", "why")
        console.print(as_table(named))
    console.print(_changed_cells(changes))


def _in_use(reader: Reader, rows: pl.DataFrame, *, run: str) -> pl.DataFrame:
    """The rows under the difficulty by which the policy of their run, named in a column, is used."""
    run_ids = rows[run].unique().to_list()
    kinds = [load_used_difficulty(reader, run_id) for run_id in run_ids]
    # Named types: no rows at all would leave columns of NULL, which join with nothing.
    schema = {run: pl.String, "difficulty": pl.String}
    used = pl.DataFrame({run: run_ids, "difficulty": kinds}, schema=schema)
    return rows.join(used, on=[run, "difficulty"], how="semi", maintain_order="left")


def print_alarms(folder: Path, run_ids: list[str]) -> int:
    """How many of the runs the regression gate marked; each is a line on stderr that says how."""
    reader = snapshot.Snapshot(folder)
    marked = 0
    for run_id in run_ids:
        alarm = alarm_of_run(reader, run_id)
        if alarm:
            marked += 1
            print(f"regression: run {run_id} is {alarm_sentence(alarm)}", file=sys.stderr)
    return marked


def _changed_cells(shown: pl.DataFrame) -> object:
    """The changed cells, strategies by their short names."""
    if not len(shown):
        return "\nNo cell changed since the previous model version (or there is none yet)."
    names = short_names([*shown["strategy_before"].drop_nulls(), *shown["strategy_now"]])
    return as_table(
        shown.select(
            "family",
            pl.format("{} → {}", "version_before", "version_now").alias("version"),
            "bin",
            "budget",
            pl.col("strategy_before").replace(names).alias("before"),
            pl.col("strategy_now").replace(names).alias("now"),
            "difference",
            "decided",
        )
    )
