"""What the units of infra/deploy start, started by a test: their commands, variables and files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tasks.settings import INFRA, ROOT

DEPLOY = INFRA / "deploy"
STOP_SECONDS = 60
"""TimeoutStopSec of the worker."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A service: its command, its own variables and the environment file that wins over them."""

    command: list[str]
    variables: dict[str, str]
    file: str


def unit(name: str, *, instance: str = "", state: Path) -> Unit:
    """The unit of that name, for this repository and a state folder of the test's."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    # Past the launcher, which would make the repository's own environment where there is none.
    programs = {"/opt/ttc/infra/ttc": f"{sys.prefix}/bin/ttc", "/opt/ttc/.venv": sys.prefix}
    places = {"/opt/ttc": str(ROOT), "/var/lib/ttc": str(state), "%i": instance, "%H": "here"}
    for written, meant in (programs | places).items():
        text = text.replace(written, meant)
    lines = [line.partition("=") for line in text.splitlines()]
    variables: dict[str, str] = {}
    for key, _, value in lines:
        if key == "Environment":
            variables |= dict(word.split("=", 1) for word in value.split())
    # Made for an environment that is installed uncompiled; that of a test has its cache already.
    variables.pop("PYTHONPYCACHEPREFIX")
    values = {key: value for key, _, value in lines}
    file = Path(values["EnvironmentFile"]).name
    return Unit(values["ExecStart"].split(), variables, file)


def write_environment(folder: Path, **meant: str) -> None:
    """The environment files of all units, made of their examples as `install` makes them."""
    for name in ("prefect", "mlflow", "worker"):
        example = DEPLOY / f"{name}.env.example"
        text = example.read_text(encoding="utf-8")
        for written, value in meant.items():
            text = text.replace(written, value)
        file = folder / example.name.removesuffix(".example")
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)


def read_environment(file: Path) -> dict[str, str]:
    """The variables of an environment file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    set_lines = [line for line in lines if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in set_lines)


@contextmanager
def running(unit: Unit, etc: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The unit's process; stopped as systemd stops it, and everything it started with it."""
    foreign = ("TTC_", "PREFECT_", "MLFLOW_")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    seen = shell | unit.variables | read_environment(etc / unit.file)
    with log.open("wb") as output:
        process = subprocess.Popen(
            unit.command, env=seen, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
        for left in psutil.wait_procs(started, timeout=1)[1]:
            left.kill()
