"""Rows of benchmarks whose answers are programs: which tests they hold, and which are public."""

from __future__ import annotations

import base64
import json
import pickle
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from code_questions import KINDS, program, row

from tasks.benchmarks.files import read_file
from tasks.benchmarks.packed import unpack
from tasks.benchmarks.programs import ProgramTest, read_test
from tasks.benchmarks.question import Question
from tasks.grading.code.grader import CodeGrader
from warehouse.errors import UserError


def read(folder: Path, *rows: dict[str, Any]) -> list[Question]:
    path = folder / "b.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    file = read_file(path)
    assert file.kind.grader == "code"
    return file.questions


def held_by(folder: Path, row: dict[str, Any]) -> list[ProgramTest]:
    (question,) = read(folder, row)
    return [read_test(text) for text in question.tests]


@pytest.mark.parametrize(("n", "public", "hidden"), [(4, 1, 1), (5, 2, 1), (6, 1, 1), (7, 1, 1)])
def test_the_examples_of_a_question_are_public_and_the_rest_is_not(
    tmp_path: Path, n: int, public: int, hidden: int
) -> None:
    found = [test.public for test in held_by(tmp_path, row(n))]
    assert found == [True] * public + [False] * hidden


def test_a_question_shows_what_the_model_needs_and_no_hidden_test(tmp_path: Path) -> None:
    questions = read(tmp_path, *map(row, range(4, 8)))
    assert questions[0].text.startswith("def add_4(x: int) -> int:")
    assert questions[2].text == "Read a number and print it plus 6."
    assert questions[3].text.endswith("def add(self, x: int) -> List[int]:")
    assert not any("50" in question.text or "90" in question.text for question in questions)


def test_a_base_model_goes_on_where_the_head_of_a_function_ends(tmp_path: Path) -> None:
    (question,) = read(tmp_path, row(4))
    grader = CodeGrader(workers=1)
    answers = ["    return x + 4", "    return x", program(4, "right"), "the sum"]
    verdicts = grader.grade([(question, answer) for answer in answers])
    assert verdicts == ["correct", "wrong", "correct", "unparsed"]


def test_helpers_of_the_head_are_the_tests_own_and_the_programs_too(tmp_path: Path) -> None:
    # As HumanEval/32: the test looks at the result by a function that the prompt defines.
    head = 'def twice(x):\n    return 2 * x\n\n\ndef half(x):\n    """Half of x."""\n'
    test = "def check(candidate):\n    assert twice(candidate(4)) == 4\n"
    row = {"task_id": "h", "prompt": head, "entry_point": "half", "test": test}
    (question,) = read(tmp_path, row)
    answers = ["    return x / 2", "def twice(x):\n    return 4\ndef half(x):\n    return 0"]
    verdicts = CodeGrader(workers=1).grade([(question, answer) for answer in answers])
    # The second lies to its own helper, which the tests do not ask.
    assert verdicts == ["correct", "wrong"]


@pytest.mark.parametrize(
    ("shown", "calls"),
    [
        (">>> f(1, [2])\n[3]", ["f(1, [2])"]),
        ("f('a)') == 3 and f((1, 2)) ➞ 4", ["f('a)')", "f((1, 2))"]),
        (">>> round(f([1]), 2)\n1.0", ["f([1])"]),
        ("f(-1.5) => 2\nf(-1.5) => 2", ["f(-1.5)"]),
        ("f(x) is x, half(2) is 1, f() is 0, g.f is f", []),
        ("f(1, 2", []),
        ("f(f(1)) == 2", ["f(1)"]),
        ("f(a=1)", ["f(a=1)"]),
    ],
)
def test_examples_are_calls_with_plain_values_in_whatever_notation(
    tmp_path: Path, shown: str, calls: list[str]
) -> None:
    head = f'def f(x):\n    """{shown}\n    """\n'
    test = "def check(candidate):\n    assert candidate(1)\n"
    row = {"task_id": "h", "prompt": head, "entry_point": "f", "test": test}
    public = [held.python for held in held_by(tmp_path, row) if held.public]
    assert [code.splitlines()[1].strip() for code in public] == calls


def packed(value: object, protocol: int = pickle.DEFAULT_PROTOCOL) -> str:
    content = zlib.compress(pickle.dumps(value, protocol))
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("output", ["56\n", "é→😀", "5" * 300, "5" * 100_000])
def test_packed_cases_are_read_whatever_the_protocol(
    tmp_path: Path, protocol: int, output: str
) -> None:
    cases = json.dumps([{"input": "50\n", "output": output}], ensure_ascii=False)
    changed = row(6) | {"private_test_cases": packed(cases, protocol)}
    assert held_by(tmp_path, changed)[1] == ProgramTest(input="50\n", output=output)


