"""The policy at work on one question: probe, bin, strategy, answer with its cost.

METHOD §6 c, §7, §11.2. The same object answers from stored draws and from engines: what differs is
the sampler behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks.asking.capped import look_again
from tasks.asking.costs import NO_RATES, Spent, costs
from tasks.asking.questioning import Questioning, Result
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.serving.policy import Policy, PolicyCell
from tasks.serving.pool import Pool, candidates
from tasks.statistics.probe import Probe
from tasks.statistics.selectors import Candidate, Choice
from tasks.strategies import Strategy
from warehouse.errors import UserError


class Cost(NamedTuple):
    """What an answer took, probe included (METHOD §9)."""

    generations: int
    generated_tokens: int
    prompt_tokens: int
    verifier_tokens: int
    flops: float


class Solved(NamedTuple):
    """An answer, how it came about and what it took."""

    answer: str | None
    """As written; None when no completion has one that can be chosen."""
    canonical: str | None
    """The class that won the vote."""
    text: str | None
    """The completion that is served."""
    score: float | None
    bin: int | None
    """None where no probe is drawn: one strategy for all is recommended, or the probe costs more.
    """
    strategy: str
    budget: int
    """As asked."""
    measured: int
    """The policy's budget whose strategy was used.

    Smaller than asked where the policy lacks that one, or where the probe takes a part of it.
    """
    lost: float | None
    """Share of the strategy's completions in that cell that were cut or gave no answer."""
    recommended: bool
    """False: most completions of every strategy were cut there, and this one stands in."""
    advice: str | None
    """What the policy recommends at the budget, in the words of its report; None: not known."""
    cost: Cost


class _Ending(NamedTuple):
    """What a strategy ended with and what is served of it.

    `searched` is None for a pool, whose nodes are the question's first draws.
    """

    nodes: list[Node]
    candidates: list[Candidate]
    choice: Choice
    searched: Result | None = None

    @property
    def chosen(self) -> tuple[Node | None, float | None]:
        """The completion that is served and its score."""
        index = self.choice.index
        return (None, None) if index is None else (self.nodes[index], self.candidates[index].score)


@dataclass(frozen=True, slots=True)
class Controller:
    """Answers questions under a policy; a replay raises MissingDraws for what was never drawn."""

    asking: Questioning
    policy: Policy
    probe: Probe

    async def solve(self, question: Question, budget: int) -> Solved:
        """The answer within `budget` generations, those of the probe included.

        Ties serve the answer seen first (METHOD §4). UserError for a budget below the smallest
        measured one.
        """
        least = self.policy.budgets[0]
        if budget < least:
            raise UserError(
                f"budget: expected at least {least}, the policy's smallest, got {budget}"
            )
        pool = Pool(self.asking, question)
        bin_ = await self._probe(pool, budget)
        cell = self._cell(bin_, budget, probed=len(pool.drawn))
        own = pool.at(cell.strategy.pool)
        paid = [pool] if own is pool else [pool, own]
        if cell.strategy.kind != "pool":
            ending = await _serve_search(own, cell)
        elif cell.strategy.small:
            behind = Pool(self.asking, question, own.name._replace(larger=True))
            paid.append(behind)
            ending = await _serve_cascade(own, behind, cell)
        else:
            ending = await _serve_pool(own, cell)
        node, score = ending.chosen
        advised = self.policy.advised(budget)
        return Solved(
            answer=self.asking.run.answer(node.text) if node else None,
            canonical=ending.choice.answer,
            text=node.text if node else None,
            score=score,
            bin=bin_,
            strategy=cell.strategy.key,
            budget=budget,
            measured=cell.budget,
            lost=cell.lost,
            recommended=cell.recommended,
            advice=advised.text if advised else None,
            cost=_cost(paid, ending.searched),
        )

    async def _probe(self, pool: Pool, budget: int) -> int | None:
        """The question's bin; None, and nothing is drawn, where a probe does not pay.

        A small budget is spent better on the best single strategy: the policy's own figures say so.
        """
        if not self.policy.pays(budget, probed=self.probe.draws):
            return None
        nodes = await pool.first(self.probe.draws)
        seen = await pool.read(nodes, scored=self.asking.run.verifier is not None)
        answers = [one.answer for one in seen]
        scores = [one.score for one in seen]
        return self.probe.bin(self.probe.value(answers, scores))

    def _cell(self, bin_: int | None, budget: int, *, probed: int) -> PolicyCell:
        if bin_ is None:
            return self.policy.unbinned(budget)
        return self.policy.within(bin_, budget, probed=probed)


