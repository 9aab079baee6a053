"""A vLLM engine of our own: one process a model, continuous batching, quiet."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from tasks.errors import UserError
from tasks.study import EngineOptions

OWNER = "TTC_ENGINE_OWNER"
"""Environment variable by which an engine's processes are known: pid of the run that started them."""


_ON_CPU: dict[str, Any] = {
    "block_size": 32,  # the default of 128 is longer than our prompts: the prefix cache would never hit
    "enable_chunked_prefill": False,  # a seeded request whose prompt is chunked kills vLLM 0.32 on CPU
    "distributed_executor_backend": "uni",
}


def start(folder: Path, options: EngineOptions, **arguments: Any) -> Any:
    """A running AsyncLLM on the model in a folder; UserError when vLLM cannot read it.

    `arguments` are further AsyncEngineArgs, e.g. `runner="pooling"`.
    """
    end_orphans()
    _set_environment(options)
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    try:
        return AsyncLLM.from_engine_args(AsyncEngineArgs(**_arguments(folder, options), **arguments))
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


def on_gpu() -> bool:
    """Whether vLLM will find an NVIDIA GPU."""
    return Path("/dev/nvidia0").exists()


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
    os.environ[OWNER] = f"{os.getpid()}:{_start_time(os.getpid())}"


def end_orphans() -> list[int]:
    """Pids of engine processes whose run was killed; they are ended.

    After a SIGKILL of its run an engine lives on for minutes and holds its memory.
    """
    ended: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid() and _is_orphan(folder):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(folder.name), signal.SIGKILL)
                ended.append(int(folder.name))
    return ended


def _is_orphan(folder: Path) -> bool:
    try:
        variables = (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    marks = [v.decode().removeprefix(f"{OWNER}=") for v in variables if v.startswith(f"{OWNER}=".encode())]
    if not marks:
        return False
    pid, _, started = marks[0].partition(":")
    return _start_time(int(pid)) != started


def _start_time(pid: int) -> str:
    """Clock ticks since boot at which a process began; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
