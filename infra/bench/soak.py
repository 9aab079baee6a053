"""Many nights on one state folder: `python infra/bench/soak.py [--nights 100] [--json FILE]`.

Ten questions at budgets 1 to 8 with the scripted engine, a new model version every fifth night, and
every night whole: from opening a run to its publication, in MLflow's own database file. All nights
run in one process, so that what leaks is seen. What grows is told from what grows with the data: a
slope is the data's own where the same is bought by every row that is stored.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import math
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from infra.bench.array_engine import ArrayEngines
from infra.bench.made_math import Sizes, write_folder, write_questions
from infra.bench.night_inside import TABLES, own_cpu
from infra.bench.night_study import Size, study_of
from tasks.evaluation import fit_policy, generate, measure, publish
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.settings import Settings, quieten
from tasks.statistics.arrays import Floats
from tasks.study.study import Study
from tasks.versions.champion import compare_with_champion
from warehouse.store import Store

SIZE = Size(questions=10, completions=8, tokens=480)
EVERY = 5
"""A model version stays so many nights."""
RISES = "RISES"
WARM = 2
"""First nights of each kind that no slope counts: what is loaded once is loaded in them."""
LEAST = 5
"""Nights below which no slope is told."""
NO_SLOPE = 0.10
"""Rise over all nights, as a share of the mean, that is no slope."""


class Measured(NamedTuple):
    """One night, and the state folder after it."""

    night: int
    new: bool
    """Whether it was the first of a model version."""
    seconds: float
    cpu: float
    """CPU seconds of this process, the scripted engine's left out."""
    memory: float
    """Bytes of this process."""
    rows: int
    """Of the large tables."""
    segments: int
    journal: float
    """Bytes, like the next."""
    database: float
    mlflow_runs: int


class Slope(NamedTuple):
    """How one figure went over the nights."""

    figure: str
    first: float
    """Mean of the first tenth of the nights that count."""
    last: float
    a_night: float
    """By least squares."""
    error: float
    """Standard error of the slope."""
    meaning: str


