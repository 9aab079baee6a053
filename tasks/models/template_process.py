"""Chat templates at work in a process of their own, which is ended where they take too much.

A template is a program that somebody published. `rendering` counts its loops and looks at its
operators; formats, filters and methods are too many to look at, so what a prompt may take of time
and memory is the kernel's to hold. Requests and replies are lines of JSON.

`python -m tasks.models.template_process SECONDS MEGABYTES` is that process.
"""

from __future__ import annotations

import json
import math
import os
import resource
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_MODULE = "tasks.models.template_process"

SECONDS = 10
"""Of CPU that a prompt may take; published templates need milliseconds."""
MEGABYTES = 1024
"""Of memory, beside what the process starts with."""
_WALL_FACTOR = 12.0
"""How much longer it may take on the clock: a busy machine is no fault of the template."""
_PIECE = 2**16


class TemplateFailure(Exception):
    """A template that has a mistake, raises, or takes too much."""


class ConfinedTemplate:
    """A template ready to write dialogues down: `rendering.Template`, elsewhere."""

    def __init__(self, source: str, *, today: date, tokens: Mapping[str, str]) -> None:
        """TemplateFailure for a source that is no template; arguments as `rendering.Template`."""
        self._made = {"source": source, "today": today.isoformat(), "tokens": dict(tokens)}
        self._turn = threading.Lock()
        self._child: _Child | None = None
        with self._turn:
            self._start()
        self.options: list[str] = self._options
        """What else it asks about: the names of what a study may tell it."""

    def render(
        self, messages: list[dict[str, Any]], *, opens: bool, options: Mapping[str, Any]
    ) -> str:
        """The dialogue's text; TemplateFailure says what went wrong. `opens`: the model's turn."""
        asked = {"messages": messages, "opens": opens, "options": dict(options)}
        # One at a time: several threads may write prompts.
        with self._turn:
            # A fork has the pipes of its parent, whose replies it must not take.
            if self._child is None or self._child.owner != os.getpid():
                self._start()
            return str(self._ask(asked))

    def _start(self) -> None:
        self._child = _Child()
        self._options = list(self._ask(self._made))

    def _ask(self, asked: dict[str, Any]) -> Any:
        assert self._child is not None
        reply = self._child.ask(json.dumps(asked).encode() + b"\n")
        if reply is None:
            # Nobody knows what it still holds: the next prompt gets a new one.
            self._child.end()
            self._child = None
            raise TemplateFailure(
                f"it takes more than {SECONDS} s or {MEGABYTES} MiB for one dialogue"
            )
        said = json.loads(reply)
        if "error" in said:
            raise TemplateFailure(said["error"])
        return said["value"]


class _Child:
    """One process; it ends with its standard input, and with this object."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        self.owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, str(SECONDS), str(MEGABYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            process_group=0,  # Ctrl-C is for the parent
            bufsize=0,
        )
        self.end = weakref.finalize(self, _end, self._process, self.owner)

    def ask(self, line: bytes) -> bytes | None:
        """The reply; None where there came none, in time or at all."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(line)
        except BrokenPipeError:
            return None
        deadline = time.monotonic() + _WALL_FACTOR * SECONDS
        # poll, not select: that refuses file numbers of 1024 and more.
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        pieces: list[bytes] = []
        while not (pieces and pieces[-1].endswith(b"\n")):
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(1000 * left):
                return None
            piece = os.read(self._process.stdout.fileno(), _PIECE)
            if not piece:
                return None
            pieces.append(piece)
        return b"".join(pieces)


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    # A fork closes its copies of the pipes and leaves the process to whom it belongs.
    mine = owner == os.getpid()
    if mine:
        process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if mine:
        process.wait()


def main(seconds: int, megabytes: int) -> None:
    """Answer lines of standard input until it ends: a template first, then dialogues."""
    # Here and not above: whoever asks needs none of it.
    from tasks.models.rendering import Template

    _limit_memory(megabytes)
    template: Template | None = None
    for line in sys.stdin.buffer:
        _limit_seconds(seconds)
        asked = json.loads(line)
        try:
            if template is None:
                today = date.fromisoformat(asked["today"])
                template = Template(asked["source"], today=today, tokens=asked["tokens"])
                said: dict[str, Any] = {"value": template.options}
            else:
                opens, options = asked["opens"], asked["options"]
                text = template.render(asked["messages"], opens=opens, options=options)
                said = {"value": text}
        except MemoryError:
            said = {"error": f"it takes more than {megabytes} MiB for one dialogue"}
        except Exception as error:  # whatever its expressions may raise
            said = {"error": str(error) or type(error).__name__}
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")
        sys.stdout.buffer.flush()


def _limit_memory(megabytes: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _limit_seconds(seconds: int) -> None:
    """From now on so many seconds of CPU; then the kernel ends the process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = math.ceil(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
