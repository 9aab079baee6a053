"""Confined processes as the grader sees them: started, fed, watched, ended as a whole."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from tasks.grading.code.called import Source
from tasks.grading.code.calling import PythonTest, Tried
from tasks.grading.code.confinement import SCRATCH, Allowance
from tasks.grading.code.inside import OUT_OF_MEMORY, UNPARSED
from tasks.grading.code.refused_calls import is_known_machine
from warehouse.errors import UserError

_ROOT = Path(__file__).resolve().parents[3]
_MODULE = "tasks.grading.code.inside"
_WALL_FACTOR = 3.0
"""CPU seconds decide, so that a busy machine changes no verdict; the clock is for who waits."""
_START_SECONDS = 10.0
_PATIENCE = 5.0
"""Seconds in which a process that was told to end, or whose pipes have closed, is gone."""
_MOST_OUTPUT = 8 << 20


class Ran(NamedTuple):
    """How a script ended: `ended` by itself with success, or the verdict that says why not."""

    verdict: str
    output: str


class _End(NamedTuple):
    """What a confined process said, and how it ended."""

    said: dict[str, Any]
    overdue: bool
    """Whether it was ended here, because its time was up."""


class Sandbox(NamedTuple):
    """Runs programs that nobody trusts, each in processes of its own; keeps nothing running.

    UserError where this machine's kernel does not let a process be confined: nothing is ever run
    without.
    """

    allowance: Allowance

    def run(self, answer: str, text: str) -> Ran:
        """Run the answer as a script with `text` as its standard input."""
        spec = {"role": "script", "answer": answer}
        with _Confined.start(spec, self.allowance, stdin=text) as script:
            output, is_too_much = script.read_output(_MOST_OUTPUT)
            if is_too_much:
                return Ran("output", "")
            end = script.end()
        verdict = _cause(end, self.allowance)
        return Ran(verdict, output.decode("utf-8", "replace"))

    def test(self, source: Source, tests: Sequence[PythonTest]) -> Tried:
        """Have the tests call the program."""
        called = {"role": "called", "source": source._asdict()}
        calling = {
            "role": "calling",
            "prefix": source.prefix,
            "entry": source.entry,
            "tests": [test._asdict() for test in tests],
        }
        with contextlib.ExitStack() as held:
            pipes = held.enter_context(contextlib.ExitStack())
            for_program, for_tests = _two_pipes(pipes)
            program = held.enter_context(
                _Confined.start(called, self.allowance, between=for_program)
            )
            tester = held.enter_context(_Confined.start(calling, self.allowance, between=for_tests))
            # Held here too, a pipe would not end with the process at its other end.
            pipes.close()
            return self._judge(tester.end(), program)

    def _judge(self, end: _End, program: _Confined) -> Tried:
        """What the tests said, unless one of the two processes did not last until then."""
        verdict = end.said.get("verdict")
        if verdict is None:
            # The tests wait for the program: whose time was up is the program's fault.
            cause = _cause(end, self.allowance)
            return Tried("crashed" if cause == "ended" else cause, None)
        if verdict == "ended":
            cause = _cause(program.end(within=_PATIENCE), self.allowance)
            verdict = "crashed" if cause == "ended" else cause
        return Tried(verdict, end.said["outputs"])


def _cause(end: _End, allowance: Allowance) -> str:
    """Why a process ended: `ended` where by itself and with success."""
    if end.overdue:
        return "timeout"
    code = int(end.said["code"])
    seconds = float(end.said["seconds"])
    if code == 0:
        return "ended"
    if code == -signal.SIGXCPU or seconds >= allowance.seconds:
        return "timeout"
    # SIGKILL comes from the kernel, when memory is short.
    by_code = {UNPARSED: "unparsed", OUT_OF_MEMORY: "memory", -signal.SIGKILL: "memory"}
    return by_code.get(code, "crashed")


class _Confined:
    """One process that confines itself, with those that it starts; leaving the context ends all."""

    def __init__(self, process: subprocess.Popen[bytes], status: int, seconds: float) -> None:
        self._process = process
        self._status = status
        self._deadline = time.monotonic() + seconds

    @classmethod
    def start(
        cls,
        spec: dict[str, Any],
        allowance: Allowance,
        *,
        stdin: str = "",
        between: tuple[int, ...] = (),
    ) -> Self:
        """Start it; `between` are the open files that it reads from and writes to."""
        _refuse_machine()
        packages = sysconfig.get_path("purelib")
        visible = [sys.base_prefix, packages]
        whole = spec | {"visible": visible, "packages": packages, "allowance": allowance._asdict()}
        reading, status = os.pipe()
        with _file_of(json.dumps(whole)) as spec_file, _file_of(stdin) as input_file:
            process = subprocess.Popen(
                # -P -s -S: nothing is imported from where the user stands, nor at every start.
                [sys.executable, "-P", "-s", "-S", "-B", "-m", _MODULE]
                + [str(number) for number in (spec_file, status, *between)],
                stdin=input_file,
                stdout=subprocess.DEVNULL if between else subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(spec_file, status, *between),
                process_group=0,  # Ctrl-C is for the parent, which then ends what it has started
            )
        os.close(status)
        seconds = _START_SECONDS + _WALL_FACTOR * allowance.seconds
        return cls(process, reading, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self._process.stdout:
            self._process.stdout.close()
        os.close(self._status)

    def read_output(self, most: int) -> tuple[bytes, bool]:
        """Standard output until it closes or time is up; and whether it was more than `most`."""
        pipe = self._process.stdout
        output = self._read(pipe.fileno(), most) if pipe else b""
        return output, len(output) > most

    def end(self, *, within: float | None = None) -> _End:
        """Wait until it ends, or end it when its time is up.

        UserError where it could not be confined.
        """
        if within is not None:
            self._deadline = min(self._deadline, time.monotonic() + within)
        lines = self._read(self._status, _MOST_OUTPUT).splitlines()
        is_overdue = time.monotonic() >= self._deadline
        self._stop()
        said: dict[str, Any] = {}
        for line in lines:
            said |= json.loads(line)
        if "refused" in said:
            raise UserError(
                f"code: expected a kernel that lets a process confine itself, it refused "
                f"{said['refused']}; run as root, allow user namespaces "
                "(sysctl user.max_user_namespaces), or start the container with "
                "--cap-add SYS_ADMIN --security-opt apparmor=unconfined"
            )
        if "code" not in said and not is_overdue:
            raise RuntimeError(
                f"expected a confined process to say how it ended, it said {said}; "
                f"run `{sys.executable} -m {_MODULE}` in {_ROOT} to see whether it starts"
            )
        return _End(said, is_overdue)

    def _read(self, file: int, most: int) -> bytes:
        """What comes until the file closes, time is up or it is more than `most`."""
        chunks: list[bytes] = []
        left = most
        # poll, not select: that refuses file numbers of 1024 and more.
        poll = select.poll()
        poll.register(file, select.POLLIN)
        while left >= 0:
            seconds = self._deadline - time.monotonic()
            if seconds <= 0 or not poll.poll(1_000 * seconds):
                break
            chunk = os.read(file, 1 << 16)
            if not chunk:
                break
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)

    def _stop(self) -> None:
        """End all of its processes; they are gone when this returns."""
        # The outer process ends when the inner ones have: it is asked, and killed only if it
        # cannot answer, after which the kernel ends the inner ones.
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _refuse_machine() -> None:
    if sys.platform != "linux" or not is_known_machine():
        raise UserError(
            f"code: expected Linux on x86_64 or aarch64, where programs can be confined, got "
            f"{sys.platform} on {os.uname().machine}; grade this benchmark on such a machine"
        )


def _environment() -> dict[str, str]:
    """All that a confined process sees of an environment: no path, name or secret of the user's."""
    return {
        "PYTHONPATH": str(_ROOT),
        # For who looks at the machine: which process started it.
        "SANDBOX_OF": str(os.getpid()),
        # Sets of texts keep one order, so that a program gives the same output twice.
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        "PATH": "/usr/bin:/bin",
        # Each thread of a library takes address space, of which there is little.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


@contextlib.contextmanager
def _file_of(text: str) -> Generator[int]:
    """The number of an open file in memory that holds the text."""
    number = os.memfd_create("sandbox")
    try:
        with open(os.dup(number), "wb") as file:  # noqa: PTH123 (a number is no path)
            file.write(text.encode("utf-8", "surrogatepass"))
        os.lseek(number, 0, os.SEEK_SET)
        yield number
    finally:
        os.close(number)


def _two_pipes(closing: contextlib.ExitStack) -> tuple[tuple[int, int], tuple[int, int]]:
    """(read, write) of one end and of the other."""
    from_tests, to_program = os.pipe()
    from_program, to_tests = os.pipe()
    for number in (from_tests, to_program, from_program, to_tests):
        closing.callback(os.close, number)
    return (from_tests, to_tests), (from_program, to_program)
