"""`ttc serve`: the endpoint, until it is stopped."""

from __future__ import annotations

import contextlib

import uvicorn

from flows.answers.application import application
from flows.servers.visitors import own_hosts
from tasks.engines.log import noise_in
from tasks.serving.policy import policy_run
from tasks.serving.solver import open_solver
from tasks.settings import Settings
from warehouse.errors import say
from warehouse.snapshot import Snapshot


def serve(
    now: Settings, *, port: int, budget: int | None, policy: str | None, seconds: float
) -> None:
    """Answer requests until stopped; the first is taken once the policy's models have started."""
    folder = now.warehouse
    run_id = policy_run(Snapshot(folder), policy)
    app = application(
        # Eager: the first request should not wait for models to load, minutes on a large one.
        lambda: open_solver(folder, run_id, eager=True),
        hosts=own_hosts(now.host, port, now.allowed_hosts),
        budget=budget,
        seconds=seconds,
    )
    say(f"run {run_id} at http://{now.host}:{port}/v1 (models are starting; Ctrl-C ends it)")
    with noise_in(folder.parent / "logs" / "engine.log"), contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(app, host=now.host, port=port, log_level="warning")
