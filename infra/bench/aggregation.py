"""CPU seconds from graded draws to all views.

`PYTHONPATH=. python infra/bench/aggregation.py [--quick] [--json PATH]`

500 questions × 256 draws × 9 budgets and 500 × 2,048 × 12, simulated: answers of which wrong ones
repeat, scores that tell right from wrong by chance. Measured is what a run does with its pool after
grading: the estimators of all pool selectors at all budgets, outcomes into a warehouse, bins by
targets and by scores, both policies, and a full read of all views. CPU seconds of all threads;
compiling the kernels (numba keeps them on disk) and opening the run stand apart.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from tasks.runs.events import note
from tasks.runs.opening import open_run
from tasks.runs.provenance import code_commit
from tasks.statistics.difficulty import bins, oracle_values, predicted_values
from tasks.statistics.estimators import Pool, pool_estimates
from tasks.statistics.policy import fit_policy
from tasks.study.study import Study, study_from
from warehouse.store import Store

DIFFICULTY_DRAWS = 64
TOKENS = 40.0
"""Of a completion, generated and read by the verifier: the views need some."""


class Case(NamedTuple):
    """Questions, draws of each, and the goal in CPU seconds."""

    questions: int
    draws: int
    goal: float

    @property
    def budgets(self) -> list[int]:
        return [2**doubling for doubling in range(self.draws.bit_length())]


FULL = (Case(500, 256, 2.0), Case(500, 2048, 10.0))
QUICK = (Case(20, 32, 2.0),)


def simulate_draws(questions: list[str], count: int, *, seed: int) -> pl.DataFrame:
    """Graded draws, one row each: (question_id, answer, correct, score).

    One answer in thirty is NULL.
    """
    # The constants are those of no model: they give accuracies from 0 to 1, wrong answers of which
    # a few repeat often, and scores that tell right from wrong at an AUC of 0.83.
    rng = np.random.default_rng(seed)
    shape = (len(questions), count)
    right = rng.random(shape) < rng.beta(0.6, 0.9, size=(len(questions), 1))
    wrong = np.minimum(rng.zipf(1.6, shape), 10_000)
    silent = rng.random(shape) < 1 / 30
    score = 1 / (1 + np.exp(-1.5 * rng.standard_normal(shape) - 2.0 * right + 1.0))
    return pl.DataFrame(
        {
            "question_id": np.repeat(np.array(questions), count),
            "answer": np.where(right, 0, wrong).ravel(),
            "correct": (right & ~silent).ravel(),
            "score": score.ravel(),
        }
    ).with_columns(
        answer=pl.when(pl.Series(~silent.ravel())).then(pl.col("answer").cast(pl.String))
    )


def pools(draws: pl.DataFrame) -> dict[str, Pool]:
    """The pool of each question."""
    classes = draws.with_columns(place=pl.col("answer").rank("dense").cast(pl.Int64).fill_null(-1))
    return {
        str(key[0]): Pool(*(mine[name].to_numpy() for name in ("place", "correct", "score")))
        for key, mine in classes.partition_by(
            "question_id", as_dict=True, maintain_order=True
        ).items()
    }


def outcomes_of(run_id: str, those: dict[str, Pool], case: Case) -> pl.DataFrame:
    """One row for each question, selector and budget, as the table `outcomes` wants it."""
    rows = [
        (
            run_id,
            question,
            one.selector,
            one.budget,
            one.accuracy,
            one.mc_error,
            case.draws / one.budget,
        )
        for place, (question, pool) in enumerate(those.items())
        for one in pool_estimates(pool, case.budgets, seed=place)
    ]
    names = ["run_id", "question_id", "strategy", "budget", "accuracy", "mc_error", "repeats"]
    scored = pl.col("strategy").is_in(["best_of_n", "weighted"]).cast(pl.Float64)
    spent = TOKENS * pl.col("budget")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        answer=pl.lit(None, dtype=pl.String),
        no_answer=pl.lit(1 / 30),
        truncated=pl.lit(0.0),
        out_of_rounds=pl.lit(None, dtype=pl.Float64),
        forced_ends=pl.lit(None, dtype=pl.Float64),
        generations=pl.col("budget").cast(pl.Float64),
        generated_tokens=spent,
        prompt_tokens=pl.lit(TOKENS),
        cached_tokens=pl.lit(0),
        latency_tokens=pl.lit(TOKENS),
        latency_seconds=pl.lit(None, dtype=pl.Float64),
        engine_seconds=pl.lit(None, dtype=pl.Float64),
        money=pl.lit(None, dtype=pl.Float64),
        verifier_tokens=spent * scored,
        flops=1e6 * spent * (1 + scored),
    )


def cut_bins(draws: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Bins by targets and by scores."""
    return {"oracle": bins(oracle_values(draws)), "predicted": bins(predicted_values(draws))}


