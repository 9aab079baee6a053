"""Accuracy and gain of the strategy that a cell names, with honest intervals (METHOD §7)."""

from math import sqrt

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Flags, Floats
from tasks.statistics.cells.bin import Bin
from tasks.statistics.cells.choice import Choice, Rule
from tasks.statistics.cells.claims import Claim
from tasks.statistics.cells.conditional import Offsets, conditional_offsets, places
from tasks.statistics.intervals import (
    CONFIDENCE,
    UNKNOWN,
    Estimate,
    design_effect,
    score_end,
    score_size,
)

NOTHING = Estimate(0.0, 0.0, 0.0)
"""How far a strategy is ahead of itself."""


def accuracy_of(
    inside: Bin,
    choice: Choice,
    claim: Claim,
) -> Estimate:
    """Of the strategy that is named, given that it was, and with what claim."""
    values = inside.accuracy[:, choice.holder]
    mean = min(max(float(values.mean()), 0.0), 1.0)
    variance = float(values.var(ddof=1)) if len(values) > 1 else None
    # As wide as Student's interval where that counts: with few questions.
    size = score_size(mean, variance, len(values)) / _student_width(inside.units) ** 2
    size /= design_effect(values, inside.groups)
    direction = {choice.holder: 1.0}
    own_variance = inside.covariance[choice.holder, choice.holder]
    error = sqrt(max(own_variance, 0.0))
    offsets = _offsets(
        inside,
        choice,
        claim,
        direction,
        error,
    )
    # Wilson's ends, each with as many errors as the choice leaves it.
    return Estimate(
        value=score_end(mean, size, offsets.value),
        lo=score_end(mean, size, offsets.lo),
        hi=score_end(mean, size, offsets.hi),
    )


def gain_of(
    inside: Bin,
    choice: Choice,
    claim: Claim,
    other: int | None,
) -> Estimate:
    """How far the one named is ahead of another, paired; unknown where that one is absent.

    `claim` is the claim about this difference: an interval never contradicts it.
    """
    if other is None:
        return UNKNOWN
    if other == choice.holder:
        return NOTHING if inside.units > 1 else Estimate(0.0, np.nan, np.nan)
    ahead = float(inside.mean[choice.holder] - inside.mean[other])
    if inside.units < 2:
        return Estimate(ahead, np.nan, np.nan)
    width = _student_width(inside.units)
    error = inside.error(choice.holder, other) * width
    direction = {choice.holder: 1.0, other: -1.0}
    offsets = _offsets(
        inside,
        choice,
        claim,
        direction,
        error,
    )
    value = ahead + offsets.value * error
    lo = ahead + offsets.lo * error
    hi = ahead + offsets.hi * error
    if claim.is_made and other in claim.rivals:
        # What the test says, the interval says too: Holm's own interval ends there.
        lo = max(lo, ahead - float(claim.needed.min()))
    value = max(value, lo)
    return Estimate(
        value=_as_difference(value),
        lo=_as_difference(lo),
        hi=_as_difference(hi),
    )


def _as_difference(value: float) -> float:
    """No difference of two accuracies is further from 0 than 1."""
    return min(max(value, -1.0), 1.0)


def _student_width(count: int) -> float:
    """How much wider Student's interval of a mean of so many is than the normal one."""
    if count < 2:
        return 1.0
    tail = (1 + CONFIDENCE) / 2
    student = float(special.stdtrit(count - 1, tail))  # pyright: ignore
    normal = float(special.ndtri(tail))  # pyright: ignore
    return student / normal


def _offsets(
    inside: Bin,
    choice: Choice,
    claim: Claim,
    direction: dict[int, float],
    error: float,
) -> Offsets:
    """Where the figure and its ends lie, in standard errors from what was seen."""
    same = np.ones(len(places()), dtype=bool)
    candidates = 1
    if choice.rule is not None:
        candidates = len(choice.rule.order)
        line = _line(inside, choice.rule, direction, error)
        if line is not None:
            same = _makes_same_choice(choice, choice.rule, claim, line)
    return conditional_offsets(same, candidates=candidates)


def _line(
    inside: Bin,
    rule: Rule,
    direction: dict[int, float],
    error: float,
) -> Floats | None:
    """Means (places, columns) as they would be, had the figure been seen at each of the places.

    None where the figure did not vary, so that nothing says how the others go with it.
    """
    weight = np.zeros(len(rule.columns))
    for column, sign in direction.items():
        weight[np.searchsorted(rule.columns, column)] = sign
    square = np.ix_(rule.columns, rule.columns)
    along = inside.covariance[square] @ weight
    variance = float(weight @ along)
    if not variance > 0.0 or not error > 0.0:
        return None
    # Regression on the figure: what of the others is independent of it stays where it is.
    slope = along / variance
    distance = places() * error
    moved = distance[:, None] * slope
    return inside.mean[rule.columns] + moved


def _makes_same_choice(
    choice: Choice,
    rule: Rule,
    claim: Claim,
    means: Floats,
) -> Flags:
    """At which places the same strategy is named with the same claim."""
    own = int(np.searchsorted(rule.columns, choice.holder))
    # What these data alone name is told by them alone, or the same night again would say otherwise.
    by_itself = choice.holder == choice.tonight
    used = rule.without_last() if by_itself else rule
    named = used.name(means)
    same = named == own
    if len(claim.rivals):
        rivals = np.searchsorted(rule.columns, claim.rivals)
        ahead = means[:, [own]] - means[:, rivals]
        made = claim.would_be_made(ahead)
        same &= made == claim.is_made
    # What was seen is possible, whatever rounding says of it.
    seen = len(same) // 2
    same[seen] = True
    return same
