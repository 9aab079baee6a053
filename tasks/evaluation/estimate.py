"""Expected accuracy and cost of every strategy at every budget on every question."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.asking.completions import CompletionReader, GradedCompletion
from tasks.asking.costs import Spent, costs
from tasks.asking.questioning import Questioning, Result
from tasks.asking.replay import replay_questions
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.draws.sampler import MissingDraws
from tasks.runs.events import stage
from tasks.runs.run import Run
from tasks.statistics.arrays import Floats
from tasks.statistics.estimators import Pool
from tasks.statistics.groups import group_estimates
from tasks.statistics.selectors import Candidate
from tasks.strategies import parse
from tasks.strategies.forms import PoolFigure, QuestionPool
from warehouse.store import Store

Row = dict[str, Any]
"""One row of the table `outcomes`, or a part of one."""


def run(folder: Path, run_id: str) -> int:
    """Write the outcomes of all questions whose draws are there; returns how many rows are new.

    A question with missing draws gets no row, so that its run stays incomplete.
    """
    with stage(folder, run_id, "estimate") as (store, run):
        rows = asyncio.run(_all_rows(store, run))
        if not rows:
            return 0
        outcomes = pl.DataFrame(rows, infer_schema_length=None)
        # Costs that rest on what nobody told are NaN, and NULL in the warehouse.
        return store.append("outcomes", outcomes.fill_nan(None))


async def _all_rows(store: Store, run: Run) -> list[Row]:
    reader = CompletionReader(store, run)
    rows: list[Row] = []
    for question, asking in replay_questions(store, run):
        try:
            outcomes = await _Estimation(run, reader, asking)._question_rows(question)
        except MissingDraws:
            # Rather none than some: a question counts at every cell, or at none.
            continue
        names = {"run_id": run.run_id, "question_id": question.question_id}
        rows += [names | outcome for outcome in outcomes]
    return rows


@dataclass(frozen=True, slots=True)
class _Estimation:
    """One run, what became of its completions, and its strategies to be run again."""

    run: Run
    reader: CompletionReader
    asking: Questioning

    async def _question_rows(self, question: Question) -> list[Row]:
        rows = await self._pool_rows(question)
        for strategy, budget in self.asking.plan.searches:
            result = await self.asking.search(question, strategy, budget)
            rows += await self._search_rows(result)
        return rows

    async def _pool_rows(self, question: Question) -> list[Row]:
        """Rows of all pool strategies at all budgets, over random subsets of one pool."""
        nodes = await self.asking.pool(question)
        reads = await self.reader.read(self.asking.proposing.scorer, nodes)
        cut = sum(node.stop == "limit" for node in nodes)
        shares = _shares(reads, cut=cut, left=None, of=len(nodes))
        draw = _mean_draw(self.asking.root(question), nodes, reads)
        seed = _seed(self.run, question)
        tokens = np.array([node.generated_tokens for node in nodes], dtype=np.float64)
        pool = QuestionPool.of(_pool(reads, tokens), self.run.study.budgets, seed=seed)
        generator = self.run.generator
        verifier = self.run.verifier
        rows: list[Row] = []
        for key, figure, scored in self._pool_figures(pool):
            spent = draw.spent(figure.generations, scored=scored)
            if figure.tokens is not None:
                spent = spent._replace(generated=figure.tokens)
            cost = costs(generator, verifier, figure.generations, spent)
            reached = _Figure(figure.budget, figure.accuracy, figure.mc_error, None)
            rows.append({"strategy": key, **reached._asdict(), **shares, **cost})
        return rows

    def _pool_figures(self, pool: QuestionPool) -> Iterator[tuple[str, PoolFigure, bool]]:
        """(key, figure, whether the verifier was asked) of coverage and of every pool strategy."""
        for figure in pool.figures("pass"):
            yield "pass", figure, False
        for strategy in map(parse, self.run.study.strategies):
            if strategy.kind == "pool":
                for figure in strategy.estimate(pool):
                    yield strategy.key, figure, strategy.needs_verifier

    async def _search_rows(self, result: Result) -> list[Row]:
        """The row of one search, or of groups at every budget that is a number of them.

        Groups are alike, so that a smaller number of them costs its share of what all took.
        """
        # The scores are those that the search saw: a replay asks no verifier.
        scorer = self.asking.side(result.strategy).scorer
        reads = await self.reader.read(scorer, result.completions)
        # What a search lacks of its slots was cut on the way; revisions return their cut attempts.
        lacking = result.slots - len(reads)
        cut = lacking + sum(not node.ended for node in result.completions)
        left = result.meter.left if result.strategy.scores_steps else None
        shares = _shares(reads, cut=cut, left=left, of=result.slots)
        rows: list[Row] = []
        for figure in self._search_figures(result, reads):
            key = result.strategy.key
            writer, judge = self.asking.models(result.strategy)
            spent = result.meter.spent(figure.budget / result.budget)
            cost = costs(writer, judge, figure.budget, spent)
            rows.append({"strategy": key, **figure._asdict(), **shares, **cost})
        return rows

    def _search_figures(self, result: Result, reads: list[GradedCompletion]) -> list[_Figure]:
        if result.strategy.kind == "search":
            return [_choice_figure(result, reads)]
        budgets = [n for n in self.run.study.budgets if result.strategy.fits(n)]
        # Where every completion was cut there is nothing to vote, and nothing is right.
        if not reads:
            return [_Figure(budget, 0.0, 0.0, None) for budget in budgets]
        seed = _seed(self.run, result.question)
        return _group_figures(result, reads, budgets, seed=seed)


class _MeanDraw(NamedTuple):
    """Tokens of one draw of a pool, on average; every draw has the same prompt."""

    prompt: float
    generated: float
    verified: float

    def spent(self, generations: float, *, scored: bool) -> Spent:
        """What so many draws of one request take; the prompt is read once."""
        return Spent(
            generated=self.generated * generations,
            prompt=self.prompt,
            verifier=self.verified * generations if scored else 0.0,
        )


def _mean_draw(root: Node, nodes: list[Node], reads: list[GradedCompletion]) -> _MeanDraw:
    generated = sum(node.generated_tokens for node in nodes)
    verified = sum(read.verifier_tokens for read in reads)
    return _MeanDraw(
        prompt=root.length,
        generated=generated / len(nodes),
        verified=verified / len(nodes),
    )


class _Figure(NamedTuple):
    """What a strategy reached at one budget; its answer only where a single run of it decided."""

    budget: int
    accuracy: float
    mc_error: float
    answer: str | None


def _choice_figure(result: Result, reads: list[GradedCompletion]) -> _Figure:
    candidates = [Candidate(read.vote, read.score) for read in reads]
    choice = result.strategy.choose([candidates])
    accuracy = 0.0
    if choice.index is not None and len(choice.credits) == 1:
        accuracy = float(reads[choice.index].correct)
    else:
        # Tied answers share the credit (METHOD §4), so that accuracy is an expectation.
        for answer, credit in choice.credits.items():
            members = [read.correct for read in reads if read.vote == answer]
            accuracy += credit * sum(members) / len(members)
    return _Figure(result.budget, accuracy, 0.0, choice.answer)


def _group_figures(
    result: Result, reads: list[GradedCompletion], budgets: list[int], *, seed: int
) -> list[_Figure]:
    """Averages over subsets: a smaller budget is a smaller number of groups (METHOD §10)."""
    size = result.budget // len(result.groups)
    # The completions of all groups stand in one row: a group is a stretch of it.
    starts = [0, *accumulate(map(len, result.groups))]
    members = [range(start, end) for start, end in pairwise(starts)]
    estimates = group_estimates(
        _pool(reads),
        members,
        [budget // size for budget in budgets],
        selector=result.strategy.selector,
        seed=seed,
    )
    figures: list[_Figure] = []
    for budget, one in zip(budgets, estimates, strict=True):
        figures.append(_Figure(budget, one.accuracy, one.mc_error, None))
    return figures


def _shares(
    reads: list[GradedCompletion], *, cut: int, left: int | None, of: int
) -> dict[str, float | None]:
    """Shares of the budget's completions: without an answer, cut, and of those by the rounds.

    The last is None for what has no rounds.
    """
    # Completions that a search lacks of its slots were cut before they could answer.
    silent = sum(read.canonical is None for read in reads) + of - len(reads)
    return {
        "no_answer": silent / of,
        "truncated": cut / of,
        "out_of_rounds": None if left is None else left / of,
    }


def _pool(reads: list[GradedCompletion], tokens: Floats | None = None) -> Pool:
    """The completions as arrays; classes of answers are numbered as they are first met.

    −1 stands for no vote, NaN for no score.
    """
    classes: dict[str, int] = {}
    answers: list[int] = []
    for read in reads:
        if read.vote is None:
            answers.append(-1)
        else:
            answers.append(classes.setdefault(read.vote, len(classes)))
    scores = [np.nan if read.score is None else read.score for read in reads]
    return Pool(
        answers=np.array(answers, dtype=np.int64),
        # What has no vote is never served, whatever its verdict.
        correct=np.array([read.correct and read.vote is not None for read in reads]),
        scores=np.array(scores, dtype=np.float64),
        tokens=tokens,
    )


def _seed(run: Run, question: Question) -> int:
    """Seed of the random subsets of one question: the same in every run with the study's seed."""
    text = f"{run.study.seed}|{question.question_id}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
