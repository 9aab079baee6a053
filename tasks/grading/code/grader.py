"""The grader of programs: run against their tests, grouped by their outputs (METHOD §15)."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from tasks.benchmarks.programs import ProgramTest, read_test
from tasks.benchmarks.question import Question
from tasks.grading.code.called import Source
from tasks.grading.code.calling import PythonTest, shorten
from tasks.grading.code.confinement import Allowance
from tasks.grading.code.sandbox import Sandbox
from warehouse.errors import UserError

ALLOWANCE = Allowance(seconds=6, memory_mb=1024, scratch_mb=64, threads=64, files=64)
"""Of one program in all tests by calls, and anew in every test by input and output."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n`]*")
_PYTHON = ("python", "py", "python3", "python2")


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
        """The last block of Python between fences; the whole text where it has no fence.

        A fence that names Python counts before one that names nothing; other languages are no
        answer. None where there is no such block, or no text. No marker is looked for.
        """
        blocks = list(_blocks(text))
        if not blocks:
            return text.rstrip() or None
        for languages in (_PYTHON, ("",)):
            fitting = [code for language, code in blocks if language in languages]
            if fitting:
                return fitting[-1]
        return None

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
        return [self._judged[one] for one in wanted]

    def _try(self, asked: _Asked) -> Judged:
        tests = [read_test(text) for text in asked.tests]
        if not tests:
            # A question of somebody who serves a policy: nobody knows what is right.
            return Judged("untestable", _digest(asked.answer))
        calls = self._call(asked.answer, [test for test in tests if test.python])
        scripts = self._run(asked.answer, [test for test in tests if not test.python])
        parts = [part for part in (calls, scripts) if part]
        verdicts = [part.verdict for part in parts if part.verdict != "correct"]
        outputs = [part.voting for part in parts]
        verdict = verdicts[0] if verdicts else "correct"
        if None in outputs:
            return Judged(verdict, None)
        # Without a public output programs vote by their text, so that only equal ones join.
        given = "".join(filter(None, outputs))
        return Judged(verdict, given or _digest(asked.answer))

    def _call(self, answer: str, tests: list[ProgramTest]) -> Judged | None:
        """What tests say that call the program; None without any."""
        if not tests:
            return None
        source = Source(tests[0].prefix, answer, tests[0].entry)
        calling = [PythonTest(test.python, test.public) for test in tests]
        tried = self._sandbox.test(source, calling)
        return Judged(tried.verdict, tried.outputs)

    def _run(self, answer: str, tests: list[ProgramTest]) -> Judged | None:
        """What tests say that run the program as a script; None without any.

        All public ones are run, the others until one fails.
        """
        if not tests:
            return None
        public = [test for test in tests if test.public]
        outputs: list[str] | None = []
        verdicts: list[str] = []
        for test in [*public, *(test for test in tests if not test.public)]:
            if not test.public and any(verdict != "correct" for verdict in verdicts):
                break
            ran = self._sandbox.run(answer, test.input)
            is_right = ran.verdict == "ended" and agree(ran.output, test.output)
            verdict = "correct" if is_right else "wrong"
            verdicts.append(verdict if ran.verdict == "ended" else ran.verdict)
            if test.public and outputs is not None:
                outputs = [*outputs, _plain(ran.output)] if ran.verdict == "ended" else None
        failures = [verdict for verdict in verdicts if verdict != "correct"]
        named = None if outputs is None else shorten(json.dumps(outputs)) if public else ""
        return Judged(failures[0] if failures else "correct", named)


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


def agree(output: str, wanted: str) -> bool:
    """Whether an output is the wanted one, line by line, but for spaces and spellings of numbers.

    `0.50` is `0.5`; nothing is rounded (LiveCodeBench compares so too).
    """
    lines, wanted_lines = _plain(output).splitlines(), _plain(wanted).splitlines()
    return len(lines) == len(wanted_lines) and all(map(_lines_agree, lines, wanted_lines))


def _lines_agree(line: str, wanted: str) -> bool:
    if line == wanted:
        return True
    words, wanted_words = line.split(), wanted.split()
    if len(words) != len(wanted_words):
        return False
    return all(map(_words_agree, words, wanted_words))


def _words_agree(word: str, wanted: str) -> bool:
    if word == wanted:
        return True
    try:
        return Decimal(word) == Decimal(wanted)
    except InvalidOperation:  # not numbers, or signalling ones
        return False


def _plain(output: str) -> str:
    """The output without what no reader sees: spaces at the ends of lines and of all."""
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


def _digest(answer: str) -> str:
    content = answer.encode("utf-8", "surrogatepass")
    return f"program:{hashlib.sha256(content).hexdigest()[:32]}"


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """(language, content) of every block between fences; the last need not be closed."""
    fence = ""
    language = ""
    held: list[str] = []
    for line in text.splitlines():
        match = _FENCE.fullmatch(line)
        if not fence and match:
            fence, language, held = match[1], match[2].lower(), []
        elif fence and line.strip() and not line.strip().strip(fence[0]) and fence in line:
            yield language, "\n".join(held)
            fence = ""
        elif fence:
            held.append(line)
    if fence:
        yield language, "\n".join(held)
