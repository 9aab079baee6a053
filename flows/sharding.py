"""Where a run's questions are asked: in this process, or shared out to workers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from prefect import flow, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import TaskRunner

from flows.pool import ask_pool
from tasks import stages
from tasks.evaluation.shards import Shard, gather
from tasks.settings import Settings, settings
from warehouse.errors import UserError

LOOK_SECONDS = 20.0
"""Between two looks at what the journal has gained, which readers see then."""


def generate(run_id: str) -> None:
    """Draw and score all that the run owes, wherever the settings say."""
    now = settings()
    if now.runner == "here":
        stages.generate(run_id)
        return
    shards = stages.write_shards(run_id)
    with _watch(run_id, len(shards)):
        _RUNNERS[now.runner](shards, now)
    stages.gather_shards(run_id)


@flow(name="shards")
def ask_shards(shards: list[Shard]) -> list[int]:
    """Every shard as a task under this flow's task runner; returns the tokens each generated."""
    return stages.generate_shard.map(shards).result()


def _ask_under(make: Callable[[int, Settings], TaskRunner[Any]]) -> Callable[..., None]:
    def ask(shards: list[Shard], now: Settings) -> None:
        mapped = ask_shards.with_options(task_runner=make(len(shards), now))
        with get_client(sync_client=True) as asked:
            address = str(asked.api_url)
        # Named to the workers: each would else start a server of its own, where ours is of this
        # process.
        with temporary_settings({PREFECT_API_URL: address}):
            mapped(shards)

    return ask


def _dask(workers: int, now: Settings) -> TaskRunner[Any]:
    try:
        from prefect_dask import DaskTaskRunner
    except ModuleNotFoundError as error:
        raise _not_installed("dask") from error
    if now.runner_address:
        return DaskTaskRunner(address=now.runner_address)
    import dask

    # vLLM starts processes of its own, which a daemon may not.
    dask.config.set({"distributed.worker.daemon": False})
    # A process each: an engine has its own event loop, and takes a core and memory.
    one_each = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=one_each | {"host": now.host})


def _ray(workers: int, now: Settings) -> TaskRunner[Any]:
    try:
        from prefect_ray import RayTaskRunner
    except ModuleNotFoundError as error:
        raise _not_installed("ray") from error
    if now.runner_address:
        return RayTaskRunner(address=now.runner_address)
    here = {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": now.host}
    return RayTaskRunner(init_kwargs=here)


def _not_installed(extra: str) -> UserError:
    return UserError(
        f"TTC_RUNNER={extra}: expected prefect-{extra} to be installed, it is not; "
        f"install it with `.venv/bin/pip install 'ttc[{extra}]'`, or unset TTC_RUNNER"
    )


_RUNNERS: dict[str, Callable[[list[Shard], Settings], None]] = {
    "dask": _ask_under(_dask),
    "ray": _ask_under(_ray),
    "workers": lambda shards, _: ask_pool(shards),
}


@contextmanager
def _watch(run_id: str, shards: int) -> Generator[None]:
    """While it lasts, readers see what workers draw, and a line tells how much that is."""
    over = Event()
    thread = Thread(target=_look, args=(run_id, shards, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _look(run_id: str, shards: int, over: Event) -> None:
    start = time.monotonic()
    before = gather(settings().warehouse, run_id)
    while not over.wait(LOOK_SECONDS):
        tokens = gather(settings().warehouse, run_id) - before
        rate = tokens / (time.monotonic() - start)
        said = f"generate  {shards} shards  {tokens:,} tokens  {rate:,.0f} tokens/s"
        print(said, file=sys.stderr, flush=True)
