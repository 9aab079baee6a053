"""What a run still owes, in one sentence; nothing is published while there is something."""

from __future__ import annotations

from tasks.runs.run import Run
from warehouse.store import Store

FAILURES = 0.05
"""Share of failed verifier calls above which nothing is published."""


def missing_scores(store: Store, run: Run) -> str | None:
    """One sentence when the verifier failed on too many completions to trust what rests on it."""
    failed, reason = store.read(
        "SELECT count(*), mode(reason) FROM verifier_failures WHERE run_id = $run_id",
        run_id=run.run_id,
    ).row(0)
    scored = store.read(
        "SELECT count(*) FROM scores WHERE run_id = $run_id", run_id=run.run_id
    ).item()
    if failed <= FAILURES * (failed + scored):
        return None
    return (
        f"the verifier failed {failed} times ({reason}), more than {FAILURES:.0%} of calls; "
        "mend it and run again"
    )


def missing_outcomes(store: Store, run_id: str) -> str | None:
    """One sentence on the cells that lack questions; None for a complete run."""
    # Cells that lack as many are named by strategy and budget: the sentence is the same every time.
    rows = store.read(
        "SELECT strategy, budget, missing FROM completeness "
        "WHERE run_id = $run_id AND missing > 0 ORDER BY missing DESC, strategy, budget",
        run_id=run_id,
    )
    if not len(rows):
        return None
    strategy, budget, count = rows.row(0)
    return (
        f"{len(rows)} cells lack outcomes, {strategy} at budget {budget} on {count} questions; "
        "run the study again"
    )


def measured_questions(store: Store, run_id: str) -> set[str]:
    """Ids of the questions that have an outcome in every cell that the run owes."""
    rows = store.read(
        "SELECT question_id FROM outcomes JOIN run_cells USING (run_id, strategy, budget) "
        "WHERE run_id = $run_id GROUP BY question_id "
        "HAVING count(*) = (SELECT count(*) FROM run_cells WHERE run_id = $run_id)",
        run_id=run_id,
    )
    return set(rows["question_id"])
