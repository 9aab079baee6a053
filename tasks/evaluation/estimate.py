"""Expected accuracy and cost of every strategy at every budget on every question."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.asking.completions import CompletionReader, GradedCompletion
from tasks.asking.costs import Spent, costs
from tasks.asking.questioning import Questioning, Result
from tasks.asking.replay import replay_run
from tasks.benchmarks.question import Question
from tasks.draws.sampler import MissingDraws
from tasks.runs.events import stage
from tasks.runs.run import Run
from tasks.statistics.adaptive import Rule, adaptive_estimates
from tasks.statistics.estimators import Pool, pool_estimates
from tasks.statistics.groups import group_estimates
from tasks.statistics.selectors import SELECTORS, Candidate
from tasks.strategies import parse


def run(folder: Path, run_id: str) -> int:
    """Write the outcomes of all questions whose draws are there; returns how many rows are new.

    A question with missing draws gets no row, so that its run stays incomplete.
    """
    with stage(folder, run_id, "estimate") as (store, run):
        rows = asyncio.run(_rows(run, CompletionReader(store, run), replay_run(store, run)))
        return store.append("outcomes", pl.DataFrame(rows, infer_schema_length=None)) if rows else 0


async def _rows(run: Run, reader: CompletionReader, asking: Questioning) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for question in run.benchmark.questions:
        try:
            mine = await _pool_rows(run, reader, asking, question)
            for strategy, budget in asking.plan.searches:
                mine += await _made_rows(
                    run, reader, asking, await asking.search(question, strategy, budget)
                )
        except MissingDraws:
            continue
        rows += [{"run_id": run.run_id, "question_id": question.question_id, **row} for row in mine]
    return rows


async def _pool_rows(
    run: Run, reader: CompletionReader, asking: Questioning, question: Question
) -> list[dict[str, Any]]:
    """Rows of all pool strategies at all budgets, estimated over random subsets of one pool (METHOD §10)."""
    nodes = await asking.pool(question)
    reads = await reader.read(asking.proposing.scorer, nodes)
    prompt = float(len(asking.root(question).token_ids))
    generated = sum(node.generated_tokens for node in nodes) / len(nodes)
    verifier = sum(read.verifier_tokens for read in reads) / len(nodes)
    shares = _shares(reads, cut=sum(node.stop == "limit" for node in nodes), of=len(nodes))
    return [
        {
            "strategy": figure.strategy,
            "budget": figure.budget,
            "accuracy": figure.accuracy,
            "mc_error": figure.mc_error,
            "answer": None,
            **shares,
            **costs(
                run.generator,
                run.verifier,
                figure.generations,
                Spent(
                    generated * figure.generations,
                    prompt,
                    verifier * figure.generations if figure.scored else 0.0,
                ),
            ),
        }
        for figure in _pool_figures(run, _pool(reads), seed=_seed(run, question))
    ]


class _Figure(NamedTuple):
    strategy: str
    budget: int
    accuracy: float
    mc_error: float
    generations: float
    scored: bool = False


def _pool_figures(run: Run, pool: Pool, *, seed: int) -> list[_Figure]:
    budgets = run.study.budgets
    strategies = [
        strategy for strategy in map(parse, run.study.strategies) if strategy.kind == "pool"
    ]
    scored = {"pass": False} | {s.key: s.needs_verifier for s in strategies}
    estimates = pool_estimates(pool, budgets, seed=seed)
    majority = {one.budget: one for one in estimates if one.selector == "majority"}
    figures = [
        _Figure(
            one.selector, one.budget, one.accuracy, one.mc_error, one.budget, scored[one.selector]
        )
        for one in estimates
        if one.selector in scored
    ]
    for strategy in strategies:
        if strategy.options:
            rule = Rule(**dict[str, Any](strategy.options))
            for one in adaptive_estimates(pool, budgets, rule=rule, seed=seed):
                same = majority[one.budget] if one.budget <= rule.earliest else one
                figures.append(
                    _Figure(strategy.key, one.budget, same.accuracy, same.mc_error, one.generations)
                )
    return figures


async def _made_rows(
    run: Run, reader: CompletionReader, asking: Questioning, result: Result
) -> list[dict[str, Any]]:
    """The row of one search, or of groups at every budget that is a number of them."""
    reads = await reader.read(asking.side(result.strategy).scorer, result.completions)
    cut = sum(not node.ended for node in result.completions) + result.slots - len(reads)
    meter, rows = result.meter, []
    for figure in _figures(run, result, reads):
        share = figure.budget / result.budget
        spent = Spent(
            meter.generated_tokens * share,
            meter.prompt_tokens * share,
            meter.verifier_tokens * share,
            meter.cached_tokens * share,
        )
        rows.append(
            {
                "strategy": result.strategy.key,
                "budget": figure.budget,
                "accuracy": figure.accuracy,
                "mc_error": figure.mc_error,
                "answer": figure.answer,
                **_shares(reads, cut=cut, of=result.slots),
                **costs(*asking.models(result.strategy), figure.budget, spent),
            }
        )
    return rows


class _Made(NamedTuple):
    budget: int
    accuracy: float
    mc_error: float
    answer: str | None


def _figures(run: Run, result: Result, reads: list[GradedCompletion]) -> list[_Made]:
    strategy, groups = result.strategy, result.groups
    budgets = [budget for budget in run.study.budgets if strategy.fits(budget)]
    if not reads:
        return [
            _Made(budget, 0.0, 0.0, None)
            for budget in (budgets if strategy.kind == "groups" else [result.budget])
        ]
    if strategy.kind == "search":
        choice = SELECTORS[strategy.selector]([Candidate(r.canonical, r.score) for r in reads])
        right = {r.canonical for r in reads if r.correct}
        return [
            _Made(
                result.budget,
                sum(c for a, c in choice.credits.items() if a in right),
                0.0,
                choice.answer,
            )
        ]
    size = result.budget // len(groups)
    starts = [0, *accumulate(map(len, groups))]
    members = [range(start, end) for start, end in pairwise(starts)]
    seed = _seed(run, result.question)
    found = group_estimates(
        _pool(reads),
        members,
        [budget // size for budget in budgets],
        selector=strategy.selector,
        seed=seed,
    )
    return [
        _Made(budget, one.accuracy, one.mc_error, None)
        for budget, one in zip(budgets, found, strict=True)
    ]


def _shares(reads: list[GradedCompletion], *, cut: int, of: int) -> dict[str, float]:
    """Shares of the budget's completions without an answer, and cut at the token limit."""
    silent = sum(read.canonical is None for read in reads) + of - len(reads)
    return {"no_answer": silent / of, "truncated": cut / of}


def _pool(reads: list[GradedCompletion]) -> Pool:
    classes: dict[str, int] = {}
    answers = [
        -1 if r.canonical is None else classes.setdefault(r.canonical, len(classes)) for r in reads
    ]
    return Pool(
        answers=np.array(answers, dtype=np.int64),
        correct=np.array([r.correct for r in reads]),
        scores=np.array([np.nan if r.score is None else r.score for r in reads], dtype=np.float64),
    )


def _seed(run: Run, question: Question) -> int:
    text = f"{run.study.seed}|{question.question_id}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
