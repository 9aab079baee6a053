"""A process that confines itself and then runs a program, or the tests of one.

`python -m tasks.grading.code.inside SPEC STATUS [READ WRITE]`, four numbers of open files: what to
do (JSON), where to say how it ended, and the pipes between a program and its tests. Three processes
come of it: this one stays outside and waits; the first inside the new process namespace waits too,
and with it all others die; the second, of its own user, runs what is foreign.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from tasks.grading.code import called, calling, confinement
from tasks.grading.code.called import Source
from tasks.grading.code.calling import PythonTest
from tasks.grading.code.confinement import Allowance, Refused

UNPARSED = 65
OUT_OF_MEMORY = 66
"""Exit codes of a script that is no Python, and of one that ended with a MemoryError."""


_TOLD_TO_END = {signal.SIGTERM}


class _Pipes(NamedTuple):
    """The numbers of open files of one process."""

    status: int
    between: tuple[int, ...]


def main() -> None:
    """Run what the specification says; its end is written as JSON where the status goes."""
    numbers = [_lowest(int(text)) for text in sys.argv[1:]]
    pipes = _Pipes(numbers[1], tuple(numbers[2:]))
    with open(numbers[0], encoding="utf-8") as file:  # noqa: PTH123 (a number is no path)
        spec = json.load(file)
    _hide_house(spec["packages"])
    # Kept back until there is somebody to end.
    signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD_TO_END)
    try:
        # When memory is short, the kernel is to end one of these and nothing of the user's.
        Path("/proc/self/oom_score_adj").write_text("1000")
        user = confinement.unused_user()
        confinement.leave_namespaces(spec["visible"])
        confinement.die_with_parent()
    except (Refused, OSError) as error:
        _say(pipes.status, {"refused": str(error)})
        return
    first = os.fork()
    if first:
        _wait_outside(first, pipes)
    else:
        _wait_inside(spec, pipes, user)


def _lowest(number: int) -> int:
    """The same open file under the lowest free number.

    They come with the numbers of the grading process, and a program that closes files sees numbers:
    its verdict is not to depend on how many files were open there.
    """
    copy = os.dup(number)
    kept, left = min(copy, number), max(copy, number)
    os.close(left)
    return kept


def _hide_house(packages: str) -> None:
    """Foreign code finds the standard library and installed packages, and none of this program."""
    del os.environ["PYTHONPATH"]
    root = str(Path(__file__).resolve().parents[3])
    sys.path[:] = [path for path in sys.path if path != root] + [packages]
    sys.argv[:] = ["program"]


def _wait_outside(first: int, pipes: _Pipes) -> None:
    """End when the first process inside has, and have it end when told to."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        os.kill(first, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD_TO_END)
    # A pipe ends when its last holder closes it: only the foreign process is to be one.
    _close(*pipes.between, 0, 1)
    os.waitpid(first, 0)


def _wait_inside(spec: Any, pipes: _Pipes, user: int) -> None:
    # Python would turn an interrupt into an exception; as the default it cannot reach this process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        confinement.open_scratch(spec["allowance"]["scratch_mb"])
        confinement.give_up_rights(user)
        confinement.die_with_parent()
    except (Refused, OSError) as error:
        _say(pipes.status, {"refused": str(error)})
        os._exit(1)
    second = os.fork()
    if not second:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD_TO_END)
        _run(spec, pipes)
        # Through the interpreter's own end: a script's threads and handlers belong to it.
        return
    _close(*pipes.between, 0, 1)
    _, status, used = os.wait4(second, 0)
    seconds = used.ru_utime + used.ru_stime
    _say(pipes.status, {"code": os.waitstatus_to_exitcode(status), "seconds": seconds})
    os._exit(0)


def _run(spec: Any, pipes: _Pipes) -> None:
    """What this process is for."""
    try:
        confinement.limit(Allowance(**spec["allowance"]))
    except (Refused, OSError) as error:
        _say(pipes.status, {"refused": str(error)})
        os._exit(1)
    if spec["role"] == "script":
        os.close(pipes.status)
        _run_script(spec["answer"])
        return
    read, write = pipes.between
    with open(read, "rb") as incoming, open(write, "wb") as outgoing:  # noqa: PTH123
        if spec["role"] == "called":
            os.close(pipes.status)
            called.serve(Source(**spec["source"]), incoming, outgoing)
            return
        tests = [PythonTest(**test) for test in spec["tests"]]
        tried = calling.try_program(spec["prefix"], spec["entry"], tests, outgoing, incoming)
        _say(pipes.status, tried._asdict())


def _run_script(answer: str) -> None:
    """Run the answer as the main program; its exit code is this process's."""
    try:
        code = compile(answer, "<answer>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        sys.exit(UNPARSED)
    main_module = ModuleType("__main__")
    sys.modules["__main__"] = main_module
    try:
        exec(code, main_module.__dict__)
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


def _say(pipe: int, end: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(end).encode() + b"\n")


def _close(*files: int) -> None:
    for file in files:
        os.close(file)


if __name__ == "__main__":
    main()
