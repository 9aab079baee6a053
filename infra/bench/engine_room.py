"""What search costs on the engine, in ratios.

`PYTHONPATH=. python infra/bench/engine_room.py [--quick] [--json PATH]`

Prints ratios between things measured by turns in this one run, on vLLM on CPU with the bundled
models; `--json` keeps what they come from too. Seconds depend on the machine and on what else it
does, ratios much less. Strategies that revise take part where the bundled models for them are
there.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from infra.bench.room import (
    BUDGET,
    SEARCH,
    Counted,
    Used,
    open_room,
    sweep_grid,
    time_scaling,
    time_searches,
    total,
    verifier_calls,
)
from tasks.engines.log import noise_in
from tasks.models.version import BUNDLED
from tasks.runs.loading import prepare_run
from tasks.runs.opening import open_run
from tasks.runs.provenance import code_commit, packages
from tasks.strategies import parse
from tasks.study.reading import load_study
from tasks.study.study import Study
from warehouse.store import Store

GENERATOR = "bundled/congruences-generator"
CALLS = "verifier_calls_per_draw"
MEANING = {
    "sweep_tokens_shared_to_alone": "generated tokens of the whole grid, by the ledger",
    "search_wall_lockstep_to_together": "one question at a time against all at once",
    "search_cpu_lockstep_to_together": "the same, CPU seconds of both engines and this process",
    "search_tokens_lockstep_to_together": "the same work? 1 but for chance",
    "engine_pace_search_to_plain": "tokens per CPU-second of the generator's engine; goal: 0.8",
    "engine_tokens_search_to_plain": "as many tokens? 1 but for chance",
    "engine_cpu_verifier_to_generator": "CPU seconds of the verifier's engine in search",
    "scaling_questions": "questions, many to few",
    "scaling_wall": "wall, many to few, all at once",
    "scaling_cpu": "the same, CPU seconds",
}

_SECONDS = ("wall", "generator_cpu", "verifier_cpu", "own_cpu")


class Sizes(NamedTuple):
    """Questions of each part; the sweep's largest budget; turns of what is timed."""

    sweep: int
    top_budget: int
    search: int
    turns: int
    few: int
    many: int
    calls: int


FULL = Sizes(sweep=20, top_budget=64, search=100, turns=3, few=100, many=400, calls=10)
QUICK = Sizes(sweep=10, top_budget=16, search=8, turns=1, few=8, many=16, calls=2)


def grid(*, questions: int, top_budget: int) -> Study:
    """The strategies of study `nightly`; those that revise only where models for it are bundled."""
    study = load_study("nightly", max_budget=top_budget)
    revisions = study.revisions if _revision_is_bundled(study) else None
    kept = tuple(text for text in study.strategies if revisions or not parse(text).form.revises)
    return dataclasses.replace(
        study,
        name="engine-room",
        questions=questions,
        strategies=kept,
        revisions=revisions,
        difficulty_draws=2,
    )


def _revision_is_bundled(study: Study) -> bool:
    if study.revisions is None:
        return False
    judge = study.revisions.verifier
    names = [name for name in (study.revisions.model, judge and judge.model) if name]
    return all((BUNDLED / name.removeprefix("bundled/") / "card.json").is_file() for name in names)


async def on_engines(sizes: Sizes, folder: Path, run_id: str) -> dict[str, Any]:
    """All that is measured on the engines; the sweep's draws and scores go into the warehouse."""
    study = dataclasses.replace(grid(questions=sizes.many, top_budget=BUDGET), budgets=(BUDGET,))
    run = prepare_run(study, GENERATOR, run_id="")
    questions = run.benchmark.questions
    say("starting the engines")
    async with open_room(run) as room:
        say(f"{SEARCH.key} at {BUDGET} on {sizes.search} questions, {sizes.turns} times")
        search = await time_searches(room, questions[: sizes.search], turns=sizes.turns)
        say(f"on {sizes.few} and {sizes.many} questions")
        scaling = await time_scaling(room, questions, few=sizes.few)
        say("verifier calls")
        calls = {
            key: await verifier_calls(room, parse(key), questions[: sizes.calls])
            for key in study.strategies
        }
        say(f"the whole grid on {sizes.sweep} questions at budgets to {sizes.top_budget}")
        sweep = await sweep_grid(room, folder, run_id)
    return {"search": search, "scaling": scaling, "calls": calls, "sweep": sweep}


