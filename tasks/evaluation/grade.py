"""Answers of all completions that a run ended with, and their verdicts."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import polars as pl

from tasks.asking.questioning import Questioning
from tasks.asking.replay import replay_questions
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.draws.sampler import MissingDraws
from tasks.protocols import FineGrader
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
    known = _known_answers(store, run)
    unread = [node for node in nodes if node.key not in known]
    store.append("answers", _answers(run, unread))
    return store.append("grades", _verdicts(run, _ungraded(store, run)))


def _known_answers(store: Store, run: Run) -> set[str]:
    """Keys of the completions whose answers are written down: to class one may mean to run it."""
    known = store.read(
        "SELECT node_key FROM answers "
        "WHERE benchmark_fingerprint = $benchmark AND grader = $grader",
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
    )
    return set(known["node_key"])


async def _replay_completions(store: Store, run: Run) -> list[Node]:
    """Every distinct completion that any strategy ended with, cut ones included."""
    # By key: strategies and budgets share completions, and one text is graded once.
    nodes: dict[str, Node] = {}
    for question, asking in replay_questions(store, run):
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
    forms = iter(run.grader.canonical(given))
    classes = iter(_classes(run, given))
    columns = {
        "node_key": [node.key for node in nodes],
        "benchmark_fingerprint": [run.benchmark.fingerprint] * len(nodes),
        "question_id": [node.question.question_id for node in nodes],
        "grader": [run.grader.version] * len(nodes),
        "answer": answers,
        "canonical": [None if answer is None else next(forms) for answer in answers],
        "class": [None if answer is None else next(classes) for answer in answers],
    }
    # Kinds named outright: in a run without any answer two columns hold NULL alone.
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _classes(run: Run, given: list[tuple[Question, str]]) -> list[str | None]:
    """The column `class`: NULL where a vote is for the canonical form, "" where there is none."""
    if not isinstance(run.grader, FineGrader):
        return [None] * len(given)
    return [voted or "" for voted in run.grader.classes(given)]


def _ungraded(store: Store, run: Run) -> pl.DataFrame:
    """(question_id, canonical, answer) of answers without a verdict, in an order of their own.

    One spelling stands for all of its form: the verdict is on the canonical answer.
    """
    return store.read(
        "SELECT question_id, canonical, min(answer) AS answer "
        "FROM answers ANTI JOIN grades "
        "USING (benchmark_fingerprint, question_id, canonical, grader) "
        "WHERE benchmark_fingerprint = $benchmark AND grader = $grader AND canonical IS NOT NULL "
        "GROUP BY question_id, canonical ORDER BY question_id, canonical",
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
    )


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
