"""The alarm of the regression gate: a Prefect event, and what the study wants done about it."""

from __future__ import annotations

import json

from prefect import flow
from prefect.events import emit_event
from prefect.settings import get_current_settings

from flows.servers.deployment import worker_is_online
from tasks.publication.words import key_of
from tasks.settings import settings
from tasks.versions.gate import alarm_sentence, deliver
from tasks.versions.version import alarm_of_run, study_of
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot

EVENT = "ttc.regression"
"""Name of the event; the trigger in infra/prefect.yaml expects it."""


@flow(name="alarm", log_prints=True)
def alarm(run_id: str) -> None:
    """Give a run's alarm to the command and the webhook of its study's gate."""
    raised = _alarm_as_json(run_id)
    print(alarm_sentence(raised))
    deliver(study_of(Snapshot(settings().warehouse), run_id).gate, raised)


def emit_alarm(run_id: str) -> None:
    """Emit the event; the automation of `ttc up` answers it with the flow above.

    Where there is no automation, the flow runs here. A command or webhook that fails leaves a
    failed alarm; the run itself is good.
    """
    raised = json.loads(_alarm_as_json(run_id))
    version = raised["version"]
    benchmark, family = version["benchmark"], version["family"]
    resource = {
        "prefect.resource.id": f"ttc.policy.{key_of(benchmark, family, joint='.')}",
        "prefect.resource.name": f"policy of {family} on {benchmark}",
    }
    emit_event(EVENT, resource, payload={"run_id": run_id, **raised})
    if not _automation_answers():
        # The state instead of its error: raised, it would fail the nightly that calls this.
        alarm(run_id, return_state=True)


def _alarm_as_json(run_id: str) -> str:
    """What the gate stored of the run, as JSON; UserError when it raised no alarm."""
    stored = alarm_of_run(Snapshot(settings().warehouse), run_id)
    if stored is None:
        raise UserError(
            f"alarm: expected a run with event 'regressed', {run_id} has none; "
            "nobody needs to be told"
        )
    return stored


def _automation_answers() -> bool:
    """Whether a worker waits for what the automation starts.

    Without a server, or with one that no worker has reported to, nobody would come.
    """
    api = get_current_settings().api.url
    return api is not None and worker_is_online(api)
