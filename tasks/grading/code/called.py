"""The confined program as its tests call it: it answers requests for calls until they end.

What is asked comes as data and what is answered goes as data (`tasks.grading.code.wire`). The
program may do with this process what it likes: no test and no expected value is ever in it.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple

from tasks.grading.code.wire import Wire, pack, receive, send, unpack

_MUTABLE = ("list", "dict", "set", "deque", "bytearray")


class Source(NamedTuple):
    """An answer and what of the question belongs before it."""

    prefix: str
    """Code that the question begins: imports, helpers, the function's head; "" for none."""
    answer: str
    entry: str
    """Name that the answer defines; "" where the question does not say."""


def program_of(source: Source) -> list[str]:
    """The parts to run, one after the other; SyntaxError when the answer is no Python.

    The question's beginning comes first. An answer that only continues it is joined to it.
    """
    if source.prefix and source.entry and not _defines(source.answer, source.entry):
        whole = source.prefix + source.answer
        if _defines(whole, source.entry):
            return [whole]
    compile(source.answer, "<answer>", "exec", dont_inherit=True)
    return [source.prefix, source.answer]


def _defines(code: str, name: str) -> bool:
    """Whether the code is Python and gives the name a value at its top level."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return any(name in _names(statement) for statement in tree.body)


def _names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id


def serve(source: Source, requests: BinaryIO, replies: BinaryIO) -> None:
    """Load the program, then answer requests until their pipe closes."""
    module = ModuleType("program")
    # Dataclasses and the like look their module up by its name.
    sys.modules["program"] = module
    answering = _Answering(module.__dict__)
    send(replies, answering.load(source))
    while (request := receive(requests)) is not None:
        send(replies, answering.answer(request))
    # Whatever the program has left for the interpreter's end is not run.
    os._exit(0)


class _Answering:
    """The loaded program, and the objects that its tests hold by number."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._kept: list[object] = []
        self._places: dict[int, int] = {}
        """Where an object stands among those kept, by its id, so that each has one number."""

    def load(self, source: Source) -> Wire:
        """Run the program's top level."""
        try:
            parts = program_of(source)
        except (SyntaxError, ValueError) as error:
            return {"unparsed": str(error)[:200]}
        return self._reply(lambda: self._run(parts))

    def _run(self, parts: list[str]) -> None:
        for part in parts:
            exec(compile(part, "<answer>", "exec", dont_inherit=True), self._names)

    def answer(self, request: Wire) -> Wire:
        """Make one call, or read one attribute."""
        sent = request["arguments"]
        arguments = [unpack(one, self._find) for one in sent]
        named: dict[str, Any] = {}
        for name, one in request["named"].items():
            named[name] = unpack(one, self._find)

        def call() -> object:
            # Looked up inside: a name that the program lacks is an error of the program's.
            target = self._target(request)
            return target(*arguments, **named)

        return self._reply(call, arguments, sent)

    def _target(self, request: Wire) -> Callable[..., object]:
        """What is called: a name of the program, a kept object, or a step of one."""
        if "name" in request:
            return self._names[request["name"]]
        one: Any = self._kept[request["kept"]]
        if "attribute" in request:
            return lambda: getattr(one, request["attribute"])
        return (lambda: next(one)) if request.get("next") else one

    def _reply(
        self, act: Callable[[], object], arguments: Sequence[Any] = (), sent: Sequence[Wire] = ()
    ) -> Wire:
        """The value of the act, or what it raised; and arguments that it changed in place."""
        try:
            value = pack(act(), self._keep)
            changed = self._changes(arguments, sent)
        except Exception as error:  # whatever a program raises, its test may expect
            return {"raised": type(error).__name__, "text": str(error)[:200]}
        return {"value": value, "changed": changed}

    def _changes(self, arguments: Sequence[Any], sent: Sequence[Wire]) -> Wire:
        """What arguments are now that were changed in place, by their number."""
        changed: dict[str, Wire] = {}
        for place, before in enumerate(sent):
            kind = next(iter(before)) if isinstance(before, dict) else None
            # The rest cannot change, and need not be packed again.
            if kind not in _MUTABLE:
                continue
            after = pack(arguments[place], self._keep)
            if after != before:
                changed[str(place)] = after
        return changed

    def _keep(self, value: object) -> Wire:
        item = _numpy_item(value)
        if item is not None:
            return pack(item(), self._keep)
        if id(value) not in self._places:
            self._places[id(value)] = len(self._kept)
            self._kept.append(value)
        return {"kept": [self._places[id(value)], hasattr(value, "__next__")]}

    def _find(self, message: Wire) -> object:
        return self._kept[message["kept"][0]]


def _numpy_item(value: object) -> Callable[[], object] | None:
    """What gives the plain number of a scalar of numpy, a number in all but its type."""
    is_scalar = type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0
    return getattr(value, "item", None) if is_scalar else None
