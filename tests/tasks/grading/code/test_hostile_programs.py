"""Programs that do everything but answer: contained, gone, and nobody else's verdict changed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hostile_programs import DOUBLE, HOSTILE

from tasks.benchmarks.programs import ProgramTest
from tasks.benchmarks.question import Question
from tasks.grading.code.confinement import SCRATCH, Allowance
from tasks.grading.code.grader import CodeGrader

SMALL = Allowance(seconds=1, memory_mb=512, scratch_mb=16, threads=32, files=64)
TESTS = (
    ProgramTest(python="assert f(1) == 2", public=True, entry="f").text,
    ProgramTest(python="assert abs(f(21) - 42) < 1e-9", entry="f").text,
)
QUESTION = Question("double", text="Double x.", target="passes the tests", tests=TESTS)
WAITING = {"stops itself", "sleep", "closes and sleeps"}
"""Programs that wait for the clock and use no CPU."""


def confined_processes() -> list[str]:
    """Processes that live in a sandbox: none has another home."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"HOME={SCRATCH}".encode() in environment.split(b"\0"):
            found.append(folder.name)
    return found


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
    assert not confined_processes()


def test_hostile_programs_are_contained_and_leave_nothing_behind() -> None:
    check([name for name, (_, verdicts) in HOSTILE.items() if "timeout" not in verdicts])


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


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 30
