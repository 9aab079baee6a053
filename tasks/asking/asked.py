"""All that a run asked about one question, replayed once and kept without texts."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tasks.asking.completions import Completion, Keeper
from tasks.asking.costs import Spent
from tasks.asking.questioning import Questioning
from tasks.benchmarks.question import Question
from tasks.draws.sampler import MissingDraws
from tasks.strategies import Strategy
from tasks.strategies.forms import LARGER_POOL, OWN_POOL, PoolKey

NO_ARMS: Mapping[PoolKey, list[Completion]] = MappingProxyType({})


class Searched(NamedTuple):
    """What one search, or the groups of one strategy, ended with on a question."""

    strategy: Strategy
    budget: int
    slots: int
    """Completions it could end with; those it lacks were cut at the token limit."""
    generations: int
    """Those that it took of the budget."""
    groups: list[list[Completion]]
    """One for a search."""
    left: int
    """Slots whose prefixes could have gone on when its rounds ended."""
    spent: Spent
    latencies: Mapping[int, float]
    """Tokens of the longest path by budget: of groups at every budget that is a number of them."""

    @property
    def completions(self) -> list[Completion]:
        """All of them, in the order of the groups."""
        return [one for group in self.groups for one in group]


class Asked(NamedTuple):
    """All that a run asked about one question, and what it got."""

    question: Question
    prompt_tokens: float
    """NaN of a text model."""
    pool: list[Completion]
    """Empty where only the difficulty was asked for."""
    difficulty: list[Completion]
    searches: list[Searched]
    answers: dict[str, str | None]
    """By key, as written, of those completions whose answers were not known; None: no answer."""
    arms: Mapping[PoolKey, list[Completion]] = NO_ARMS
    """Further pools, beside that of the study."""
    larger_prompt_tokens: float = 0.0
    """Of the question's prompt in the tokens of the larger model, where one is asked."""

    def drawn(self, pool: PoolKey) -> list[Completion]:
        """The completions of a pool."""
        return self.pool if pool == OWN_POOL else self.arms[pool]

    def prompt_of(self, pool: PoolKey) -> float:
        """Tokens of the prompt of a pool's completions."""
        return self.larger_prompt_tokens if pool.larger else self.prompt_tokens

    @property
    def keys(self) -> set[str]:
        """Keys of all completions."""
        ended = [*self.pool, *self.difficulty]
        for arm in self.arms.values():
            ended += arm
        for search in self.searches:
            ended += search.completions
        return {one.key for one in ended}


async def ask_everything(asking: Questioning, question: Question, known: Collection[str]) -> Asked:
    """The pool, the difficulty and every search; MissingDraws where a replay lacks some.

    `known` are the keys of completions whose answers need not be read.
    """
    keeper = Keeper(asking.run, known)
    scorer = asking.proposing.scorer
    pool = await keeper.keep(scorer, await asking.pool(question))
    difficulty = await keeper.keep(scorer, await asking.difficulty(question))
    arms: dict[PoolKey, list[Completion]] = {}
    for arm in asking.plan.arms:
        arms[arm.pool] = await keeper.keep(scorer, await asking.arm(question, arm))
    searches: list[Searched] = []
    for strategy, budget in asking.plan.searches:
        searches.append(await ask_search(asking, question, strategy, budget, keeper))
    return Asked(
        question,
        asking.root(question).length,
        pool,
        difficulty,
        searches,
        keeper.answers,
        arms,
        asking.root_of(question, LARGER_POOL).length,
    )


async def ask_difficulty(asking: Questioning, question: Question, known: Collection[str]) -> Asked:
    """The difficulty alone, of a question whose outcomes are there."""
    keeper = Keeper(asking.run, known)
    nodes = await asking.difficulty(question)
    difficulty = await keeper.keep(asking.proposing.scorer, nodes)
    return Asked(question, asking.root(question).length, [], difficulty, [], keeper.answers)


async def ask_search(
    asking: Questioning, question: Question, strategy: Strategy, budget: int, keeper: Keeper
) -> Searched:
    """What one search ends with, or the groups of one strategy; MissingDraws as above."""
    result = await asking.search(question, strategy, budget)
    # The scores are those that the search saw: a replay asks no verifier.
    scorer = asking.side(strategy).scorer
    groups = [await keeper.keep(scorer, nodes) for nodes in result.groups]
    latencies = {budget: result.meter.spent().latency}
    if strategy.kind == "groups":
        for smaller in asking.run.study.budgets:
            if smaller < budget and strategy.fits(smaller):
                latencies[smaller] = await _latency(asking, question, strategy, smaller)
    return Searched(
        strategy=strategy,
        budget=budget,
        slots=result.slots,
        generations=result.generations,
        groups=groups,
        left=result.meter.left,
        spent=result.meter.spent(),
        latencies=latencies,
    )


async def _latency(
    asking: Questioning, question: Question, strategy: Strategy, budget: int
) -> float:
    """Tokens of the longest path of the first so many groups, which are alike; NaN: unknown.

    Unlike all else that they cost it is no share of what all groups took.
    """
    try:
        result = await asking.search(question, strategy, budget)
    # A strategy whose groups do not nest would draw others: nobody knows how long those take.
    except MissingDraws:
        return math.nan
    return result.meter.spent().latency
