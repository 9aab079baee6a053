"""Tests of all that a table might claim of its cells, and what a claim takes (METHOD §7).

Which strategy a cell names depends on the data. So every strategy that it might name is tested,
and all tests of a table are one family: what holds over all of them holds for those that are named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.cells.bin import Bin
from tasks.statistics.comparisons import SIGNIFICANCE, holm
from tasks.statistics.outcomes import Grid

Place = tuple[int, int, int]
"""A bin, a column, and the column that it is compared with."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """That the strategy which is named is ahead of all its rivals."""

    p: float
    """The largest two-sided and Holm-adjusted p-value, 1 where a rival is ahead; NaN: no rival."""
    rivals: Integers
    needed: Floats
    """How far ahead of each rival it would have to be, all other comparisons as they are."""

    @property
    def is_made(self) -> bool:
        """Whether it is significant."""
        return self.p < SIGNIFICANCE

    def would_be_made(self, ahead: Floats) -> Flags:
        """Whether it would be, so far ahead of the rivals (rows, rivals)."""
        return np.all(ahead >= self.needed, axis=1, keepdims=True)[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """Every comparison of a table with one strategy, in both directions, by place."""

    adjusted: dict[Place, float]
    """Two-sided p-values, 1 where the first is behind."""
    needed: dict[Place, float]
    """How far ahead the first would have to be, all other comparisons as they are."""

    def of(self, bin_: int, holder: int, rivals: Sequence[int]) -> Claim:
        """The claim of the strategy that a bin names over its rivals."""
        places = [(bin_, holder, rival) for rival in rivals]
        p = [self.adjusted[place] for place in places]
        needed = [self.needed[place] for place in places]
        largest = float(np.max(p)) if p else np.nan
        return Claim(largest, np.array(rivals, dtype=np.int64), np.array(needed))


def claims_of(
    grid: Grid,
    bins: Sequence[Bin],
    strategy: str,
) -> Claims:
    """All comparisons with this strategy, of every other in every bin and budget: one family.

    Where it does not exist at a budget but is the table's baseline at others, all pairs there.
    """
    places: list[Place] = []
    raw: list[Floats] = []
    ahead: list[Floats] = []
    errors: list[float] = []
    freedom: list[int] = []
    for inside in bins:
        pairs = list(_pairs(grid, inside, strategy))
        ones = [one for one, _ in pairs]
        others = [other for _, other in pairs]
        places += [(inside.bin, one, other) for one, other in pairs]
        p_values = inside.p_values(ones, others)
        raw.append(p_values)
        gaps = inside.mean[ones] - inside.mean[others]
        ahead.append(gaps)
        errors += [inside.error(one, other) for one, other in pairs]
        freedom += [inside.units - 1] * len(pairs)
    return _adjust(
        places,
        np.concatenate(raw),
        ahead=np.concatenate(ahead),
        errors=np.array(errors),
        freedom=np.array(freedom),
    )


def _pairs(
    grid: Grid,
    inside: Bin,
    strategy: str,
) -> Iterator[tuple[int, int]]:
    """What is compared in a bin, at all budgets: (column, column of the other)."""
    is_cut = inside.is_cut
    known = grid.of(strategy)
    for budget in grid.budgets:
        candidates = [one for one in grid.at(budget) if not is_cut[one]]
        if budget in known:
            yield from ((one, known[budget]) for one in candidates if one != known[budget])
        else:
            yield from combinations(candidates, 2)


def _adjust(
    places: Sequence[Place],
    raw: Floats,
    *,
    ahead: Floats,
    errors: Floats,
    freedom: Integers,
) -> Claims:
    """Holm's p-values of a family, and from what differences they would be significant."""
    adjusted = holm(raw)
    is_rejected = adjusted < SIGNIFICANCE
    # What Holm lets a comparison have follows from how many of the others were rejected.
    others = is_rejected.sum() - is_rejected
    known = ~np.isnan(raw)
    left = known.sum() - others
    allowed = SIGNIFICANCE / np.maximum(left, 1)
    agreeing = _agreeing_errors(raw, ahead, errors, freedom)
    needed = _quantile(allowed, freedom) * agreeing
    claims = Claims({}, {})
    for place, gap, p, least in zip(places, ahead, adjusted, needed, strict=True):
        bin_, one, other = place
        reverse = (bin_, other, one)
        # What is behind is not ahead, however sure that is; NaN stays unknown.
        behind = p if np.isnan(p) else 1.0
        claims.adjusted[place] = float(p if gap >= 0 else behind)
        claims.adjusted[reverse] = float(p if gap <= 0 else behind)
        claims.needed[place] = float(least)
        claims.needed[reverse] = float(least)
    return claims


def _agreeing_errors(
    p: Floats,
    ahead: Floats,
    errors: Floats,
    freedom: Integers,
) -> Floats:
    """Standard errors with which Student's t gives these p-values."""
    # An exact test has no error of its own: with this one both agree on what was seen.
    distance = np.abs(ahead)
    says_something = (p < 1.0) & (distance > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        agreeing = distance / _quantile(p, freedom)
    return np.where(says_something, agreeing, errors)


def _quantile(p: Floats, freedom: Integers) -> Floats:
    """Student's t of two-sided p-values; NaN without degrees of freedom."""
    known = np.where(freedom > 0, freedom, np.nan)
    return -np.asarray(special.stdtrit(known, p / 2.0))  # pyright: ignore
