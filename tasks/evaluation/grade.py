"""A run's questions replayed in batches, their completions' answers read and graded."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.asking.asked import Asked, ask_difficulty, ask_everything
from tasks.asking.completions import answer_of, load_answers
from tasks.asking.plan import plan
from tasks.asking.replay import replay_questions
from tasks.asking.token_time import run_in_token_time
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.draws.sampler import MissingDraws
from tasks.protocols import FineGrader
from tasks.runs.events import stage
from tasks.runs.run import Run
from warehouse.store import Store

BATCH_COMPLETIONS = 20_000
"""About as many are held at once, a few MB: enough to keep a grader's processes busy."""


class Batch(NamedTuple):
    """Questions whose completions are graded: answers and verdicts are in the warehouse."""

    asked: list[Asked]
    verdicts: int
    """How many are new."""

    @property
    def keys(self) -> set[str]:
        """Keys of all completions."""
        return {key for one in self.asked for key in one.keys}


class WrittenAnswer(NamedTuple):
    """An answer as its completion has it."""

    key: str
    """Of the completion."""
    question: Question
    answer: str | None


def run(folder: Path, run_id: str) -> int:
    """Verdicts alone, for what asks no more of a run than who was right; how many are new."""
    with stage(folder, run_id, "grade") as (store, run):
        return sum(batch.verdicts for batch in graded_batches(store, run))


def graded_batches(store: Store, run: Run, measured: Collection[str] = ()) -> Iterator[Batch]:
    """The questions of a run in their order, each replayed once and let go with its batch.

    Of those in `measured`, by id, the difficulty alone is replayed. A question with missing draws
    is left out. Every distinct (question, answer) pair is decided once, for all runs.
    """
    questions = run.benchmark.questions
    size = max(1, BATCH_COMPLETIONS // _completions_of_each(run))
    # Closed at the end alone: a grader may hold processes of its own.
    with contextlib.closing(run.grader):
        for start in range(0, len(questions), size):
            some = questions[start : start + size]
            asked = run_in_token_time(_ask_again(store, run, some, measured))
            verdicts = _grade_answers(store, run, some, _written(asked))
            yield Batch(asked, verdicts)


def _completions_of_each(run: Run) -> int:
    """How many a question ends with at most."""
    owed = plan(run)
    searched = (strategy.slots(budget) for strategy, budget in owed.searches)
    pools = owed.pool * (1 + len(owed.arms))
    return pools + owed.difficulty + sum(searched)


async def _ask_again(
    store: Store, run: Run, questions: Sequence[Question], measured: Collection[str]
) -> list[Asked]:
    known = _known_answers(store, run, questions)
    everything: list[Asked] = []
    for question, asking in replay_questions(store, run, questions):
        if question.question_id in measured:
            everything.append(await ask_difficulty(asking, question, known))
            continue
        # A question with missing draws gets no outcome either, and the run stays incomplete.
        with contextlib.suppress(MissingDraws):
            everything.append(await ask_everything(asking, question, known))
    return everything


def _known_answers(store: Store, run: Run, questions: Sequence[Question]) -> set[str]:
    """Keys of the completions whose answers are written down: to class one may mean to run it.

    Of these questions and of the run's own models: others have answered them night after night.
    """
    models = {model.fingerprint for model in run.writers}
    known = store.read(
        "SELECT node_key FROM answers SEMI JOIN wanted USING (question_id) "
        "WHERE benchmark_fingerprint = $benchmark AND grader = $grader AND node_key IN ("
        "SELECT node_key FROM draws SEMI JOIN wanted USING (question_id) "
        "SEMI JOIN models USING (model_fingerprint) WHERE stop <> 'step')",
        wanted=_ids(questions),
        models=pl.DataFrame({"model_fingerprint": sorted(models)}),
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
    )
    return set(known["node_key"])


def _ids(questions: Sequence[Question]) -> pl.DataFrame:
    return pl.DataFrame({"question_id": [question.question_id for question in questions]})


def _written(asked: Sequence[Asked]) -> list[WrittenAnswer]:
    return [
        WrittenAnswer(key, one.question, answer)
        for one in asked
        for key, answer in one.answers.items()
    ]


def grade_completions(store: Store, run: Run, nodes: Sequence[Node]) -> int:
    """Number of new verdicts on these completions of the run's questions.

    Their answers and verdicts are then in the warehouse.
    """
    known = load_answers(store, run, [node.key for node in nodes])
    written: dict[str, WrittenAnswer] = {}
    for node in nodes:
        if node.key not in known:
            written[node.key] = WrittenAnswer(node.key, node.question, answer_of(run, node))
    with contextlib.closing(run.grader):
        return _grade_answers(store, run, run.benchmark.questions, list(written.values()))


def _grade_answers(
    store: Store, run: Run, questions: Sequence[Question], written: Sequence[WrittenAnswer]
) -> int:
    """Number of new verdicts, once these answers and all verdicts on them are written down."""
    store.append("answers", _answer_rows(run, written))
    ungraded = _ungraded(store, run, questions)
    return store.append("grades", _verdicts(run, questions, ungraded))


def _answer_rows(run: Run, written: Sequence[WrittenAnswer]) -> pl.DataFrame:
    """One row a completion, with the canonical form and the class of its answer."""
    given = [(one.question, one.answer) for one in written if one.answer is not None]
    forms = iter(run.grader.canonical(given))
    classes = iter(_classes(run, given))
    columns = {
        "node_key": [one.key for one in written],
        "benchmark_fingerprint": [run.benchmark.fingerprint] * len(written),
        "question_id": [one.question.question_id for one in written],
        "grader": [run.grader.version] * len(written),
        "answer": [one.answer for one in written],
        "canonical": [None if one.answer is None else next(forms) for one in written],
        "class": [None if one.answer is None else next(classes) for one in written],
    }
    # Kinds named outright: in a run without any answer two columns hold NULL alone.
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _classes(run: Run, given: list[tuple[Question, str]]) -> list[str | None]:
    """The column `class`: NULL where a vote is for the canonical form, "" where there is none."""
    if not isinstance(run.grader, FineGrader):
        return [None] * len(given)
    return [voted or "" for voted in run.grader.classes(given)]


def _ungraded(store: Store, run: Run, questions: Sequence[Question]) -> pl.DataFrame:
    """(question_id, canonical, answer) of answers without a verdict, in an order of their own.

    One spelling stands for all of its form: the verdict is on the canonical answer. Those of an
    earlier stage that was killed before it graded them are among them.
    """
    return store.read(
        "SELECT question_id, canonical, min(answer) AS answer "
        "FROM answers SEMI JOIN wanted USING (question_id) "
        "ANTI JOIN grades USING (benchmark_fingerprint, question_id, canonical, grader) "
        "WHERE benchmark_fingerprint = $benchmark AND grader = $grader AND canonical IS NOT NULL "
        "GROUP BY question_id, canonical ORDER BY question_id, canonical",
        wanted=_ids(questions),
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
    )


def _verdicts(run: Run, questions: Sequence[Question], answers: pl.DataFrame) -> pl.DataFrame:
    asked = {question.question_id: question for question in questions}
    pairs = [(asked[question_id], answer) for question_id, _, answer in answers.iter_rows()]
    verdicts = run.grader.grade(pairs)
    return answers.select(
        pl.lit(run.benchmark.fingerprint).alias("benchmark_fingerprint"),
        "question_id",
        "canonical",
        pl.lit(run.grader.version).alias("grader"),
        pl.Series("verdict", verdicts, dtype=pl.String),
    )
