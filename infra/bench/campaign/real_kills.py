"""Kills a real run at random moments and counts what was lost.

`python infra/bench/kills.py [KILLS]`

Prints one JSON line a kill and one at the end. Nothing may be lost (every draw that was in the
journal is there afterwards, unchanged), doubled (a child index twice) or missing (the run
completes).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import psutil

from warehouse.store import Store

ROOT = Path(__file__).resolve().parents[2]
STUDY = """
questions = 200
budgets = [1, 2, 4, 8, 16]
difficulty_draws = 16
[verifier]
model = "bundled/congruences-prm"
"""
COLUMNS = "prefix_key, sampling_key, replicate, child, text, stop"


def main(kills: int) -> None:
    """Kill, then run to the end, and print what was found."""
    rng = random.Random(11)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        study = home / "kills.toml"
        study.write_text(STUDY)
        seen = pl.DataFrame()
        for number in range(1, kills + 1):
            seconds = rng.uniform(0, 12)
            killed = _kill_run(home, study, seconds)
            seen = _draws(home)
            line = {"kill": number, "seconds_into_drawing": round(seconds), "draws": seen.height}
            print(json.dumps(line | killed))
        code = _start(home, study).wait()
        print(json.dumps({"exit": code, **_compare(seen, _draws(home))}))


def _start(home: Path, study: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from flows.cli.main import main; main()", "run", str(study)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"TTC_HOME": str(home)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=(home / "stderr").open("ab"),
    )


def _kill_run(home: Path, study: Path, seconds: float) -> dict[str, object]:
    """SIGKILL some seconds after the first new draw; how many processes outlive it by over 15 s."""
    program, there = _start(home, study), _segments(home)
    while _segments(home) == there and program.poll() is None:
        time.sleep(0.2)
    time.sleep(seconds)
    running = program.poll() is None
    if not running:
        return {"was_running": False}
    top = psutil.Process(program.pid)
    # Before the kill: afterwards its children are no longer its children.
    processes = [top, *top.children(recursive=True)]
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    _, alive = psutil.wait_procs(processes, timeout=15)
    return {"was_running": True, "left_over": len(alive)}


def _segments(home: Path) -> int:
    return len(list((home / "warehouse" / "journal").rglob("draws*/*.parquet")))


def _draws(home: Path) -> pl.DataFrame:
    with Store.open(home / "warehouse") as store:
        return store.read(f"SELECT {COLUMNS} FROM draws ORDER BY ALL")


def _compare(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, int]:
    key = COLUMNS.split(", ")[:4]
    siblings = after.group_by(key[:3])
    # Children are numbered from 0: fewer rows than numbers are a gap.
    gaps = siblings.agg(gap=pl.col("child").max() + 1 - pl.len()).filter(pl.col("gap") != 0)
    return {
        "draws": after.height,
        "lost": before.join(after, on=COLUMNS.split(", "), how="anti").height,
        "doubled": after.height - after.unique(key).height,
        "siblings_with_gaps": gaps.height,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
