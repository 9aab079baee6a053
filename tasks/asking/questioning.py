"""All that a run asks about one question: the same code draws it and replays it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tasks.asking.costs import Meter
from tasks.asking.plan import Plan, plan
from tasks.asking.tools import MeteredTools, Revising, Side
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, root
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Scorer
from tasks.models.verifiers import load_verifier_format
from tasks.models.version import Model
from tasks.protocols import Role
from tasks.runs.run import Run
from tasks.strategies import Strategy
from tasks.study.tables import Verifier


class Result(NamedTuple):
    """What one strategy ended with on one question: completions in groups, one group for a search."""

    question: Question
    strategy: Strategy
    budget: int
    groups: list[list[Node]]
    meter: Meter

    @property
    def slots(self) -> int:
        """Completions it could end with; those it lacks were cut at the token limit."""
        return self.budget // self.strategy.rollouts

    @property
    def completions(self) -> list[Node]:
        return [node for group in self.groups for node in group]


@dataclass(frozen=True, slots=True)
class Questioning:
    """Asks through the memoising samplers and scorers."""

    run: Run
    plan: Plan
    proposing: Side
    revising: Side
    """The same as `proposing` when the generator revises its own attempts."""
    prompts: Revising
    done: Callable[[], None] = lambda: None
    """Called after every piece of work."""

    def root(self, question: Question) -> Node:
        return root(question, self.run.format.prompt(question))

    def side(self, strategy: Strategy) -> Side:
        """The models that a strategy asks."""
        return self.revising if strategy.form.revises else self.proposing

    def models(self, strategy: Strategy) -> tuple[Model, Model | None]:
        """Who writes and who judges under a strategy."""
        return self.run.models(strategy)

    async def pool(self, question: Question) -> list[Node]:
        """The whole completions from which pool strategies choose, scored."""
        return await self._parallel(question, self.plan.pool, "proposer", self.plan.replicate)

    async def difficulty(self, question: Question) -> list[Node]:
        """The whole completions that set the question's bin, scored; other draws than the pool's."""
        return await self._parallel(
            question, self.plan.difficulty, "difficulty", -1 - self.plan.replicate
        )

    async def _parallel(self, question: Question, n: int, role: Role, replicate: int) -> list[Node]:
        start, whole = self.root(question), self.plan.samplings.whole
        nodes = await self.proposing.sampler.children(
            start, n, sampling=whole, role=role, replicate=replicate
        )
        await asyncio.gather(*(self.proposing.scorer.scores(node) for node in nodes if node.ended))
        self.done()
        return nodes

    async def search(self, question: Question, strategy: Strategy, budget: int) -> Result:
        """One search with its consumption, its ended completions scored for the final vote."""
        meter, side = Meter(), self.side(strategy)
        tools = MeteredTools(
            question, side, self.plan.samplings, self.prompts, meter, self.plan.replicate
        )
        result = Result(
            question,
            strategy,
            budget,
            await strategy.run(self.root(question), budget, tools),
            meter,
        )
        if strategy.needs_verifier:
            await asyncio.gather(*(tools.score(node) for node in result.completions if node.ended))
        self.done()
        return result

    async def everything(self) -> None:
        """All questions × strategies × budgets at once, so that the engine's batches stay full."""
        questions = self.run.benchmark.questions
        await asyncio.gather(
            *(self.pool(q) for q in questions),
            *(self.difficulty(q) for q in questions),
            *(
                self.search(q, strategy, budget)
                for q in questions
                for strategy, budget in self.plan.searches
            ),
        )


def questioning(
    run: Run,
    *,
    sampler: Callable[[Model], Sampler],
    scorer: Callable[[Model | None, bool], Scorer],
    done: Callable[[], None] = lambda: None,
) -> Questioning:
    """A run's questioning; `sampler` and `scorer` open one for each model (True: it judges whole completions)."""
    study, revisions = run.study, run.study.revisions
    proposing = Side(sampler(run.generator), scorer(run.verifier, _judges_whole(study.verifier)))
    own = run.reviser.fingerprint != run.generator.fingerprint
    revising = Side(
        sampler(run.reviser) if own else proposing.sampler,
        scorer(run.judge, _judges_whole(revisions.verifier))
        if revisions and run.judge
        else proposing.scorer,
    )
    return Questioning(
        run, plan(run), proposing, revising, Revising(run.format, shown=run.judge is not None), done
    )


def _judges_whole(verifier: Verifier | None) -> bool:
    return verifier is not None and not load_verifier_format(verifier.format).scores_steps
