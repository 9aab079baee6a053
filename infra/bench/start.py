"""What the command line takes before it does anything: CPU seconds and memory of its verbs.

    PYTHONPATH=. python infra/bench/start.py [--quick] [--json PATH]

Every verb runs in a process of its own on a state folder before its first run; of several tries
the least counts, because whatever else the machine does only adds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

VERBS = (
    ("--help",),
    ("sql", "SELECT 1"),
    ("status",),
    ("plan", "demo"),
    ("distill", "--help"),
)


class Start(NamedTuple):
    """What one command took."""

    command: str
    cpu_seconds: float
    """User and system time of the process and of those that it waited for."""
    peak_mb: float


def measure(words: tuple[str, ...], home: Path, tries: int) -> Start:
    """The least that a command took; SystemExit when it fails."""
    found = [_once(words, home) for _ in range(tries)]
    least = min(cpu for cpu, _ in found)
    return Start(" ".join(words), round(least, 3), round(max(peak for _, peak in found), 1))


def _once(words: tuple[str, ...], home: Path) -> tuple[float, float]:
    """CPU seconds and peak megabytes."""
    command = [sys.executable, "-c", "from flows.cli.main import main; main()", *words]
    process = subprocess.Popen(
        command, env=os.environ | {"TTC_HOME": str(home)}, stdout=subprocess.DEVNULL
    )
    # Waited for by hand: subprocess keeps nothing of what a process used.
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"ttc {' '.join(words)} ended with status {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def show(starts: list[Start]) -> None:
    """Print a line a command."""
    table = Table(title="what the command line takes", box=None, title_justify="left")
    table.add_column("command")
    table.add_column("CPU s", justify="right")
    table.add_column("peak MB", justify="right")
    for one in starts:
        table.add_row(one.command, f"{one.cpu_seconds:.2f}", f"{one.peak_mb:.0f}")
    Console(width=100).print(table)


def main(tries: int) -> list[Start]:
    """The figures of every verb, on a state folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # A verb of its own: with the database imported here, each command's peak would be ours.
        (home / "warehouse").mkdir()
        _once(("warehouse", "rebuild"), home)
        return [measure(words, home, tries) for words in VERBS]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What the command line takes to start.")
    parser.add_argument("--quick", action="store_true", help="each verb once")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    starts = main(1 if options.quick else 5)
    show(starts)
    if options.json:
        rows = [one._asdict() for one in starts]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
