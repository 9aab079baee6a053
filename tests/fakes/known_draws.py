"""The draws that the sample logs of tests hold, the same in every layout; and how logs are read."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tasks.samples.log import SampleLog
from tasks.samples.reading import read_logs

MODEL = "acme/small-1b"
TASK = "sums"
QUESTIONS = {"sum-1": (12, 30), "sum-2": (7, 50), "sum-3": (25, 25)}
DRAWS = 4
_WORDS = ("first", "then", "carry", "the ten", "over", "so", "we add", "both parts", "and look")


class Known(NamedTuple):
    """One draw that a log holds."""

    question_id: str
    draw: int

    @property
    def asked(self) -> str:
        """What the question says."""
        first, second = QUESTIONS[self.question_id]
        return f"What is {first} + {second}?"

    @property
    def target(self) -> str:
        return str(sum(QUESTIONS[self.question_id]))

    @property
    def answer(self) -> str:
        """Every third draw is one off."""
        return self.target if self.draw % 3 else str(int(self.target) + 1)

    @property
    def is_right(self) -> bool:
        return self.answer == self.target

    @property
    def text(self) -> str:
        """So long that no two draws are alike by chance."""
        chance = random.Random(f"{self.question_id} {self.draw}")
        return f"{' '.join(chance.choices(_WORDS, k=40))}. The answer is {self.answer}."

    @property
    def tokens(self) -> int:
        return len(self.text.split())

    @property
    def scores(self) -> list[float]:
        return [0.5, 0.25 * (self.draw % 4)]


def known_draws(draws: int = DRAWS) -> list[Known]:
    """All draws, by question."""
    return [Known(name, draw) for name in QUESTIONS for draw in range(draws)]


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A file of JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def one_log(*paths: Path) -> SampleLog:
    """The only log that stands in these paths."""
    (log,) = read_logs(paths)
    return log


def reasons(log: SampleLog) -> dict[str, int]:
    """What was refused, and how often."""
    return {refusal.reason: refusal.count for refusal in log.refused}
