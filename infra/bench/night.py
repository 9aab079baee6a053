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
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tasks.settings import ROOT
from tasks.study.reading import load_study
from tasks.study.study import Study
from tasks.study.tables import Generator as Writer
from tasks.study.tables import Verifier

SEARCH_STEPS = 64
"""Steps above which a night draws pools only."""
LOOK_SECONDS = 0.05
"""Between two looks at the memory of a night."""
MEGA = 1_000_000
TABLES = ("draws", "scores", "answers", "grades", "outcomes")


class Size(NamedTuple):
    """What a night asks: questions, completions a question (its largest budget), their tokens."""

    questions: int
    completions: int
    tokens: int


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


def study_of(folder: Path, size: Size) -> Study:
    """The ready study, on made-up questions and models in a folder."""
    study = load_study("math500-qwen", max_budget=size.completions)
    steps = size.tokens // 40
    pools = ("majority", "best_of_n", "weighted")
    return dataclasses.replace(
        study,
        name="night",
        benchmark=str(folder / "made-math.jsonl"),
        answer="math",
        strategies=study.strategies if steps <= SEARCH_STEPS else pools,
        difficulty_draws=size.completions,
        generator=dataclasses.replace(
            study.generator or Writer(),
            models=(str(folder / "generator"),),
            max_tokens=max(study.generator.max_tokens, size.tokens),
        ),
        verifier=dataclasses.replace(study.verifier or Verifier(), model=str(folder / "verifier")),
        engine=dataclasses.replace(study.engine, max_model_len=None),
    )


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
    # Here and not above: who only measures needs none of it.
    from infra.bench.array_engine import ArrayEngines
    from infra.bench.made_math import Sizes, write_folder, write_questions
    from tasks.evaluation import fit_policy, generate, measure
    from tasks.runs.opening import open_run
    from tasks.runs.run import Run
    from tasks.versions.champion import compare_with_champion
    from warehouse.store import Store

    answers = write_questions(folder / "made-math.jsonl", size.questions)
    shapes = Sizes(context=2 * size.tokens + 32_768)
    write_folder(folder / "generator", architecture="Qwen2ForCausalLM", sizes=shapes)
    write_folder(folder / "verifier", architecture="Qwen2ForProcessRewardModel", sizes=shapes)
    study, stages = study_of(folder, size), Stages()
    home = folder / "state" / "warehouse"
    made: list[ArrayEngines] = []

    def engines(run: Run) -> ArrayEngines:
        made.append(ArrayEngines(run, answers, steps=size.tokens // 40))
        stages.engine_cpu = lambda: made[0].cpu
        say({"baseline": psutil.Process().memory_info().rss})
        return made[0]

    with stages.stage("open_run"), Store.open(home) as store:
        run_id = open_run(store, study, study.generator.models[0])
    with stages.stage("generate"):
        generate.run(home, run_id, engines=engines)
    for stage in (measure, fit_policy):
        with stages.stage(stage.__name__.rsplit(".", 1)[-1]):
            stage.run(home, run_id)
    with stages.stage("compare_with_champion"):
        compare_with_champion(home, run_id)
    with stages.stage("publish"):
        publish(home, run_id)
    say({"counts": counts(home) | {"generated_tokens": made[0].writer.generated_tokens}})
    say({"highest": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


def publish(home: Path, run_id: str) -> None:
    """All that the last stage makes of a run, laid into the outbox in place of MLflow."""
    from tasks.publication.summary import load_summary
    from tasks.tracking import outbox
    from tasks.tracking.entries import publication_of
    from warehouse.store import Store

    with Store.open(home) as store:
        summary = load_summary(store, run_id)
        publication_of(summary)
        outbox.put(summary, home.parent / "outbox")
        store.publish_snapshot()


def counts(home: Path) -> dict[str, Any]:
    """Rows, segments and bytes of a warehouse."""
    from warehouse.store import Store

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
        words = [*map(str, size), "--inside", name]
        command = [sys.executable, str(Path(__file__).resolve()), *words]
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
    from threading import Event, Thread

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
    # A night in a process of its own: three numbers, and the folder that it may use.
    if "--inside" in sys.argv:
        run_night(Path(sys.argv[5]), Size(*map(int, sys.argv[1:4])))
    else:
        main()
