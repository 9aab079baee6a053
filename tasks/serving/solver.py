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
from tasks.draws.sampler import NewDraw, Sampler
from tasks.draws.scorer import Judging, Scorer
from tasks.engines.lazy import Engines, Lazy
from tasks.engines.running import RunEngines
from tasks.models.version import Model
from tasks.runs.loading import load_run
from tasks.runs.refusals import check_context
from tasks.runs.run import Run
from tasks.serving.controller import Controller, Solved
from tasks.serving.policy import Policy, load_policy
from tasks.serving.probe import load_probe
from tasks.statistics.probe import Probe
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot

Record = Callable[[NewDraw], None]
Samplers = Callable[[Model, Record], Sampler]
Scorers = Callable[[Model | None, Judging], Scorer]


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

    async def solve(self, text: str, budget: int, record: Record = lambda _: None) -> Solved:
        """The answer to a question within a budget of generations; `record` gets each new draw.

        UserError for an empty question, one too long for the models, or a budget too small.
        """
        if not text.strip():
            raise UserError("question: expected a question, got none; write one")
        # Refusals and memos tell questions apart by id, and nobody gave this one any.
        name = "asked-" + hashlib.sha256(text.encode()).hexdigest()[:16]
        question = Question(name, text, target="")
        # Elsewhere: a long text takes seconds to encode, and others are answered meanwhile.
        await asyncio.to_thread(check_context, self.run, [question])

        def sampler(model: Model) -> Sampler:
            return self.sampler(model, record)

        asking = questioning(self.run, sampler=sampler, scorer=self.scorer, serves=True)
        return await Controller(asking, self.policy, self.probe).solve(question, budget)


@contextlib.asynccontextmanager
async def open_solver(
    folder: Path,
    run_id: str,
    *,
    engines: Callable[[Run], Engines] = RunEngines,
    eager: bool = False,
) -> AsyncGenerator[Solver]:
    """A solver under a run's policy while it lasts; nothing that it draws is written down.

    Models start when first asked; with `eager` all that the policy may ask have started before the
    first question.
    """
    store = Snapshot(folder)
    run = load_run(store, run_id)
    difficulty, policy = load_policy(store, run)
    probe = load_probe(store, run_id)
    started = engines(run)

    def sampler(model: Model, record: Record) -> Sampler:
        engine = Lazy(started, model)
        seed = run.seed_of(model)
        return Sampler(format=run.format_of(model), engine=engine, record=record, seed=seed)

    def scorer(verifier: Model | None, judging: Judging) -> Scorer:
        asked = Lazy(started, verifier) if verifier else None
        return Scorer(verifier=asked, judging=judging)

    # Also where a model did not start: those before it are processes, which would outlive this one.
    try:
        if eager:
            await _start(run, policy, started)
        yield Solver(run, difficulty, policy, probe, sampler, scorer)
    finally:
        await started.close()


async def _start(run: Run, policy: Policy, engines: Engines) -> None:
    """Back once every model has started that some cell of the policy asks."""
    # Only strategies that revise ask the revision model and its judge: without them neither starts.
    revises = any(
        strategy.form.revises
        for row in (*policy.cells.values(), policy.fixed)
        for strategy, *_ in row
    )
    passes = any(
        strategy.small is not None
        for row in (*policy.cells.values(), policy.fixed)
        for strategy, *_ in row
    )
    larger = [run.larger.model] if run.larger and passes else []
    writers = [run.generator, *([run.reviser] if revises else []), *larger]
    judges = [run.verifier, *([run.judge] if revises else [])]
    await asyncio.gather(
        *(engines.engine(model) for model in writers),
        *(engines.verifier(model) for model in judges if model),
    )
