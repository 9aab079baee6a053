"""What many comparisons at once allow to be said (METHOD §7)."""

from typing import Final

import numpy as np

from tasks.statistics.arrays import Floats

SIGNIFICANCE: Final = 0.05
"""Chance of a false claim that a test, or a table of them together, may take."""


def holm(p_values: Floats) -> Floats:
    """Holm's adjusted p-values in the order given.

    To claim what is below SIGNIFICANCE keeps the chance of one false claim in all of them at most
    there. The i-th smallest of m is multiplied by m − i + 1 and is at least what the smaller ones
    became, at most 1. NaN, a comparison that could not be made, stays NaN and does not count.
    """
    adjusted = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    # Without the running maximum a larger p could end below a smaller one.
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