class Hostile:
    """Leaves a file where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_packed_program_is_refused_and_never_runs(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    cases = packed(Hostile(trace), protocol)
    with pytest.raises(UserError, match="expected packed cases to be one text, got a pickle with"):
        read(tmp_path, row(6) | {"private_test_cases": cases})
    assert not trace.exists()
    # What the refusal is for: the same content does run where it is unpickled.
    pickle.loads(zlib.decompress(base64.b64decode(cases)))
    assert trace.exists()


@pytest.mark.parametrize("value", [["[]"], ("[]", "[]"), b"[]", 3, None, {"[]": "[]"}])
def test_packed_cases_are_one_text_and_nothing_else(tmp_path: Path, value: object) -> None:
    with pytest.raises(UserError, match="to be one text, got a pickle with"):
        read(tmp_path, row(6) | {"private_test_cases": packed(value)})


@pytest.mark.parametrize(
    "cases",
    [
        base64.b64encode(b"no stream").decode(),
        base64.b64encode(zlib.compress(b"no pickle")).decode(),
        base64.b64encode(zlib.compress(b"")).decode(),
        base64.b64encode(zlib.compress(pickle.dumps("[]"))[:-6]).decode(),
        "no base 64",
    ],
)
def test_packed_cases_that_are_damaged_are_refused_in_a_sentence(
    tmp_path: Path, cases: str
) -> None:
    with pytest.raises(UserError, match=r"b\.jsonl:1: expected tests as HumanEval, MBPP"):
        read(tmp_path, row(6) | {"private_test_cases": cases})


def test_packed_cases_have_a_limit_that_is_kept_while_they_are_unpacked() -> None:
    text = "5" * 1000
    most = len(pickle.dumps(text))
    assert unpack(packed(text), "b:1", most=most) == text
    with pytest.raises(UserError, match=r"at most 1,0\d\d bytes, got more"):
        unpack(packed(text), "b:1", most=most - 1)
    # Half a MiB that would become 512.
    bomb = base64.b64encode(zlib.compress(bytes(512 * 2**20), 9)).decode()
    tracemalloc.start()
    with pytest.raises(UserError, match="at most 1,048,576 bytes"):
        unpack(bomb, "b:1", most=2**20)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


def test_tests_of_ones_own_are_code_or_inputs_with_outputs(tmp_path: Path) -> None:
    mine = {
        "question": "Double.",
        "entry_point": "f",
        "tests": ["assert f(1) == 2", {"python": "assert f(2) == 4", "public": True}],
    }
    assert held_by(tmp_path, mine) == [
        ProgramTest(python="assert f(1) == 2", entry="f"),
        ProgramTest(python="assert f(2) == 4", public=True, entry="f"),
    ]
    script = {"question": "Double.", "tests": [{"input": "1", "output": "2", "public": True}]}
    assert held_by(tmp_path, script) == [ProgramTest(input="1", output="2", public=True)]


def test_a_test_is_the_same_after_it_was_stored(tmp_path: Path) -> None:
    for n in range(4, 8):
        (question,) = read(tmp_path, row(n))
        assert [read_test(text).text for text in question.tests] == list(question.tests)


@pytest.mark.parametrize(
    "change",
    [
        {"test_list": ["assert f("]},
        {"test_list": 3},
        {"public_test_cases": "[{]"},
        {"public_test_cases": [{"input": "1"}]},
        {"private_test_cases": "no base 64"},
        {"public_test_cases": "[" * 100_000 + "]" * 100_000},
        {"public_test_cases": [], "metadata": '{"a":' * 100_000 + "1" + "}" * 100_000},
        {"test_list": ["assert " + "-" * 100_000 + "1"]},
        {"test_list": ["assert " + "(" * 5_000 + "1" + ")" * 5_000]},
    ],
)
def test_tests_that_cannot_be_read_are_refused_with_their_place(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=r"b\.jsonl:1: expected tests as HumanEval, MBPP or"):
        read(tmp_path, {"question": "?", **change})


def test_a_test_without_content_is_refused() -> None:
    with pytest.raises(UserError, match="expected python, or input and output"):
        read_test('{"public": true}')
    with pytest.raises(UserError, match="got keys"):
        read_test('{"code": "x"}')


def test_every_kind_of_program_is_known_by_its_tests(tmp_path: Path) -> None:
    questions = read(tmp_path, *map(row, range(4, 8)))
    asked = [
        (question, program(n, kind))
        for n, question in enumerate(questions, start=4)
        for kind in KINDS
    ]
    verdicts = CodeGrader(workers=2).grade(asked)
    assert verdicts == ["correct", "wrong", "wrong", "crashed", "unparsed"] * 4
