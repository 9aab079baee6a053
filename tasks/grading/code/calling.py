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
from typing import Any, BinaryIO, NamedTuple, NoReturn

from tasks.grading.code.wire import TooLong, Unsendable, Wire, pack, receive, send, unpack

_LONGEST_NAME = 200
_OPAQUE: Wire = {"kept": []}


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


class _Ended(BaseException):
    """The program can answer no more; no `except Exception` of a test may pass over it."""

    def __init__(self, verdict: str) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class ProgramError(Exception):
    """An exception of the program that is none of Python's own."""


_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What reading a reply raises that no honest process wrote."""


def try_program(
    prefix: str, entry: str, tests: list[PythonTest], requests: BinaryIO, replies: BinaryIO
) -> Tried:
    """Run the public tests, then the others until one fails."""
    program = _Program(requests, replies)
    verdicts: list[str] = []
    outputs: str | None = None
    try:
        program.load()
        names = _names_for(program, prefix, entry, tests)
        verdicts += [_run(test, names, program) for test in tests if test.public]
        outputs = _name_outputs(program.log)
        hidden = (_run(test, names, program) for test in tests if not test.public)
        verdicts += _until_failure(hidden)
    except _Ended as end:
        verdicts.insert(0, end.verdict)
    failures = [verdict for verdict in verdicts if verdict != "correct"]
    return Tried(failures[0] if failures else "correct", outputs)


def _name_outputs(log: list[Wire]) -> str:
    # Objects that nobody can look into tell no program from another.
    has_data = any(output != _OPAQUE for output in log)
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


def _run(test: PythonTest, names: dict[str, Any], program: _Program) -> str:
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
    program: _Program, prefix: str, entry: str, tests: list[PythonTest]
) -> dict[str, Any]:
    """What tests may name: stand-ins, what the question begins, modules, and `as_lists`.

    Of the program's own names only those that the tests need: one that calls itself `abs` or
    `math` must not stand before Python's.
    """
    names: dict[str, Any] = {"__name__": "tests", "as_lists": as_lists}
    needed = {node.id for test in tests for node in _loads(test.code)} - set(names)
    for name in sorted(needed - set(dir(builtins))):
        is_module = name in sys.stdlib_module_names
        names[name] = importlib.import_module(name) if is_module else _Named(program, name)
    exec(compile(prefix, "<question>", "exec", dont_inherit=True), names)
    if entry:
        names[entry] = _Named(program, entry)
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


class _Program:
    """The other end: makes calls, and keeps a log of the answers."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self.log: list[Wire] = []
        self.raised: Exception | None = None
        """The last exception that came from the program."""

    def load(self) -> None:
        """Wait until its top level has run."""
        reply = self._receive()
        if "unparsed" in reply:
            raise _Ended("unparsed")
        if "raised" in reply:
            raise _Ended("memory" if reply["raised"] == "MemoryError" else "crashed")

    def ask(self, request: Wire, arguments: tuple[Any, ...] = (), named: Any = None) -> Any:
        """The value that a call gives; raises what it raised."""
        packed = {name: _pack(one) for name, one in (named or {}).items()}
        sent = [_pack(one) for one in arguments]
        try:
            send(self._requests, request | {"arguments": sent, "named": packed})
        except OSError as error:
            raise _Ended("ended") from error
        reply = self._receive()
        try:
            value = self._take(reply, arguments)
        except _UNREADABLE as error:
            # Not what `pack` says: the program writes to the pipe itself.
            raise _Ended("crashed") from error
        if self.raised:
            raise self.raised
        return value

    def _receive(self) -> Wire:
        try:
            reply = receive(self._replies)
        except TooLong as error:
            raise _Ended("output") from error
        except (ValueError, RecursionError) as error:
            raise _Ended("crashed") from error
        if reply is None:
            raise _Ended("ended")
        if not isinstance(reply, dict):
            raise _Ended("crashed")
        return reply

    def _take(self, reply: Wire, arguments: tuple[Any, ...]) -> Any:
        self.raised = None
        if "raised" in reply:
            name = str(reply["raised"])
            self.log.append({"raised": name})
            self.raised = _error_of(name, str(reply["text"]))
            return None
        self.log.append(_settle(reply["value"]))
        for place, after in reply["changed"].items():
            _renew(arguments[int(place)], unpack(after, self._find))
        return unpack(reply["value"], self._find)

    def _find(self, message: Wire) -> object:
        number, iterates = message["kept"]
        return _Iterator(self, int(number)) if iterates else _Kept(self, int(number))


def _pack(value: object) -> Wire:
    return pack(value, _handle)


def _handle(value: object) -> Wire:
    if isinstance(value, _Kept):
        return {"kept": [value.number_of_kept, isinstance(value, _Iterator)]}
    raise Unsendable(type(value).__name__)


def _error_of(name: str, text: str) -> Exception:
    """An exception of that name, as far as Python has one."""
    kind = getattr(builtins, name, None)
    try:
        if isinstance(kind, type) and issubclass(kind, Exception):
            return kind(text)
    except TypeError:  # UnicodeDecodeError and its like want more than a text
        pass
    return ProgramError(f"{name}: {text}")


def _renew(argument: Any, after: Any) -> None:
    """Give an argument the content that the program left in it."""
    if type(argument) is not type(after):
        return
    argument.clear()
    if isinstance(argument, (dict, set)):
        argument.update(after)
    else:
        argument.extend(after)


def _settle(message: Wire) -> Wire:
    """The same message for equal values: dicts in the order of their texts."""
    if isinstance(message, list):
        return [_settle(one) for one in message]
    if not isinstance(message, dict):
        return message
    if "kept" in message:
        # Its number says only how many came before.
        return _OPAQUE
    settled = {name: _settle(content) for name, content in message.items()}
    if "dict" in settled:
        settled["dict"] = sorted(settled["dict"], key=json.dumps)
    return settled


class _StandIn:
    """Something of the program that is no data: neither true nor false, equal to itself alone."""

    def __init__(self, program: _Program) -> None:
        self._program = program

    def __bool__(self) -> NoReturn:
        raise TypeError("expected data from the program, got one of its own objects")


class _Named(_StandIn):
    """A name of the program."""

    def __init__(self, program: _Program, name: str) -> None:
        super().__init__(program)
        self.__name__ = name

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._program.ask({"name": self.__name__}, arguments, named)


class _Kept(_StandIn):
    """An object of the program: it can be called, read and handed back."""

    def __init__(self, program: _Program, number: int) -> None:
        super().__init__(program)
        self.number_of_kept = number

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._program.ask({"kept": self.number_of_kept}, arguments, named)

    def __getattr__(self, name: str) -> Any:
        return self._program.ask({"kept": self.number_of_kept, "attribute": name})


class _Iterator(_Kept):
    """An iterator of the program: every member comes as data."""

    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> Any:
        return self._program.ask({"kept": self.number_of_kept, "next": True})
