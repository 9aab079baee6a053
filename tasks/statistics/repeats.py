"""Draws behind a figure, and how sure a difference of two can be from them alone (METHOD §7)."""

from typing import Final

import numpy as np

from tasks.statistics.arrays import Floats

MANY_REPEATS: Final = 64.0
"""Draws that are believed behind figures between 0 and 1 whose draws nobody counted."""
SAME_REPEATS: Final = 1e-6
"""Relative difference up to which two figures are of as many draws."""
WHOLE: Final = 1e-9
"""Up to which distance a figure is 0 or 1."""


def apparent_repeats(accuracy: Floats) -> Floats:
    """Draws that seem to be behind a figure of each column (questions, columns): 1 or MANY_REPEATS.

    1 where all are 0 or 1, which is what single draws give.
    """
    whole = np.abs(accuracy - np.round(accuracy)) < WHOLE
    return np.where(whole.all(axis=0), 1.0, MANY_REPEATS)


def draw_errors(accuracy: Floats, repeats: Floats) -> Floats:
    """Least standard error of each pair of columns' mean difference: (columns, columns).

    `accuracy` (questions, columns) are means of so many draws each. Where both figures are of as
    many draws it is 0: under equality their differences are symmetric, which sign flips and
    Student's t stand on. Else they are not: of a single draw near 1 all questions may be right by
    chance, beside a mean of many draws that is below 1 on each, and no spread shows it. The error
    is then at least that of the draws alone if both were equal, √(v·(1/k + 1/k')/n): v is p(1 − p)
    with p over all draws of both, or the mean over questions of that of the figure of more draws,
    whichever is less. Two right and two wrong draws are added, to the latter's questions one each.
    """
    count = len(accuracy)
    draws = count * repeats
    right = draws * accuracy.mean(axis=0)
    all_right = right[:, None] + right
    all_draws = draws[:, None] + draws
    together = (all_right + 2.0) / (all_draws + 4.0)
    chance = (repeats * accuracy + 1.0) / (repeats + 2.0)
    spread = chance * (1.0 - chance)
    each = spread.mean(axis=0)
    is_finer = repeats[:, None] >= repeats
    finer = np.where(is_finer, each[:, None], each)
    one_draw = np.minimum(together * (1.0 - together), finer)
    share = 1.0 / repeats
    variance = one_draw * (share[:, None] + share) / count
    alike = np.isclose(repeats[:, None], repeats, rtol=SAME_REPEATS)
    return np.sqrt(np.where(alike, 0.0, variance))
