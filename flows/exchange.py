"""The policy of a study's models against its larger model at equal FLOPs."""

from __future__ import annotations

from prefect import flow

from tasks import stages
from tasks.runs.opening import complete_run
from tasks.settings import settings
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.store import Store


@flow(name="exchange", log_prints=False)
def exchange(study: Study) -> list[str]:
    """Ids of the model versions' runs, each compared with the larger model and published."""
    # All are looked up before the first draw: a version without a run is refused at no cost.
    run_ids = [complete(one, model) for one, model in study.pairs()]
    for run_id in run_ids:
        stages.exchange(run_id)
        stages.publish(run_id)
    return run_ids


def complete(study: Study, model: str) -> str:
    """Id of the newest complete run of the study for this model; UserError when there is none."""
    with Store.open(settings().warehouse) as store:
        run_id = complete_run(store, study, model)
    if run_id is None:
        raise UserError(
            f"exchange: expected a complete run of study {study.name} for {model} "
            f"as they are now, found none; start with `ttc run {study.name}`"
        )
    return run_id
