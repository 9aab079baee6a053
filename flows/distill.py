"""A generator learns what its own search found, round after round (METHOD §11.3)."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from prefect import flow

from flows.nightly import nightly
from tasks import stages
from tasks.models.version import locate
from tasks.runs.loading import prepare_run
from tasks.runs.opening import complete_run
from tasks.settings import settings
from tasks.study.study import Study
from tasks.training.harvest import (
    By,
    Harvest,
    distill_table,
    harvest,
    harvest_study,
    version_name,
    version_study,
)
from warehouse.store import Store


@flow(name="distill", log_prints=False)
def distill(study: Study, rounds: int, by: By) -> list[str]:
    """Run ids of round 0, the study's model, and of the version that each round makes."""
    model = study.generator.models[0]
    run_ids = [ensure_evaluated(version_study(study, model, by), model)]
    for number in range(1, rounds + 1):
        model = str(next_version(study, model, number, by))
        run_ids.append(ensure_evaluated(version_study(study, model, by), model))
    return run_ids


def ensure_evaluated(study: Study, model: str) -> str:
    """Id of the published run of one version; one that is there is taken as it is."""
    with Store.open(settings().warehouse) as store:
        run_id = complete_run(store, study, model)
        state = store.read("SELECT state FROM run_history WHERE run_id = $run_id", run_id=run_id)
    if run_id is None:
        return nightly(study)[0]
    if state.item() != "published":
        stages.publish(run_id)
    return run_id


def next_version(study: Study, parent: str, number: int, by: By) -> Path:
    """Folder of the version that a round makes of its parent; one that is there stays."""
    # Training needs PyTorch, which evaluating a version that is there does not.
    from tasks.training.cards import plain
    from tasks.training.distill import DistillRecipe, train_distilled

    asking = harvest_study(study, parent, number)
    recipe = DistillRecipe()
    least = distill_table(study).least_score
    # Only for its fingerprints: the name says what the version is made from, so a round that is
    # repeated finds it before anything is drawn.
    run = prepare_run(asking, parent, run_id="")
    name = version_name(run, number, by=by, least_score=least, recipe=plain(recipe))
    place = settings().home / "distilled" / name
    # The card is written last: a folder without one was left by a training that was stopped.
    if (place / "card.json").is_file():
        return place
    learnt = _harvest_run(asking, parent, by=by, least_score=least)
    facts = learnt.facts(number, by=by)
    seed = study.seed
    # Training prints its progress; standard output belongs to the tables of the command.
    with contextlib.redirect_stdout(sys.stderr):
        train_distilled(
            locate(parent), place, texts=learnt.texts, facts=facts, recipe=recipe, seed=seed
        )
    return place


def _harvest_run(asking: Study, parent: str, *, by: By, least_score: float) -> Harvest:
    """What the parent's search served on training questions, drawn and graded as in any run."""
    run_id = stages.open_run(asking, parent)
    stages.generate(run_id)
    stages.grade(run_id)
    return harvest(settings().warehouse, run_id, by=by, least_score=least_score)
