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
        return grade_completions(store, run, asyncio.run(_ended(store, run)))


def grade_completions(store: Store, run: Run, nodes: list[Node]) -> int:
    """Number of new verdicts on these completions, whose answers and verdicts are then in the warehouse."""
    answers = _answers(run, nodes)
    store.append("answers", answers)
    return store.append("grades", _verdicts(run, _ungraded(store, run, answers)))


async def _ended(store: Store, run: Run) -> list[Node]:
    """Every distinct completion that any strategy ended with, cut ones included."""
    asking = replay_run(store, run)
    found: dict[str, Node] = {}
    for question in run.benchmark.questions:
        with contextlib.suppress(
            MissingDraws
        ):  # such a question gets no outcome, and the run stays incomplete
            found |= {node.key: node for node in await _ended_on(asking, question)}
    return list(found.values())


async def _ended_on(asking: Questioning, question: Question) -> list[Node]:
    whole = [*await asking.pool(question), *await asking.difficulty(question)]
    searched = [await asking.search(question, s, b) for s, b in asking.plan.searches]
    return [*whole, *(node for result in searched for node in result.completions)]


def _answers(run: Run, nodes: list[Node]) -> pl.DataFrame:
    """One row a completion; a completion cut at the token limit has no answer, whatever it contains."""
    rows = []
    for node in nodes:
        answer = run.format.answer(node.text) if node.ended else None
        rows.append(
            {
                "node_key": node.key,
                "benchmark_fingerprint": run.benchmark.fingerprint,
                "question_id": node.question.question_id,
                "answer": answer,
                "canonical": run.grader.canonical(answer) if answer is not None else None,
            }
        )
    columns = ("node_key", "benchmark_fingerprint", "question_id", "answer", "canonical")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))


def _ungraded(store: Store, run: Run, answers: pl.DataFrame) -> pl.DataFrame:
    """(question_id, canonical, answer) of answers without a verdict; one spelling stands for its class."""
    known = store.read(
        "SELECT question_id, canonical FROM grades WHERE benchmark_fingerprint = $benchmark AND grader = $grader",
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
    )
    given = answers.drop_nulls("canonical").unique(
        ["question_id", "canonical"], keep="first", maintain_order=True
    )
    return given.join(known, on=["question_id", "canonical"], how="anti").select(
        "question_id", "canonical", "answer"
    )


def _verdicts(run: Run, answers: pl.DataFrame) -> pl.DataFrame:
    questions = {question.question_id: question for question in run.benchmark.questions}
    pairs = [(questions[question_id], answer) for question_id, _, answer in answers.iter_rows()]
    with contextlib.closing(run.grader) as grader:
        verdicts = grader.grade(pairs)
    return answers.select(
        pl.lit(run.benchmark.fingerprint).alias("benchmark_fingerprint"),
        "question_id",
        "canonical",
        pl.lit(run.grader.version).alias("grader"),
        pl.Series("verdict", verdicts, dtype=pl.String),
    )
