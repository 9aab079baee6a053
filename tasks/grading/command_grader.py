"""The grader that is a user's own program."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.benchmarks.question import Question
from tasks.grading.extraction import marked_answer
from tasks.grading.judge import CRASHED, TIMEOUT, Judge
from tasks.grading.wording import undress
from warehouse.errors import UserError

_NO_VERDICT = {TIMEOUT, CRASHED}
_TRIES = 3
"""First rows without a single verdict after which the program is asked about a target."""


class CommandGrader:
    """A Grader that asks a program: a JSON line a class of answers in, a line with a verdict out.

    In: row (a number), id, question, target, accepted, choices, tests, group, metadata and answer.
    Out, before it reads the next line: `{"row": 1, "verdict": "correct"}`, `wrong`, or a word of
    its own. A row on which it takes longer than `seconds` is "timeout", one on which it ends or
    says anything else "crashed"; then it is started again. A class is an answer without its dress.
    """

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._command = tuple(command)
        self._seconds = seconds
        self._busy = threading.Lock()
        self._judge: Judge | None = None
        """None: not asked yet, or closed."""

    @property
    def version(self) -> str:
        """Of the program: a hash of the command's words, and of the files that they name."""
        digest = hashlib.sha256()
        for word in self._command:
            path = Path(word)
            content = path.read_bytes() if path.is_file() else b""
            # The name without its folder: a program is the same one wherever it lies.
            digest.update(f"{path.name}|{len(content)}|".encode() + content)
        return f"1+command-{digest.hexdigest()[:12]}"

    def check(self, questions: Sequence[Question]) -> None:  # noqa: ARG002
        """UserError for a program that is not there."""
        if shutil.which(self._command[0]) is None:
            raise UserError(
                f"answer_command: expected a program that can be run, got {self._command[0]!r}; "
                "install it, or write its whole path"
            )

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        """What the model wrote after a marker (tasks/grading/extraction.py)."""
        return marked_answer(text, markers)

    def canonical(self, asked: Sequence[tuple[Question, str]]) -> list[str]:
        """The answers without their dress: the program may tell everything else apart."""
        return [undress(answer) for _, answer in asked]

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        """The program's verdict on the class of each (question, answer), each asked once."""
        pairs = [(question, undress(answer)) for question, answer in asked]
        rows = {
            (question.question_id, question.target, form): _row(question, form)
            for question, form in pairs
        }
        with self._busy:
            # One program for all that a run asks, batch by batch: it may load a model to begin.
            self._judge = self._judge or Judge(self._command, self._seconds)
            judged = self._judge_all(self._judge, list(rows.values()))
        verdicts = dict(zip(rows, judged, strict=True))
        return [verdicts[question.question_id, question.target, form] for question, form in pairs]

    def close(self) -> None:
        """End the program; grading again starts it again."""
        with self._busy:
            judge, self._judge = self._judge, None
            if judge is not None:
                judge.close()

    def _judge_all(self, judge: Judge, rows: list[Mapping[str, object]]) -> list[str]:
        verdicts: list[str] = []
        for row in rows:
            verdicts.append(judge.verdict(row))
            if len(verdicts) == _TRIES and set(verdicts) <= _NO_VERDICT:
                self._check_alive(judge, row)
        return verdicts

    def _check_alive(self, judge: Judge, row: Mapping[str, object]) -> None:
        """UserError where it has no verdict on a target itself either."""
        # One that never answers would cost the limit for every row of the run.
        verdict = judge.verdict({**row, "answer": row["target"]})
        if verdict in _NO_VERDICT:
            raise UserError(
                'answer_command: expected a line {"row": …, "verdict": "correct"} for every line '
                f"of input before the next is read, got {verdict!r} on a target as answer from "
                f"{' '.join(self._command)}; its last words: {judge.last_words() or 'none'}; "
                "mend it and run again"
            )


def _row(question: Question, form: str) -> Mapping[str, object]:
    return {
        "id": question.question_id,
        "question": question.text,
        "target": question.target,
        "accepted": question.accepted,
        "choices": question.choices,
        "tests": question.tests,
        "group": question.group,
        "metadata": dict(question.metadata),
        "answer": form,
    }