def write_policy(
    store: Store, run_id: str, difficulty: str, outcomes: pl.DataFrame, cut: pl.DataFrame
) -> None:
    """Bins and fitted policy of one difficulty."""
    key = {"run_id": pl.lit(run_id), "difficulty": pl.lit(difficulty)}
    fitted = fit_policy(outcomes, cut, costs_order=("flops",))
    store.append("bins", cut.with_columns(**key))
    store.append("policies", fitted.table.with_columns(**key))
    store.append("curves", fitted.curve.with_columns(**key))
    store.append("efficiencies", fitted.efficiency.with_columns(**key, baseline=pl.lit("weighted")))


def read_views(store: Store) -> dict[str, int]:
    """Rows of every view, read in full."""
    names = store.read("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL")[
        "view_name"
    ]
    return {name: store.read(f'FROM "{name}"').height for name in names}


def study_of(case: Case) -> Study:
    """The pool strategies at the case's budgets, on the bundled benchmark."""
    values: dict[str, object] = {
        "name": "aggregation",
        "questions": case.questions,
        "budgets": case.budgets,
        "difficulty_draws": DIFFICULTY_DRAWS,
        "strategies": ["majority", "best_of_n", "weighted"],
    }
    return study_from(values)


def measure(case: Case, folder: Path) -> dict[str, Any]:
    """CPU seconds of each part of a case, and how many rows every view has."""
    seconds: dict[str, float] = {}

    @contextmanager
    def part(name: str) -> Generator[None]:
        started = time.process_time()
        yield
        seconds[name] = seconds.get(name, 0.0) + time.process_time() - started

    study = study_of(case)
    with Store.open(folder) as store:
        run_id = open_run(store, study, study.generator.models[0])
        questions = store.read("FROM run_questions ORDER BY ALL")["question_id"].to_list()
        pool = simulate_draws(questions, case.draws, seed=1)
        others = simulate_draws(questions, DIFFICULTY_DRAWS, seed=2)
        with part("pools"):
            those = pools(pool)
        with part("estimators"):
            outcomes = outcomes_of(run_id, those, case)
        with part("outcomes written"):
            store.append("outcomes", outcomes)
        with part("bins"):
            cuts = cut_bins(others)
        with part("policies"):
            for difficulty, cut in cuts.items():
                write_policy(
                    store, run_id, difficulty, outcomes.filter(pl.col("strategy") != "pass"), cut
                )
        note(store, run_id, "complete")
        with part("views read"):
            rows = read_views(store)
    return {
        **case._asdict(),
        "budgets": case.budgets,
        "seconds": seconds,
        "sum": sum(seconds.values()),
        "views": rows,
    }


def warm_up() -> float:
    """CPU seconds until the kernels are compiled, or loaded from where numba keeps them."""
    started = time.process_time()
    for pool in pools(simulate_draws(["warm"], 16, seed=0)).values():
        pool_estimates(pool, [1, 2, 4, 8], seed=0)
    return time.process_time() - started


def show(report: dict[str, Any]) -> None:
    """Print the figures."""
    cases = report["cases"]
    names = [f"{case['questions']} × {case['draws']:,} × {len(case['budgets'])}" for case in cases]
    table = Table("part", *names, title="CPU seconds, questions × draws × budgets")
    for part in cases[0]["seconds"]:
        table.add_row(
            part,
            *(f"{case['seconds'][part]:.2f}" for case in cases),
            end_section=part == "views read",
        )
    table.add_row("all", *(f"{case['sum']:.2f}" for case in cases))
    table.add_row("goal", *(f"{case['goal']:.2f}" for case in cases))
    console = Console(width=100)
    console.print(table)
    console.print(f"before that, kernels compiled or loaded: {report['warm_up']:.2f}")


def main(cases: Sequence[Case]) -> dict[str, Any]:
    """Measure every case; the report as it is written to JSON."""
    warm = warm_up()
    with tempfile.TemporaryDirectory() as name:
        found = [measure(case, Path(name) / str(case.draws)) for case in cases]
    return {
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]},
        "commit": code_commit(),
        "warm_up": warm,
        "cases": found,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="CPU seconds from graded draws to every view.")
    parser.add_argument("--quick", action="store_true", help="a small version, for a first look")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    found = main(QUICK if options.quick else FULL)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
