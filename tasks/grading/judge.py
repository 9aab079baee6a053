"""A user's program that judges answers, one JSON line in and one out, and what becomes of it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

from warehouse.errors import UserError

LEAST_START = 60.0
"""Seconds that the first line after a start may take: programs load models."""
TIMEOUT = "timeout"
CRASHED = "crashed"
"""Verdicts where the program gives none in time, or none that can be read."""

_LONGEST_LINE = 1_000_000
"""Bytes of a line that is still a verdict."""
_LONGEST_WORD = 40
_LAST_WORDS = 400
"""Bytes of its error output that are shown."""


class _Process(NamedTuple):
    popen: subprocess.Popen[bytes]
    input: IO[bytes]
    output: IO[bytes]


class Judge:
    """The program, started when it is first asked, and again after it crashed or was killed."""

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._command = list(command)
        self._seconds = seconds
        self._process: _Process | None = None
        self._read = b""
        self._row = 0
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)

    def verdict(self, values: Mapping[str, object]) -> str:
        """Its word on one row; TIMEOUT, or CRASHED where it says none that can be read."""
        was_running = self._process is not None
        word = self._ask(values)
        # It may have died of the row before, after the verdict on it: this one gets a fresh start.
        if word == CRASHED and was_running:
            word = self._ask(values)
        return word

    def last_words(self) -> str:
        """The end of what it wrote on its error output."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _LAST_WORDS))
        return self._errors.read().decode("utf-8", "replace").strip()

    def stop(self) -> None:
        """End the program and whatever it started; stopping twice is allowed."""
        process, self._process = self._process, None
        self._read = b""
        if process is None:
            return
        # Its own session is its group: what it started goes with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.popen.pid, signal.SIGKILL)
        process.popen.wait()
        process.input.close()
        process.output.close()

    def close(self) -> None:
        """Stop, and forget what it wrote on its error output."""
        self.stop()
        self._errors.close()

    def _ask(self, values: Mapping[str, object]) -> str:
        seconds = self._seconds
        process = self._process
        if process is None:
            self._process = process = self._start()
            seconds = max(seconds, LEAST_START)
        self._row += 1
        line = json.dumps({"row": self._row, **values}).encode() + b"\n"
        word = self._answer(process, line, time.monotonic() + seconds)
        if word in (TIMEOUT, CRASHED):
            # What it may still say of this row comes too late.
            self.stop()
        return word

    def _start(self) -> _Process:
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                # Of a Python program, so that a line leaves it when it is printed.
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        except OSError as error:
            raise UserError(
                f"answer_command: expected a program that can be run, got {self._command} "
                f"({error}); correct the command"
            ) from error
        if process.stdin is None or process.stdout is None:
            raise ValueError("expected pipes to the program, got none")
        os.set_blocking(process.stdin.fileno(), False)
        return _Process(process, process.stdin, process.stdout)

    def _answer(self, process: _Process, line: bytes, deadline: float) -> str:
        """The word on the row that the line asks about, while that is sent."""
        with selectors.DefaultSelector() as events:
            events.register(process.output, selectors.EVENT_READ)
            events.register(process.input, selectors.EVENT_WRITE)
            while (word := self._next_word()) is None:
                ready = {key.fileobj for key, _ in events.select(deadline - time.monotonic())}
                if not ready or time.monotonic() > deadline:
                    return TIMEOUT
                if process.input in ready:
                    line = _send(process, line)
                    if not line:
                        events.unregister(process.input)
                if process.output in ready and not self._receive(process):
                    return CRASHED
        return word

    def _receive(self, process: _Process) -> bool:
        """Whether it wrote something, and no line that is too long."""
        piece = os.read(process.output.fileno(), 65536)
        self._read += piece
        return bool(piece) and len(self._read) <= _LONGEST_LINE

    def _next_word(self) -> str | None:
        """The word of the first line about the present row; None while there is none."""
        while b"\n" in self._read:
            line, _, self._read = self._read.partition(b"\n")
            answer = _object(line)
            # A second line on an earlier row must not be taken for the verdict on this one.
            if answer.get("row") == self._row:
                return _word(answer)
            if not isinstance(answer.get("row"), int):
                return CRASHED
        return None


def _send(process: _Process, line: bytes) -> bytes:
    """What of the line is still to be written."""
    try:
        return line[os.write(process.input.fileno(), line) :]
    except BrokenPipeError:
        # It has ended: that is seen where it should answer.
        return b""


def _object(line: bytes) -> dict[str, Any]:
    """The object that a line is; an empty one for any other line."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _word(answer: dict[str, Any]) -> str:
    """The verdict of `{"row": 1, "verdict": "correct"}`; CRASHED where it is no short text."""
    verdict = answer.get("verdict")
    word = verdict.strip() if isinstance(verdict, str) else ""
    return word if 0 < len(word) <= _LONGEST_WORD else CRASHED
