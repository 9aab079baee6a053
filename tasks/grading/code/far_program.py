"""A program in another process, as its tests hold it: stand-ins that send calls and read data."""

from __future__ import annotations

import builtins
import json
from typing import Any, BinaryIO, NoReturn

from tasks.grading.code.wire import TooLong, Unsendable, Wire, pack, receive, send, unpack

OPAQUE: Wire = {"kept": []}
"""What the log has for an object that is no data."""


class Ended(BaseException):
    """The program can answer no more; no `except Exception` of a test may pass over it."""

    def __init__(self, verdict: str) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class ProgramError(Exception):
    """An exception of the program that is none of Python's own."""


_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What reading a reply raises that no honest process wrote."""


class FarProgram:
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
            raise Ended("unparsed")
        if "raised" in reply:
            raise Ended("memory" if reply["raised"] == "MemoryError" else "crashed")

    def ask(self, request: Wire, arguments: tuple[Any, ...] = (), named: Any = None) -> Any:
        """The value that a call gives; raises what it raised."""
        packed = {name: _pack(one) for name, one in (named or {}).items()}
        sent = [_pack(one) for one in arguments]
        try:
            send(self._requests, request | {"arguments": sent, "named": packed})
        except OSError as error:
            raise Ended("ended") from error
        reply = self._receive()
        try:
            value = self._take(reply, arguments)
        except _UNREADABLE as error:
            # Not what `pack` says: the program writes to the pipe itself.
            raise Ended("crashed") from error
        if self.raised:
            raise self.raised
        return value

    def _receive(self) -> Wire:
        try:
            reply = receive(self._replies)
        except TooLong as error:
            raise Ended("output") from error
        except (ValueError, RecursionError) as error:
            raise Ended("crashed") from error
        if reply is None:
            raise Ended("ended")
        if not isinstance(reply, dict):
            raise Ended("crashed")
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
        return OPAQUE
    settled = {name: _settle(content) for name, content in message.items()}
    if "dict" in settled:
        settled["dict"] = sorted(settled["dict"], key=json.dumps)
    return settled


class _StandIn:
    """Something of the program that is no data: neither true nor false, equal to itself alone."""

    def __init__(self, program: FarProgram) -> None:
        self._program = program

    def __bool__(self) -> NoReturn:
        raise TypeError("expected data from the program, got one of its own objects")


class NamedStandIn(_StandIn):
    """A name of the program."""

    def __init__(self, program: FarProgram, name: str) -> None:
        super().__init__(program)
        self.__name__ = name

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._program.ask({"name": self.__name__}, arguments, named)


class _Kept(_StandIn):
    """An object of the program: it can be called, read and handed back."""

    def __init__(self, program: FarProgram, number: int) -> None:
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
