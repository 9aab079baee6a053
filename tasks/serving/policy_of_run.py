"""Which run's policy is meant, and that policy."""

from __future__ import annotations

from tasks.serving.policy import Policy
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

DIFFICULTIES = ("probe", "predicted")
"""Whose policy is used, the first that the run has: those that need no target."""


_FIXED = """
    SELECT budget, strategy, avg(accuracy) AS accuracy, count(*) AS questions FROM outcomes
    WHERE run_id = $run_id AND strategy <> 'pass' GROUP BY budget, strategy
    QUALIFY row_number() OVER (PARTITION BY budget ORDER BY round(avg(accuracy), 9) DESC, avg(flops), strategy) = 1"""


def load_policy(store: Store | Snapshot, run_id: str) -> tuple[str, Policy]:
    """The policy of a run for questions whose targets are unknown, and the kind of difficulty it goes by."""
    for difficulty in DIFFICULTIES:
        table = store.read(
            "SELECT bin, budget, strategy, accuracy, questions FROM policies "
            "WHERE run_id = $run_id AND difficulty = $difficulty",
            run_id=run_id,
            difficulty=difficulty,
        )
        if len(table):
            return difficulty, Policy.of(table, store.read(_FIXED, run_id=run_id))
    raise UserError(
        f"run {run_id}: expected a policy by {' or '.join(DIFFICULTIES)} difficulty, got none; run the study again"
    )


def policy_run(store: Store | Snapshot, which: str | None) -> str:
    """Id of the run whose policy is meant: `champion` (the one promoted last), `latest` or a run's id.

    None: the champion if there is one, else the latest. UserError when there is none.
    """
    if which not in (None, "champion", "latest"):
        return which
    newest = {
        "champion": "SELECT run_id FROM champions ORDER BY promoted_at DESC, run_id DESC LIMIT 1",
        "latest": "SELECT run_id FROM latest_policy ORDER BY completed_at DESC, run_id DESC LIMIT 1",
    }
    for name in [which] if which else newest:
        found = store.read(newest[name])
        if len(found):
            return str(found.item())
    raise UserError(
        f"policy: expected a {which or 'complete'} run in the warehouse, found none; "
        + (
            "promote one with `ttc policy promote`"
            if which == "champion"
            else "start with `ttc demo`"
        )
    )
