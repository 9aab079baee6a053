"""The grader of mathematics: structure and plain numbers first, algebra in killable workers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from types import TracebackType
from typing import Self

from tasks.benchmarks.question import Question
from tasks.grading.equality.judging import plain_verdict
from tasks.grading.extraction import extract_answer
from tasks.grading.lane import Lane, Limits
from tasks.grading.mathematics.asking import class_of
from tasks.grading.mathematics.canonical import canonical
from tasks.grading.verdicts import Verdict

_Pair = tuple[str, str]
_LEAST_MEMORY_MB = 256


class MathGrader:
    """A Grader of mathematics; use as a context manager, which ends its worker processes.

    `workers` processes grade at once, each with a warm spare; they start when the first pair needs
    algebra, so a benchmark of plain numbers never starts one. A pair that uses more than `seconds`
    of CPU is "timeout", one that needs more than `memory_mb` MiB is "memory", one that kills its
    worker "crashed"; the other pairs are graded as if it had not been there.
    """

    reader = 4
    """Number of what reads mathematics into canonical forms; other kinds of answers lean on it."""
    version = f"{reader}+math-verify-0.9.0"

    def __init__(self, workers: int = 1, seconds: float = 5.0, memory_mb: int = 1024) -> None:
        if workers < 1 or seconds <= 0 or memory_mb < _LEAST_MEMORY_MB:
            raise ValueError(
                f"expected workers >= 1, seconds > 0 and memory_mb >= {_LEAST_MEMORY_MB}, "
                f"got {workers}, {seconds} and {memory_mb}; raise what is too small"
            )
        self._workers = workers
        self._limits = Limits(seconds, memory_mb)
        self._lanes: list[Lane] = []
        self._busy = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes; grading again starts new ones."""
        with ExitStack() as closings:
            while self._lanes:
                closings.enter_context(closing(self._lanes.pop()))

    @property
    def is_warm(self) -> bool:
        """True once some pair needed algebra and worker processes run."""
        return bool(self._lanes)

    def process_ids(self) -> list[int]:
        """The running worker processes, spares included."""
        return [process for lane in self._lanes for process in lane.process_ids()]

    def check(self, questions: Sequence[Question]) -> None:
        """Every text may be mathematics."""

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        """What the model wrote after a marker (tasks/grading/extraction.py)."""
        return extract_answer(text, markers)

    def canonical(self, asked: Sequence[tuple[Question, str]]) -> list[str]:
        """The class in a vote of each (question, answer).

        The question says which units and which order may be left aside.
        """
        return [class_of(question.text, answer) for question, answer in asked]

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        """One verdict a (question, answer) pair, in their order.

        A verdict depends on the targets and on the answer's class alone, so that all members of a
        class are judged alike. Each distinct pair of class and target is judged once.
        """
        wanted = [
            [(class_of(question.text, answer), canonical(target)) for target in question.targets]
            for question, answer in asked
        ]
        pairs = dict.fromkeys(pair for several in wanted for pair in several)
        verdicts: dict[_Pair, Verdict | None] = {pair: plain_verdict(*pair) for pair in pairs}
        with self._busy:
            algebra = self._algebra([pair for pair, verdict in verdicts.items() if verdict is None])
        return [best([verdicts[pair] or algebra[pair] for pair in several]) for several in wanted]

    def _algebra(self, asked: list[_Pair]) -> dict[_Pair, Verdict]:
        """Verdicts with algebra on (class, canonical target) pairs."""
        if not asked:
            return {}
        waiting: queue.SimpleQueue[_Pair] = queue.SimpleQueue()
        for pair in asked:
            waiting.put(pair)
        # A lane costs two processes: no more of them than pairs to share.
        while len(self._lanes) < min(self._workers, len(asked)):
            self._lanes.append(Lane(self._limits))
        with ThreadPoolExecutor(len(self._lanes)) as threads:
            try:
                parts = list(threads.map(partial(_drain, waiting), self._lanes))
            finally:
                # After Ctrl-C or an error the threads end with the pair at hand.
                _drop(waiting)
        return {pair: verdict for part in parts for pair, verdict in part.items()}


def best(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on an answer with several targets: correct by one of them is correct."""
    return "correct" if "correct" in verdicts else verdicts[0]


def _drain(waiting: queue.SimpleQueue[_Pair], lane: Lane) -> dict[_Pair, Verdict]:
    """One lane's verdicts: it takes pairs until none is left, so a slow pair holds up one lane."""
    verdicts: dict[_Pair, Verdict] = {}
    while pair := _next(waiting):
        verdicts[pair] = lane.verdict(*pair)
    return verdicts


def _drop(waiting: queue.SimpleQueue[_Pair]) -> None:
    while _next(waiting):
        pass


def _next(waiting: queue.SimpleQueue[_Pair]) -> _Pair | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None
