"""Which draws of a log set a question's bin, and which are chosen among (METHOD §6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from tasks.samples.log import Sample
from warehouse.errors import UserError

LEAST_DIFFICULTY = 2
"""Draws a question that set its bin: with one, five bins could not be told apart."""
MOST_DIFFICULTY = 32
"""As many as a study of ours draws unless it says otherwise."""
SHARE_FOR_DIFFICULTY = 4
"""One draw of so many sets the bin, where the log does not say which."""
MOST_LEFT_OUT = 0.1
"""Share of questions that may be left out for having fewer draws than the others."""


class Counts(NamedTuple):
    """Draws a question, the same for all that are kept."""

    pool: int
    difficulty: int


class Division(NamedTuple):
    """The draws of a log by what they are for."""

    counts: Counts
    pool: dict[str, list[Sample]]
    """By question id, in the log's order."""
    difficulty: dict[str, list[Sample]]
    left_out: list[str]
    """Ids of questions with fewer draws."""

    @property
    def samples(self) -> list[Sample]:
        """All that are taken."""
        several = (*self.pool.values(), *self.difficulty.values())
        return [sample for of_one in several for sample in of_one]

    @property
    def budgets(self) -> tuple[int, ...]:
        """1, 2, 4, … and all of the pool."""
        powers = [2**power for power in range(self.counts.pool.bit_length())]
        return tuple(sorted({*powers, self.counts.pool}))


def divide(samples: Sequence[Sample], *, draws: int | None = None) -> Division:
    """The samples for the pool and for difficulty, as many of every question.

    A log that says what a draw is for is taken at its word; else the last quarter of a question's
    draws sets its bin. As many draws are taken as nine of ten questions have, or `draws` of them.
    UserError where these are too few.
    """
    chosen = _by_question(samples, "proposer")
    measured = _by_question(samples, "difficulty")
    unsaid = _by_question(samples, None)
    if measured:
        pools = {key: [*chosen[key], *unsaid[key]] for key in {*chosen, *unsaid, *measured}}
        counts = Counts(_shared_count(pools), _shared_count(measured))
        return _cut(pools, measured, counts)
    pools = {key: [*chosen[key], *unsaid[key]] for key in {*chosen, *unsaid}}
    total = min(_shared_count(pools), draws or len(samples))
    share = max(LEAST_DIFFICULTY, total // SHARE_FOR_DIFFICULTY)
    counts = Counts(total - min(MOST_DIFFICULTY, share), min(MOST_DIFFICULTY, share))
    if counts.pool < 1:
        raise UserError(
            f"import: expected at least {LEAST_DIFFICULTY + 1} draws of a question, "
            f"{LEAST_DIFFICULTY} of which tell how hard it is, got {total}; "
            "draw more, or name all files of the same model and task together"
        )
    # The last ones: so the first draws of a log are the first of its pool.
    ends = {key: of_one[counts.pool : total] for key, of_one in pools.items()}
    return _cut(pools, ends, counts)


def _by_question(samples: Sequence[Sample], role: str | None) -> defaultdict[str, list[Sample]]:
    several: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.role == role:
            several[sample.question_id].append(sample)
    return several


def _shared_count(several: dict[str, list[Sample]]) -> int:
    """Draws that all but a few questions have, those with most of them first."""
    counts = sorted(map(len, several.values()))
    return counts[int(MOST_LEFT_OUT * len(counts))] if counts else 0


def _cut(
    pools: dict[str, list[Sample]], measured: dict[str, list[Sample]], counts: Counts
) -> Division:
    if counts.pool < 1 or counts.difficulty < LEAST_DIFFICULTY:
        raise UserError(
            f"import: expected at least {LEAST_DIFFICULTY} draws of role difficulty and one of "
            f"role proposer a question, got {counts.difficulty} and {counts.pool}; "
            "draw more, or leave the roles out"
        )
    enough = [
        key
        for key in pools
        if len(pools[key]) >= counts.pool and len(measured.get(key, ())) >= counts.difficulty
    ]
    return Division(
        counts,
        pool={key: pools[key][: counts.pool] for key in enough},
        difficulty={key: measured[key][: counts.difficulty] for key in enough},
        left_out=sorted({*pools} - {*enough}),
    )
