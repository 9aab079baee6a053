"""`ttc policy`: the latest policy and what changed since the previous model version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.sql import as_table
from tasks.publication.axis_policies import axis_tables
from tasks.publication.cells import changed_losses, loss_lines, marked_name
from tasks.publication.policy_table import policy_text
from tasks.publication.summary import RunSummary, load_summary
from tasks.publication.words import model_short_name
from tasks.runs.outcomes import load_used_difficulty
from tasks.statistics.axes import AXES, TOKEN_BUDGETS
from tasks.strategies.names import short_names
from tasks.versions.gate import alarm_sentence
from tasks.versions.version import alarm_of_run
from warehouse import snapshot
from warehouse.errors import UserError, say
from warehouse.reader import Reader


def show_policy(folder: Path, *, console: Console, as_json: bool) -> None:
    """Print the latest policy of every family × benchmark, its versions' standings, changed cells.

    Of each run the policy under the difficulty that it is used by: the table that is served.
    """
    shown = _load(snapshot.Snapshot(folder))
    if as_json:
        print(json.dumps(shown.as_dict(), default=str, indent=1))
    else:
        _print(shown, console)


def show_policy_by(folder: Path, axis: str, *, console: Console, as_json: bool) -> None:
    """Print the latest policies along an axis, each under the difficulty that it is used by.

    UserError where the costs of none are known on it.
    """
    reader = snapshot.Snapshot(folder)
    latest = _load(reader).latest["run_id"].unique(maintain_order=True).to_list()
    rows = reader.read(_ALONG, axis=axis)
    known = _in_use(reader, rows.filter(pl.col("run_id").is_in(latest)), run="run_id")
    if not len(known):
        raise UserError(
            f"policy: expected known costs along {axis}, got none in the latest runs; they need "
            f"{AXES[axis].needs}, of every model that is asked: complete that and run again, what "
            "is drawn already costs nothing"
        )
    if as_json:
        print(json.dumps(known.to_dicts(), default=str, indent=1))
        return
    for run_id in latest:
        _print_along(load_summary(reader, run_id), axis, console)


# With what the policy is worth at each limit beside what it names in each bin.
_ALONG = """
SELECT latest_cost_policy.*, curve.accuracy AS cross_validated, curve.lo AS cross_validated_lo,
    curve.hi AS cross_validated_hi, curve.cost AS mean_cost, curve.baseline,
    curve.factor, curve.factor_lo, curve.factor_hi, curve.beyond
FROM latest_cost_policy JOIN accuracy_for_cost AS curve USING (run_id, difficulty, axis, level)
WHERE axis = $axis ORDER BY family, benchmark, study, difficulty, level, bin
"""


def _print_along(summary: RunSummary, axis: str, console: Console) -> None:
    """One run's table along an axis, or that its costs are not known there."""
    run = summary.run
    of = f"{model_short_name(run['model'])} v{run['version']} on {run['benchmark']}"
    wanted = (axis, TOKEN_BUDGETS) if axis == "tokens" else (axis,)
    found = [one for one in axis_tables(summary) if one.axis in wanted]
    if not found:
        console.print(f"{of}: costs along {axis} are unknown, they need {AXES[axis].needs}")
    for one in found:
        console.print(f"{of}: {one.title[0].lower()}{one.title[1:]}", style="bold", markup=False)
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in one.head:
            table.add_column(name, justify="right" if name == "at most" else "left")
        for row in one.body:
            table.add_row(*map(Text, row))
        console.print(table)
        console.print(one.note, style="dim", markup=False)


class _Shown(NamedTuple):
    """What the command tells, a frame a part."""

    reader: Reader
    latest: pl.DataFrame
    changes: pl.DataFrame
    standings: pl.DataFrame

    def as_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of each part, for scripts."""
        return {
            "latest": self.latest.to_dicts(),
            "changes": self.changes.to_dicts(),
            "standings": self.standings.to_dicts(),
        }


def _load(reader: Reader) -> _Shown:
    """UserError when there is no policy yet."""
    latest = reader.read(
        "SELECT * FROM latest_policy ORDER BY family, benchmark, difficulty, bin, budget"
    )
    if not len(latest):
        raise UserError(
            "policy: no complete run in the warehouse yet; start with `ttc demo` or `ttc run STUDY`"
        )
    changes = reader.read("SELECT * FROM policy_changes WHERE changed ORDER BY ALL")
    return _Shown(
        reader,
        latest=_in_use(reader, latest, run="run_id"),
        changes=_in_use(reader, changes, run="run_now"),
        standings=reader.read("SELECT * FROM standings ORDER BY family, benchmark, version"),
    )


def _print(shown: _Shown, console: Console) -> None:
    for run_id in shown.latest["run_id"].unique(maintain_order=True):
        console.print(policy_text(load_summary(shown.reader, run_id)))
    # A run without the nightly flow was never compared: its version stands nowhere.
    if len(shown.standings):
        named = shown.standings.select("family", "benchmark", "version", "standing", "why")
        console.print(as_table(named))
    _print_changed_cells(shown.changes, console)


def _in_use(reader: Reader, rows: pl.DataFrame, *, run: str) -> pl.DataFrame:
    """The rows under the used difficulty of their run, whose id stands in column `run`."""
    run_ids = rows[run].unique().to_list()
    kinds = [load_used_difficulty(reader, run_id) for run_id in run_ids]
    # Named types: no rows at all would leave columns of NULL, which join with nothing.
    schema = {run: pl.String, "difficulty": pl.String}
    used = pl.DataFrame({run: run_ids, "difficulty": kinds}, schema=schema)
    return rows.join(used, on=[run, "difficulty"], how="semi", maintain_order="left")


def print_alarms(folder: Path, run_ids: list[str]) -> int:
    """How many of the runs raised an alarm; each is a line on stderr that says how."""
    reader = snapshot.Snapshot(folder)
    raised = 0
    for run_id in run_ids:
        alarm = alarm_of_run(reader, run_id)
        if alarm:
            raised += 1
            say(f"regression: run {run_id} is {alarm_sentence(alarm)}")
    return raised


def _print_changed_cells(changes: pl.DataFrame, console: Console) -> None:
    """The changed cells, strategies by their short names, and what their marks mean."""
    if not len(changes):
        console.print("\nNo cell changed since the previous model version (or there is none yet).")
        return
    # A cell that the version before did not have has no strategy there.
    keys = [*changes["strategy_before"].drop_nulls(), *changes["strategy_now"]]
    names = short_names(keys)
    rows = changes.to_dicts()
    losses = [changed_losses(row) for row in rows]
    before = [
        marked_name(names[row["strategy_before"]], lost) if row["strategy_before"] else None
        for row, (lost, _) in zip(rows, losses, strict=True)
    ]
    now = [
        marked_name(names[row["strategy_now"]], lost)
        for row, (_, lost) in zip(rows, losses, strict=True)
    ]
    shown = changes.select(
        "family",
        pl.format("{} → {}", "version_before", "version_now").alias("version"),
        "bin",
        "budget",
        pl.Series("before", before, pl.String),
        pl.Series("now", now, pl.String),
        "difference",
        "decided",
    )
    console.print(as_table(shown))
    for line in loss_lines([loss for both in losses for loss in both]):
        console.print(line, style="dim", markup=False)
