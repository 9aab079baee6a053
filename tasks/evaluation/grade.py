"""Answers of all completions that a run ended with, and their verdicts."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import polars as pl

from tasks.asking.questioning import Questioning
from tasks.asking.replay import replay_run
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.draws.sampler import MissingDraws
from tasks.runs.events import stage
from tasks.runs.run import Run
from warehouse.store import Store


def run(folder: Path, run_id: str) -> int:
    """Extract, canonicalise and grade what is not graded yet; returns the number of new verdicts.

    Every distinct (question, answer) pair is decided once, for all runs.
    """
    with stage(folder, run_id, "grade") as (store, run):
        nodes = asyncio.run(_replay_completions(store, run))
        return grade_completions(store, run, nodes)


def grade_completions(store: Store, run: Run, nodes: list[Node]) -> int:
    """Number of new verdicts on these completions.

    Their answers and verdicts are then in the warehouse.
    """
    answers = _answers(run, nodes)
    store.append("answers", answers)
    ungraded = _ungraded(store, run, answers)
    return store.append("grades", _verdicts(run, ungraded))


async def _replay_completions(store: Store, run: Run) -> list[Node]:
    """Every distinct completion that any strategy ended with, cut ones included."""
    asking = replay_run(store, run)
    # By key: strategies and budgets share completions, and one text is graded once.
    nodes: dict[str, Node] = {}
    for question in run.benchmark.questions:
        # A question with missing draws gets no outcome either, and the run stays incomplete.
        with contextlib.suppress(MissingDraws):
            for node in await _completions_of(asking, question):
                nodes[node.key] = node
    return list(nodes.values())


async def _completions_of(asking: Questioning, question: Question) -> list[Node]:
    nodes = [*await asking.pool(question), *await asking.difficulty(question)]
    for strategy, budget in asking.plan.searches:
        result = await asking.search(question, strategy, budget)
        nodes += result.completions
    return nodes


def _answers(run: Run, nodes: list[Node]) -> pl.DataFrame:
    """One row a completion; one cut at the token limit has no answer, whatever it contains."""
    # An answer that is read from a cut completion could be half of one (METHOD §16).
    answers = [run.answer(node.text) if node.ended else None for node in nodes]
    asked = zip(nodes, answers, strict=True)
    given = [(node.question, answer) for node, answer in asked if answer is not None]
    classes = iter(run.grader.canonical(given))
    columns = {
        "node_key": [node.key for node in nodes],
        "benchmark_fingerprint": [run.benchmark.fingerprint] * len(nodes),
        "question_id": [node.question.question_id for node in nodes],
        "grader": [run.grader.version] * len(nodes),
        "answer": answers,
        "canonical": [None if answer is None else next(classes) for answer in answers],
    }
    # Kinds named outright: in a run without any answer two columns hold NULL alone.
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _ungraded(store: Store, run: Run, answers: pl.DataFrame) -> pl.DataFrame:
    """(question_id, canonical, answer) of answers without a verdict.

    One spelling stands for its class: the verdict is on the canonical answer.
    """
    known = store.read(
        "SELECT question_id, canonical FROM grades "
        "WHERE benchmark_fingerprint = $benchmark AND grader = $grader",
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
    )
    pair = ["question_id", "canonical"]
    given = answers.drop_nulls("canonical").unique(pair, keep="first", maintain_order=True)
    ungraded = given.join(known, on=pair, how="anti")
    return ungraded.select("question_id", "canonical", "answer")


def _verdicts(run: Run, answers: pl.DataFrame) -> pl.DataFrame:
    questions = {question.question_id: question for question in run.benchmark.questions}
    pairs = [(questions[question_id], answer) for question_id, _, answer in answers.iter_rows()]
    # Closed at once: a grader may hold processes of its own.
    with contextlib.closing(run.grader) as grader:
        verdicts = grader.grade(pairs)
    return answers.select(
        pl.lit(run.benchmark.fingerprint).alias("benchmark_fingerprint"),
        "question_id",
        "canonical",
        pl.lit(run.grader.version).alias("grader"),
        pl.Series("verdict", verdicts, dtype=pl.String),
    )
