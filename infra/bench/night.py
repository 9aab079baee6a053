"""What a night costs but for its models: `python infra/bench/night.py [--questions N …] [options]`.

Budgets 1 to 64 and the six strategies of the ready study of MATH-500, completions of 12 steps of 40
tokens, with a scripted engine and verifier (infra/bench/array_engine.py). Every night runs in a
process of its own on a fresh state folder, through the product's own stages: memory and CPU seconds
are those of that process. What the scripted engine itself takes is measured and shown apart.

`--questions 20 --tokens 16000` is a night of a model that thinks: 64 completions of 16,000 tokens a
question, and the strategies that choose among them. A search over 400 steps would be another study.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import psutil

from infra.bench.night_inside import StageCost
from infra.bench.night_study import Size
from tasks.settings import ROOT

LOOK_SECONDS = 0.05
"""Between two looks at the memory of a night."""
MEGA = 1_000_000


class Night(NamedTuple):
    """What was measured of a night."""

    size: Size
    stages: list[StageCost]
    baseline: int
    """Bytes of memory before the first draw."""
    highest: int
    """Bytes of memory at most, as the kernel has it."""
    counts: dict[str, Any]

    @property
    def million_tokens(self) -> float:
        """Generated tokens in millions."""
        return self.counts["generated_tokens"] / MEGA


def measure(size: Size) -> Night:
    """A night in a process of its own; RuntimeError with what it said when it fails."""
    with tempfile.TemporaryDirectory(prefix="night-") as name:
        words = [*map(str, size), name]
        command = [sys.executable, str(Path(__file__).with_name("night_inside.py")), *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        ) as child:
            night = _follow(child, size)
        if child.returncode:
            raise RuntimeError(f"a night of {size} ended with exit code {child.returncode}")
    return night


def _follow(child: subprocess.Popen[str], size: Size) -> Night:
    """Reads what a night tells, and looks at its memory meanwhile."""
    peaks: dict[str, int] = {}
    current, over = ["start"], Event()

    def look() -> None:
        process = psutil.Process(child.pid)
        while not over.wait(LOOK_SECONDS):
            try:
                memory = process.memory_info().rss
            except psutil.NoSuchProcess:
                return
            peaks[current[0]] = max(memory, peaks.get(current[0], 0))

    looking = Thread(target=look)
    looking.start()
    said: dict[str, Any] = {"baseline": 0, "highest": 0, "counts": {}}
    stages: list[StageCost] = []
    assert child.stdout
    for line in child.stdout:
        one = json.loads(line)
        if "end" in one:
            stages.append(StageCost(**one["end"]))
        elif "begin" in one:
            current[0] = one["begin"]
        said |= one
    over.set()
    looking.join()
    stages = [cost._replace(peak=peaks.get(cost.stage, 0)) for cost in stages]
    return Night(size, stages, said["baseline"], said["highest"], said["counts"])


def show(night: Night) -> None:
    """Print a night as a table of at most 100 columns."""
    questions, completions, tokens = night.size
    drawn = night.million_tokens
    print(f"\n{questions} questions, budgets to {completions}, {tokens:,} tokens a completion")
    print(f"{'stage':24}{'wall s':>10}{'own CPU s':>12}{'a M tokens':>12}{'peak MB':>10}")
    for cost in [*night.stages, _sum_of(night)]:
        print(
            f"{cost.stage:24}{cost.wall:10.1f}{cost.cpu:12.1f}"
            f"{cost.cpu / drawn:12.2f}{cost.peak / MEGA:10.0f}"
        )
    counted = night.counts
    rows = ", ".join(f"{name} {number:,}" for name, number in counted["rows"].items())
    files = ", ".join(
        f"{name} {size / MEGA:.1f}" for name, size in counted["database_bytes"].items()
    )
    engine = sum(cost.engine for cost in night.stages)
    print(f"generated {drawn:.2f} M tokens; the scripted engine's own {engine:.1f} s are left out")
    print(f"memory: {night.baseline / MEGA:.0f} MB before the first draw, at most", end=" ")
    print(f"{night.highest / MEGA:.0f} MB as the kernel has it")
    print(f"rows: {rows}")
    print(f"{counted['segments']} segments of {counted['journal_bytes'] / MEGA:.1f} MB", end="; ")
    print(f"MB of databases: {files}")


def _sum_of(night: Night) -> StageCost:
    several = night.stages
    return StageCost(
        "all",
        sum(cost.wall for cost in several),
        sum(cost.cpu for cost in several),
        sum(cost.engine for cost in several),
        max(cost.peak for cost in several),
    )


def main() -> None:
    """Measure a night of every size that was asked for."""
    parser = argparse.ArgumentParser(description="What a night costs but for its models.")
    parser.add_argument("--questions", type=int, nargs="+", default=[500])
    parser.add_argument("--completions", type=int, default=64, help="the largest budget")
    parser.add_argument("--tokens", type=int, default=480, help="of a completion, 40 a step")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    options = parser.parse_args()
    nights: list[Night] = []
    for questions in options.questions:
        nights.append(measure(Size(questions, options.completions, options.tokens)))
        show(nights[-1])
    if options.json:
        report = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "nights": [
                night._asdict()
                | {"size": night.size._asdict(), "stages": [one._asdict() for one in night.stages]}
                for night in nights
            ],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
