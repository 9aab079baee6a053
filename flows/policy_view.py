"""`ttc policy`: the latest policy and what changed since the previous model version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from flows.sql import as_table
from tasks.publication.policy_table import policy_text
from tasks.publication.summary import RunSummary, load_summary
from warehouse import snapshot
from warehouse.errors import UserError


class _Snapshot:
    """A reader of the snapshot, as `load_summary` wants one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, sql: str, /, **parameters: Any) -> pl.DataFrame:
        return snapshot.query(self._folder, sql, parameters=parameters)


def load(folder: Path, run_id: str) -> RunSummary:
    """The summary of a run from the snapshot, also while another run is writing."""
    return load_summary(_Snapshot(folder), run_id)


def show_policy(folder: Path, *, console: Console, as_json: bool) -> None:
    """Print the latest policy of every model × benchmark, then the changed cells."""
    latest = snapshot.query(folder, "SELECT * FROM latest_policy ORDER BY model, benchmark, difficulty, bin, budget")
    if not len(latest):
        raise UserError("policy: no complete run in the warehouse yet; start with `ttc demo` or `ttc run STUDY`")
    changes = snapshot.query(folder, "SELECT * FROM policy_changes WHERE changed ORDER BY ALL")
    if as_json:
        print(json.dumps({"latest": latest.to_dicts(), "changes": changes.to_dicts()}, default=str, indent=1))
        return
    for run_id in latest["run_id"].unique(maintain_order=True):
        console.print(policy_text(load(folder, run_id)))
    console.print(_changed(changes))


def _changed(changes: pl.DataFrame) -> object:
    if not len(changes):
        return "\nNo cell changed since the previous model version (or there is none yet)."
    wanted = ["model", "difficulty", "bin", "budget", "strategy_before", "strategy_now", "difference", "decided"]
    return as_table(changes.select(wanted))
