"""All that a run asks about one question: the same code draws it and replays it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tasks.asking.capped import cap_thinking
from tasks.asking.completions import classes_of
from tasks.asking.costs import Meter
from tasks.asking.plan import Arm, Plan, plan
from tasks.asking.token_time import tokens_now
from tasks.asking.tools import MeteredTools, Revising, Side
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import EVERY_STEP, Judging, Scorer
from tasks.models.thinking import NO_THINKING, Thinking
from tasks.models.verifiers import load_verifier_format
from tasks.models.version import Model
from tasks.runs.run import Run
from tasks.strategies import Strategy
from tasks.strategies.forms import OWN_POOL, PoolKey
from tasks.strategies.own.failing import OwnFailure
from tasks.study.tables import Verifier


class Result(NamedTuple):
    """What one strategy ended with on one question: groups of completions, one for a search."""

    question: Question
    strategy: Strategy
    budget: int
    groups: list[list[Node]]
    meter: Meter

    @property
    def slots(self) -> int:
        """Completions it could end with; those it lacks were cut at the token limit."""
        # Of a file's own strategy nobody knows how many it means to end with.
        if self.strategy.file:
            return max(len(self.completions), 1)
        return self.strategy.slots(self.budget)

    @property
    def generations(self) -> int:
        """The budget, or what was taken of it by what may take less."""
        taken = self.meter.generations
        # Where the answers agree already no model is asked to choose.
        if self.strategy.form.selects and not self.strategy.file:
            taken = self.meter.draws
        return self.budget if taken is None else taken

    @property
    def completions(self) -> list[Node]:
        """All of them, in the order of the groups."""
        return [node for group in self.groups for node in group]


class LargerSide(NamedTuple):
    """The larger model, which writes whole completions and nothing else."""

    sampler: Sampler
    prompts: Revising


@dataclass(frozen=True, slots=True)
class Questioning:
    """Asks through the memoising samplers and scorers."""

    run: Run
    plan: Plan
    proposing: Side
    revising: Side
    """The same as `proposing` when the generator revises its own attempts."""
    prompts: Revising
    serves: bool = False
    """Whether what is drawn is kept for nobody else: then no trace goes beyond its cap."""
    larger: LargerSide | None = None
    """None where no strategy passes a question on."""

    def root(self, question: Question) -> Node:
        """The question's prompt, before anything was generated."""
        # It is asked for by every search: its text is put into tokens once.
        return self.prompts.start(question, ())

    def root_of(self, question: Question, pool: PoolKey) -> Node:
        """The same, in the tokens of the model whose pool it is."""
        if pool.larger and self.larger:
            return self.larger.prompts.start(question, ())
        return self.root(question)

    def side(self, strategy: Strategy) -> Side:
        """The models that a strategy asks."""
        return self.revising if strategy.form.revises else self.proposing

    def _prompts(self, strategy: Strategy) -> Revising:
        """What its attempts are asked for; only a judge of attempts reads the earlier ones too."""
        if strategy.form.revises or not self.prompts.shown:
            return self.prompts
        return dataclasses.replace(self.prompts, shown=False)

    def models(self, strategy: Strategy) -> tuple[Model, Model | None]:
        """Who writes and who judges under a strategy."""
        return self.run.models(strategy)

    async def pool(self, question: Question) -> list[Node]:
        """The whole completions from which pool strategies choose, scored."""
        nodes = await self.first(question, OWN_POOL, self.plan.pool)
        await self._score(nodes)
        return nodes

    async def pool_of(self, question: Question, pool: PoolKey) -> list[Node]:
        """Any pool that the plan has."""
        for arm in self.plan.arms:
            if arm.pool == pool:
                return await self.arm(question, arm)
        return await self.pool(question)

    async def arm(self, question: Question, arm: Arm) -> list[Node]:
        """A further pool, scored where a strategy asks the verifier."""
        nodes = await self.first(question, arm.pool, self.plan.pool)
        if arm.scored:
            await self._score(nodes)
        return nodes

    async def first(self, question: Question, pool: PoolKey, n: int) -> list[Node]:
        """The first n completions of a pool, not scored."""
        sampling = self.plan.whole(pool.temperature)
        replicate = self.plan.replicate
        root = self.root_of(question, pool)
        sampler = self.proposing.sampler
        if pool.larger and self.larger:
            sampler = self.larger.sampler
        if pool.cap is None:
            return await sampler.children(root, n, sampling=sampling, replicate=replicate)
        if self.serves:
            traces = await sampler.beginnings(
                root, n, sampling=sampling, at_most=pool.cap.limit, replicate=replicate
            )
        else:
            traces = await sampler.children(root, n, sampling=sampling, replicate=replicate)
        return await cap_thinking(
            sampler, self.run.format, traces, pool.cap, sampling=sampling, replicate=replicate
        )

    async def difficulty(self, question: Question) -> list[Node]:
        """The completions that set the question's bin, scored; other draws than the pool's."""
        # Negative replicates never meet the pool's, so that no draw both sets a bin and is
        # measured in it (METHOD §6).
        replicate = -1 - self.plan.replicate
        nodes = await self.proposing.sampler.children(
            self.root(question),
            self.plan.difficulty,
            sampling=self.plan.samplings.whole,
            role="difficulty",
            replicate=replicate,
        )
        await self._score(nodes)
        return nodes

    async def _score(self, nodes: list[Node]) -> None:
        # What was cut at the token limit has no answer, and is shown to no verifier.
        await self.proposing.scorer.scores_of([node for node in nodes if node.ended])

    async def search(self, question: Question, strategy: Strategy, budget: int) -> Result:
        """One search with its consumption, its ended completions scored for the final vote."""
        meter = Meter()
        tools = MeteredTools(
            question,
            self.side(strategy),
            self.plan.samplings,
            self._prompts(strategy),
            meter,
            self.run.study.generator.max_rounds,
            self.plan.replicate,
            partial(classes_of, self.run),
        )
        began = tokens_now()
        groups = await strategy.run(self.root(question), budget, tools)
        meter.latency = tokens_now() - began
        result = Result(question, strategy, budget, groups, meter)
        if strategy.needs_verifier:
            # Through the tools, so that the final vote's scores are the strategy's own cost.
            await tools.scores([node for node in result.completions if node.ended])
        return result

    async def ask(self, question: Question) -> list[OwnFailure]:
        """All strategies × budgets of a question at once; what strategies of files failed with."""
        searches = [self._try(question, *owed) for owed in self.plan.searches]
        arms = [self.arm(question, arm) for arm in self.plan.arms]
        drawn = [self.pool(question), self.difficulty(question), *arms]
        _, *failed = await asyncio.gather(asyncio.gather(*drawn), *searches)
        return [failure for failure in failed if failure is not None]

    async def _try(self, question: Question, strategy: Strategy, budget: int) -> OwnFailure | None:
        """None once the strategy has ended; the draws of all others are of use where it fails."""
        try:
            await self.search(question, strategy, budget)
        except OwnFailure as failure:
            return failure
        return None


