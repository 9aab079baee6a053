"""Questions from files that people have, whatever they are written in."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tasks.benchmarks.choices import with_letters
from tasks.benchmarks.kinds import AnswerKind, Header, guess_kind, read_header
from tasks.benchmarks.loaded import LoadedBenchmark, benchmark_of
from tasks.benchmarks.names import USUAL, Columns, check_columns, mapped, plain_row
from tasks.benchmarks.programs import with_tests
from tasks.benchmarks.question import Question
from tasks.benchmarks.records import Record, read_records
from tasks.benchmarks.rows import read_question
from warehouse.errors import UserError, say

_SUFFIXES = (
    *(".gz", ".zst", ".bz2", ".xz"),
    *(".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".txt"),
)
"""What a benchmark's name is without."""


class QuestionFile(NamedTuple):
    """All questions of a file as they are asked, and what kind of answer they have."""

    questions: list[Question]
    kind: AnswerKind


def load_file(
    name: str, *, count: int | None, seed: int, kind: AnswerKind | None, columns: Columns
) -> LoadedBenchmark:
    """`count` questions (None: all) of the file of that path; its stem is what it is called.

    The kind of answer is that of the study, else of the file's header, else what all rows look
    like. UserError names a bad line or row, or says that there are not so many questions.
    """
    path = Path(name)
    file = read_file(path, kind, columns)
    return chosen(stem(path), file, count=count, seed=seed)


def stem(path: Path) -> str:
    """The file's name without the suffixes that say how it is written: `a.v2` of `a.v2.csv.gz`."""
    name = path.name
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
    return name


def chosen(name: str, file: QuestionFile, *, count: int | None, seed: int) -> LoadedBenchmark:
    """The benchmark of `count` of the questions (None: all)."""
    several = choose(file.questions, count=count, seed=seed)
    return benchmark_of(name, several, file.kind, content=file.questions)


def choose(questions: list[Question], *, count: int | None, seed: int) -> list[Question]:
    """`count` of the questions (None: all) by a hash of seed and id: more keep the fewer.

    UserError when there are not so many.
    """
    available = len(questions)
    if count is not None and count > available:
        raise UserError(
            f"study: questions = {count}, but the benchmark has {available}; "
            "lower it or leave it out"
        )

    # A hash, not a shuffle: a question's place does not depend on which others the file holds.
    def rank(question: Question) -> bytes:
        key = f"{seed}|{question.question_id}"
        return hashlib.sha256(key.encode()).digest()

    return sorted(questions, key=rank)[:count]


def read_file(path: Path, kind: AnswerKind | None = None, columns: Columns = USUAL) -> QuestionFile:
    """Every question of a file, and the kind of its answers.

    `kind` is the study's word, which counts more than the file's header and than its rows; so do
    its `columns`. UserError names a broken line, a doubled id or an empty target.
    """
    if path.is_dir():
        raise UserError(
            f"study: expected a benchmark file, got the folder {str(path)!r}; "
            f"name a file in it, or its split as hf:{path}:test"
        )
    if not path.is_file():
        raise UserError(
            "study: expected benchmark 'congruences' or the path of a file (JSON Lines, JSON, CSV, "
            f"TSV or Parquet) or hf:owner/name:split, got {str(path)!r}; correct the path"
        )
    return read_questions(read_records(path), path, kind, columns)


def read_questions(
    records: Iterable[Record], source: Path, kind: AnswerKind | None, columns: Columns
) -> QuestionFile:
    """Every question of some rows, and the kind of their answers; `source` is what they are of."""
    header, rows = _split_header(list(records))
    check_columns(columns, [row.values for row in rows], str(source))
    questions = _read_rows(rows, columns)
    # An empty file is a mistake, not a benchmark of nothing.
    if not questions:
        raise UserError(f"{source}: expected one question a row, the file has none; add some")
    _warn_of_copies(questions)
    plain = [question for _, question in questions]
    written = header.kind.beside(source.parent) if header.kind else None
    kind = kind or written or guess_kind(plain, source.name)
    if kind.grader != "choice":
        return QuestionFile(plain, kind)
    lettered = [
        with_letters(question, place, shuffle=header.shuffle) for place, question in questions
    ]
    return QuestionFile(lettered, kind)


def _warn_of_copies(questions: list[tuple[str, Question]]) -> None:
    """Says where a question stands again with another target: an answer to both is wrong once."""
    first: dict[tuple[str, tuple[str, ...]], tuple[str, Question]] = {}
    for place, question in questions:
        asked = (question.text, question.choices)
        before, other = first.setdefault(asked, (place, question))
        if question.target != other.target:
            _say(
                f"benchmark: {place} asks what {before} asks, with target {question.target[:60]!r} "
                f"in place of {other.target[:60]!r}; one of them counts as wrong"
            )


@functools.cache
def _say(sentence: str) -> None:
    """A line on stderr, once: every stage of a run reads the benchmark again."""
    say(sentence)


def _split_header(records: list[Record]) -> tuple[Header, list[Record]]:
    """What the first row says of all others, and those."""
    if records and set(records[0].values) == {"ttc"}:
        first = records[0]
        return read_header(first.values["ttc"], first.place), records[1:]
    return Header(), records


def _read_rows(rows: list[Record], columns: Columns) -> list[tuple[str, Question]]:
    """The questions as they are written, each with its place."""
    questions: dict[str, tuple[str, Question]] = {}
    for row in rows:
        question = _read_row(row.values, row, columns)
        if question.question_id in questions:
            raise UserError(
                f"{row.place}: id {question.question_id!r} stands twice; make ids unique"
            )
        questions[question.question_id] = (row.place, question)
    return list(questions.values())


def _read_row(values: dict[str, Any], row: Record, columns: Columns) -> Question:
    tested = with_tests(plain_row(values), row.place)
    return read_question(mapped(tested, values, columns), row.place, row.number)
