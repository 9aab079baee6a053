"""A night in this process, without Prefect and without MLflow's server, told stage by stage.

A program too: `night_inside.py QUESTIONS COMPLETIONS TOKENS FOLDER` writes JSON lines for who
measures (infra/bench/night.py).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from infra.bench.array_engine import STEP, ArrayEngines
from infra.bench.made_math import Sizes, write_folder, write_questions
from infra.bench.night_study import Size, study_of
from tasks.evaluation import fit_policy, generate, measure
from tasks.publication.summary import load_summary
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.tracking import outbox
from tasks.tracking.entries import publication_of
from tasks.versions.champion import compare_with_champion
from warehouse.store import Store

TABLES = ("draws", "scores", "answers", "grades", "outcomes")


class StageCost(NamedTuple):
    """What one stage took."""

    stage: str
    wall: float
    cpu: float
    """CPU seconds of the process and of those that it started, the scripted engine left out."""
    engine: float
    """CPU seconds of the scripted engine."""
    peak: int = 0
    """Bytes of memory, as it was looked at."""


class Stages:
    """Runs stages one after the other and tells about each on standard output, as JSON lines."""

    def __init__(self) -> None:
        self.engine_cpu: Callable[[], float] = lambda: 0.0

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """What is done inside is a stage."""
        say({"begin": name})
        wall, cpu, engine = time.perf_counter(), own_cpu(), self.engine_cpu()
        yield
        spent = self.engine_cpu() - engine
        cost = StageCost(name, time.perf_counter() - wall, own_cpu() - cpu - spent, spent)
        say({"end": cost._asdict()})


def say(what: dict[str, Any]) -> None:
    """One line to who measures."""
    print(json.dumps(what), flush=True)


def own_cpu() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    several = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in several)


def run_night(folder: Path, size: Size) -> None:
    """A whole night in this process, without Prefect and without MLflow's server."""
    answers = write_questions(folder / "made-math.jsonl", size.questions)
    shapes = Sizes(context=2 * size.tokens + 32_768)
    write_folder(folder / "generator", architecture="Qwen2ForCausalLM", sizes=shapes)
    write_folder(folder / "verifier", architecture="Qwen2ForProcessRewardModel", sizes=shapes)
    study, stages = study_of(folder, size), Stages()
    home = folder / "state" / "warehouse"
    made: list[ArrayEngines] = []

    def engines(run: Run) -> ArrayEngines:
        made.append(ArrayEngines(run, answers, steps=size.tokens // STEP))
        stages.engine_cpu = lambda: made[0].cpu
        say({"baseline": psutil.Process().memory_info().rss})
        return made[0]

    with stages.stage("open_run"), Store.open(home) as store:
        run_id = open_run(store, study, study.generator.models[0])
    with stages.stage("generate"):
        generate.run(home, run_id, engines=engines)
    # What the scripted engine can write, 75 KB a question, is no part of what later stages hold.
    ended = made.pop()
    engine_cpu, generated = ended.cpu, ended.writer.generated_tokens
    stages.engine_cpu = lambda: engine_cpu
    del ended
    for stage in (measure, fit_policy):
        with stages.stage(stage.__name__.rsplit(".", 1)[-1]):
            stage.run(home, run_id)
    with stages.stage("compare_with_champion"):
        compare_with_champion(home, run_id)
    with stages.stage("publish"):
        publish(home, run_id)
    say({"counts": counts(home) | {"generated_tokens": generated}})
    say({"highest": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


def publish(home: Path, run_id: str) -> None:
    """All that the last stage makes of a run, laid into the outbox in place of MLflow."""
    with Store.open(home) as store:
        summary = load_summary(store, run_id)
        publication_of(summary)
        outbox.put(summary, home.parent / "outbox")
        store.publish_snapshot()


def counts(home: Path) -> dict[str, Any]:
    """Rows, segments and bytes of a warehouse."""
    with Store.open(home) as store:
        rows = {name: store.read(f"SELECT count(*) FROM {name}").item() for name in TABLES}
    segments = list((home / "journal").glob("*/*.parquet"))
    databases = list(home.glob("*.duckdb"))
    return {
        "rows": rows,
        "segments": len(segments),
        "journal_bytes": sum(path.stat().st_size for path in segments),
        "database_bytes": {path.name: path.stat().st_size for path in databases},
    }


if __name__ == "__main__":
    run_night(Path(sys.argv[4]), Size(*map(int, sys.argv[1:4])))
