"""The nightly evaluation, from cron tick to policy table."""

from __future__ import annotations

from prefect import flow, runtime
from prefect.artifacts import create_table_artifact

from tasks import stages
from tasks.policy_table import artifact_rows
from tasks.settings import settings
from tasks.study import Study


class Incomplete(Exception):
    """A run ended with outcomes missing: nothing was published; running the study again fills the gap."""


@flow(name="nightly", log_prints=False)
def nightly(study: Study) -> list[str]:
    """Evaluate every model version of the study; returns the run ids."""
    return [evaluate(study, model) for model in study.generator.models]


def evaluate(study: Study, model: str) -> str:
    """One model version under all strategies and budgets, down to its compute-optimal policy."""
    run_id = stages.open_run(study, model, runtime.flow_run.id)
    stages.generate(run_id)
    stages.grade(run_id)
    stages.estimate(run_id)
    stages.bin_difficulty(run_id)
    missing = stages.fit_policy(run_id)
    if missing:
        raise Incomplete(f"run {run_id}: {missing}")
    stages.publish(run_id)
    create_table_artifact(
        key=f"policy-{study.name}".lower().replace("_", "-"),
        table=artifact_rows(settings().warehouse, run_id),
        description=f"Compute-optimal policy of {model}, run {run_id}",
    )
    return run_id
