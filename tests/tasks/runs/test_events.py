"""What is noted of a stage: CPU seconds of everything that it started, counted once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tasks.runs.events import cpu_seconds

SECONDS = 0.3
"""CPU that each of the processes below uses, beside its start."""
START = 0.15
"""At most what an interpreter's start takes, and what looking at it does."""
SPIN = f"""
import sys, time
while time.process_time() < {SECONDS}:
    pass
"""
SAY_AND_STAY = "\nprint('done', flush=True)\nsys.stdin.read()\n"
"""Says so when the work is done, and lives until its standard input ends."""
DELEGATE = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {SPIN!r}], check=True)
"""

Process = subprocess.Popen[bytes]


@pytest.fixture
def start() -> Iterator[Callable[[str], Process]]:
    """Starts a program that works, says so and stays; ended after the test."""
    started: list[Process] = []

    def begin(program: str) -> Process:
        command = [sys.executable, "-c", program + SAY_AND_STAY]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        started.append(process)
        assert process.stdout and process.stdout.readline() == b"done\n"
        return process

    yield begin
    for process in started:
        if process.returncode is None:
            end(process)
            process.wait()


def end(process: Process) -> None:
    """Let it end, without waiting for it: the kernel keeps it, with its times, until then."""
    assert process.stdin and process.stdout
    process.stdin.close()
    process.stdout.close()
    # Ended means that the kernel says so; psutil asks without reaping.
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


@pytest.mark.parametrize("program", [SPIN, DELEGATE])
def test_a_process_counts_once_while_it_runs_once_it_ended_and_once_it_was_waited_for(
    start: Callable[[str], Process], program: str
) -> None:
    before = cpu_seconds()
    process = start(program)
    running = cpu_seconds() - before
    end(process)
    ended = cpu_seconds() - before
    process.wait()
    waited = cpu_seconds() - before
    for used in (running, ended, waited):
        assert SECONDS - 0.05 <= used <= SECONDS + 2 * START + 0.1
    assert waited - running < 0.1


def test_several_add_up(start: Callable[[str], Process]) -> None:
    before = cpu_seconds()
    for _ in range(3):
        end(start(SPIN))
    assert 3 * SECONDS - 0.1 <= cpu_seconds() - before <= 3 * (SECONDS + START)
