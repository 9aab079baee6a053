"""Programs that do everything but answer: contained, gone, and nobody else's verdict changed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_programs import DOUBLE, HOSTILE

from tasks.benchmarks.programs import ProgramTest
from tasks.benchmarks.question import Question
from tasks.grading.code.confinement import Allowance
from tasks.grading.code.grader import CodeGrader
from tasks.settings import ROOT

SMALL = Allowance(seconds=1, memory_mb=512, scratch_mb=16, threads=32, files=64)
TESTS = (
    ProgramTest(python="assert f(1) == 2", public=True, entry="f").text,
    ProgramTest(python="assert abs(f(21) - 42) < 1e-9", entry="f").text,
)
QUESTION = Question("double", text="Double x.", target="passes the tests", tests=TESTS)
WAITING = {"stops itself", "sleep", "closes and sleeps"}
"""Programs that wait for the clock and use no CPU."""


def confined_processes(grading: int) -> list[str]:
    """Processes in the sandboxes of a grading process."""
    confined: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"SANDBOX_OF={grading}".encode() in environment.split(b"\0"):
            confined.append(folder.name)
    return confined


def judge(names: list[str]) -> dict[str, str]:
    """The verdicts on these programs, an honest one and a wrong one between every two of them."""
    programs: list[str] = []
    for place, name in enumerate(names):
        honest = f"# {place}\n{DOUBLE}"
        programs += [HOSTILE[name][0], honest, honest.replace("2 * x", "3 * x")]
    grader = CodeGrader(workers=2, allowance=SMALL)
    verdicts = grader.grade([(QUESTION, program) for program in programs])
    assert verdicts[1::3] == ["correct"] * len(names)
    assert verdicts[2::3] == ["wrong"] * len(names)
    return dict(zip(names, verdicts[::3], strict=True))


def check(names: list[str]) -> None:
    root = sorted(Path("/").iterdir())
    verdicts = judge(names)
    unexpected = {
        name: verdict for name, verdict in verdicts.items() if verdict not in HOSTILE[name][1]
    }
    assert not unexpected
    assert sorted(Path("/").iterdir()) == root
    assert not confined_processes(os.getpid())


def test_hostile_programs_are_contained_and_leave_nothing_behind() -> None:
    check([name for name, (_, verdicts) in HOSTILE.items() if "timeout" not in verdicts])


def test_a_verdict_does_not_depend_on_the_files_that_the_grading_process_has_open() -> None:
    with contextlib.ExitStack() as held:
        for _ in range(100):
            held.enter_context(Path(os.devnull).open("rb"))
        assert judge(["closes everything"]) == {"closes everything": "crashed"}


@pytest.mark.slow
def test_programs_without_an_end_are_ended_by_their_seconds_of_cpu() -> None:
    endless = [name for name, (_, verdicts) in HOSTILE.items() if "timeout" in verdicts]
    check([name for name in endless if name not in WAITING])


@pytest.mark.slow
def test_programs_that_wait_are_ended_by_the_clock() -> None:
    started = time.monotonic()
    check(sorted(WAITING))
    # Two at a time, each within its start and three times its second.
    assert time.monotonic() - started < 60


def test_programs_end_with_a_grader_that_is_killed() -> None:
    code = (
        "from tasks.grading.code.grader import CodeGrader\n"
        "from tasks.benchmarks.question import Question\n"
        "question = Question('q', '?', '?', tests=('assert f(1)',))\n"
        "CodeGrader(1).grade([(question, 'import time\\ntime.sleep(1000)')])\n"
    )
    grading = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    # Two processes that confine themselves, with two more inside of each.
    _wait_until(lambda: len(confined_processes(grading.pid)) >= 6)
    grading.kill()
    grading.wait()
    _wait_until(lambda: not confined_processes(grading.pid))


def _wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 30
