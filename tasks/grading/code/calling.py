"""The tests of a program, in a confined process of their own that the program cannot reach.

A test calls the program by stand-ins for the names that it does not define itself. A stand-in sends
the arguments and gives back plain data, so that every comparison is made here, by Python's own
types. A program that lies can only lie about its results, and those are what is tested.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from tasks.grading.code.far_program import OPAQUE, Ended, FarProgram, NamedStandIn
from tasks.grading.code.wire import Unsendable, Wire

_LONGEST_NAME = 200


class PythonTest(NamedTuple):
    """Python code that calls the program and raises where it is not right."""

    code: str
    public: bool
    """Whether its inputs are the voting class's: known to who asks, as examples are."""


class Tried(NamedTuple):
    """What the tests say of a program."""

    verdict: str
    """`ended` where the program did: who watches it knows why."""
    outputs: str | None
    """All that it returned or raised in the public tests, "" where nothing of it is data; None
    where it did not last so long."""


def try_program(
    prefix: str, entry: str, tests: list[PythonTest], requests: BinaryIO, replies: BinaryIO
) -> Tried:
    """Run the public tests, then the others until one fails."""
    program = FarProgram(requests, replies)
    verdicts: list[str] = []
    outputs: str | None = None
    try:
        program.load()
        names = _names_for(program, prefix, entry, tests)
        verdicts += [_run(test, names, program) for test in tests if test.public]
        outputs = _name_outputs(program.log)
        hidden = (_run(test, names, program) for test in tests if not test.public)
        verdicts += _until_failure(hidden)
    except Ended as end:
        verdicts.insert(0, end.verdict)
    failures = [verdict for verdict in verdicts if verdict != "correct"]
    return Tried(failures[0] if failures else "correct", outputs)


def _name_outputs(log: list[Wire]) -> str:
    # Objects that nobody can look into tell no program from another.
    has_data = any(output != OPAQUE for output in log)
    return shorten(json.dumps(log)) if has_data else ""


def shorten(outputs: str) -> str:
    """The outputs as a name for them: short ones themselves, long ones by their digest."""
    if len(outputs) <= _LONGEST_NAME:
        return outputs
    content = outputs.encode("utf-8", "surrogatepass")
    return f"outputs:{hashlib.sha256(content).hexdigest()[:32]}"


def _until_failure(verdicts: Iterable[str]) -> Iterator[str]:
    for verdict in verdicts:
        yield verdict
        if verdict != "correct":
            return


def _run(test: PythonTest, names: dict[str, Any], program: FarProgram) -> str:
    """`correct` where the test passes; otherwise why it does not."""
    try:
        exec(compile(test.code, "<test>", "exec", dont_inherit=True), names)
    except Unsendable:
        return "untestable"
    except Exception as error:
        # Raised by the program and not expected, or by the test when it looked at the result.
        if error is not program.raised:
            return "wrong"
        return "memory" if isinstance(error, MemoryError) else "crashed"
    return "correct"


def _names_for(
    program: FarProgram, prefix: str, entry: str, tests: list[PythonTest]
) -> dict[str, Any]:
    """What tests may name: stand-ins, what the question begins, modules, and `as_lists`.

    Of the program's own names only those that the tests need: one that calls itself `abs` or
    `math` must not stand before Python's.
    """
    names: dict[str, Any] = {"__name__": "tests", "as_lists": as_lists}
    needed = {node.id for test in tests for node in _loads(test.code)} - set(names)
    for name in sorted(needed - set(dir(builtins))):
        is_module = name in sys.stdlib_module_names
        names[name] = importlib.import_module(name) if is_module else NamedStandIn(program, name)
    exec(compile(prefix, "<question>", "exec", dont_inherit=True), names)
    if entry:
        names[entry] = NamedStandIn(program, entry)
    return names


def _loads(code: str) -> Iterator[ast.Name]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node


def as_lists(value: object) -> object:
    """The value with every tuple a list: JSON, in which many tests are written, has no tuples."""
    if isinstance(value, (list, tuple)):
        return [as_lists(member) for member in value]
    if isinstance(value, dict):
        return {key: as_lists(held) for key, held in value.items()}
    return value
