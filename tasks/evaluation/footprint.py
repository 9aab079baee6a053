"""What a run takes besides time: memory of this machine, and disk."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.engines.vllm_process import on_gpu
from tasks.models.folders.weights import tensors
from tasks.models.version import Model
from tasks.runs.run import Run
from warehouse.store import Store

OWN_BYTES = 1.0e9
"""Memory of the process that asks: 0.8 GB before the first draw, then the questions in hand."""
ENGINE_BYTES = 0.8e9
"""Memory of an engine's process beside weights and KV cache, measured with vLLM 0.32 on CPU."""

# Disk by `infra/bench/disk.py`: journal, databases and snapshot together.
EMPTY_BYTES = 10.0e6
"""Of a warehouse with a few rows in every table."""
ROW_BYTES = 350.0
"""Of a draw or score beside its tokens, with what grading adds."""
TOKEN_BYTES = 6.5
"""Of a token, as text and as number."""
STEP_TOKENS = 40
"""Of a step, where none was seen."""

_FLOATS = {"F32": 4, "F16": 2, "BF16": 2}
"""Bytes of an element of weights that an engine may convert; packed ones stay as they are."""


def memory_of(run: Run) -> float:
    """Bytes of this machine's memory at most while the run generates.

    On a GPU weights and KV cache lie there, in the share that the study gives each model.
    """
    engines = [_engine_bytes(run, model) for model in _models_here(run)]
    return OWN_BYTES + sum(engines)


def _models_here(run: Run) -> Iterator[Model]:
    """Models that run in processes of this machine, each once."""
    remote = {server.model for server in run.study.engine.servers}
    for model in run.models_asked:
        if model.folder is not None and model.name not in remote:
            yield model


def _engine_bytes(run: Run, model: Model) -> float:
    options = run.study.engine
    if on_gpu():
        return ENGINE_BYTES
    cache = max(1, round(options.kv_cache_gib)) * 2**30
    return ENGINE_BYTES + weight_bytes(model, options.dtype) + cache


def weight_bytes(model: Model, dtype: str) -> float:
    """Memory of a model's weights in a dtype of the study's engine table."""
    total = 0.0
    for tensor in tensors(model.files):
        stored = tensor.end - tensor.start
        # `auto` halves what is stored in 32 bits.
        wanted = 4 if dtype in ("float32", "float") else 2
        total += stored / _FLOATS[tensor.dtype] * wanted if tensor.dtype in _FLOATS else stored
    adapter = model.adapter
    return total + sum(path.stat().st_size for path in adapter.files) if adapter else total


def disk_of(store: Store, tokens: float) -> float:
    """Bytes that so many tokens more will take: journal, databases and snapshot."""
    rows, drawn = _stored(store)
    if not drawn:
        # A step is drawn alone in a search, and scored wherever it stands.
        each, missing = 2 / STEP_TOKENS, max(0.0, EMPTY_BYTES - _taken(store))
        return missing + tokens * (TOKEN_BYTES + each * ROW_BYTES)
    return tokens * (TOKEN_BYTES + rows / drawn * ROW_BYTES)


def _taken(store: Store) -> float:
    """Bytes of a warehouse's databases and snapshots."""
    return sum(path.stat().st_size for path in store.folder.glob("*.duckdb"))


def _stored(store: Store) -> tuple[float, float]:
    """Draws and scores of the warehouse, and its generated tokens."""
    draws, tokens = store.read(
        "SELECT count(*)::DOUBLE, coalesce(sum(generated_tokens), 0)::DOUBLE FROM draws"
    ).row(0)
    scores = store.read("SELECT count(*)::DOUBLE FROM scores").item()
    return draws + scores, tokens
