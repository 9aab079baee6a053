"""Programs as answers: where they stand in a text, what their tests say, how they vote."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.benchmarks.programs import ProgramTest
from tasks.benchmarks.question import Question
from tasks.grading.code.confinement import Allowance
from tasks.grading.code.grader import CodeGrader
from tasks.grading.code.outputs import agree
from tasks.settings import ROOT
from warehouse.errors import UserError

SMALL = Allowance(seconds=2, memory_mb=512, scratch_mb=16, threads=32, files=64)


@pytest.fixture(scope="module")
def grader() -> Iterator[CodeGrader]:
    grader = CodeGrader(workers=2, allowance=SMALL)
    yield grader
    grader.close()


def asked(*tests: str | ProgramTest, public: bool = False, entry: str = "f") -> Question:
    several = [
        test
        if isinstance(test, ProgramTest)
        else ProgramTest(python=test, public=public, entry=entry)
        for test in tests
    ]
    return Question("q", "?", "passes the tests", tests=tuple(test.text for test in several))


def lines(given: str, wanted: str, *, public: bool = False) -> ProgramTest:
    return ProgramTest(input=given, output=wanted, public=public)


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("So:\n```python\nx = 1\n```\nDone.", "x = 1"),
        ("```python\nx = 1\n```\nBetter:\n```python\nx = 2\n```", "x = 2"),
        ("```py\nx = 1\n```\nIt prints:\n```\n1\n```", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("~~~python\nx = 1\n~~~", "x = 1"),
        ("```python\nx = '''\n~~~\n'''\n```", "x = '''\n~~~\n'''"),
        ("```Python title\nx = 1\n", "x = 1"),
        ("````python\nx = 1\n```\ny = 2\n````", "x = 1\n```\ny = 2"),
        ("```python\ndef f():\n    return 1\n```", "def f():\n    return 1"),
        ("    return x + 1\n", "    return x + 1"),
        ("1. So:\n\n    ```python\n    def f():\n        pass\n    ```\n", "def f():\n    pass"),
        ("```python\r\nx = 1\r\ny = 2\r\n```\r\n", "x = 1\ny = 2"),
        ("```python\nx = '\u2028\x0c'\n```", "x = '\u2028\x0c'"),
        ("x = 1", "x = 1"),
        ("```bash\nls\n```", None),
        ("```python\n```", None),
        ("", None),
        (" \n", None),
    ],
)
def test_the_program_is_the_last_block_of_python(
    grader: CodeGrader, text: str, program: str | None
) -> None:
    assert grader.extract(text, ()) == program


@given(st.text(alphabet="`~ \npython", max_size=200))
def test_a_program_holds_nothing_that_was_not_written(text: str) -> None:
    program = CodeGrader(workers=1).extract(text, ())
    written = {line.strip() for line in text.split("\n")} | {""}
    assert {line.strip() for line in (program or "").split("\n")} <= written


@pytest.mark.parametrize(
    ("test", "program", "verdict"),
    [
        ("assert f(2) == 4", "def f(x): return 2 * x", "correct"),
        ("assert f(2) == 4", "def f(x): return x", "wrong"),
        ("assert f(2) == 4", "def g(x): return 4", "crashed"),
        ("assert f(2) == 4", "def f(x: return 4", "unparsed"),
        ("assert f(2) == 4", "def f(x): return x / 0", "crashed"),
        ("assert f(2) == 4", "raise ValueError", "crashed"),
        ("assert f([3, 1]) == [1, 3]", "f = sorted", "correct"),
        ("assert f('é🙂') == '🙂é'", "def f(x): return x[::-1]", "correct"),
        ("assert f((1, 2)) == (1, 2)", "def f(x): return x", "correct"),
        ("assert f((1, 2)) == (1, 2)", "def f(x): return list(x)", "wrong"),
        ("assert f({1: [2]}) == {1: [2]}", "def f(x): return x", "correct"),
        ("assert f({1, 2}) == {2, 1}", "def f(x): return x", "correct"),
        ("assert f(3) == 2 ** 100_000", "def f(x): return 2 ** 100_000", "correct"),
        ("assert f(0.1) != f(0.1)", "def f(x): return float('nan')", "correct"),
        ("assert f(1j) == -1", "def f(x): return x * x", "correct"),
        ("assert f(b'a') == b'aa'", "def f(x): return x * 2", "correct"),
        ("assert f(1) is None", "def f(x): print(x)", "correct"),
        ("assert list(f(3)) == [0, 1, 2]", "def f(n):\n    for i in range(n): yield i", "correct"),
        ("assert list(f(3)) == [0, 1, 2]", "f = range", "correct"),
        ("x = [2, 1]\nf(x)\nassert x == [1, 2]", "def f(x): x.sort()", "correct"),
        ("x = {}\nf(x)\nassert x == {1: 2}", "def f(x): x[1] = 2", "correct"),
        (
            "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert 0",
            "def f(x):\n    if x < 0: raise ValueError",
            "correct",
        ),
        ("assert f(1) == 1", "import numpy\ndef f(x): return numpy.int64(x)", "correct"),
        (
            "assert P(1).value == f(P(1))",
            "class P:\n    def __init__(self, v): self.value = v\ndef f(p): return p.value",
            "correct",
        ),
        ("assert f(lambda: 1) == 1", "def f(x): return x()", "untestable"),
        ("assert f(1)", "def f(x): return object()", "wrong"),
        ("assert math.isclose(f(2), 4)", "def f(x): return 4.0", "correct"),
        (
            "assert f(1) == 2",
            "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
            "def f(x): return A(x + 1).x",
            "correct",
        ),
        (
            "assert f(1) == 1",
            "if __name__ == '__main__':\n    input()\ndef f(x): return x",
            "correct",
        ),
        ("assert f(1) == [1]", "import numpy\ndef f(x): return numpy.array([x])", "wrong"),
    ],
)
def test_calls_and_their_results_mean_what_they_mean_in_one_process(
    grader: CodeGrader, test: str, program: str, verdict: str
) -> None:
    assert grader.grade([(asked(test), program)]) == [verdict]


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("print(int(input()) * 2)", "correct"),
        ("print(int(input()) * 2.0)", "correct"),
        ("import sys\nprint(2 * int(sys.stdin.read()), end='  \\n\\n')\nsys.exit(0)", "correct"),
        ("if __name__ == '__main__':\n    print(int(input()) * 2)", "correct"),
        (
            "import threading\nx = int(input())\n"
            "threading.Thread(target=lambda: print(2 * x)).start()",
            "correct",
        ),
        ("print(int(input()))", "wrong"),
        ("x = int(input())\nprint(2 * x)\nprint(2 * x)", "wrong"),
        ("print(2 * int(input()))\nraise SystemExit(1)", "crashed"),
        ("print(2 * int(input()))\n1 / 0", "crashed"),
        ("print(", "unparsed"),
        ("while True: print('x' * 1000)", "output"),
        ("x = [0] * 10**10", "memory"),
        ("while True: pass", "timeout"),
    ],
)
def test_a_script_is_judged_by_what_it_prints(
    grader: CodeGrader, program: str, verdict: str
) -> None:
    question = asked(lines("2\n", "4\n", public=True), lines("21\n", "42\n"))
    assert grader.grade([(question, program)]) == [verdict]


@pytest.mark.parametrize(
    ("output", "wanted", "equal"),
    [
        ("1 2\n", "1 2", True),
        ("1 2 \n\n", "1 2\n", True),
        ("0.50", "0.5", True),
        ("1e1", "10", True),
        ("Yes", "YES", False),
        ("1  2", "1 2", True),
        ("1\n2", "1 2", False),
        ("0.3333", "0.33333", False),
        ("nan", "nan", True),
        ("", "0", False),
        ("1,000", "1000", False),
    ],
)
def test_outputs_agree_but_for_spaces_and_spellings_of_numbers(
    output: str, wanted: str, equal: bool
) -> None:
    assert agree(output, wanted) is equal


def test_programs_vote_by_their_outputs_on_public_inputs_alone(grader: CodeGrader) -> None:
    question = asked(
        ProgramTest(python="assert f(1) == 2", public=True, entry="f"),
        ProgramTest(python="assert f(5) == 10", entry="f"),
    )
    programs = [
        "def f(x): return 2 * x",
        "def f(x): return x + 1",
        "def f(x): return x + x",
        "def f(x): return 3",
        "def f(x): raise ValueError",
        "def f(x",
        "import os\nos._exit(0)",
    ]
    pairs = [(question, program) for program in programs]
    double, other, same, wrong, raising, *lost = grader.classes(pairs)
    # x + 1 is 2 at 1, and not 10 at 5: one class, two verdicts.
    assert double == other == same
    assert len({double, wrong, raising}) == 3
    assert lost == [None, None]
    verdicts = ["correct", "wrong", "correct", "wrong", "crashed", "unparsed", "crashed"]
    assert grader.grade(pairs) == verdicts
    assert len(set(grader.canonical(pairs))) == len(programs)


def test_equal_values_are_one_class_in_any_order(grader: CodeGrader) -> None:
    question = asked("f(1)", public=True)
    programs = [
        "def f(x): return {1: 2, 3: 4}",
        "def f(x): return {3: 4, 1: 2}",
        "def f(x): return {'a', 'b', 'c'}",
        "def f(x): return {'c', 'b', 'a'}",
    ]
    first, second, third, fourth = grader.classes([(question, program) for program in programs])
    assert first == second != third == fourth


def test_without_public_inputs_only_equal_programs_are_one_class(grader: CodeGrader) -> None:
    question = asked("assert f(1) == 2")
    programs = ["def f(x): return 2", "def f(x): return 2", "def f(x): return 1 + 1", "def f("]
    first, again, other, lost = grader.classes([(question, program) for program in programs])
    assert first == again != other
    assert lost is None


def test_objects_that_nobody_can_look_into_join_no_programs(grader: CodeGrader) -> None:
    question = asked("f(1)", public=True)
    programs = ["def f(x): return object()", "def f(x): return type('A', (), {})()"]
    first, second = grader.classes([(question, program) for program in programs])
    assert first != second


def test_of_judged_programs_the_last_ones_are_remembered(
    grader: CodeGrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    grader.close()
    ran: list[str] = []
    run = grader._try

    def count(one: Any) -> Any:
        ran.append(one.answer)
        return run(one)

    monkeypatch.setattr(grader, "_try", count)
    monkeypatch.setattr("tasks.grading.code.grader.KEPT", 2)
    question = asked("assert f(1) == 2")
    programs = [f"def f(x): return {number}" for number in (1, 2, 3)]
    grader.classes([(question, program) for program in programs])
    # The first was let go, the others are judged by the same run.
    assert grader.grade([(question, program) for program in programs[1:]]) == ["correct", "wrong"]
    assert ran == programs
    grader.grade([(question, programs[0])])
    assert ran == [*programs, programs[0]]


def test_a_question_without_tests_is_refused_before_the_first_token(grader: CodeGrader) -> None:
    with pytest.raises(UserError, match="expected tests in every question, 'q' has none"):
        grader.check([Question("q", "?", "?")])
    with pytest.raises(UserError, match="expected tests of 'q' in Python"):
        grader.check([asked("assert f(1) ==")])
    grader.check([asked("assert f(1) == 2")])


def test_where_nothing_can_be_confined_nothing_is_run() -> None:
    # A user namespace with one user in it: no other user is left for a program.
    code = (
        "from tasks.grading.code.grader import CodeGrader\n"
        "from tasks.benchmarks.question import Question\n"
        "CodeGrader(1).check([Question('q', '?', '?', tests=('f()',))])\n"
    )
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "expected a kernel that lets a process confine itself" in ended.stderr
    assert "users: expected more than" in ended.stderr
