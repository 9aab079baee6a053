"""Which run's policy is meant, and that policy."""

from __future__ import annotations

from tasks.runs.outcomes import load_used_difficulty
from tasks.serving.policy import Policy
from tasks.statistics.difficulty import DIFFICULTIES
from warehouse.errors import UserError
from warehouse.reader import Reader

# Ties at a budget go to the cheaper strategy, then to the earlier name, whatever order rows come in.
_FIXED = """
    SELECT budget, strategy, avg(accuracy) AS accuracy, count(*) AS questions FROM run_outcomes
    WHERE run_id = $run_id GROUP BY budget, strategy
    QUALIFY row_number() OVER (
        PARTITION BY budget ORDER BY round(avg(accuracy), 9) DESC, avg(flops), strategy
    ) = 1"""


def load_policy(reader: Reader, run_id: str) -> tuple[str, Policy]:
    """The kind of difficulty by which a run's policy is used, and that policy.

    UserError where questions cannot be placed by that kind before they are answered.
    """
    difficulty = load_used_difficulty(reader, run_id)
    table = reader.read(
        "SELECT bin, budget, strategy, accuracy, questions FROM policies "
        "WHERE run_id = $run_id AND difficulty = $difficulty",
        run_id=run_id,
        difficulty=difficulty,
    )
    if not len(table) or not DIFFICULTIES[difficulty].serves:
        serving = " or ".join(kind for kind, one in DIFFICULTIES.items() if one.serves)
        raise UserError(
            f"run {run_id}: expected a policy by a difficulty that a new question has ({serving}), "
            f"got {difficulty if len(table) else 'none'}; run the study again"
        )
    return difficulty, Policy.of(table, reader.read(_FIXED, run_id=run_id))


def policy_run(reader: Reader, which: str | None) -> str:
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
        rows = reader.read(newest[name])
        if len(rows):
            return str(rows.item())
    raise UserError(
        f"policy: expected a {which or 'complete'} run in the warehouse, found none; "
        + (
            "promote one with `ttc policy promote`"
            if which == "champion"
            else "start with `ttc demo`"
        )
    )