async def _serve_pool(pool: Pool, cell: PolicyCell) -> _Ending:
    """What a strategy chooses among draws of one pool."""
    strategy = cell.strategy
    nodes = await _draw_pool(pool, strategy, cell.budget)
    seen = await pool.read(nodes, scored=strategy.needs_verifier)
    return _Ending(nodes, seen, strategy.choose([seen], cell.budget))


async def _serve_cascade(pool: Pool, behind: Pool, cell: PolicyCell) -> _Ending:
    """The first draws where they are answer enough, else what the larger model draws."""
    small = cell.strategy.small or 0
    nodes = await pool.first(small)
    seen = await pool.read(nodes, scored=False)
    if not cell.strategy.keeps(seen):
        nodes = await behind.first(cell.budget - small)
        seen = await behind.read(nodes, scored=False)
    return _Ending(nodes, seen, cell.strategy.choose([seen], cell.budget))


async def _draw_pool(pool: Pool, strategy: Strategy, budget: int) -> list[Node]:
    """The draws to choose from: the whole budget, or a few at a time until the strategy stops."""
    rule = strategy.stop(budget)
    if rule is None:
        return await pool.first(budget)
    # As many as it takes in any case, at once: only what follows has to wait for what was seen.
    nodes = await pool.first(min(rule.earliest, budget))
    while True:
        seen = await pool.read(nodes, scored=strategy.needs_verifier)
        end = rule.stops_at(seen)
        if end is not None or len(nodes) >= budget:
            return nodes[:end]
        nodes = await pool.first(min(len(nodes) + rule.next_draws(seen), budget))


async def _serve_search(pool: Pool, cell: PolicyCell) -> _Ending:
    """What a strategy makes of the budget itself, in one group or several."""
    asking = pool.asking
    strategy = cell.strategy
    result = await asking.search(pool.question, strategy, cell.budget)
    side = asking.side(strategy)
    scored = strategy.needs_verifier
    # Group by group: a hierarchical selector votes within each chain before it votes across them.
    groups = [await candidates(asking, side, group, scored=scored) for group in result.groups]
    seen = [candidate for group in groups for candidate in group]
    choice = strategy.choose(groups, cell.budget)
    return _Ending(result.completions, seen, choice, result)


def _cost(pools: Sequence[Pool], searched: Result | None) -> Cost:
    """Of the first draws and of what the search made; a draw that is both is paid once."""
    parts = [_cost_of_draws(pool, searched) for pool in pools]
    if searched:
        parts.append(_cost_of_search(pools[0], searched))
    total = {name: sum(part[name] for part in parts) for name in parts[0]}
    counts = {name: int(total[name]) for name in Cost._fields if name != "flops"}
    return Cost(flops=total["flops"], **counts)


def _cost_of_draws(pool: Pool, searched: Result | None) -> dict[str, float]:
    """Of the pool's draws but those that the search has counted as its own."""
    run = pool.asking.run
    alone = pool.drawn
    if searched:
        alone = [node for node in pool.drawn if not searched.meter.has_counted(node)]
    rated = _rated_by_search(pool, searched)
    prompt = pool.root.length if alone else 0
    again = [look_again(node, run.format.thinking) for node in alone]
    spent = Spent(
        generated=sum(node.generated_tokens for node in alone),
        prompt=prompt * pool.requests + sum(one.prompt_tokens for one in again),
        verifier=sum(tokens for key, tokens in pool.scored.items() if key not in rated),
        cached=prompt * max(pool.requests - 1, 0) + sum(one.cached_tokens for one in again),
    )
    writer = run.writer_of(pool.name)
    return costs(writer, run.verifier, len(alone), spent, NO_RATES)


def _rated_by_search(pool: Pool, searched: Result | None) -> set[str]:
    """Keys of completions whose scores the search's meter counts; none for another judge."""
    asking = pool.asking
    if searched is None or asking.side(searched.strategy).scorer is not asking.proposing.scorer:
        return set()
    return {node.key for node in searched.completions}


def _cost_of_search(pool: Pool, searched: Result) -> dict[str, float]:
    models = pool.asking.models(searched.strategy)
    return costs(*models, searched.generations, searched.meter.spent(), NO_RATES)
