"""The nightly evaluation, from cron tick to policy table."""

from __future__ import annotations

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

from flows.alarm import emit_alarm
from flows.sharding import generate
from tasks import stages
from tasks.publication.cells import cell_name, policy_cells
from tasks.publication.summary import load_summary
from tasks.publication.words import key_of
from tasks.runs.holding import hold
from tasks.settings import settings
from tasks.study.study import Study
from warehouse.disks.trouble import was_stopped
from warehouse.errors import say
from warehouse.snapshot import Snapshot


class Incomplete(Exception):
    """A run ended with outcomes missing: nothing was published.

    Running the study again fills the gap.
    """


@flow(name="nightly", log_prints=False)
def nightly(study: Study) -> list[str]:
    """Evaluate every model version of the study on each benchmark; returns the run ids."""
    catch_up()
    return [evaluate(one, model) for one, model in study.pairs()]


def evaluate(study: Study, model: str) -> str:
    """One model version under all strategies and budgets, down to its compute-optimal policy."""
    run_id = stages.open_run(study, model, flow_run.id)
    with hold(settings().home, run_id):
        generate(run_id)
        stages.measure(run_id)
        missing = stages.fit_policy(run_id)
        if missing:
            raise Incomplete(f"run {run_id}: {missing}")
        conclude(study, run_id)
    return run_id


def conclude(study: Study, run_id: str) -> None:
    """What follows from a complete run: its version's standing, its publication, the alarm."""
    # The champion's lucky night must not stay what others are held to.
    again = stages.champion_again(study, run_id)
    if again:
        evaluate(*again)
    worse = stages.compare_with_champion(run_id)
    stages.publish(run_id)
    show(run_id)
    # Last: what the alarm points to is published by then.
    if worse:
        emit_alarm(run_id)


def catch_up() -> None:
    """Conclude what was complete when it was killed, so that it is compared and published."""
    for study, run_id in stages.unpublished():
        try:
            conclude(study, run_id)
        except Exception as error:
            if was_stopped(error):
                raise
            # Of another night: it must not keep this one from its questions.
            say(f"run {run_id}: complete, but not published: {error}")


def show(run_id: str) -> None:
    """Leave the policy as a table artifact on the flow run's page."""
    summary = load_summary(Snapshot(settings().warehouse), run_id)
    rows: dict[int, dict[str, str | int]] = {}
    for cell in policy_cells(summary, summary.used_difficulty):
        row = rows.setdefault(cell.bin, {"bin": cell.bin})
        row[f"N = {cell.budget}"] = f"{cell_name(cell, {})} {cell.accuracy:.2f}"
    create_table_artifact(
        # One key a study and benchmark keeps their history.
        key=artifact_key(summary.run["study"], summary.run["benchmark"]),
        table=[rows[bin_] for bin_ in sorted(rows)],
        description=f"Compute-optimal policy of {summary.run['model']}, run {run_id}",
    )


def artifact_key(study: str, benchmark: str) -> str:
    """`policy-<study>-<benchmark>`, in the lower-case letters, digits and dashes of Prefect."""
    return f"policy-{key_of(study, benchmark, refused=r'[^a-z0-9]+', lower=True)}"
