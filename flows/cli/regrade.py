"""`ttc regrade`: what the present grader says of completions that another version has judged."""

from __future__ import annotations

import json as json_text
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.cli.terminal import console, show_rows
from tasks.settings import settings
from warehouse.errors import UserError, say

if TYPE_CHECKING:
    from tasks.evaluation.regrade import Moves, Regraded
    from warehouse.snapshot import Snapshot

Every = Annotated[
    bool, Parameter(name="--all", help="The newest run of every study and model version.")
]
Listed = Annotated[bool, Parameter(name="--list", help="Every completion that moved, too.")]


def regrade(
    run: str | None = None, *, every: Every = False, listed: Listed = False, json: bool = False
) -> None:
    """Judge stored completions by the present grader, without a token: a new run, and what moved.

    Without a run the newest complete one.
    """
    from tasks.evaluation.regrade import load_moves
    from warehouse.snapshot import Snapshot

    reader = Snapshot(settings().warehouse)
    reports: list[dict[str, Any]] = []
    refused: list[str] = []
    for run_id in _choose(reader, run, every=every):
        try:
            regraded = _judge(run_id)
        except UserError as error:
            # One that cannot be judged anew keeps none of the others from it.
            refused.append(str(error))
            continue
        moves = load_moves(reader, regraded.before, regraded.now)
        rows = _moved(reader, regraded) if listed else []
        reports.append(_plain(regraded, moves) | {"moved": rows})
        if not json:
            _show(regraded, moves, rows)
    if json:
        print(json_text.dumps(reports, default=str, indent=1))
    if refused:
        raise UserError("\n".join(refused))


def _choose(reader: Snapshot, run: str | None, *, every: bool) -> list[str]:
    """The runs that are meant; UserError where both or no run could be."""
    from tasks.evaluation.regrade import newest_runs

    if run is not None and every:
        raise UserError(f"regrade: expected a run or --all, got {run} and --all; leave one out")
    if run is not None:
        return [run]
    known = newest_runs(reader)
    if not known:
        raise UserError("regrade: expected a complete run, got none yet; start with `ttc demo`")
    return known if every else known[-1:]


def _judge(run_id: str) -> Regraded:
    """The run judged anew and published, as after a night."""
    from tasks.evaluation import publish
    from tasks.evaluation.regrade import run as judge_anew

    regraded = judge_anew(settings().warehouse, run_id)
    if regraded.is_new and publish.run(settings(), regraded.now) is None:
        say("MLflow does not answer: the publication waits in the outbox")
    return regraded


def _moved(reader: Snapshot, regraded: Regraded) -> list[dict[str, Any]]:
    sql = "SELECT * EXCLUDE (node_key) FROM moved_answers($before, $now)"
    return reader.read(sql, before=regraded.before, now=regraded.now).to_dicts()


def _plain(regraded: Regraded, moves: Moves) -> dict[str, Any]:
    """The report for scripts."""
    before, now = moves.graders
    return {
        "run_before": regraded.before,
        "run_now": regraded.now,
        "is_new": regraded.is_new,
        "grader_before": before,
        "grader_now": now,
        "completions": moves.completions,
        "answers": moves.answers,
        "verdicts": moves.verdicts.to_dicts(),
        "cells": moves.cells.to_dicts(),
        "all_cells": moves.all_cells,
        "curve": moves.curve.to_dicts(),
    }


def _show(regraded: Regraded, moves: Moves, rows: list[dict[str, Any]]) -> None:
    """Counts first, then what each of them is made of."""
    from tasks.publication.cells import changed_losses, loss_lines

    out = console()
    before, now = moves.graders
    if regraded.before == regraded.now:
        out.print(f"run {regraded.before}: judged by the present grader {now}, nothing to do")
        return
    judged = moves.verdicts["completions"].sum()
    out.print(f"run {regraded.before} → {regraded.now}: grader {before} → {now}, 0 tokens")
    out.print(
        f"of {moves.completions:,} completions {moves.answers:,} answers are read otherwise, "
        f"{judged:,} verdicts moved; {len(moves.cells)} of {moves.all_cells} policy cells moved"
    )
    cells = moves.cells.to_dicts()
    tables = {
        "verdicts that moved": moves.verdicts.to_dicts(),
        "policy cells that moved": [_marked(row) for row in cells],
        "accuracy of the policy": moves.curve.to_dicts(),
        "completions that moved": rows,
    }
    for title, those in tables.items():
        if those:
            show_rows(those, as_json=False, title=title)
    losses = [loss for row in cells for loss in changed_losses(row)]
    for line in loss_lines(losses):
        out.print(line, style="dim", markup=False)
    call = f"moved_answers('{regraded.before}', '{regraded.now}')"
    out.print(f'All of them: ttc sql "FROM {call}"', highlight=False)


def _marked(row: dict[str, Any]) -> dict[str, Any]:
    """A moved cell, the mark of what a strategy lost there beside its name."""
    from tasks.publication.cells import changed_losses, marked_name

    shown = {name: row[name] for name in ("bin", "budget")}
    for when, loss in zip(("before", "now"), changed_losses(row), strict=True):
        strategy = row[f"strategy_{when}"]
        # One of the runs may have no such cell.
        shown[f"strategy_{when}"] = strategy and marked_name(strategy, loss)
    return shown | {name: row[name] for name in ("accuracy_before", "accuracy_now")}
