"""Strategies of the user's own judged on what a run has drawn: no model is asked (METHOD §13)."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.asking.asked import Asked, Searched, ask_search
from tasks.asking.completions import Answer, Completion, Keeper, load_answers
from tasks.asking.questioning import Questioning
from tasks.asking.replay import replay_questions
from tasks.asking.token_time import run_in_token_time
from tasks.benchmarks.question import Question
from tasks.draws.sampler import MissingDraws
from tasks.evaluation.estimate import estimate_question
from tasks.evaluation.pool_rows import Row
from tasks.evaluation.rates import load_rates
from tasks.protocols import FineGrader
from tasks.runs.loading import load_run, with_study
from tasks.runs.refusals import check_caps, check_thinking
from tasks.runs.run import Run
from tasks.runs.text_refusals import check_text_study
from tasks.statistics.axes import COST_COLUMNS
from tasks.strategies import Strategy
from tasks.strategies.forms import LARGER_POOL, PoolKey
from tasks.strategies.own.failing import Failures
from tasks.strategies.own.pooling import ORDERS
from tasks.study.own_files import read_files
from warehouse.reader import Reader

_EMPTY = {
    "strategy": pl.String,
    "budget": pl.Int64,
    "question_id": pl.String,
    "accuracy": pl.Float64,
    "mc_error": pl.Float64,
    **dict.fromkeys(COST_COLUMNS, pl.Float64),
}
"""Where no question has all that was asked for."""


class Missing(NamedTuple):
    """A question on which a strategy asked for draws that are not stored."""

    strategy: str
    budget: int
    question_id: str


class Replayed(NamedTuple):
    """What strategies reached on stored draws."""

    run: Run
    """The run that was drawn, under a study of these strategies alone."""
    baseline: str
    """Of the study that it was drawn under."""
    outcomes: pl.DataFrame
    """As table `outcomes` has them, of those questions that have all draws they asked for."""
    missing: list[Missing]
    replays: int
    """How often a strategy was run on a question: once an order of its draws, for a pool."""
    seconds: float
    """What reading the draws and replaying them took."""


def replay_strategies(reader: Reader, run_id: str, texts: Sequence[str], folder: Path) -> Replayed:
    """What the strategies reach at every budget of the run; files are read from the folder.

    UserError for what they fail with or overspend, told with how many questions it was on.
    """
    drawn = load_run(reader, run_id)
    run = _run_of(drawn, texts, folder)
    rates = load_rates(reader, run)
    began = time.monotonic()
    failures = Failures()
    missing: list[Missing] = []
    rows: list[Row] = []
    with contextlib.closing(run.grader):
        everything = run_in_token_time(_ask_all(reader, run, failures, missing))
        keys = {key for asked in everything for key in asked.keys}
        known = load_answers(reader, run, keys)
        for asked in everything:
            answers = _answers(run, asked, known)
            with failures.of(asked.question.question_id):
                rows += estimate_question(run, asked, answers, rates)
    failures.raise_all(len(run.benchmark.questions))
    outcomes = pl.DataFrame(rows, _EMPTY if not rows else None, infer_schema_length=None)
    outcomes = outcomes.filter(pl.col("strategy") != "pass")
    seconds = time.monotonic() - began
    return Replayed(run, drawn.study.baseline, outcomes, missing, _count(run, outcomes), seconds)


def _run_of(run: Run, texts: Sequence[str], folder: Path) -> Run:
    """The run under a study of these strategies, with the refusals that a study has."""
    keys, files = read_files(texts, folder)
    study = dataclasses.replace(run.study, strategies=keys, strategy_files=files, baseline=keys[0])
    if run.generator.folder is None:
        check_text_study(study, run.generator.name)
    mine = with_study(run, study)
    check_thinking(mine)
    check_caps(mine)
    return mine


async def _ask_all(
    reader: Reader, run: Run, failures: Failures, missing: list[Missing]
) -> list[Asked]:
    everything: list[Asked] = []
    for question, asking in replay_questions(reader, run):
        with failures.of(question.question_id):
            if asked := await _ask(asking, question, missing):
                everything.append(asked)
    return everything


async def _ask(asking: Questioning, question: Question, missing: list[Missing]) -> Asked | None:
    """What the strategies ask about a question; None where a pool is not whole."""
    keeper = Keeper(asking.run, ())
    scorer = asking.proposing.scorer
    arms: dict[PoolKey, list[Completion]] = {}
    try:
        pool = await keeper.keep(scorer, await asking.pool(question))
        for arm in asking.plan.arms:
            arms[arm.pool] = await keeper.keep(scorer, await asking.arm(question, arm))
    except MissingDraws:
        cells = asking.run.study.cells()
        missing += [Missing(*cell, question.question_id) for cell in cells]
        return None
    searches: list[Searched] = []
    for key in asking.run.study.strategies:
        strategy = asking.run.study.strategy(key)
        searches += await _search(asking, question, strategy, keeper, missing)
    return Asked(
        question,
        asking.root(question).length,
        pool,
        [],
        searches,
        keeper.answers,
        arms,
        asking.root_of(question, LARGER_POOL).length,
    )


async def _search(
    asking: Questioning,
    question: Question,
    strategy: Strategy,
    keeper: Keeper,
    missing: list[Missing],
) -> list[Searched]:
    """What a strategy ends with at every budget that has the draws it asks for."""
    searches: list[Searched] = []
    for budget in _budgets(asking.run, strategy):
        try:
            searches.append(await ask_search(asking, question, strategy, budget, keeper))
        except MissingDraws:
            missing.append(Missing(strategy.key, budget, question.question_id))
            continue
        # Groups of the largest budget hold those of every smaller one.
        if strategy.kind == "groups":
            break
    return searches


def _budgets(run: Run, strategy: Strategy) -> list[int]:
    """Those at which it runs, largest first; none for a pool, which does not run."""
    if strategy.kind == "pool":
        return []
    return [budget for budget in reversed(run.study.budgets) if strategy.fits(budget)]


def _answers(run: Run, asked: Asked, known: Mapping[str, Answer]) -> Mapping[str, Answer]:
    """Answers of all completions: as the warehouse has them, else graded here and now.

    What another strategy ended with was graded with its run; an own one may end with what none did.
    """
    new = {key: text for key, text in asked.answers.items() if key not in known}
    given = {key: text for key, text in new.items() if text is not None}
    pairs = [(asked.question, text) for text in given.values()]
    forms = run.grader.canonical(pairs)
    votes = run.grader.classes(pairs) if isinstance(run.grader, FineGrader) else forms
    verdicts = run.grader.grade(pairs)
    answers = {key: Answer(None, None, correct=False) for key in new}
    for key, form, vote, verdict in zip(given, forms, votes, verdicts, strict=True):
        answers[key] = Answer(form, vote, verdict == "correct")
    return {**known, **answers}


def _count(run: Run, outcomes: pl.DataFrame) -> int:
    """Runs of a strategy on a question: a pool is run once an order, groups are averaged."""
    kinds = {key: run.study.strategy(key).kind for key in run.study.strategies}
    counts = outcomes.group_by("strategy").len().iter_rows()
    return sum(rows * (ORDERS if kinds[key] == "pool" else 1) for key, rows in counts)
