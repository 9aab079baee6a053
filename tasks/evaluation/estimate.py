"""Expected accuracy and cost of every strategy at every budget on one question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from tasks.asking.asked import Asked, Searched
from tasks.asking.completions import Answer, Completion, GradedCompletion, join_answer
from tasks.asking.costs import Rates, Spent, costs
from tasks.benchmarks.question import Question
from tasks.runs.run import Run
from tasks.statistics.estimators import Pool
from tasks.statistics.groups import group_estimates
from tasks.statistics.selectors import Choice
from tasks.statistics.subsets import expected_longest
from tasks.strategies.forms import OWN_POOL, PoolFigure, PoolKey, QuestionPool

Row = dict[str, Any]
"""One row of the table `outcomes`, or a part of one."""


def estimate_question(
    run: Run, asked: Asked, answers: Mapping[str, Answer], rates: Rates
) -> list[Row]:
    """The rows of table `outcomes` on one question; costs that nobody told are NaN."""
    rows = _pool_rows(run, asked, answers, rates)
    for search in asked.searches:
        rows += _search_rows(run, asked.question, search, answers, rates)
    names = {"run_id": run.run_id, "question_id": asked.question.question_id}
    return [names | row for row in rows]


def _pool_rows(run: Run, asked: Asked, answers: Mapping[str, Answer], rates: Rates) -> list[Row]:
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
    completions = asked.drawn(name)
    reads = [join_answer(one, answers) for one in completions]
    cut = sum(one.stop == "limit" for one in completions)
    forced = sum(one.again.forced for one in completions) if name.cap else None
    shares = _shares(reads, cut=cut, left=None, forced=forced, of=len(reads))
    draw = _mean_draw(completions, asked.prompt_tokens)
    tokens = np.array([one.generated_tokens for one in completions], dtype=np.float64)
    seed = seed_of(run, asked.question)
    pool = QuestionPool.of(pool_of(reads), run.study.budgets, seed=seed)
    rows: list[Row] = []
    for key, figure, scored in _pool_figures(run, pool, name):
        spent = draw.spent(figure, scored=scored)
        if figure.tokens is not None:
            spent = spent._replace(generated=figure.tokens)
        longest = figure.latency
        if longest is None:
            longest = expected_longest(tokens, figure.budget)
        spent = spent._replace(latency=longest)
        cost = costs(run.generator, run.verifier, figure.generations, spent, rates)
        repeats = len(completions) / figure.budget
        reached = _Figure(figure.budget, figure.accuracy, figure.mc_error, None, repeats)
        rows.append({"strategy": key, **reached._asdict(), **shares, **cost})
    return rows


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


def _search_rows(
    run: Run,
    question: Question,
    search: Searched,
    answers: Mapping[str, Answer],
    rates: Rates,
) -> list[Row]:
    """The row of one search, or of groups at every budget that is a number of them.

    Groups are alike, so that a smaller number of them costs its share of what all took.
    """
    ended = search.completions
    reads = [join_answer(one, answers) for one in ended]
    # What a search lacks of its slots was cut on the way; revisions return their cut attempts.
    lacking = search.slots - len(reads)
    cut = lacking + sum(one.stop != "end" for one in ended)
    left = search.left if search.strategy.goes_by_steps else None
    shares = _shares(reads, cut=cut, left=left, forced=None, of=search.slots)
    writer, judge = run.models(search.strategy)
    rows: list[Row] = []
    for figure in _search_figures(run, question, search, reads):
        spent = search.spent.share(figure.budget / search.budget)
        spent = spent._replace(latency=search.latencies[figure.budget])
        # A file's own strategy may take less than its budget.
        generations = search.generations * figure.budget / search.budget
        cost = costs(writer, judge, generations, spent, rates)
        rows.append({"strategy": search.strategy.key, **figure._asdict(), **shares, **cost})
    return rows


def _search_figures(
    run: Run, question: Question, search: Searched, reads: list[GradedCompletion]
) -> list[_Figure]:
    if search.strategy.kind == "search":
        return [_choice_figure(search, reads)]
    budgets = [n for n in run.study.budgets if search.strategy.fits(n)]
    # Where every completion was cut there is nothing to vote, and nothing is right.
    if not reads:
        return [_Figure(n, 0.0, 0.0, None, search.budget / n) for n in budgets]
    return _group_figures(search, reads, budgets, seed=seed_of(run, question))


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


class _Figure(NamedTuple):
    """What a strategy reached at one budget; its answer only where a single run of it decided."""

    budget: int
    accuracy: float
    mc_error: float
    answer: str | None
    repeats: float
    """Independent draws behind the accuracy."""


def _choice_figure(search: Searched, reads: list[GradedCompletion]) -> _Figure:
    candidates = [read.candidate for read in reads]
    choice = search.strategy.choose([candidates], search.budget)
    return _Figure(search.budget, right_share(choice, reads), 0.0, choice.answer, 1.0)


def right_share(choice: Choice, reads: Sequence[GradedCompletion]) -> float:
    """Expected accuracy of a choice among these: tied answers share the credit (METHOD §4)."""
    if choice.index is not None and len(choice.credits) == 1:
        return float(reads[choice.index].correct)
    accuracy = 0.0
    for answer, credit in choice.credits.items():
        members = [read.correct for read in reads if read.vote == answer]
        accuracy += credit * sum(members) / len(members)
    return accuracy


def _group_figures(
    search: Searched, reads: list[GradedCompletion], budgets: list[int], *, seed: int
) -> list[_Figure]:
    """Averages over subsets: a smaller budget is a smaller number of groups (METHOD §10)."""
    size = search.budget // len(search.groups)
    # The completions of all groups stand in one row: a group is a stretch of it.
    starts = [0, *accumulate(map(len, search.groups))]
    members = [range(start, end) for start, end in pairwise(starts)]
    estimates = group_estimates(
        pool_of(reads),
        members,
        [budget // size for budget in budgets],
        selector=search.strategy.selector,
        seed=seed,
    )
    figures: list[_Figure] = []
    for budget, one in zip(budgets, estimates, strict=True):
        repeats = search.budget / budget
        figures.append(_Figure(budget, one.accuracy, one.mc_error, None, repeats))
    return figures


def _shares(
    reads: list[GradedCompletion], *, cut: int, left: int | None, forced: int | None, of: int
) -> dict[str, float | None]:
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
