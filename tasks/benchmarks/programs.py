"""Questions whose answer is a program: their tests, as the benchmarks that people have write them.

Three ways are read: HumanEval's `test` with a function `check`, MBPP's list of assertions, and
LiveCodeBench's public and private cases of inputs and outputs. Of each test it is known whether its
inputs are public: those of the examples that a question shows. Public inputs make the classes of a
vote (METHOD §15), so that no vote rests on what only the examiner knows.
"""

from __future__ import annotations

import ast
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.benchmarks.packed import unpack
from warehouse.errors import UserError

Row = dict[str, Any]
"""A row's values by names without capitals and marks, e.g. `entrypoint`."""

_MODULES = """
typing string re datetime collections heapq bisect copy
math random statistics itertools functools operator json
"""
_IMPORTS = [f"import {module}\nfrom {module} import *\n" for module in _MODULES.split()]
_LEETCODE = "import sys\nsys.setrecursionlimit(50_000)\n" + "".join(_IMPORTS)
"""What the site has imported before the class `Solution`; answers written for it do not."""


# What Python's parser and JSON's raise of texts that nest too deeply.
_DEEP = (RecursionError, MemoryError)
_UNREADABLE = (
    *(ValueError, TypeError, LookupError, AttributeError, SyntaxError, zlib.error),
    *_DEEP,
)
"""What reading a row raises that holds something else than tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTest:
    """One test of a program: Python code that calls it, or an input and the output it must give."""

    python: str = ""
    """Raises where the program is not right; "" for a test by input and output."""
    input: str = ""
    """Of a program that is run as a script: its standard input."""
    output: str = ""
    public: bool = False
    """Whether its inputs are known to who asks."""
    entry: str = ""
    """What the program must define, where the row says it."""
    prefix: str = ""
    """Code that comes before the program: what the question begins, or what a site has imported."""

    @property
    def text(self) -> str:
        """The test as a question carries it."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({name: value for name, value in parts.items() if value})


def read_test(text: str) -> ProgramTest:
    """The test that a question carries: an object of JSON, or Python code that is not public.

    UserError for an object with other keys than a test has.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return ProgramTest(python=text)
    try:
        test = ProgramTest(**values)
    except TypeError as error:
        raise UserError(
            f"tests: expected Python code, or an object with python, or input and output, and "
            f"public, entry, prefix; got keys {sorted(values)}; correct the test"
        ) from error
    if test.python or "output" in values:
        return test
    raise UserError(f"tests: expected python, or input and output, got {text[:80]!r}; add one")


def with_tests(row: Row, place: str) -> Row:
    """The row with its tests under `tests` and its text under `question`, if it has any tests.

    UserError for tests that cannot be read.
    """
    try:
        tests = list(_tests(row, place))
    except _UNREADABLE as error:
        raise UserError(
            f"{place}: expected tests as HumanEval, MBPP or LiveCodeBench write them, "
            f"got {error!r:.300}; correct them, or write a list `tests` of Python code"
        ) from error
    if not tests:
        return row
    # What is left of a row's details has been read: they are the benchmark's, in no common form.
    read: Row = {"tests": [test.text for test in tests], "metadata": None}
    if "questioncontent" in row:
        shown = [row["questioncontent"], row.get("startercode")]
        read["question"] = "\n\n".join(filter(None, shown))
    return row | read


def _tests(row: Row, place: str) -> Iterator[ProgramTest]:
    if "publictestcases" in row or "privatetestcases" in row:
        yield from _cases(row, place)
    elif "testlist" in row:
        yield from _assertions(row)
    elif "entrypoint" in row and "test" in row:
        yield from _checks(row)
    elif "entrypoint" in row:
        for test in row.get("tests", []):
            yield read_test(json.dumps({"entry": row["entrypoint"]} | _parts(test)))


def _parts(test: object) -> dict[str, object]:
    return dict(test) if isinstance(test, dict) else {"python": test}


def _checks(row: Row) -> Iterator[ProgramTest]:
    """HumanEval: examples in the head's docstring are public, `check` is not."""
    entry = str(row["entrypoint"])
    prefix = _head(row, entry)
    for call in _examples(str(row.get("prompt", "")), entry):
        # What the docstring shows need not be right to the letter: only the outputs count.
        python = f"try:\n    {call}\nexcept Exception:\n    pass\n"
        yield ProgramTest(python=python, public=True, entry=entry, prefix=prefix)
    python = f"{row['test']}\n\ncheck({entry})\n"
    yield ProgramTest(python=python, entry=entry, prefix=prefix)


