"""The alarm of the regression gate: a Prefect event, and what the study wants done about it."""

from __future__ import annotations

import json

from prefect import flow
from prefect.events import emit_event
from prefect.settings import get_current_settings

from flows.servers.deployment import worker_is_online
from tasks.settings import settings
from tasks.versions.gate import alarm_sentence, deliver
from tasks.versions.version import alarm_of_run, study_of
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot

EVENT = "ttc.regression"


@flow(name="alarm", log_prints=True)
def alarm(run_id: str) -> None:
    """Give the verdict on a run to the command and the webhook of its study's gate."""
    told = _verdict(run_id)
    print(alarm_sentence(told))
    deliver(study_of(Snapshot(settings().warehouse), run_id).gate, told)


def emit_alarm(run_id: str) -> None:
    """Emit the event. The automation of `ttc up` answers it with the flow above; where there is none, it runs here.

    A command or webhook that fails leaves a failed alarm; the run itself is good.
    """
    told = json.loads(_verdict(run_id))
    name = f"{told['version']['benchmark']}.{told['version']['family']}"
    resource = {
        "prefect.resource.id": f"ttc.policy.{name}",
        "prefect.resource.name": f"policy of {name}",
    }
    emit_event(EVENT, resource, payload={"run_id": run_id, **told})
    if not _automation_answers():
        alarm(run_id, return_state=True)


def _verdict(run_id: str) -> str:
    told = alarm_of_run(Snapshot(settings().warehouse), run_id)
    if told is None:
        raise UserError(
            f"alarm: expected a run with event 'regressed', {run_id} has none; nobody needs to be told"
        )
    return told


def _automation_answers() -> bool:
    """Whether a worker waits for what the automation starts: without a server, or with none, nobody would come."""
    api = get_current_settings().api.url
    return api is not None and worker_is_online(api)
