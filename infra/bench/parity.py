"""Whether `ttc serve` answers as the offline controller does, on the draws of a run; and how well.

`PYTHONPATH=. python infra/bench/parity.py [--home FOLDER] [--run RUN_ID] [--questions N]`: every
question at every budget through both. Offline the memo answers; the endpoint asks an engine, one
request after the other as it would any other, that looks the draws up. Ends with 1 when an answer,
a strategy, a bin or a cost differs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from pathlib import Path

import httpx
import polars as pl
from rich.console import Console

from flows.answers.application import application
from flows.cli.sql import as_table
from tasks.asking.stored import Stored, read_stored
from tasks.benchmarks.loaded import LoadedBenchmark
from tasks.draws.sampler import MissingDraws, Sampler, first_seed
from tasks.draws.scorer import Judging, Scorer
from tasks.models.version import Model
from tasks.protocols import Draw, Reply, Sampling, StepScore, key_of
from tasks.runs.loading import load_run
from tasks.runs.run import Run
from tasks.serving.offline import Answered, accuracy_of_answers, replay_answers
from tasks.serving.policy import load_policy, policy_run
from tasks.serving.probe import load_probe
from tasks.serving.solver import Solver
from tasks.settings import settings
from warehouse.store import Store

AT_ONCE = 32


class StoredEngine:
    """An Engine that looks draws up: prefix, sampling and seed say which ones are asked for."""

    def __init__(self, run: Run, model: Model, known: Sequence[Stored]) -> None:
        self._siblings: defaultdict[tuple[str, str], dict[int, dict[int, Draw]]] = defaultdict(dict)
        """By prefix and sampling, then by the seed of child 0, then by child."""
        for stored in known:
            for key, child, kept in stored.draws.get(model.fingerprint, ()):
                seed = first_seed(run.study.seed, key)
                by_seed = self._siblings[(key.prefix_key, key.sampling_key)]
                by_seed.setdefault(seed, {})[child] = kept.draw

    async def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """The stored children; MissingDraws when the run has not drawn them."""
        # As an engine would: others get their turn before the answer.
        await asyncio.sleep(0)
        for start, children in self._siblings[(key_of(prefix), sampling.key)].items():
            # Child i is drawn under the seed of child 0 plus i: a seed names replicate and child.
            wanted = range(seed - start, seed - start + n)
            if wanted[0] in children:
                draws = {place: children[child] for place, child in enumerate(wanted)}
                yield Reply(draws, len(prefix), 0)
                return
        raise MissingDraws(f"{n} draws after {len(prefix)} tokens")


def stored_solver(store: Store, run: Run) -> Solver:
    """A solver as `ttc serve` has one, but for engine and verifier."""
    difficulty, policy = load_policy(store, run)
    read = read_stored(store, run, run.benchmark.questions, token_ids=True)
    known = [stored for _, stored in read]
    engines = {
        model.fingerprint: StoredEngine(run, model, known) for model in (run.generator, run.reviser)
    }

    @cache
    def scorer(model: Model | None, judging: Judging) -> Scorer:
        scores: dict[str, StepScore] = {}
        for stored in known if model else ():
            scores |= stored.scores.get(model.fingerprint, {})
        return Scorer(verifier=None, known=scores, judging=judging)

    return Solver(
        run,
        difficulty,
        policy,
        load_probe(store, run.run_id),
        lambda model, record: Sampler(
            format=run.format,
            engine=engines[model.fingerprint],
            record=record,
            seed=run.study.seed,
        ),
        scorer,
    )


async def ask_endpoint(solver: Solver, offline: Sequence[Answered]) -> list[dict[str, object]]:
    """The `ttc` object of the endpoint's reply to each question and budget."""

    @contextlib.asynccontextmanager
    async def solvers() -> AsyncGenerator[Solver]:
        yield solver

    app = application(solvers, hosts={"ttc"})
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(client: httpx.AsyncClient, served: Answered) -> dict[str, object]:
        body = {
            "messages": [{"role": "user", "content": served.question.text}],
            "budget": served.solved.budget,
        }
        async with turns:
            reply = await client.post("/v1/chat/completions", json=body, timeout=None)
        reply.raise_for_status()
        return reply.json()["ttc"]

    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://ttc") as client,
    ):
        return list(await asyncio.gather(*(one(client, served) for served in offline)))


def compare(offline: Sequence[Answered], online: Sequence[dict[str, object]]) -> pl.DataFrame:
    """One row a budget: questions, and on how many of them each part of the answer is the same."""
    parts = ("answer", "text", "strategy", "bin", "score")
    rows = []
    for one, reply in zip(offline, online, strict=True):
        wanted = one.solved._asdict()
        same = {part: wanted[part] == reply[part] for part in parts}
        same_cost = one.solved.cost._asdict() == reply["cost"]
        rows.append({"budget": one.solved.budget, **same, "cost": same_cost})
    by_budget = pl.DataFrame(rows).group_by("budget")
    counts = by_budget.agg(pl.len().alias("questions"), pl.exclude("budget").sum())
    return counts.sort("budget")


def _keep_first(run: Run, count: int) -> Run:
    """The run on its first questions only."""
    whole = run.benchmark
    first = list(whole.questions[:count])
    fewer = LoadedBenchmark(whole.name, whole.fingerprint, whole.content, first, whole.kind)
    return dataclasses.replace(run, benchmark=fewer)


def main() -> int:
    """Print what was the same, and the accuracy of what was served beside the curve of the run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, default=settings().home, help="state folder")
    parser.add_argument("--run", default=None, help="run id, latest or champion")
    parser.add_argument("--questions", type=int, default=None, help="only the first so many")
    given = parser.parse_args()
    console, started = Console(), time.monotonic()
    with Store.open(given.home / "warehouse") as store:
        run = load_run(store, policy_run(store, given.run))
        if given.questions:
            run = _keep_first(run, given.questions)
        budgets = [*run.study.budgets, *(b + run.study.probe_draws for b in run.study.budgets)]
        offline = replay_answers(store, run, sorted(set(budgets)))
        solver = stored_solver(store, run)
        table = compare(offline, asyncio.run(ask_endpoint(solver, offline)))
        accuracy = accuracy_of_answers(store, run, offline)
        curve = store.read(
            "SELECT budget, accuracy AS curve, lo AS curve_lo, hi AS curve_hi, "
            "generations AS curve_generations "
            "FROM curves WHERE run_id = $run_id AND difficulty = $difficulty",
            run_id=run.run_id,
            difficulty=solver.difficulty,
        )
    console.print(as_table(table))
    console.print(as_table(accuracy.join(curve, on="budget", how="left")))
    parts = [name for name in table.columns if name not in ("budget", "questions")]
    same = all((table[name] == table["questions"]).all() for name in parts)
    pairs = table["questions"].sum()
    console.print(
        f"{pairs} questions × budgets: {'identical' if same else 'NOT identical'}", end=" "
    )
    console.print(
        f"in {time.monotonic() - started:.0f} s, run {run.run_id}, {solver.difficulty} difficulty"
    )
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
