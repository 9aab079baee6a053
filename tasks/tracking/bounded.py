"""A server that sends a byte a second is waited for for so long, and no longer."""

from __future__ import annotations

import contextvars
import ctypes
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

NAME = "waits for a server"
"""Of the thread in which work is done."""


class TooSlow(OSError):
    """Work that was not done in its time."""


class _Stop(BaseException):
    """Ends a thread; no Exception, so that no client takes it for an error of its server."""


class _Work(Generic[T]):
    """Work in a thread, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.results: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.results.append(self._work())
        except BaseException as error:
            self.error = error


def within(seconds: float, work: Callable[[], T]) -> T:
    """What the work returns or raises; TooSlow when it takes longer.

    Time-outs of HTTP clients are between two bytes, of which a slow server has always one more.
    """
    doing = _Work(work)
    context = contextvars.copy_context()
    # Nobody waits for it at the end of the process either.
    thread = threading.Thread(target=context.run, args=(doing.run,), name=NAME, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        # Between two instructions, so after the next byte: what it has sent so far stays sent.
        number = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(_Stop))
        raise TooSlow(f"not done within {seconds:g} s")
    if doing.error is not None:
        raise doing.error
    return doing.results[0]
