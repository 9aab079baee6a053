"""The grader of programs: run against their tests, grouped by their outputs (METHOD §15)."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tasks.benchmarks.programs import ProgramTest, read_test
from tasks.benchmarks.question import Question
from tasks.grading.code.blocks import find_program
from tasks.grading.code.called import Source
from tasks.grading.code.calling import PythonTest, shorten
from tasks.grading.code.confinement import Allowance
from tasks.grading.code.outputs import agree, visible
from tasks.grading.code.sandbox import Ran, Sandbox
from warehouse.errors import UserError

KEPT = 20_000
"""Judged programs that are remembered: their classes are asked for before their verdicts."""
ALLOWANCE = Allowance(seconds=6, memory_mb=1024, scratch_mb=64, threads=64, files=64)
"""Of one program in all tests by calls, and anew in every test by input and output."""


class Judged(NamedTuple):
    """What became of one program."""

    verdict: str
    voting: str | None
    """What it gave back on the public inputs, by which it votes; None: it did not last so long."""


class _Asked(NamedTuple):
    """One program and the tests that it must pass."""

    tests: tuple[str, ...]
    answer: str


class CodeGrader:
    """A Grader of Python programs, each confined in processes of its own.

    `correct` passes all tests; `wrong` fails one; `unparsed` is no Python; `timeout`, `memory` and
    `output` took more than is allowed; `crashed` raised what no test expects, or ended early;
    `untestable` cannot be given what a test hands over. The verdict is on the program, the vote on
    its outputs: members of one class may differ in verdict. `workers` programs run at once.
    """

    # Another Python is another meaning of the same program.
    version = f"1+python-{sys.version_info.major}.{sys.version_info.minor}"

    def __init__(self, workers: int | None = None, allowance: Allowance = ALLOWANCE) -> None:
        self._workers = workers or len(os.sched_getaffinity(0))
        self._sandbox = Sandbox(allowance)
        self._judged: dict[_Asked, Judged] = {}

    def check(self, questions: Sequence[Question]) -> None:
        """UserError for a question without readable tests, and where nothing can be confined."""
        for question in questions:
            _check_tests(question)
        self._sandbox.run("", "")

    def extract(self, text: str, markers: Sequence[str]) -> str | None:  # noqa: ARG002
        """The last block of Python (`tasks.grading.code.blocks`). No marker is looked for."""
        return find_program(text)

    def canonical(self, asked: Sequence[tuple[Question, str]]) -> list[str]:
        """The program's digest: the verdict is on its very text."""
        return [_digest(answer) for _, answer in asked]

    def classes(self, asked: Sequence[tuple[Question, str]]) -> list[str | None]:
        """What each program gave back on the public inputs; None has no vote.

        Where a question has no public input, programs vote by their text, so that only equal ones
        join.
        """
        judged = self._judge(asked)
        return [one.voting for one in judged]

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        """The verdict on each (question, program), in their order."""
        return [one.verdict for one in self._judge(list(asked))]

    def close(self) -> None:
        """Forget what was judged; no process lasts longer than its program is judged."""
        self._judged.clear()

    def _judge(self, asked: Sequence[tuple[Question, str]]) -> list[Judged]:
        """Both class and verdict come of one run, in which equal programs run once."""
        wanted = [_Asked(question.tests, answer) for question, answer in asked]
        new = [one for one in dict.fromkeys(wanted) if one not in self._judged]
        if new:
            with ThreadPoolExecutor(min(self._workers, len(new))) as threads:
                judged = threads.map(self._try, new)
                self._judged.update(zip(new, judged, strict=True))
        verdicts = [self._judged[one] for one in wanted]
        # The oldest go first; a run asks for all of a question's answers at once.
        too_many = max(0, len(self._judged) - KEPT)
        for one in list(self._judged)[:too_many]:
            del self._judged[one]
        return verdicts

    def _try(self, asked: _Asked) -> Judged:
        parts = list(self._parts(asked))
        # The question of somebody who serves a policy has no tests: nobody knows what is right.
        verdict = _first_failure([part.verdict for part in parts]) if parts else "untestable"
        given = [part.voting for part in parts]
        if None in given:
            return Judged(verdict, None)
        # Without a public output programs vote by their text, so that only equal ones join.
        outputs = "".join(filter(None, given))
        return Judged(verdict, outputs or _digest(asked.answer))

    def _parts(self, asked: _Asked) -> Iterator[Judged]:
        """What the tests say, those of one entry together, those of a script together."""
        tests = [read_test(text) for text in asked.tests]
        scripts = [test for test in tests if not test.python]
        if scripts:
            yield self._run(asked.answer, scripts)
        by_source: dict[Source, list[PythonTest]] = {}
        for test in tests:
            if test.python:
                source = Source(test.prefix, asked.answer, test.entry)
                calling = PythonTest(test.python, test.public)
                by_source.setdefault(source, []).append(calling)
        for source, calls in by_source.items():
            tried = self._sandbox.test(source, calls)
            yield Judged(tried.verdict, tried.outputs)

    def _run(self, answer: str, tests: list[ProgramTest]) -> Judged:
        """What tests say that run the program: all public ones, the others until one fails."""
        public = [test for test in tests if test.public]
        ended = [self._sandbox.run(answer, test.input) for test in public]
        verdicts = [_verdict(ran, test) for ran, test in zip(ended, public, strict=True)]
        for test in tests:
            if _first_failure(verdicts) != "correct":
                break
            if not test.public:
                ran = self._sandbox.run(answer, test.input)
                verdicts.append(_verdict(ran, test))
        return Judged(_first_failure(verdicts), _vote(ended))


def _first_failure(verdicts: Sequence[str]) -> str:
    """The first verdict that is not `correct`, which it is where there is none."""
    failures = [verdict for verdict in verdicts if verdict != "correct"]
    return failures[0] if failures else "correct"


def _verdict(ran: Ran, test: ProgramTest) -> str:
    if ran.verdict != "ended":
        return ran.verdict
    return "correct" if agree(ran.output, test.output) else "wrong"


def _vote(ended: Sequence[Ran]) -> str | None:
    """What public inputs gave, "" without any; None where the program did not last so long."""
    if any(ran.verdict != "ended" for ran in ended):
        return None
    outputs = [visible(ran.output) for ran in ended]
    return shorten(json.dumps(outputs)) if outputs else ""


def _check_tests(question: Question) -> None:
    """UserError where a question has no test, or one that is no Python: no program could pass."""
    name = question.question_id
    if not question.tests:
        raise UserError(
            f"code: expected tests in every question, {name!r} has none; "
            "add them to its row, or name another kind of answer"
        )
    for test in map(read_test, question.tests):
        try:
            ast.parse(test.prefix)
            ast.parse(test.python)
        except (SyntaxError, ValueError) as error:
            raise UserError(
                f"code: expected tests of {name!r} in Python {sys.version_info.major}, got "
                f"{test.python[:80]!r} ({error}); correct them"
            ) from error


def _digest(answer: str) -> str:
    content = answer.encode("utf-8", "surrogatepass")
    return f"program:{hashlib.sha256(content).hexdigest()[:32]}"
