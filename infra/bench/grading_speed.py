"""CPU seconds of grading a pool, beside math-verify called once a pair.

The pool is what 256 draws a question give: spellings of the right answer, and wrong answers that
differ from it in a number, repeated as votes are. Our seconds are those of this process and of its
workers, from warm workers on; math-verify runs with its own defaults in this process.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

from answer_pairs import Pair
from grading_pairs import slips

from tasks.benchmarks.question import Question
from tasks.grading.math_grader import MathGrader

DRAWS = 256
_ZIPF = 1.6
"""Of what nobody measured: a few answers have most votes, and a tail has one each."""
_WRONG = 12
_SETTLED_SECONDS = 0.5
_SETTLED_LOOKS = 4
"""A spare that starts on a busy machine stands still now and then."""

Asked = list[tuple[Question, str]]


class Speed(NamedTuple):
    """CPU seconds for the same pairs."""

    pairs: int
    distinct: int
    ours: float
    alone: float

    @property
    def ratio(self) -> float:
        """How often ours goes into math-verify's."""
        return self.alone / self.ours


def measure_speed(pairs: Sequence[Pair], *, questions: int, seed: int) -> Speed:
    """Both on one pool of these pairs' targets, one after the other."""
    pool = simulate_pool(pairs, questions=questions, seed=seed)
    return Speed(
        pairs=len(pool),
        distinct=len({(question.target, answer) for question, answer in pool}),
        ours=_seconds_of_ours(pool),
        alone=_seconds_alone(pool),
    )


def simulate_pool(pairs: Sequence[Pair], *, questions: int, seed: int) -> Asked:
    """256 answers to each of so many targets, of all kinds in turn."""
    rng = random.Random(seed)
    by_kind = [list(those) for _, those in groupby(pairs, key=lambda pair: pair.kind)]
    found: Asked = []
    for place in range(questions):
        kind = by_kind[place % len(by_kind)]
        target = rng.choice(kind).target
        question = Question(f"q{place}", "?", target)
        found += [(question, answer) for answer in _answers(target, kind, rng)]
    return found


def _answers(target: str, kind: list[Pair], rng: random.Random) -> list[str]:
    """Votes for what the pairs hold of the target, and for slips."""
    own = [target, *(pair.answer for pair in kind if pair.target == target)]
    distinct = list(dict.fromkeys([*own, *islice(slips(target, rng), _WRONG)]))
    rng.shuffle(distinct)
    weights = [(place + 1) ** -_ZIPF for place in range(len(distinct))]
    return rng.choices(distinct, weights, k=DRAWS)


def _seconds_of_ours(pool: Asked) -> float:
    reaped = _reaped_seconds()
    with MathGrader() as grader:
        grader.grade([(Question("warm", "?", "x^2-y^2"), "(x-y)(x+y)+0y")])
        started = _settled_seconds(grader)
        grader.canonical(pool)
        grader.grade(pool)
    return time.process_time() + _reaped_seconds() - reaped - started


def _settled_seconds(grader: MathGrader) -> float:
    """What this process and its workers have used, once the spares have started too."""
    used, looks = -1.0, 0
    while looks < _SETTLED_LOOKS:
        time.sleep(_SETTLED_SECONDS)
        before, used = used, _live_seconds(grader)
        looks = looks + 1 if used == before else 0
    return time.process_time() + used


def _live_seconds(grader: MathGrader) -> float:
    ticks = 0
    for process_id in grader.process_ids():
        # The name of a process may hold spaces: fields are counted from the bracket behind it.
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _reaped_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds_alone(pool: Asked) -> float:
    from math_verify import parse, verify

    parse("$1$")  # loads what it needs
    started = time.process_time()
    for question, answer in pool:
        verify(parse(f"${question.target}$"), parse(f"${answer}$"))
    return time.process_time() - started
