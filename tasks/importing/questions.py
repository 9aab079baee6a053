"""The questions that a log answers, from the log itself or from a benchmark beside it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.loaded import LoadedBenchmark, benchmark_of
from tasks.benchmarks.question import Question
from tasks.samples.log import SampleLog
from warehouse.errors import UserError
from warehouse.folder import write_whole


class Matched(NamedTuple):
    """The questions of a log that can be asked and graded."""

    questions: dict[str, Question]
    """By the id that the log gives them."""
    unknown: list[str]
    """Ids of those that the benchmark beside the log does not have."""
    copies: list[str]
    """Ids of those whose text another one has: their draws could not be told apart."""
    blank: list[str]
    """Ids of those without a text or a target."""


def match_questions(log: SampleLog, benchmark: LoadedBenchmark | None) -> Matched:
    """The log's questions as a benchmark has them, by id or else by text; as they are without one.

    UserError where the log has no texts or targets of its own and no benchmark is named, or where
    the benchmark has none of its questions.
    """
    found: dict[str, Question] = {}
    unknown: list[str] = []
    known = _Known.of(benchmark.questions) if benchmark else None
    for key, question in log.questions.items():
        asked = known.find(question) if known else question
        if asked is None:
            unknown.append(key)
        else:
            found[key] = dataclasses.replace(asked, question_id=asked.question_id.strip())
    if benchmark and not found:
        raise UserError(
            f"import: expected questions of {benchmark.name} in the log, it has none of its "
            f"{len(log.questions)}, neither by id nor by text; name the benchmark it was drawn on"
        )
    blank = [key for key, one in found.items() if not (one.text.strip() and one.target.strip())]
    asked = {key: one for key, one in found.items() if key not in set(blank)}
    if not asked:
        raise UserError(
            f"import: expected text and target of the questions, the log of format {log.format} "
            f"has both for none of {len(log.questions)}, e.g. not for {blank[0]!r}; "
            "name the benchmark it was drawn on with --benchmark"
        )
    kept, copies = _without_copies(asked)
    return Matched(kept, unknown, copies, blank)


class _Known(NamedTuple):
    """Questions of a benchmark by id and by text."""

    by_id: dict[str, Question]
    by_text: dict[str, Question]

    @classmethod
    def of(cls, questions: Iterable[Question]) -> _Known:
        listed = list(questions)
        by_id = {one.question_id: one for one in listed}
        return cls(by_id, {_plain(one.text): one for one in listed})

    def find(self, question: Question) -> Question | None:
        """By text where the log has one: ids are often mere places in a file."""
        named = self.by_id.get(question.question_id)
        if not question.text.strip():
            return named
        asked = _plain(question.text)
        same = self.by_text.get(asked)
        if same is not None:
            return same
        # A prompt holds its question, and perhaps others as examples before it.
        if named is not None and _plain(named.text) in asked:
            return named
        within = [(asked.rfind(text) + len(text), len(text), text) for text in self.by_text]
        ends = [place for place in within if place[2] in asked]
        return self.by_text[max(ends)[2]] if ends else None


def _plain(text: str) -> str:
    return " ".join(text.split())


def _without_copies(found: dict[str, Question]) -> tuple[dict[str, Question], list[str]]:
    """The questions by id, and the ids of those whose text another one has."""
    kept: dict[str, Question] = {}
    copies: list[str] = []
    texts: set[str] = set()
    for key, question in found.items():
        if question.text in texts:
            copies.append(key)
            continue
        texts.add(question.text)
        kept[key] = question
    return kept, copies


def write_questions(
    folder: Path, name: str, questions: Sequence[Question], kind: AnswerKind
) -> Path:
    """Path of a benchmark file with these questions in a folder; the same content is one file."""
    fingerprint = benchmark_of(name, list(questions), kind).fingerprint
    path = folder / f"questions-{fingerprint}.jsonl"
    header: dict[str, Any] = {"ttc": {"answer": kind.grader}}
    if kind.command:
        header["ttc"] |= {"command": list(kind.command), "seconds": kind.seconds}
    lines = [header, *map(_row, questions)]
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.encode())
    return path


def _row(question: Question) -> dict[str, Any]:
    """A question as one row of a benchmark file; what it does not carry is left out."""
    values = dataclasses.asdict(question)
    names = {"question_id": "id", "text": "question", "target": "answer"}
    return {names.get(key, key): value for key, value in values.items() if value}
