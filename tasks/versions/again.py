"""The champion measured again, so that no lucky night stays what others are held to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tasks.models.texts import IMPORTED
from tasks.runs.events import PATIENCE_SECONDS
from tasks.runs.loading import prepare_run
from tasks.study.study import Study
from tasks.versions.champion import champion_of
from tasks.versions.reigns import reign_of
from tasks.versions.version import (
    Version,
    measurements_of,
    newest_run_of,
    next_replicate,
    study_of,
    version_of,
)
from warehouse.errors import UserError
from warehouse.reader import Reader
from warehouse.store import Store


def champion_again(folder: Path, study: Study, run_id: str) -> tuple[Study, str] | None:
    """What to run before this run is compared: the champion's study on fresh draws, and its model.

    None where that is not due, where the run is not compared with a champion's, and where the
    champion cannot be asked any more: it was read from a log, or other files lie in its place.
    """
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        rival = _due(store, study, version_of(store, run_id))
        if rival is None:
            return None
        replicate = next_replicate(store, rival)
        # How engines run is tonight's: servers move.
        again = dataclasses.replace(
            study_of(store, rival.run_id),
            replicate=replicate,
            engine=study.engine,
            endpoints=study.endpoints,
            gate=study.gate,
        )
    return (again, rival.model) if _is_there(again, rival) else None


def _due(store: Reader, study: Study, now: Version) -> Version | None:
    """The champion's newest run, if it should be measured again before a run is compared."""
    champion = champion_of(store, now)
    if champion is None or now.version <= champion["version"]:
        return None
    rival = newest_run_of(store, now, model_fingerprint=champion["model_fingerprint"])
    if rival is None or rival.grader != now.grader:
        return None
    measured = measurements_of(store, rival)
    is_due = reign_of(store, now).is_due(measured, every=study.gate.again)
    return rival if is_due else None


def _is_there(study: Study, rival: Version) -> bool:
    """Whether what the study names is still the model that was measured."""
    if rival.model.startswith(IMPORTED):
        return False
    try:
        run = prepare_run(study, rival.model, run_id="")
    except UserError:
        # Its folder was removed, or its server is down.
        return False
    return run.generator.fingerprint == rival.model_fingerprint