def _examples(prompt: str, entry: str) -> list[str]:
    """The calls of the entry with plain values that a text shows, in whatever notation."""
    calls: list[str] = []
    for match in re.finditer(rf"\b{re.escape(entry)}\(", prompt):
        call = _first_call(prompt[match.start() :])
        if call and call not in calls:
            calls.append(call)
    return calls


def _first_call(text: str) -> str | None:
    """The call that the text begins with, on one line; None where it hands over no plain values."""
    line = text.partition("\n")[0]
    for end, character in enumerate(line, start=1):
        if character != ")":
            continue
        try:
            call = ast.parse(line[:end], mode="eval").body
        except (SyntaxError, ValueError, *_DEEP):
            # A bracket inside of the arguments: the call ends at a later one.
            continue
        return line[:end] if isinstance(call, ast.Call) and _are_plain(call) else None
    return None


def _are_plain(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    try:
        for argument in given:
            ast.literal_eval(argument)
    except (ValueError, *_DEEP):
        return False
    return bool(given)


def _head(row: Row, entry: str) -> str:
    """The prompt, where it is Python that begins the program; else nothing."""
    prompt = f"{row.get('prompt', '')}\n"
    try:
        ast.parse(prompt)
    except (SyntaxError, *_DEEP):
        return ""
    return prompt if f"def {entry}" in prompt else ""


def _assertions(row: Row) -> Iterator[ProgramTest]:
    """MBPP: the listed assertions are shown with the question, the others are not."""
    imports = row.get("testimports") or []
    setup = "\n".join([*imports, row.get("testsetupcode") or ""])
    shown = row["testlist"]
    entry = _defined_and_called(str(row.get("code", "")), shown)
    # Of the original the harder assertions are hidden, of MBPP+ one long test.
    hidden = [*(row.get("challengetestlist") or []), row.get("test")]
    for test in shown:
        yield ProgramTest(python=f"{setup}\n{test}\n", public=True, entry=entry)
    for test in filter(None, hidden):
        yield ProgramTest(python=f"{setup}\n{test}\n", entry=entry)


def _defined_and_called(code: str, tests: list[str]) -> str:
    """The function of the reference program that the tests call; "" where there is none."""
    called: set[str] = set()
    for test in tests:
        nodes = ast.walk(ast.parse(test))
        called |= {node.id for node in nodes if isinstance(node, ast.Name)}
    # From the end: helpers come before what is asked for.
    for node in reversed(ast.parse(code).body):
        if isinstance(node, ast.FunctionDef) and node.name in called:
            return node.name
    return ""


def _cases(row: Row, place: str) -> Iterator[ProgramTest]:
    """LiveCodeBench: cases of inputs and outputs, of a script or of a method of `Solution`."""
    details = row.get("metadata") or {}
    details = json.loads(details) if isinstance(details, str) else details
    name = details.get("func_name")
    for case in _listed(row.get("publictestcases"), place):
        yield _case(case, name, public=True)
    for case in _listed(row.get("privatetestcases"), place):
        yield _case(case, name, public=False)


def _case(case: dict[str, str], name: str | None, *, public: bool) -> ProgramTest:
    given = case["input"]
    wanted = case["output"]
    if case.get("testtype") != "functional" or name is None:
        return ProgramTest(input=given, output=wanted, public=public)
    lines = [line for line in given.splitlines() if line.strip()]
    arguments = ", ".join(repr(json.loads(line)) for line in lines)
    # JSON knows no tuples: a method may give one where a list is wanted.
    call = f"as_lists(Solution().{name}({arguments}))"
    python = f"assert {call} == {json.loads(wanted)!r}"
    return ProgramTest(python=python, public=public, entry="Solution", prefix=_LEETCODE)


def _listed(cases: object, place: str) -> list[dict[str, str]]:
    """Cases as a list, as its JSON text, or as that text packed."""
    if not isinstance(cases, str):
        return list(cases or [])  # pyright: ignore
    if not cases.lstrip().startswith("["):
        cases = unpack(cases, place)
    return json.loads(cases)
