"""Expected accuracy and cost of every strategy at every budget on every question."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.questioning import Questioning, SearchResult
from tasks.questions import Question
from tasks.reading import Read, Reader
from tasks.replay import replayed
from tasks.runs import Run, stage
from tasks.sampler import MissingDraws
from tasks.statistics.estimators import Pool, pool_estimates
from tasks.statistics.selectors import SELECTORS, Candidate
from tasks.strategies import parse


class Spent(NamedTuple):
    """Tokens as if the strategy ran alone (METHOD §9)."""

    generated: float
    prompt: float
    verifier: float
    cached: float = 0.0
    """Of the prompt tokens; they cost no FLOPs."""


def estimate(folder: Path, run_id: str) -> int:
    """Write the outcomes of all questions whose draws are there; returns how many rows are new.

    A question with missing draws gets no row, so that its run stays incomplete.
    """
    with stage(folder, run_id, "estimate") as (store, run):
        rows = asyncio.run(_rows(run, Reader(store, run), replayed(store, run)))
        return store.append("outcomes", pl.DataFrame(rows, infer_schema_length=None)) if rows else 0


async def _rows(run: Run, reader: Reader, asking: Questioning) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for question in run.benchmark.questions:
        try:
            mine = await _pool_rows(run, reader, asking, question)
            for strategy, budget in asking.plan.searches:
                mine.append(await _search_row(run, reader, asking, await asking.search(question, strategy, budget)))
        except MissingDraws:
            continue
        rows += [{"run_id": run.run_id, "question_id": question.question_id, **row} for row in mine]
    return rows


async def _pool_rows(run: Run, reader: Reader, asking: Questioning, question: Question) -> list[dict[str, Any]]:
    """Rows of all pool strategies at all budgets, estimated over random subsets of one pool (METHOD §10)."""
    nodes = await asking.pool(question)
    reads = await reader.read(asking, nodes)
    names = {"pass": False} | {s.key: s.needs_verifier for s in map(parse, run.study.strategies) if s.is_pool}
    prompt = float(len(asking.root(question).token_ids))
    generated = sum(node.generated_tokens for node in nodes) / len(nodes)
    verifier = sum(read.verifier_tokens for read in reads) / len(nodes)
    shares = _shares(reads, cut=sum(node.stop == "limit" for node in nodes), of=len(nodes))
    return [
        {
            "strategy": figure.selector, "budget": figure.budget,
            "accuracy": figure.accuracy, "mc_error": figure.mc_error, "answer": None, **shares,
            **_costs(run, figure.budget, Spent(
                generated * figure.budget, prompt, verifier * figure.budget if names[figure.selector] else 0.0
            )),
        }
        for figure in pool_estimates(_pool(reads), run.study.budgets, seed=_seed(run, question))
        if figure.selector in names
    ]  # fmt: skip


async def _search_row(run: Run, reader: Reader, asking: Questioning, result: SearchResult) -> dict[str, Any]:
    """The row of one search: a vote among the completions it ended with."""
    reads = await reader.read(asking, result.ended)
    choice = SELECTORS[result.strategy.selector]([Candidate(r.canonical, r.score) for r in reads])
    right = {r.canonical for r in reads if r.correct}
    meter = result.meter
    return {
        "strategy": result.strategy.key, "budget": result.budget,
        "accuracy": sum(credit for answer, credit in choice.credits.items() if answer in right),
        "mc_error": 0.0, "answer": choice.answer,
        **_shares(reads, cut=result.budget - len(reads), of=result.budget),
        **_costs(run, result.budget, Spent(
            meter.generated_tokens, meter.prompt_tokens, meter.verifier_tokens, meter.cached_tokens
        )),
    }  # fmt: skip


def _shares(reads: list[Read], *, cut: int, of: int) -> dict[str, float]:
    """Shares of the budget's completions without an answer, and cut at the token limit."""
    silent = sum(read.canonical is None for read in reads) + of - len(reads)
    return {"no_answer": silent / of, "truncated": cut / of}


def _costs(run: Run, budget: int, spent: Spent) -> dict[str, float]:
    verifier = run.verifier.parameters if run.verifier else 0
    flops = 2.0 * (
        run.generator.parameters * (spent.generated + spent.prompt - spent.cached) + verifier * spent.verifier
    )
    return {
        "generations": float(budget),
        "generated_tokens": float(spent.generated),
        "prompt_tokens": float(spent.prompt),
        "verifier_tokens": float(spent.verifier),
        "flops": flops,
    }


def _pool(reads: list[Read]) -> Pool:
    classes: dict[str, int] = {}
    answers = [-1 if r.canonical is None else classes.setdefault(r.canonical, len(classes)) for r in reads]
    return Pool(
        answers=np.array(answers, dtype=np.int64),
        correct=np.array([r.correct for r in reads]),
        scores=np.array([np.nan if r.score is None else r.score for r in reads], dtype=np.float64),
    )


def _seed(run: Run, question: Question) -> int:
    text = f"{run.study.seed}|{question.question_id}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