def ledger(folder: Path, run_id: str) -> dict[str, float]:
    """Tokens that the sweep generated, and the sum over its cells if each had drawn for itself."""
    # numba: an engine's process imports this file, and vLLM cannot start beside it.
    from tasks.evaluation import measure

    measure.run(folder, run_id)
    with Store.open(folder) as store:
        return store.read(
            "SELECT * EXCLUDE (run_id) FROM sharing WHERE run_id = $run", run=run_id
        ).row(0, named=True)


def ratios(sizes: Sizes, measured: dict[str, Any]) -> dict[str, Any]:
    """The figures by name, sums over turns divided by each other; verifier calls by strategy."""
    search, step, draws = (
        total(measured["search"][name]) for name in ("together", "lockstep", "plain")
    )
    few, many = total(measured["scaling"]["few"]), total(measured["scaling"]["many"])
    return {
        "sweep_tokens_shared_to_alone": measured["ledger"]["share"],
        "search_wall_lockstep_to_together": step.wall / search.wall,
        "search_cpu_lockstep_to_together": step.cpu / search.cpu,
        "search_tokens_lockstep_to_together": step.tokens / search.tokens,
        "engine_pace_search_to_plain": search.pace / draws.pace,
        "engine_tokens_search_to_plain": search.tokens / draws.tokens,
        "engine_cpu_verifier_to_generator": search.verifier_cpu / search.generator_cpu,
        "scaling_questions": sizes.many / sizes.few,
        "scaling_wall": 2 * many.wall / few.wall,
        "scaling_cpu": 2 * many.cpu / few.cpu,
        CALLS: {key: one.requests / one.draws for key, one in measured["calls"].items()},
    }


def per_question(sizes: Sizes, measured: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Wall, CPU seconds and tokens a question of every way to draw."""
    counts = {"few": sizes.few, "many": sizes.many, "sweep": sizes.sweep}
    found: dict[str, dict[str, float]] = {}
    for name, turns in (
        measured["search"] | measured["scaling"] | {"sweep": [measured["sweep"]]}
    ).items():
        used, questions = total(turns), counts.get(name, sizes.search) * len(turns)
        found[name] = {what: getattr(used, what) / questions for what in ("tokens", *_SECONDS)}
    return found


def show(report: dict[str, Any]) -> None:
    """Print the figures."""
    console = Console(width=120)
    cores, load = report["machine"]["cores"], report["machine"]["load"]
    busy = f"{cores} cores, load {load[0]:.1f} before and {load[1]:.1f} after"
    figures = Table("ratio", "value", "of what", title="side by side in one run", caption=busy)
    for name, meaning in MEANING.items():
        figures.add_row(name, f"{report['ratios'][name]:.3f}", meaning)
    console.print(figures)
    calls = Table(
        "strategy",
        "calls a draw",
        title=f"verifier requests per draw, each strategy alone at {BUDGET}",
    )
    for key, value in report["ratios"][CALLS].items():
        calls.add_row(key, f"{value:.3f}")
    console.print(calls)
    used = Table("way", "tokens", *(f"{what}, s" for what in _SECONDS), title="a question")
    for name, one in report["per_question"].items():
        used.add_row(name, f"{one['tokens']:.0f}", *(f"{one[what]:.3f}" for what in _SECONDS))
    console.print(used)


def main(sizes: Sizes) -> dict[str, Any]:
    """Measure everything; the report as it is written to JSON."""
    load, study = os.getloadavg()[0], grid(questions=sizes.sweep, top_budget=sizes.top_budget)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "warehouse"
        with Store.open(folder) as store:
            run_id = open_run(store, study, GENERATOR)
        with noise_in(Path(name) / "logs" / "engine.log"):
            measured = asyncio.run(on_engines(sizes, folder, run_id))
        measured["ledger"] = ledger(folder, run_id)
    return {
        "machine": {
            "cores": os.cpu_count(),
            "load": [load, os.getloadavg()[0]],
            "packages": packages(),
        },
        "commit": code_commit(),
        "sizes": sizes._asdict(),
        "strategies": study.strategies,
        "ratios": ratios(sizes, measured),
        "per_question": per_question(sizes, measured),
        "measured": _plain(measured),
    }


def say(what: str) -> None:
    """Tell whoever waits what is done now."""
    print(what, file=sys.stderr, flush=True)


def _plain(value: Any) -> Any:
    """Measurements with their names, for JSON."""
    if isinstance(value, Used):
        return value._asdict()
    if isinstance(value, Counted):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What search costs on the engine, in ratios.")
    parser.add_argument("--quick", action="store_true", help="a small version, for a first look")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    found = main(QUICK if options.quick else FULL)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
