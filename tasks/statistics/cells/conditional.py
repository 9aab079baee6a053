"""Intervals of what the same data chose: only data that would have chosen it are counted.

The best of many looks better than it is, and what passed a test looks better still. A figure and
the choice move together: along the line on which the figure moves and all else stays as
independent of it as it is (of the polyhedral lemma: Lee, Sun, Sun and Taylor, arXiv 1311.6238; for
the best of many: Andrews, Kitagawa and McCloskey, "Inference on Winners", QJE 139, 2024) some
places name the same strategy with the same claim, others do not. Given that it was named, the
figure is normal, cut to those places. Its interval is of the true values under which what was seen
is neither too high nor too low among them. What was seen flatters, and the value under which it is
the median is as much too low on average and far less steady (simulated by `infra/bench/claims.py`):
the figure lies halfway.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Flags, Floats

REACH: Final = 6.0
"""Standard errors on either side that are looked at."""
PLACES: Final = 241
"""Odd, so that what was seen is the place in the middle."""
TAIL: Final = 0.025
"""Chance of the truth beyond each end."""
WIDEST: Final = 0.005
"""Chance that the truth lies beyond the ends over all candidates, which bound the others."""


class Offsets(NamedTuple):
    """Standard errors from what was seen to the figure and to the ends of its interval."""

    value: float
    lo: float
    hi: float


def places() -> Floats:
    """Standard errors from what was seen at which a choice is looked at, rising: (PLACES,)."""
    return np.linspace(-REACH, REACH, PLACES)


def conditional_offsets(
    same: Flags,
    *,
    candidates: int,
) -> Offsets:
    """Where the figure and its ends lie, by whether each place (PLACES,) makes the same choice.

    `candidates` are the strategies that could have been named: ends are no further away than those
    of intervals that hold for all of them at once, which a cut normal's may be.
    """
    lower = same * _seen_or_below()
    density = _densities()
    # The chance, at each true value, of seeing no more than was seen.
    total = density @ same
    # Far from every place that is possible all densities may be 0.
    smallest = np.finfo(np.float64).tiny
    chance = (density @ lower) / np.maximum(total, smallest)
    # It falls with the true value; `interp` wants what rises.
    rising = chance[::-1]
    values = places()[::-1]
    found = np.interp([0.5, 1.0 - TAIL, TAIL], rising, values)
    most = float(special.ndtri(1.0 - WIDEST / (2.0 * candidates)))  # pyright: ignore
    median, lo, hi = (float(one) for one in np.clip(found, -most, most))
    return Offsets(min(max(median / 2.0, lo), hi), lo, hi)


def _seen_or_below() -> Floats:
    """1 below what was seen, 0 above, and half of itself."""
    counted = np.where(places() < 0, 1.0, 0.0)
    # As if it were spread evenly about its place.
    counted[PLACES // 2] = 0.5
    return counted


@lru_cache(maxsize=1)
def _densities() -> Floats:
    """Normal density at each place under each true value, but for a factor: (values, places)."""
    apart = places()[:, None] - places()
    return np.exp(-0.5 * apart**2)
