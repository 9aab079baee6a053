"""Draws that a file writes again: never a pool of several out of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.samples.rows import Row

Series = dict[str, list[object]]
"""What was drawn, by question, in the order of the rows."""


def second_halves(rows: Sequence[Row], question: Callable[[Row], object]) -> set[str]:
    """The places of the rows that a file written onto itself repeats; none where it is not.

    Of every question the second half of its rows equals the first. One question alone may be drawn
    so by chance, with short answers even often: to leave it out would bias what is left.
    """
    by_question: dict[str, list[Row]] = {}
    for row in rows:
        several = by_question.setdefault(str(question(row)), [])
        several.append(row)
    again: set[str] = set()
    for several in by_question.values():
        half, rest = divmod(len(several), 2)
        first = [row.values for row in several[:half]]
        second = [row.values for row in several[half:]]
        if rest or first != second:
            return set()
        again |= {row.place for row in several[half:]}
    return again


def agree(one: Series, other: Series) -> bool:
    """Whether two series drew the same wherever both have a question, and there is one."""
    common = one.keys() & other.keys()
    return bool(common) and all(one[name] == other[name] for name in common)
