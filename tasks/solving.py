"""Answering questions under the policy of a run, outside of any benchmark."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.asking.questioning import questioning
from tasks.benchmarks.question import Question
from tasks.binning import load_probe
from tasks.controller import Controller, Policy, Solved
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Scorer
from tasks.engines.lazy import Engines, Lazy
from tasks.engines.running import RunEngines
from tasks.models.version import Model
from tasks.runs.loading import load_run
from tasks.runs.refusals import check_context
from tasks.runs.run import Run
from tasks.statistics.probe import Probe
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

DIFFICULTIES = ("probe", "predicted")
"""Whose policy is used, the first that the run has: those that need no target."""

Samplers = Callable[[Model], Sampler]
Scorers = Callable[[Model | None, bool], Scorer]


@dataclass(frozen=True, slots=True)
class Solver:
    """Answers questions; those asked at the same time share what is behind `sampler` and `scorer`.

    Each question gets samplers and scorers of its own, so that nothing is kept once it is answered.
    """

    run: Run
    difficulty: str
    policy: Policy
    probe: Probe
    sampler: Samplers
    scorer: Scorers

    async def solve(self, text: str, budget: int) -> Solved:
        """The answer to a question within a budget of generations; UserError when either cannot be met."""
        if not text.strip():
            raise UserError("question: expected a question, got none; write one")
        question = Question("asked-" + hashlib.sha256(text.encode()).hexdigest()[:16], text, target="")
        check_context(self.run, [question])
        asking = questioning(self.run, sampler=self.sampler, scorer=self.scorer)
        return await Controller(asking, self.policy, self.probe).solve(question, budget)


_FIXED = """
    SELECT budget, strategy, avg(accuracy) AS accuracy, count(*) AS questions FROM outcomes
    WHERE run_id = $run_id AND strategy <> 'pass' GROUP BY budget, strategy
    QUALIFY row_number() OVER (PARTITION BY budget ORDER BY round(avg(accuracy), 9) DESC, avg(flops), strategy) = 1"""


def load_policy(store: Store | Snapshot, run_id: str) -> tuple[str, Policy]:
    """The policy of a run for questions whose targets are unknown, and the kind of difficulty it goes by."""
    for difficulty in DIFFICULTIES:
        table = store.read(
            "SELECT bin, budget, strategy, accuracy, questions FROM policies "
            "WHERE run_id = $run_id AND difficulty = $difficulty",
            run_id=run_id, difficulty=difficulty,
        )  # fmt: skip
        if len(table):
            return difficulty, Policy.of(table, store.read(_FIXED, run_id=run_id))
    raise UserError(
        f"run {run_id}: expected a policy by {' or '.join(DIFFICULTIES)} difficulty, got none; run the study again"
    )


def policy_run(store: Store | Snapshot, which: str | None) -> str:
    """Id of the run whose policy is meant: `champion` (the one promoted last), `latest` or a run's id.

    None: the champion if there is one, else the latest. UserError when there is none.
    """
    if which not in (None, "champion", "latest"):
        return which
    newest = {
        "champion": "SELECT run_id FROM champions ORDER BY promoted_at DESC, run_id DESC LIMIT 1",
        "latest": "SELECT run_id FROM latest_policy ORDER BY completed_at DESC, run_id DESC LIMIT 1",
    }
    for name in [which] if which else newest:
        found = store.read(newest[name])
        if len(found):
            return str(found.item())
    raise UserError(
        f"policy: expected a {which or 'complete'} run in the warehouse, found none; "
        + ("promote one with `ttc policy promote`" if which == "champion" else "start with `ttc demo`")
    )


@contextlib.asynccontextmanager
async def opened(
    folder: Path, run_id: str, *, engines: Callable[[Run], Engines] = RunEngines, eager: bool = False
) -> AsyncGenerator[Solver]:
    """A solver under a run's policy while it lasts; nothing that it draws is written down.

    Models start when first asked; with `eager` all that the policy may ask have started before the first question.
    """
    store = Snapshot(folder)
    run = load_run(store, run_id)
    difficulty, policy = load_policy(store, run_id)
    probe = load_probe(store, run_id)
    started = engines(run)

    def sampler(model: Model) -> Sampler:
        return Sampler(format=run.format, engine=Lazy(started, model), seed=run.study.seed)

    def scorer(verifier: Model | None, whole: bool) -> Scorer:
        return Scorer(verifier=Lazy(started, verifier) if verifier else None, whole=whole)

    try:
        if eager:
            await _start(run, policy, started)
        yield Solver(run, difficulty, policy, probe, sampler, scorer)
    finally:
        await started.close()


async def _start(run: Run, policy: Policy, engines: Engines) -> None:
    """Back once every model has started that some cell of the policy asks."""
    revises = any(strategy.form.revises for row in (*policy.cells.values(), policy.fixed) for strategy, *_ in row)
    writers = [run.generator, *([run.reviser] if revises else [])]
    judges = [run.verifier, *([run.judge] if revises else [])]
    await asyncio.gather(
        *(engines.engine(model) for model in writers), *(engines.verifier(model) for model in judges if model)
    )
