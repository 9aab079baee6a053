"""Answers that try to hang, fill or kill the grader, with neighbours that must be graded right.

The limit is CPU time, so CPU time is what is measured: a busy machine does not fail the test.
"""

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pairs import grade_pairs

from tasks.grading.math_grader import MathGrader
from tasks.grading.verdicts import VERDICTS

SECONDS = 2.0
HOSTILE = [
    "9^{9^{9^9}}",
    "9^{9^{9^{9^{9^9}}}}",
    "-9^{9^{9^9}}+1",
    "(10^{10^{10}}) \\bmod 7",
    "1000000!",
    "(((100!)!)!)!",
    "\\binom{10^9}{5\\cdot10^8}",
    "\\sum_{k=1}^{10^{12}} \\sin(k^k)",
    "\\prod_{k=1}^{10^8} (x^k+1)",
    "\\int_0^1 x^{x^{x^{x^{x^x}}}} dx",
    "(x+y+z+w)^{500}",
    "\\lim_{n\\to\\infty} (n!)^{1/n^{n}}",
    "\\sqrt{" * 90 + "2" + "}" * 90,
    "\\sqrt{2}^{" * 40 + "2" + "}" * 40,
    "\\frac{1}{1+" * 80 + "1" + "}" * 80,
    "{" * 400 + "1" + "}" * 400,
    "(" * 450 + "1" + ")" * 450,
    "{" * 10_000_000,
    "1" * 10_000_000,
    "9" * 900,
    "1." + "3" * 5_000,
    "0." + "0" * 900 + "1^{-99999}",
    "1e999999999",
    "\x00\x00\x00",
    "5\x00",
    "\ud800\udfff5",
    "٤٢",
    "\\infty-\\infty",
    "NaN",
    "inf",
    "(a+)+$" * 100 + "!",
    "\\begin{pmatrix}" * 30 + "1" + "\\end{pmatrix}" * 30,
    "__import__('os').system('kill -9 $PPID')",
    "\\text{" * 100,
    "1,\n" * 300,
    "$" * 900 + "\\(" * 20,
    "\\left" * 150,
    "x" + "^x" * 300,
    "|" * 500 + "x",
    "\\boxed{" * 60 + "5",
]
NEIGHBOURS = {
    ("\\sqrt{8}", "2\\sqrt{2}"): "correct",
    ("x+1", "1+x"): "correct",
    ("x+1", "2+x"): "wrong",
    ("\\frac12", "0.5"): "correct",
    ("12", "1"): "wrong",
}


@pytest.fixture(scope="module")
def grader() -> Iterator[MathGrader]:
    with MathGrader(workers=1, seconds=SECONDS) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("answer", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_a_hostile_answer_is_contained_and_its_neighbours_graded(grader: MathGrader, answer: str):
    grade_pairs(grader, NEIGHBOURS)  # a worker that replaced a killed one is now ready
    before = _Clock.now(grader)
    pair = (answer, "\\pi^2")
    verdicts = grade_pairs(grader, [("2x", "x+x"), pair, *NEIGHBOURS])
    assert before.seconds_until(_Clock.now(grader)) <= SECONDS + 1
    assert verdicts.pop(pair) in set(VERDICTS) - {"correct"}
    assert verdicts == {("2x", "x+x"): "correct", **NEIGHBOURS}


@pytest.mark.slow
@pytest.mark.parametrize("target", HOSTILE[:3], ids=ascii)
def test_a_hostile_target_is_contained_too(grader: MathGrader, target: str):
    pair = ("\\pi^2", target)
    assert grade_pairs(grader, [pair, *NEIGHBOURS]) == {pair: "timeout", **NEIGHBOURS}


def test_workers_killed_from_outside_are_replaced():
    with MathGrader(seconds=20.0) as grader:
        grade_pairs(grader, NEIGHBOURS)
        for worker in grader.process_ids():
            os.kill(worker, signal.SIGKILL)
            while " Z " not in Path(f"/proc/{worker}/stat").read_text():
                time.sleep(0.01)
        assert grade_pairs(grader, NEIGHBOURS) == NEIGHBOURS


@pytest.mark.parametrize(
    ("number", "verdict"), [(signal.SIGSEGV, "crashed"), (signal.SIGKILL, "memory")]
)
def test_a_worker_that_dies_over_a_pair_gives_its_cause_of_death(number: int, verdict: str):
    bomb = ("9^{9^{9^9}}", "5")
    with MathGrader(seconds=30.0) as grader:
        grade_pairs(grader, NEIGHBOURS)
        killer = threading.Timer(0.5, os.kill, (grader.process_ids()[0], number))
        killer.start()
        assert grade_pairs(grader, [bomb, *NEIGHBOURS]) == {bomb: verdict, **NEIGHBOURS}


def test_a_number_too_large_for_memory_is_not_called_wrong():
    pair = ("2^{2^{33}}", "\\pi^2")  # a gigabyte
    with MathGrader(seconds=30.0, memory_mb=256) as grader:
        assert grade_pairs(grader, [pair, *NEIGHBOURS]) == {pair: "memory", **NEIGHBOURS}


def test_a_large_parent_process_changes_no_verdict():
    ballast = bytearray(600 << 20)  # the peak of a forked child starts with that of its parent
    ballast[:: 1 << 12] = b"1" * len(ballast[:: 1 << 12])
    with MathGrader(seconds=20.0, memory_mb=512) as grader:
        assert grade_pairs(grader, NEIGHBOURS) == NEIGHBOURS


def test_closing_ends_every_worker():
    with MathGrader() as grader:
        grade_pairs(grader, NEIGHBOURS)
        workers = grader.process_ids()
        assert len(workers) == 2  # one at work, one spare
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


class _Clock(NamedTuple):
    """CPU seconds of this process, of all ended workers, and of the worker at work."""

    own: float
    ended: float
    worker: int
    working: float

    @classmethod
    def now(cls, grader: MathGrader) -> "_Clock":
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        worker = grader.process_ids()[0]
        fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
        working = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return cls(time.process_time(), ended.ru_utime + ended.ru_stime, worker, working)

    def seconds_until(self, later: "_Clock") -> float:
        """CPU seconds spent here and by the worker that was at work at first."""
        alive = later.worker == self.worker
        spent = later.working if alive else later.ended - self.ended
        return later.own - self.own + spent - self.working