def questioning(
    run: Run,
    *,
    sampler: Callable[[Model], Sampler],
    scorer: Callable[[Model | None, Judging], Scorer],
    serves: bool = False,
) -> Questioning:
    """A run's questioning; `sampler` and `scorer` open one for each model.

    A scorer is asked for with what its model judges of a completion.
    """
    study = run.study
    revisions = run.study.revisions
    judging = judging_of(study.verifier, run.format.thinking)
    proposing = Side(sampler(run.generator), scorer(run.verifier, judging))
    revising = proposing
    # One model has one sampler: two would draw the same children twice, and pay twice.
    if run.reviser.fingerprint != run.generator.fingerprint:
        revising = revising._replace(sampler=sampler(run.reviser))
    if revisions and run.judge:
        judge = scorer(run.judge, judging_of(revisions.verifier, run.format.thinking))
        revising = revising._replace(scorer=judge)
    # Only a judge of attempts was trained to read the earlier ones beside the question.
    prompts = Revising(run.format, shown=run.judge is not None)
    larger = None
    if run.larger:
        shown = Revising(run.larger.format, shown=False)
        larger = LargerSide(sampler(run.larger.model), shown)
    return Questioning(run, plan(run), proposing, revising, prompts, serves, larger)


def judging_of(verifier: Verifier | None, thinking: Thinking) -> Judging:
    """What the verifier of a study judges of completions that think so."""
    if verifier is None:
        return EVERY_STEP
    verifier_format = load_verifier_format(verifier.format)
    hidden = NO_THINKING if verifier_format.reads_thinking else thinking
    return Judging(not verifier_format.scores_steps, hidden)
