"""The bundled benchmark: questions of congruences, in three splits.

Questions are split by a hash of their text, so no question is ever in two splits, whatever the
seed.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from tasks.benchmarks.congruences import (
    Stage,
    answer,
    question_tokens,
    solution,
)
from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.levels import LESSONS, LEVELS, Level, draw_level
from tasks.benchmarks.loaded import LoadedBenchmark, benchmark_of
from tasks.benchmarks.names import Columns
from tasks.benchmarks.question import Question
from warehouse.errors import UserError

Split = Literal["train", "validation", "test"]

SPLIT_RANGES: dict[Split, range] = {
    "train": range(80),
    "validation": range(80, 90),
    "test": range(90, 100),
}
"""Shares of the hash range, in percent."""

GENERATED = 500
"""Questions when a study does not say how many."""

_TRIES = 100_000
"""Draws without a new question of the split, after which the level counts as used up."""


def load_test(
    name: str,
    *,
    count: int | None,
    seed: int,  # noqa: ARG001
    kind: AnswerKind | None,
    columns: Columns,  # noqa: ARG001
) -> LoadedBenchmark:
    """The first `count` test questions (None: 500): the same for every seed, so that runs
    compare."""
    return benchmark_of(name, questions("test", count or GENERATED), kind)


def load_training(
    name: str,
    *,
    count: int | None,
    seed: int,
    kind: AnswerKind | None,
    columns: Columns,  # noqa: ARG001
) -> LoadedBenchmark:
    """`count` questions to learn from (None: 500), others for every seed."""
    short_name = name.replace("/", "-")
    return benchmark_of(short_name, questions("train", count or GENERATED, seed=seed), kind)


def questions(split: Split, count: int, *, seed: int = 0) -> list[Question]:
    """`count` different questions of a split, the five levels in turn.

    A larger count begins with the same questions. The seed is part of the id unless it is 0.
    """
    # The type does not hold what comes from a caller's text.
    if split not in SPLIT_RANGES:
        splits = ", ".join(SPLIT_RANGES)
        raise UserError(f"congruences: expected a split of {splits}, got {split!r}")
    prefix = f"congruences-{split}-"
    if seed:
        prefix += f"s{seed}-"
    drawn = islice(chains(split, seed=seed), count)
    several: list[Question] = []
    for number, (level, stages) in enumerate(drawn):
        # Six digits, so that ids sort as they were drawn.
        question_id = f"{prefix}{number:06d}"
        several.append(_question(question_id, level, stages))
    return several


def _question(question_id: str, level: int, stages: list[Stage]) -> Question:
    text = "".join(question_tokens(stages))
    target = answer(solution(stages))
    return Question(question_id, text=text, target=target, level=level)


def chains(split: Split, *, seed: int = 0) -> Iterator[tuple[int, list[Stage]]]:
    """Endless (level, stages) of one split: levels in turn, no question twice."""
    # The split is in the seed: else the splits would be filtered out of one and the same stream.
    rng = random.Random(f"congruences/{split}/{seed}")
    seen: set[str] = set()
    levels = LEVELS if split == "test" else LESSONS
    while True:
        for number, level in levels.items():
            unseen = _draw_unseen(rng, level, split, seen)
            if unseen is None:
                raise UserError(
                    f"congruences: level {number} has no more questions in split {split}; "
                    "ask for fewer"
                )
            yield number, unseen


def _draw_unseen(
    rng: random.Random, level: Level, split: Split, seen: set[str]
) -> list[Stage] | None:
    """A chain of the level and split that was not seen, and is seen now; None where all were."""
    for _ in range(_TRIES):
        stages = draw_level(rng, level=level)
        text = "".join(question_tokens(stages))
        if text not in seen and split_of(text) == split:
            seen.add(text)
            return stages
    return None


def split_of(text: str) -> Split:
    """The split to which a question's text belongs, by its hash."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    percent = int.from_bytes(digest, "big") % 100
    return next(split for split, percents in SPLIT_RANGES.items() if percent in percents)
