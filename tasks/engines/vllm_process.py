"""A vLLM engine of our own: one process a model, continuous batching, quiet."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import multiprocessing
import multiprocessing.context
import multiprocessing.forkserver
import os
import re
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tasks.engines.log import log_here
from tasks.engines.vllm_adapters import adapter_arguments, plain_folder
from tasks.models.folders.adapters import Adapter
from tasks.runs.reaper import reap_at_end
from tasks.settings import quieten
from tasks.study.tables import EngineOptions
from warehouse.errors import EngineDied, UserError

_IMPORTING = threading.Lock()

SMALL_BLOCK = 16
"""Tokens of a block that vLLM's attention without AMX takes (`_get_attn_isa`, "vec16")."""


def start(
    folder: Path,
    options: EngineOptions,
    *,
    adapter: Adapter | None = None,
    head: bool = False,
    **arguments: Any,
) -> Any:
    """A running AsyncLLM on the model in a folder; UserError when vLLM cannot read it.

    With room for an adapter, which every request has to name; of one with a `head` that is read at
    every token. `arguments` are further AsyncEngineArgs. Its processes never outlive this one.
    EngineDied when one was killed while it started.
    """
    reap_at_end()
    # Parts of vLLM import each other in a circle, in which two threads wait for each other.
    with _IMPORTING:
        # Before vLLM is imported: it reads most of this once, then.
        _set_environment(options)
        if copies_start():
            _start_copies()
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        log_here()
        chosen = _arguments(plain_folder(folder), options) | adapter_arguments(adapter) | arguments
        if head:
            chosen |= _pooling()
    try:
        return AsyncLLM.from_engine_args(AsyncEngineArgs(**chosen))
    except (ValueError, OSError, RuntimeError) as error:
        # The last line is the complaint; those before it tell how vLLM got there.
        lines = str(error).strip().splitlines()
        reason = lines[-1] if lines else type(error).__name__
        if was_killed(error):
            raise EngineDied(_sentence(folder, "while it started")) from error
        raise UserError(
            f"engine: vLLM could not start on {folder}: {reason}; "
            "logs/engine.log in the state folder says more"
        ) from error


class Copy(multiprocessing.context.ForkServerProcess):
    """A process that has the environment of whoever starts it, as a spawned one has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._environment = dict(os.environ)

    def run(self) -> None:
        # What is as it was stays where it is in memory: a process is named from there.
        given = self._environment.items() - os.environ.items()
        os.environ.update(given)
        super().run()


class Copies(multiprocessing.context.ForkServerContext):
    """How processes start that are copies of one that was made for it."""

    Process = Copy


def copies_start() -> bool:
    """Whether engines are copies of a process that has imported vLLM, and not new ones.

    The import is nearly all that the start of a small model costs. Not with a GPU, nor where
    threads are bound to cores: both must be there before the first import.
    """
    return not on_gpu() and os.environ["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"


@functools.cache
def _start_copies() -> None:
    """The process that is copied imports vLLM from now on, while this one does."""
    context = Copies()
    context.set_forkserver_preload(["vllm.v1.engine.core"])
    multiprocessing.forkserver.ensure_running()
    made_by: Any = importlib.import_module("vllm.v1.engine.utils")
    # vLLM's own servers start their engines so; on CPU its AsyncLLM insists on "spawn".
    made_by.get_mp_context = lambda: context


def was_killed(error: Exception) -> bool:
    """Whether a start failed because somebody ended the engine's process, as vLLM tells it.

    It writes {'EngineCore': -9}, or 255 where the process that it is a copy of ended too, or {}
    where it was gone before its status could be read; what ends by itself ends with 1. What is
    killed at once does not read what it is given.
    """
    found = re.search(r"core proc\(s\): {(}|.*'EngineCore\w*': (-\d|255))", str(error))
    return isinstance(error, BrokenPipeError) or found is not None


@contextmanager
def telling_death(folder: Path) -> Generator[None]:
    """EngineDied where the engine's process has ended, which vLLM knows within a second."""
    from vllm.v1.engine.exceptions import EngineDeadError

    try:
        yield
    except EngineDeadError as error:
        raise EngineDied(_sentence(folder, "while it was asked")) from error


