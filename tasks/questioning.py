"""All that a run asks about one question: the same code draws it and replays it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tasks.metering import Meter, MeteredTools
from tasks.nodes import Node, root
from tasks.protocols import Role, Sampling
from tasks.questions import Question
from tasks.runs import Run
from tasks.sampler import Sampler
from tasks.scorer import Scorer
from tasks.strategies import Strategy, parse


class SearchResult(NamedTuple):
    """What one search ended with on one question."""

    strategy: Strategy
    budget: int
    ended: list[Node]
    meter: Meter


@dataclass(frozen=True, slots=True)
class Plan:
    """The draws that a study owes on every question."""

    pool: int
    """Whole completions that all pool strategies share: as many as the largest budget."""
    difficulty: int
    searches: tuple[tuple[Strategy, int], ...]
    whole: Sampling
    step: Sampling
    replicate: int

    @property
    def units(self) -> int:
        """Pieces of work on one question, for progress."""
        return 2 + len(self.searches)


def plan(run: Run) -> Plan:
    """What the run's study owes on every question."""
    study, generator = run.study, run.study.generator
    strategies = [parse(text) for text in study.strategies]
    searches = [(s, b) for s in strategies if not s.is_pool for b in study.budgets if s.fits(b)]
    common = (generator.temperature, generator.top_p, generator.top_k)
    return Plan(
        pool=max(study.budgets),
        difficulty=study.difficulty_draws,
        searches=tuple(searches),
        whole=Sampling(*common, max_tokens=generator.max_tokens, until="end"),
        step=Sampling(*common, max_tokens=generator.max_step_tokens, until="step"),
        replicate=study.replicate,
    )


@dataclass(frozen=True, slots=True)
class Questioning:
    """Asks through the memoising sampler and scorer."""

    run: Run
    plan: Plan
    sampler: Sampler
    scorer: Scorer
    done: Callable[[], None] = lambda: None
    """Called after every piece of work."""

    def root(self, question: Question) -> Node:
        return root(question, self.run.format.prompt(question))

    async def pool(self, question: Question) -> list[Node]:
        """The whole completions from which pool strategies choose, scored."""
        return await self._parallel(question, self.plan.pool, "proposer", self.plan.replicate)

    async def difficulty(self, question: Question) -> list[Node]:
        """The whole completions that set the question's bin, scored; other draws than the pool's."""
        return await self._parallel(question, self.plan.difficulty, "difficulty", -1 - self.plan.replicate)

    async def _parallel(self, question: Question, n: int, role: Role, replicate: int) -> list[Node]:
        start = self.root(question)
        nodes = await self.sampler.children(start, n, sampling=self.plan.whole, role=role, replicate=replicate)
        await asyncio.gather(*(self.scorer.scores(node) for node in nodes if node.ended))
        self.done()
        return nodes

    async def search(self, question: Question, strategy: Strategy, budget: int) -> SearchResult:
        """One search with its consumption, its ended completions scored for the final vote."""
        meter = Meter()
        tools = MeteredTools(self.sampler, self.scorer, self.plan.step, self.plan.whole.max_tokens, meter)
        ended = await strategy.search(self.root(question), budget, tools)
        await asyncio.gather(*(tools.score(node) for node in ended))
        self.done()
        return SearchResult(strategy, budget, ended, meter)

    async def everything(self) -> None:
        """All questions × strategies × budgets at once, so that the engine's batches stay full."""
        questions = self.run.benchmark.questions
        await asyncio.gather(
            *(self.pool(q) for q in questions),
            *(self.difficulty(q) for q in questions),
            *(self.search(q, strategy, budget) for q in questions for strategy, budget in self.plan.searches),
        )
