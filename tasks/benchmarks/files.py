"""Questions from files that people have: one JSON object a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tasks.benchmarks.choices import with_letters
from tasks.benchmarks.kinds import AnswerKind, Header, guess_kind, read_header
from tasks.benchmarks.loaded import LoadedBenchmark, benchmark_of
from tasks.benchmarks.programs import with_tests
from tasks.benchmarks.question import Question
from tasks.benchmarks.rows import plain_names, read_question
from warehouse.errors import UserError

_FOREIGN = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a compressed file",
    b"PK\x03\x04": "a zip file",
    b"\xff\xfe": "a text in UTF-16",
    b"\xfe\xff": "a text in UTF-16",
    b"{\0": "a text in UTF-16",
    b"\0{": "a text in UTF-16",
    b"[": "one JSON array",
}
"""What files that are no JSONL begin with."""
_TABLES = {".csv": "a CSV file", ".tsv": "a file with tabs", ".xlsx": "a spreadsheet"}
"""What they are called."""


class QuestionFile(NamedTuple):
    """All questions of a file as they are asked, and what kind of answer they have."""

    questions: list[Question]
    kind: AnswerKind


def load_jsonl(
    name: str, *, count: int | None, seed: int, kind: AnswerKind | None
) -> LoadedBenchmark:
    """`count` questions (None: all) of the file of that path, its stem being the benchmark's name.

    The kind of answer is that of the study, else of the file's header, else what all rows look
    like. UserError names a bad line, or says that there are not so many questions.
    """
    path = Path(name)
    file = read_jsonl(path, kind)
    return benchmark_of(path.stem, choose(file.questions, count=count, seed=seed), file.kind)


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


def read_jsonl(path: Path, kind: AnswerKind | None = None) -> QuestionFile:
    """Every question of a JSONL file, and the kind of its answers.

    `kind` is the study's word, which counts more than the file's header and than its rows.
    UserError names a broken line, a doubled id or an empty target.
    """
    if not path.is_file():
        raise UserError(
            "study: expected benchmark 'congruences' or the path of a JSONL file, "
            f"got {str(path)!r}"
        )
    header, questions = _read_lines(path)
    # An empty file is a mistake, not a benchmark of nothing.
    if not questions:
        raise UserError(f"{path}: expected one JSON object a line, the file has none")
    plain = [question for _, question in questions]
    written = header.kind.beside(path.parent) if header.kind else None
    kind = kind or written or guess_kind(plain, path.name)
    if kind.grader != "choice":
        return QuestionFile(plain, kind)
    lettered = [
        with_letters(question, place, shuffle=header.shuffle) for place, question in questions
    ]
    return QuestionFile(lettered, kind)


def _read_lines(path: Path) -> tuple[Header, list[tuple[str, Question]]]:
    """The file's header, and its questions as they are written, each with its line's place."""
    header = Header()
    questions: dict[str, tuple[str, Question]] = {}
    for number, values in _objects(path):
        place = f"{path}:{number}"
        if not questions and set(values) == {"ttc"}:
            header = read_header(values["ttc"], place)
            continue
        row = with_tests(plain_names(values), place)
        question = read_question(row, place, number)
        if question.question_id in questions:
            raise UserError(f"{place}: id {question.question_id!r} stands twice; make ids unique")
        questions[question.question_id] = (place, question)
    return header, list(questions.values())


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of every line that is not blank."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    begun = content.lstrip()
    kinds = [kind for beginning, kind in _FOREIGN.items() if begun.startswith(beginning)]
    named = _TABLES.get(path.suffix.lower())
    if named and not begun.startswith(b"{"):
        kinds.append(named)
    if kinds:
        raise UserError(
            f"{path}: expected one JSON object a line, got {kinds[0]}; write it as JSON Lines"
        )
    # Bytes, so that only line ends count as such: texts may hold other separators of Unicode.
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield number, _object(line, f"{path}:{number}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _object(line: bytes, place: str) -> dict[str, Any]:
    beginning = repr(line[:60])
    try:
        values = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
        # Half of a pair of surrogates is no character: it can be written nowhere.
        json.dumps(values, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{place}: expected a JSON object, got {beginning} ({error}); "
            "correct or remove the line"
        ) from error
    if not isinstance(values, dict):
        raise UserError(
            f"{place}: expected a JSON object, got {beginning}; correct or remove the line"
        )
    return values