def end_starts() -> None:
    """Engines of this process are killed, those too that are about to start; those fail then."""
    for child in multiprocessing.active_children():
        if child.name.startswith("EngineCore"):
            child.kill()


def _sentence(folder: Path, moment: str) -> str:
    return (
        f"engine: expected vLLM's process on {folder} to stay, but it ended {moment}; "
        "logs/engine.log in the state folder may say why (killed without a word: mostly for want "
        "of memory, see `dmesg`, or lower kv_cache_gib); run again, what was drawn is kept"
    )


def _arguments(folder: Path, options: EngineOptions) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "model": str(folder),
        "skip_tokenizer_init": True,
        "dtype": options.dtype,
        "tensor_parallel_size": options.tensor_parallel_size,
        "data_parallel_size": options.data_parallel_size,
        "gpu_memory_utilization": options.gpu_memory_utilization,
        "enforce_eager": options.enforce_eager,
        "max_num_seqs": options.max_num_seqs,
        "disable_log_stats": True,
        "trust_remote_code": False,
    }
    if options.max_model_len is not None:
        chosen["max_model_len"] = options.max_model_len
    return chosen if on_gpu() else chosen | on_cpu()


def on_cpu() -> dict[str, Any]:
    """What vLLM is told on a machine without a GPU."""
    return {
        # The default of 128 is longer than our prompts: the prefix cache would never hit.
        "block_size": block_size(),
        # A seeded request whose prompt is chunked kills vLLM 0.32 on CPU.
        "enable_chunked_prefill": False,
        "distributed_executor_backend": "uni",
    }


def block_size() -> int:
    """Tokens of a block on this machine: kernels of other processors, and those of AMX, want 32."""
    import torch

    machine = torch.cpu.get_capabilities()
    is_plain = machine.get("architecture") == "x86_64" and not machine.get("amx_tile")
    return SMALL_BLOCK if is_plain else 32


def plug_in() -> None:
    """Plugin of vLLM (`vllm.general_plugins`): called in every process of an engine."""
    if not on_gpu() and block_size() == SMALL_BLOCK:
        from vllm.v1.attention.backends.registry import AttentionBackendEnum, register_backend

        # By its name: only an engine's process imports it, whose words go to the log.
        register_backend(AttentionBackendEnum.CPU_ATTN, "tasks.engines.cpu_blocks.SmallBlocks")


def _pooling() -> dict[str, Any]:
    from vllm.config import PoolerConfig

    return {
        "runner": "pooling",
        "pooler_config": PoolerConfig(task="token_classify", tok_pooling_type="ALL"),
    }


def prompt_of(token_ids: Sequence[int]) -> Any:
    """Token ids as vLLM takes them without another look.

    A bare list of them goes through its tokenizer's threads: a quarter of a request's CPU time.
    """
    from vllm.inputs import tokens_input

    return tokens_input(list(token_ids))


@functools.cache
def on_gpu() -> bool:
    """Whether the installed vLLM is the GPU build; the launcher has chosen it by the machine."""
    if find_spec("vllm") is None:
        return False
    # Both builds are the same package to Python; the name of the distribution differs.
    installed = importlib.metadata.distributions()
    return not any(one.metadata["Name"] == "vllm-cpu" for one in installed)


def _set_environment(options: EngineOptions) -> None:
    """What vLLM reads from the environment; what the user has set stays."""
    quieten("vllm", "transformers", "torch")
    defaults = {
        # Where descriptor 1 goes, and not the terminal that sys.stdout is kept for.
        "VLLM_LOGGING_STREAM": "ext://sys.__stdout__",
        "TOKENIZERS_PARALLELISM": "false",
        "VLLM_CPU_KVCACHE_SPACE": str(max(1, round(options.kv_cache_gib))),
        "OMP_NUM_THREADS": "1",
        # Lets the engine's process be its own worker: one process less.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        # A fork would copy the locks that other threads of this process hold.
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
