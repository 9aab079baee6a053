"""Where a run's questions are asked: in this process, or shared out to workers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from threading import Event, Thread
from typing import Any

from prefect import flow, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import TaskRunner

from flows.pool import ask_pool
from tasks import stages
from tasks.engines.vllm_process import on_gpu
from tasks.evaluation.shards import Shard, gather
from tasks.settings import Settings, settings
from warehouse.errors import UserError, say

LOOK_SECONDS = 20.0
"""Between two looks at what the journal has gained, which readers see then."""


def generate(run_id: str) -> None:
    """Draw and score all that the run owes, wherever the settings say."""
    now = settings()
    if now.runner == "here":
        stages.generate(run_id)
        return
    start = time.monotonic()
    shards = stages.write_shards(run_id)
    with _watch(run_id, len(shards)):
        _RUNNERS[now.runner](shards, now)
    stages.close_shards(run_id, time.monotonic() - start)


@flow(name="shards")
def ask_shards(shards: list[Shard], runner: str) -> list[int]:
    """Every shard as a task under this flow's task runner; returns the tokens each generated."""
    with _demand() if runner == "ray" else nullcontext():
        return stages.generate_shard.map(shards).result()


def _demand() -> AbstractContextManager[None]:
    """What Ray sets apart for a shard: it shows a task no GPU that it did not ask for."""
    one_each = {"num_gpus": 1} if on_gpu() else {"num_cpus": 1}
    return _module("prefect_ray.context", "ray").remote_options(**one_each)


def _ask_under(make: Callable[[int, Settings], TaskRunner[Any]]) -> Callable[..., None]:
    def ask(shards: list[Shard], now: Settings) -> None:
        mapped = ask_shards.with_options(task_runner=make(len(shards), now))
        with get_client(sync_client=True) as asked:
            address = str(asked.api_url)
        # Named to the workers: each would else start a server of its own, where ours is of this
        # process.
        with temporary_settings({PREFECT_API_URL: address}):
            mapped(shards, now.runner)

    return ask


def _dask(workers: int, now: Settings) -> TaskRunner[Any]:
    runners = _module("prefect_dask.task_runners", "dask")
    # Of every connection it would tell.
    logging.getLogger("distributed").setLevel(logging.WARNING)
    if now.runner_address:
        return runners.DaskTaskRunner(address=now.runner_address)
    # vLLM starts processes of its own, which a daemon may not.
    _module("dask.config", "dask").set({"distributed.worker.daemon": False})
    # A process each: an engine has its own event loop, and takes a core and memory.
    one_each = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    return runners.DaskTaskRunner(cluster_kwargs=one_each | {"host": now.host})


def _ray(workers: int, now: Settings) -> TaskRunner[Any]:
    runners = _module("prefect_ray.task_runners", "ray")
    if now.runner_address:
        return runners.RayTaskRunner(address=now.runner_address)
    here = {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": now.host}
    here |= {"logging_level": logging.WARNING}
    return runners.RayTaskRunner(init_kwargs=here)


def _module(name: str, extra: str) -> Any:
    """A module of an extra; UserError where that is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(
            f"TTC_RUNNER={extra}: expected prefect-{extra} to be installed, it is not; "
            f"install it with `.venv/bin/pip install 'prefect-{extra}'`, or unset TTC_RUNNER"
        ) from error


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
        say(said)