def run_night(home: Path, study: Study, answers: Sequence[Sequence[str]]) -> float:
    """One night from the opening to MLflow; CPU seconds of its scripted engine."""
    settings = Settings(home=home)
    made: list[ArrayEngines] = []

    def engines(run: Run) -> ArrayEngines:
        made.append(ArrayEngines(run, answers, steps=SIZE.tokens // 40))
        return made[-1]

    with Store.open(settings.warehouse) as store:
        run_id = open_run(store, study, study.generator.models[0])
    generate.run(settings.warehouse, run_id, engines=engines)
    for stage in (measure, fit_policy):
        stage.run(settings.warehouse, run_id)
    compare_with_champion(settings.warehouse, run_id)
    if publish.run(settings, run_id) is None:
        raise RuntimeError("soak: MLflow did not take a run; the line above says why")
    return made[0].cpu


def soak(folder: Path, nights: int) -> Generator[Measured]:
    """So many nights on the state of a folder, each told when it is over."""
    quieten("mlflow")
    answers = write_questions(folder / "made-math.jsonl", SIZE.questions)
    write_folder(folder / "verifier", architecture="Qwen2ForProcessRewardModel", sizes=Sizes())
    study = dataclasses.replace(study_of(folder, SIZE), name="soak")
    home = folder / "state"
    for night in range(nights):
        version, place = divmod(night, EVERY)
        if place == 0:
            write_folder(
                folder / "generator",
                architecture="Qwen2ForCausalLM",
                version=version,
                sizes=Sizes(),
            )
        wall, cpu = time.perf_counter(), own_cpu()
        engine = run_night(home, study, answers)
        seconds, spent = time.perf_counter() - wall, own_cpu() - cpu - engine
        one = _look(home, night, new=place == 0, seconds=seconds, cpu=spent)
        print(
            f"night {night}: {seconds:.1f} s, {spent:.1f} s of CPU, {one.memory / 1e6:.0f} MB, "
            f"{one.segments} segments",
            file=sys.stderr,
            flush=True,
        )
        yield one


def _look(home: Path, night: int, *, new: bool, seconds: float, cpu: float) -> Measured:
    """The state folder after a night."""
    gc.collect()
    warehouse = home / "warehouse"
    with Store.open(warehouse) as store:
        rows = sum(store.read(f"SELECT count(*) FROM {name}").item() for name in TABLES)
    segments = list((warehouse / "journal").glob("*/*.parquet"))
    with sqlite3.connect(home / "mlflow" / "mlflow.db") as database:
        (runs,) = database.execute("SELECT count(*) FROM runs").fetchone()
    return Measured(
        night=night,
        new=new,
        seconds=seconds,
        cpu=cpu,
        memory=psutil.Process().memory_info().rss,
        rows=rows,
        segments=len(segments),
        journal=sum(path.stat().st_size for path in segments),
        database=sum(path.stat().st_size for path in warehouse.glob("*.duckdb")),
        mlflow_runs=runs,
    )


def slopes(nights: Sequence[Measured]) -> list[Slope]:
    """The slope of every figure; time apart for nights with a new version and without."""
    found: list[Slope] = []
    for new, kind in ((True, "new version"), (False, "unchanged")):
        some = [one for one in nights if one.new is new][WARM:]
        cpu = _flat(some, "cpu", f"cpu, {kind}")
        wall = _flat(some, "seconds", f"seconds, {kind}")
        # Longer for the same work: who else uses the machine.
        if wall.meaning == RISES and cpu.meaning != RISES:
            wall = wall._replace(meaning="rises, its CPU does not: others use the machine")
        found += [wall, cpu]
    found.append(_flat(nights[EVERY:], "memory", "memory"))
    for figure in ("rows", "segments", "journal", "database", "mlflow_runs"):
        found.append(_growing(nights[EVERY:], figure))
    return found


def _flat(nights: Sequence[Measured], figure: str, name: str) -> Slope:
    """A figure that should be as it was, however much is stored."""
    slope = _fit(nights, figure, name)
    if slope.meaning:
        return slope
    span = nights[-1].night - nights[0].night
    mean = (slope.first + slope.last) / 2
    # Both: a slope that chance explains is none, nor one that nobody will ever notice.
    rises = slope.a_night > 2 * slope.error and slope.a_night * span > NO_SLOPE * mean
    return slope._replace(meaning=RISES if rises else "no slope")


def _growing(nights: Sequence[Measured], figure: str) -> Slope:
    """A figure that may grow as what is stored does: each row buys as much late as early."""
    slope = _fit(nights, figure, figure)
    if slope.meaning:
        return slope
    if figure in ("rows", "mlflow_runs"):
        return slope._replace(meaning="the data's own")
    half = len(nights) // 2
    early, late = _a_row(nights[: half + 1], figure), _a_row(nights[half:], figure)
    # Files of DuckDB grow by blocks and shrink at checkpoints: both halves are known so well.
    unsure = 2 * math.hypot(early.error, late.error)
    grows = late.each > (1 + NO_SLOPE) * early.each + unsure
    meaning = f"{early.each:.3g} a row early, {late.each:.3g} late, ± {unsure:.2g}"
    return slope._replace(meaning=f"GROWS FASTER: {meaning}" if grows else f"data's: {meaning}")


class _Price(NamedTuple):
    """What a row buys of a figure, and the standard error of that."""

    each: float
    error: float


def _a_row(nights: Sequence[Measured], figure: str) -> _Price:
    """What the figure gained for every row that was gained, by least squares."""
    rows = np.array([one.rows for one in nights], dtype=float)
    values = np.array([getattr(one, figure) for one in nights], dtype=float)
    return _Price(*_line(rows, values))


def _line(at: Floats, values: Floats) -> tuple[float, float]:
    """Slope of a line through some points, and its standard error."""
    (slope, start), *_ = np.polyfit(at, values, 1, full=True)
    left = float(((values - slope * at - start) ** 2).sum())
    spread = float(((at - at.mean()) ** 2).sum())
    return float(slope), (left / (len(at) - 2) / spread) ** 0.5


def _fit(nights: Sequence[Measured], figure: str, name: str) -> Slope:
    at = np.array([one.night for one in nights], dtype=float)
    values = np.array([getattr(one, figure) for one in nights], dtype=float)
    tenth = max(1, len(values) // 10)
    if len(values) < LEAST:
        mean = float(values.mean()) if len(values) else 0.0
        return Slope(name, mean, mean, 0.0, 0.0, "too few nights")
    a_night, error = _line(at, values)
    first, last = values[:tenth].mean(), values[-tenth:].mean()
    return Slope(name, float(first), float(last), a_night, error, "")


def show(nights: Sequence[Measured], found: Sequence[Slope]) -> None:
    """Print every tenth night, and the slopes, at 100 columns at most."""
    print(f"{len(nights)} nights of {SIZE.questions} questions, a new version every {EVERY}")
    heads = ("night", "new", "s", "CPU s", "MB", "rows", "segments", "journal MB", "duckdb MB")
    print("".join(f"{head:>10}" for head in heads) + f"{'MLflow':>9}")
    shown = [one for one in nights if one.night % max(1, len(nights) // 10) in (0, 1)]
    for one in shown:
        print(
            f"{one.night:10}{'yes' if one.new else '':>10}{one.seconds:10.1f}{one.cpu:10.1f}"
            f"{one.memory / 1e6:10.0f}{one.rows:10,}{one.segments:10}{one.journal / 1e6:10.1f}"
            f"{one.database / 1e6:10.1f}{one.mlflow_runs:9}"
        )
    print(f"\n{'figure':22}{'first':>12}{'last':>12}{'a night':>11}{'±':>10}  what it is")
    for one in found:
        print(
            f"{one.figure:22}{one.first:12.5g}{one.last:12.5g}{one.a_night:11.3g}"
            f"{one.error:10.2g}  {one.meaning}"
        )


def main() -> None:
    """Run the nights and say what rises."""
    parser = argparse.ArgumentParser(description="Many nights on one state folder.")
    parser.add_argument("--nights", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    options = parser.parse_args()
    nights: list[Measured] = []
    # Stopped by hand, it says what it has seen.
    with tempfile.TemporaryDirectory(prefix="soak-") as name, suppress(KeyboardInterrupt):
        nights.extend(soak(Path(name), options.nights))
    found = slopes(nights)
    show(nights, found)
    if options.json:
        report = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "nights": [one._asdict() for one in nights],
            "slopes": [one._asdict() for one in found],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
