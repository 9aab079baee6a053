"""Killable worker processes behind one blocking call."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tasks.grading.verdicts import VERDICTS, Verdict

_ROOT = Path(__file__).resolve().parents[2]
_MODULE = "tasks.grading.equality.worker"
_START_SECONDS = 120.0
"""Generous: a start imports sympy, and a busy machine is slow at that."""
_WALL_FACTOR = 4.0
_ATTEMPTS = 3


class Limits(NamedTuple):
    """What one pair may use: `seconds` of CPU, `memory_mb` MiB of address space for its worker."""

    seconds: float
    memory_mb: int


class Lane:
    """One worker process and a warm spare that takes over when the worker is killed or dies."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._worker = _Worker(limits)
        self._spare = _Worker(limits)

    def verdict(self, answer: str, target: str) -> Verdict:
        """The verdict on one pair, after at most `seconds` of CPU and four times that on the clock.

        The CPU limit is the one that decides, so that a busy machine does not change a verdict; the
        other one is there for a worker that waits instead of computing.
        """
        self._put(json.dumps([answer, target]).encode() + b"\n")
        reply = self._worker.reply(within=_WALL_FACTOR * self._limits.seconds)
        for verdict in VERDICTS:
            if reply == verdict != "memory":
                return verdict
        # Whatever else it says is its last word: a worker out of memory ends, and a silent one is
        # killed here, since nobody knows what it still holds.
        cause = self._cause(reply)
        self._replace()
        return cause

    def _cause(self, reply: str | None) -> Verdict:
        if reply == "memory":
            return "memory"
        return "timeout" if reply is None else self._worker.cause()

    def process_ids(self) -> list[int]:
        """The worker and its spare."""
        return [self._worker.process_id, self._spare.process_id]

    def close(self) -> None:
        """End both processes."""
        self._worker.end()
        self._spare.end()

    def _put(self, question: bytes) -> None:
        """Hand the question to a live worker; one that died while idle is no pair's fault."""
        for _ in range(_ATTEMPTS):
            if self._worker.ask(question):
                return
            self._replace()
        raise RuntimeError(
            f"expected a grading worker to say 'ready' within {_START_SECONDS:.0f} s, "
            f"{_ATTEMPTS} did not; "
            f"run `{sys.executable} -m {_MODULE} 5 1024` in {_ROOT} to see why"
        )

    def _replace(self) -> None:
        self._worker.end()
        self._worker, self._spare = self._spare, _Worker(self._limits)


class _Worker:
    """One process; it is warm once it has said `ready`."""

    def __init__(self, limits: Limits) -> None:
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        # sympy walks over sets: without a fixed hash seed a verdict could differ between two
        # starts. One thread: the CPU limit counts those of all threads together.
        environment = {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, str(limits.seconds), str(limits.memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
            process_group=0,  # Ctrl-C is for the parent, which then ends its workers
            bufsize=0,
        )
        self._ready = False
        self.process_id = self._process.pid

    def ask(self, question: bytes) -> bool:
        """True when the process is alive and has the question; waits for a new one to be ready."""
        self._ready = self._ready or self.reply(within=_START_SECONDS) == "ready"
        pipe = self._process.stdin
        if not self._ready or pipe is None:
            return False
        try:
            return pipe.write(question) == len(question)
        except BrokenPipeError:
            return False

    def reply(self, *, within: float) -> str | None:
        """The next line; "" when the process ended without one, None after `within` seconds."""
        pipe = self._process.stdout
        if pipe is None:
            return ""
        deadline = time.monotonic() + within
        # poll, not select: that refuses file numbers of 1024 and more.
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        line = b""
        while not line.endswith(b"\n"):
            seconds_left = deadline - time.monotonic()
            if seconds_left <= 0 or not poll.poll(1_000 * seconds_left):
                return None
            chunk = os.read(pipe.fileno(), 64)
            if not chunk:
                return ""
            line += chunk
        return line.decode().strip()

    def cause(self) -> Verdict:
        """Why the process ended: its CPU limit, the kernel's killer of memory hogs, or a crash."""
        # SIGPROF is what its timer sends; SIGKILL comes from the kernel, when memory is short.
        deaths: dict[int, Verdict] = {-signal.SIGPROF: "timeout", -signal.SIGKILL: "memory"}
        return deaths.get(self._process.wait(), "crashed")

    def end(self) -> None:
        """Kill the process and collect it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()
