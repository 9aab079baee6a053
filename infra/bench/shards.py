"""Kills workers of a shared run at random moments and counts what was lost or doubled.

`PYTHONPATH=.:tests/fakes python infra/bench/shards.py [KILLS] [--workers N] [--bucket]`

Every round is a run of its own, shared out to as many processes as there are workers, which write
to one journal (in a folder, or in an S3 server on loopback). Some are killed and their shards taken
up by others; then every draw and score must be, once, what one process draws. The engine is
scripted: what is tried is who writes what, not a model. One JSON line a round, and one at the end;
exit code 1 where anything was lost, doubled or another.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import polars as pl
from object_store import make_bucket, serve_s3
from scripted_runs import ScriptedEngines, small_study

from tasks.evaluation import generate, shards
from tasks.evaluation.shards import Shard
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.settings import ROOT
from warehouse.journal import Journal
from warehouse.places import appoint
from warehouse.store import Store

STUDY = small_study()
REPLY_SECONDS = 0.6
"""Of the scripted engine: a shard takes some ten seconds, so that kills fall into its drawing."""
KILLS_A_ROUND = 5
MOST_SECONDS = 4.0
"""Between two kills."""
KEYS = {
    "draws": ["model_fingerprint", "prefix_key", "sampling_key", "replicate", "child"],
    "scores": ["verifier_fingerprint", "node_key"],
}
MOMENT = {
    "draws": "run_id, drawn_at, requests, prompt_tokens, cached_tokens",
    "scores": "run_id, scored_at, requests",
}
"""Columns that depend on who drew and when."""


def open_shared(folder: Path) -> str:
    """Id of a new run in a new warehouse."""
    with Store.open(folder) as store:
        return open_run(store, STUDY, STUDY.generator.models[0])


def rows_of(folder: Path) -> dict[str, pl.DataFrame]:
    """All draws and scores, each table in an order of its own."""
    with Store.open(folder) as store:
        return {
            table: store.read(f"SELECT * EXCLUDE ({left_out}) FROM {table} ORDER BY ALL")
            for table, left_out in MOMENT.items()
        }


def start(shard: Shard) -> subprocess.Popen[bytes]:
    """A worker on a shard, in a process of its own, that has begun to draw."""
    command = [sys.executable, __file__, "--ask", json.dumps(asdict(shard))]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    # Starting takes longer than drawing: kills are to fall into that.
    assert process.stdout
    process.stdout.readline()
    return process


def ask(shard: Shard) -> None:
    """What a worker does."""

    def begin(run: Run) -> ScriptedEngines:
        print("drawing", flush=True)
        return ScriptedEngines(run, REPLY_SECONDS)

    shards.ask(shard, Path(tempfile.gettempdir()) / "ttc-shards", engines=begin)


def run_round(folder: Path, workers: int, kills: int, rng: random.Random) -> dict[str, int]:
    """A run shared out, some of its workers killed and replaced.

    How many were killed, how many of these when there were draws, and how many failed.
    """
    run_id = open_shared(folder)
    several = shards.write_shards(folder, run_id, workers)
    running = {shard: start(shard) for shard in several}
    place = Journal.of(folder).place
    killed = drawing = 0
    while killed < kills:
        time.sleep(rng.uniform(0, MOST_SECONDS))
        alive = [shard for shard, process in running.items() if process.poll() is None]
        if not alive:
            break
        victim = rng.choice(alive)
        running[victim].send_signal(signal.SIGKILL)
        running[victim].wait()
        running[victim] = start(victim)
        killed += 1
        drawing += bool(place.sizes("draws"))
    codes = [process.wait() for process in running.values()]
    shards.close_shards(folder, run_id, 60.0)
    return {"kills": killed, "after_draws": drawing, "failed": sum(code != 0 for code in codes)}


def compare(found: dict[str, pl.DataFrame], alone: dict[str, pl.DataFrame]) -> dict[str, int]:
    """How many rows were lost, doubled, or are not those of one process."""
    counts = {"rows": sum(rows.height for rows in found.values())}
    counts |= {"lost": 0, "doubled": 0, "other": 0}
    for table, rows in found.items():
        key = KEYS[table]
        counts["lost"] += alone[table].join(rows, on=key, how="anti").height
        counts["doubled"] += rows.height - rows.unique(key).height
        counts["other"] += rows.height if not rows.equals(alone[table]) else 0
    return counts


def main() -> int:
    """Rounds until so many workers were killed; 1 where one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bucket", action="store_true", help="the journal in an S3 server")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        ask(Shard(**json.loads(options.ask)))
        return 0
    rng = random.Random(12)
    names = ("kills", "after_draws", "failed", "rows", "lost", "doubled", "other")
    total = dict.fromkeys(names, 0)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shards-")))
        if options.bucket:
            os.environ |= stack.enter_context(serve_s3())
        generate.run(home / "alone", open_shared(home / "alone"), engines=ScriptedEngines)
        alone = rows_of(home / "alone")
        while total["kills"] < options.kills:
            folder = home / f"round-{total['kills']}"
            if options.bucket:
                appoint(folder, f"{make_bucket(folder.name)}/journal")
            wanted = min(KILLS_A_ROUND, options.kills - total["kills"])
            counts = run_round(folder, options.workers, wanted, rng)
            counts |= compare(rows_of(folder), alone)
            print(json.dumps(counts), flush=True)
            total = {name: total[name] + counts[name] for name in total}
    print(json.dumps({"workers": options.workers, "bucket": options.bucket} | total))
    return int(any(total[name] for name in ("failed", "lost", "doubled", "other")))


if __name__ == "__main__":
    sys.exit(main())
