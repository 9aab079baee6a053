"""Expected accuracy and cost of every strategy that chooses from a pool, on one question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tasks.asking.asked import Asked
from tasks.asking.completions import Answer, Completion, GradedCompletion, join_answer
from tasks.asking.costs import Rates, Spent, costs
from tasks.benchmarks.question import Question
from tasks.runs.run import Run
from tasks.statistics.arrays import Floats
from tasks.statistics.estimators import Pool
from tasks.statistics.subsets import expected_longest
from tasks.strategies.forms import (
    LARGER_POOL,
    OWN_POOL,
    Passed,
    PoolFigure,
    PoolKey,
    QuestionPool,
)

Shares = dict[str, float | None]
"""Of the completions that a strategy had, those that were lost, by column of `outcomes`."""
Row = dict[str, Any]
"""One row of the table `outcomes`, or a part of one."""


class Figure(NamedTuple):
    """What a strategy reached at one budget; its answer only where a single run of it decided."""

    budget: int
    accuracy: float
    mc_error: float
    answer: str | None
    repeats: float
    """Independent draws behind the accuracy."""


def pool_rows(run: Run, asked: Asked, answers: Mapping[str, Answer], rates: Rates) -> list[Row]:
    """Rows of all pool strategies at all budgets, over random subsets of the pool they name."""
    rows: list[Row] = []
    for name in (OWN_POOL, *asked.arms):
        rows += _rows_of_pool(run, asked, answers, rates, name)
    return rows


def _rows_of_pool(
    run: Run,
    asked: Asked,
    answers: Mapping[str, Answer],
    rates: Rates,
    name: PoolKey,
) -> list[Row]:
    """Those of one pool, with what its cascades leave to the larger model."""
    own = _read_pool(asked, answers, name)
    # What cascades pass on is answered at the temperature at which they drew themselves.
    behind = name._replace(larger=True)
    passes = behind in asked.arms and not name.larger
    larger = _read_pool(asked, answers, behind) if passes else None
    pool = QuestionPool.of(
        own.pool,
        run.study.budgets,
        seed=seed_of(run, asked.question),
        larger=larger.pool if larger else None,
    )
    rows: list[Row] = []
    for key, figure, scored in _pool_figures(run, pool, name):
        spent = own.spent(figure, scored=scored)
        writer = run.writer_of(name)
        cost = costs(
            writer,
            run.verifier,
            figure.generations,
            spent,
            rates,
        )
        shares = own.shares
        repeats = own.repeats(figure.budget)
        if figure.passed and larger:
            # The model with fewer draws for what it is asked is the one that can err more.
            repeats = min(repeats, larger.repeats(figure.passed.draws))
            cost = _add(cost, _passed_costs(run, larger, figure.passed, rates))
            draws = figure.drawn - figure.generations
            shares = _mixed(
                own.shares,
                figure.generations,
                larger.shares,
                draws,
            )
        reached = Figure(
            figure.budget,
            figure.accuracy,
            figure.mc_error,
            None,
            repeats,
        )
        row = {"strategy": key, **reached._asdict()}
        rows.append(row | shares | cost)
    return rows


class _ReadPool(NamedTuple):
    """A pool with its answers, what a draw of it takes, and how many of them are lost."""

    pool: Pool
    draw: _MeanDraw
    tokens: Floats
    shares: Shares

    def spent(self, figure: PoolFigure, *, scored: bool) -> Spent:
        """What a strategy that chooses from it takes of it."""
        spent = self.draw.spent(figure, scored=scored)
        if figure.tokens is not None:
            spent = spent._replace(generated=figure.tokens)
        longest = figure.latency
        if longest is None:
            longest = expected_longest(self.tokens, figure.budget)
        return spent._replace(latency=longest)

    def repeats(self, draws: int) -> float:
        """How many subsets of so many draws fit in, none of them in two."""
        return len(self.tokens) / draws

    def spent_on(self, passed: Passed) -> Spent:
        """What the larger model takes on average, over questions that it is not asked too."""
        asked = PoolFigure(
            budget=passed.draws,
            accuracy=0.0,
            mc_error=0.0,
            generations=float(passed.draws),
        )
        spent = self.spent(asked, scored=False)
        # Who waits for the larger model has waited for the small one before.
        latency = spent.latency * passed.chance
        return spent.share(passed.chance)._replace(latency=latency)


def _passed_costs(run: Run, larger: _ReadPool, passed: Passed, rates: Rates) -> dict[str, float]:
    """The cost columns of what is passed on; no verifier is asked of it."""
    writer = run.writer_of(LARGER_POOL)
    return costs(
        writer,
        None,
        passed.chance * passed.draws,
        larger.spent_on(passed),
        rates,
    )


def _add(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """Column by column: what follows each other is waited for one after the other too."""
    return {column: one[column] + other[column] for column in one}


def _read_pool(asked: Asked, answers: Mapping[str, Answer], name: PoolKey) -> _ReadPool:
    """The pool of a name, as its completions were answered."""
    completions = asked.drawn(name)
    reads = [join_answer(one, answers) for one in completions]
    cut = sum(one.stop == "limit" for one in completions)
    forced = sum(one.again.forced for one in completions) if name.cap else None
    tokens = [one.generated_tokens for one in completions]
    prompt = asked.prompt_of(name)
    shares = lost_shares(
        reads,
        cut=cut,
        left=None,
        forced=forced,
        of=len(reads),
    )
    return _ReadPool(
        pool=pool_of(reads),
        draw=_mean_draw(completions, prompt),
        tokens=np.array(tokens, dtype=np.float64),
        shares=shares,
    )


def _mixed(own: Shares, count: float, other: Shares, more: float) -> Shares:
    """Shares of the completions of two models, by how many each has written."""
    mixed: Shares = {}
    for name, share in own.items():
        second = other[name]
        if share is None or second is None:
            mixed[name] = None
            continue
        lost = share * count + second * more
        mixed[name] = lost / (count + more)
    return mixed


def _pool_figures(
    run: Run, pool: QuestionPool, name: PoolKey
) -> Iterator[tuple[str, PoolFigure, bool]]:
    """(key, figure, whether the verifier was asked) of every strategy of a pool.

    Coverage is that of the study's own pool.
    """
    for figure in pool.figures("pass") if name == OWN_POOL else ():
        yield "pass", figure, False
    for strategy in map(run.study.strategy, run.study.strategies):
        if strategy.kind == "pool" and strategy.pool == name:
            for figure in strategy.estimate(pool):
                yield strategy.key, figure, strategy.needs_verifier


class _MeanDraw(NamedTuple):
    """Tokens of one draw of a pool, on average; every draw has the same prompt."""

    prompt: float
    generated: float
    verified: float
    again: float
    """Prompt tokens of its requests but the first, to go on from thinking that was cut."""
    again_cached: float

    def spent(self, figure: PoolFigure, *, scored: bool) -> Spent:
        """What its draws take; each request reads the prompt, which a cache has after the first."""
        draws = figure.generations
        return Spent(
            generated=self.generated * draws,
            prompt=self.prompt * figure.rounds + self.again * draws,
            verifier=self.verified * draws if scored else 0.0,
            cached=self.prompt * (figure.rounds - 1) + self.again_cached * draws,
        )


def _mean_draw(completions: Sequence[Completion], prompt: float) -> _MeanDraw:
    """Of completions of one prompt; NaN where nobody told the tokens of one."""
    generated = sum(one.generated_tokens for one in completions)
    verified = sum(one.verifier_tokens for one in completions)
    again = sum(one.again.prompt_tokens for one in completions)
    cached = sum(one.again.cached_tokens for one in completions)
    return _MeanDraw(
        prompt=prompt,
        generated=generated / len(completions),
        verified=verified / len(completions),
        again=again / len(completions),
        again_cached=cached / len(completions),
    )


def lost_shares(
    reads: list[GradedCompletion], *, cut: int, left: int | None, forced: int | None, of: int
) -> Shares:
    """Shares of the budget's completions: without an answer, cut, and of those by the rounds.

    The last is None for what has no rounds, as the share whose thinking was cut for what caps none.
    """
    # Completions that a search lacks of its slots were cut before they could answer.
    silent = sum(read.canonical is None for read in reads) + of - len(reads)
    return {
        "no_answer": silent / of,
        "truncated": cut / of,
        "out_of_rounds": None if left is None else left / of,
        "forced_ends": None if forced is None else forced / of,
    }


def pool_of(reads: list[GradedCompletion]) -> Pool:
    """The completions as arrays; classes of answers are numbered as they are first met.

    −1 stands for no vote, NaN for no score and for tokens that nobody told.
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
        tokens=np.array([read.generated_tokens for read in reads], dtype=np.float64),
        confidences=tuple(read.confidence for read in reads),
    )


def seed_of(run: Run, question: Question) -> int:
    """Seed of the random subsets of one question: the same in every run with the study's seed."""
    text = f"{run.study.seed}|{question.question_id}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
