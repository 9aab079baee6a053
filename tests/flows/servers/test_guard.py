"""A guard: what it starts ends with it, however it ends, and its exit code is a shell's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flows.servers import guard

WAITS = "import time; print('here', flush=True); time.sleep(60)"
LONGEST = 30.0
"""Seconds, for a machine at other work."""


@pytest.fixture
def guarded() -> Iterator[subprocess.Popen[str]]:
    """A guard of this process, whose command has begun."""
    words = [sys.executable, guard.__file__, str(os.getpid()), sys.executable, "-c", WAITS]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "here\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGHUP, -1)]
)
def test_the_command_of_a_guard_that_ends_ends_too(
    guarded: subprocess.Popen[str], number: int, code: int
) -> None:
    (command,) = psutil.Process(guarded.pid).children()
    guarded.send_signal(number)
    assert guarded.wait(LONGEST) == code
    assert not psutil.wait_procs([command], timeout=LONGEST)[1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_command_that_was_killed_gives_the_code_of_a_shell(
    guarded: subprocess.Popen[str], number: int
) -> None:
    (command,) = psutil.Process(guarded.pid).children()
    command.send_signal(number)
    assert guarded.wait(LONGEST) == 128 + number


SHARES = """
import os
from multiprocessing.shared_memory import SharedMemory
print(SharedMemory(create=True, size=16).name, flush=True)
os.kill(os.getpid(), 9)
"""


def test_shared_memory_of_a_command_that_was_killed_is_gone() -> None:
    words = [sys.executable, guard.__file__, str(os.getpid()), sys.executable, "-c", SHARES]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert done.returncode == 137
    assert done.stdout and not (Path("/dev/shm") / done.stdout.strip()).exists()


@pytest.mark.parametrize("code", [0, 3, 75])
def test_a_code_of_the_command_is_the_guards(code: int) -> None:
    assert guard.run_guarded([sys.executable, "-c", f"raise SystemExit({code})"]) == code


def test_a_signal_that_ended_a_guard_or_its_command_is_told_as_a_shell_does() -> None:
    for victim in ("getpid", "getppid"):
        ends = f"import os, time; os.kill(os.{victim}(), 9); time.sleep(60)"
        assert guard.run_guarded([sys.executable, "-c", ends]) == 137
