"""The stages of a nightly evaluation as Prefect tasks: ids in, ids out, each idempotent."""

from __future__ import annotations

from prefect import task

from tasks.asking.progress import reporter
from tasks.evaluation import bin_difficulty as binning
from tasks.evaluation import estimate as estimating
from tasks.evaluation import exchange as exchanging
from tasks.evaluation import fit_policy as fitting
from tasks.evaluation import generate as generating
from tasks.evaluation import grade as grading
from tasks.evaluation.publish import publish_run
from tasks.runs.events import note
from tasks.runs.opening import open_run as opening
from tasks.settings import settings
from tasks.study.study import Study
from tasks.versions import champion as standings
from warehouse.store import Store


@task
def open_run(study: Study, model: str, prefect_id: str | None = None) -> str:
    """Id of the run to do; every refusal happens here, before the first token."""
    with Store.open(settings().warehouse) as store:
        run_id = opening(store, study, model)
        if prefect_id:
            note(store, run_id, "linked", f"prefect:{prefect_id}")
        return run_id


@task(retries=1, retry_delay_seconds=5)
def generate(run_id: str) -> int:
    """Draws and verifier scores: the only stage with an engine. Returns the tokens generated."""
    return generating.generate(settings().warehouse, run_id, progress=reporter())


@task
def grade(run_id: str) -> int:
    """Verdicts on all answers."""
    return grading.grade(settings().warehouse, run_id)


@task
def estimate(run_id: str) -> int:
    """Accuracy and cost of every strategy at every budget."""
    return estimating.estimate(settings().warehouse, run_id)


@task
def bin_difficulty(run_id: str) -> int:
    """Five bins of difficulty."""
    return binning.bin_difficulty(settings().warehouse, run_id)


@task
def fit_policy(run_id: str) -> str | None:
    """The policy table; says what is missing when the run is incomplete."""
    return fitting.fit(settings().warehouse, run_id)


@task(retries=1, retry_delay_seconds=5)
def exchange(run_id: str) -> int:
    """The policy against the larger model at equal FLOPs: the other stage with an engine."""
    return exchanging.exchange(settings().warehouse, run_id, progress=reporter())


@task
def compare_with_champion(run_id: str) -> bool:
    """Champion or candidate; TRUE when the model version is significantly worse than the champion."""
    return standings.compare_with_champion(settings().warehouse, run_id)


@task
def publish(run_id: str) -> str | None:
    """MLflow run id, or None when MLflow is down (the publication waits in the outbox)."""
    return publish_run(settings(), run_id)
