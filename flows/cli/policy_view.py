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
from tasks.strategies.names import short_names
from tasks.versions.gate import alarm_sentence
from tasks.versions.version import alarm_of_run
from warehouse import snapshot
from warehouse.errors import UserError


def show_policy(folder: Path, *, console: Console, as_json: bool) -> None:
    """Print the latest policy of every family × benchmark, where its versions stand, then the changed cells."""
    latest = snapshot.query(
        folder, "SELECT * FROM latest_policy ORDER BY family, benchmark, difficulty, bin, budget"
    )
    if not len(latest):
        raise UserError(
            "policy: no complete run in the warehouse yet; start with `ttc demo` or `ttc run STUDY`"
        )
    changes = snapshot.query(folder, "SELECT * FROM policy_changes WHERE changed ORDER BY ALL")
    standings = snapshot.query(
        folder, "SELECT * FROM standings ORDER BY family, benchmark, version"
    )
    if as_json:
        shown = {
            "latest": latest.to_dicts(),
            "changes": changes.to_dicts(),
            "standings": standings.to_dicts(),
        }
        print(json.dumps(shown, default=str, indent=1))
        return
    for run_id in latest["run_id"].unique(maintain_order=True):
        console.print(policy_text(load_summary(snapshot.Snapshot(folder), run_id)))
    if len(standings):
        console.print(
            as_table(standings.select("family", "benchmark", "version", "standing", "why"))
        )
    console.print(_changed(changes))


def tell_regressions(folder: Path, run_ids: list[str]) -> int:
    """How many of the runs the regression gate marked; says in which way on stderr, a line each."""
    verdicts = [(run_id, alarm_of_run(snapshot.Snapshot(folder), run_id)) for run_id in run_ids]
    marked = [(run_id, told) for run_id, told in verdicts if told]
    for run_id, told in marked:
        print(f"regression: run {run_id} is {alarm_sentence(told)}", file=sys.stderr)
    return len(marked)


def _changed(changes: pl.DataFrame) -> object:
    """The changed cells under the deployable difficulty, strategies by their short names."""
    kind = "predicted" if "predicted" in changes["difficulty"].to_list() else "oracle"
    shown = changes.filter(difficulty=kind)
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
