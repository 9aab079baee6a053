"""The policy of a study's models against its larger model at equal FLOPs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from prefect import flow

from tasks import stages
from tasks.runs.opening import complete_run
from tasks.settings import settings
from tasks.study.study import Study
from warehouse import snapshot
from warehouse.errors import UserError
from warehouse.store import Store


@flow(name="exchange", log_prints=False)
def exchange(study: Study) -> list[str]:
    """Compare every model version of the study with its larger model, and publish; returns the ids of their runs."""
    run_ids = [complete(study, model) for model in study.generator.models]
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
            f"exchange: expected a complete run of study {study.name} for {model} as they are now, found none; "
            f"start with `ttc run {study.name}`"
        )
    return run_id


def compared(folder: Path, run_id: str) -> pl.DataFrame:
    """The rows of view `exchange_by_bin` of a run, under the difficulty that needs no target where there is one."""
    return snapshot.query(
        folder,
        "SELECT * FROM exchange_by_bin WHERE run_id = $run_id AND difficulty = (SELECT max(difficulty) "
        "FROM exchange_by_bin WHERE run_id = $run_id AND difficulty IN ('oracle', 'predicted')) "
        "ORDER BY source DESC, ratio, bin",
        parameters={"run_id": run_id},
    )


def table(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """What `ttc exchange` prints: a row a bin, a column a ratio with small − large and its 95 % interval."""
    shown: dict[int, dict[str, Any]] = {}
    for one in rows.iter_rows(named=True):
        row = shown.setdefault(one["bin"], {"bin": one["bin"] or "all", "pass@1": one["alone"], "large": one["large"]})
        row[f"R = {one['ratio']:.2g}: N = {one['budget']} of {one['multiple']:,.0f}"] = _difference(one)
    return list(shown.values())


def _difference(one: dict[str, Any]) -> str:
    """`+.21 [+.10, +.33]`."""
    value, *ends = (
        "?" if one[name] is None else f"{one[name]:+.2f}".replace("0.", ".") for name in ("difference", "lo", "hi")
    )
    return f"{value} [{', '.join(ends)}]"
