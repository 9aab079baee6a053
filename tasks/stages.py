"""The stages of a nightly evaluation as Prefect tasks: ids in, ids out, each idempotent."""

from __future__ import annotations

from typing import Any

from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun

import tasks.evaluation.exchange
import tasks.evaluation.fit_policy
import tasks.evaluation.generate
import tasks.evaluation.grade
import tasks.evaluation.measure
import tasks.evaluation.publish
import tasks.versions.again
import tasks.versions.champion
from tasks.asking.progress import reporter
from tasks.evaluation import shards
from tasks.evaluation.shards import Shard
from tasks.runs import opening
from tasks.runs.events import note
from tasks.settings import settings
from tasks.study.study import Study
from warehouse.disks.trouble import trouble_of, was_stopped
from warehouse.errors import EngineDied, UserError, say
from warehouse.store import Store


@task
def open_run(study: Study, model: str, prefect_id: str | None = None) -> str:
    """Id of the run to do; every refusal happens here, before the first token."""
    with Store.open(settings().warehouse) as store:
        run_id = opening.open_run(store, study, model)
        if prefect_id:
            note(store, run_id, "linked", f"prefect:{prefect_id}")
        return run_id


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a stage that failed may do better: what the user has to mend stays as it is."""
    error = state.data
    if isinstance(error, EngineDied):
        say(f"{error}; it is started again, once")
    if isinstance(error, BaseException) and (
        was_stopped(error) or trouble_of(error, settings().home)
    ):
        return False
    return not isinstance(error, UserError)


# Only the stages with an engine, a server or a lock of others in them are tried a second time.
@task(retries=1, retry_delay_seconds=5, retry_condition_fn=_may_pass)
def generate(run_id: str) -> int:
    """Draws and verifier scores: the only stage with an engine. Returns the tokens generated."""
    return tasks.evaluation.generate.run(settings().warehouse, run_id, progress=reporter())


@task
def write_shards(run_id: str) -> list[Shard]:
    """The run in as many parts as the settings say, for workers that have no warehouse."""
    now = settings()
    return shards.write_shards(now.warehouse, run_id, now.shards)


# Tried again where its worker failed: it asks only what the journal has not.
@task(retries=2, retry_delay_seconds=5, retry_condition_fn=_may_pass)
def generate_shard(shard: Shard) -> int:
    """Draws and verifier scores of a shard, on whichever machine; returns the tokens generated."""
    return shards.ask(shard, settings().home / "logs")


@task
def close_shards(run_id: str, seconds: float) -> int:
    """What workers have drawn is in the warehouse; returns the tokens that the run generated."""
    return shards.close_shards(settings().warehouse, run_id, seconds)


@task
def measure(run_id: str) -> int:
    """Verdicts, accuracy and cost of every strategy at every budget, and the bins of difficulty."""
    return tasks.evaluation.measure.run(settings().warehouse, run_id)


@task
def grade(run_id: str) -> int:
    """Verdicts on all answers and no more: what a round of distilling learns from."""
    return tasks.evaluation.grade.run(settings().warehouse, run_id)


@task
def fit_policy(run_id: str) -> str | None:
    """The policy table; says what is missing when the run is incomplete."""
    return tasks.evaluation.fit_policy.run(settings().warehouse, run_id)


@task(retries=1, retry_delay_seconds=5, retry_condition_fn=_may_pass)
def exchange(run_id: str) -> int:
    """The policy against the larger model at equal FLOPs: the other stage with an engine."""
    return tasks.evaluation.exchange.run(settings().warehouse, run_id, progress=reporter())


@task
def champion_again(study: Study, run_id: str) -> tuple[Study, str] | None:
    """Study and model to run before the comparison: the champion, if due, on fresh draws."""
    return tasks.versions.again.champion_again(settings().warehouse, study, run_id)


@task
def compare_with_champion(run_id: str) -> bool:
    """Champion or candidate; TRUE when the version is significantly worse than the champion."""
    return tasks.versions.champion.compare_with_champion(settings().warehouse, run_id)


@task
def unpublished() -> list[tuple[Study, str]]:
    """Study and id of complete runs that nobody has published, nor is about to."""
    return tasks.evaluation.publish.unpublished(settings())


@task
def publish(run_id: str) -> str | None:
    """MLflow run id, or None when MLflow is down (the publication waits in the outbox)."""
    return tasks.evaluation.publish.run(settings(), run_id)
