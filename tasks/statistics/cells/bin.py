"""The questions of one bin: accuracies of all cells, and how sure their differences are."""

from dataclasses import dataclass

import numpy as np

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.comparisons import paired_p
from tasks.statistics.intervals import clusters_of
from tasks.statistics.outcomes import SAME_ACCURACY, Grid, Lost, mostly_cut
from tasks.statistics.repeats import draw_errors


@dataclass(frozen=True, slots=True, eq=False)
class Bin:
    """Questions of one bin: accuracy (questions, cells), its mean, and the covariance of means."""

    bin: int
    rows: Integers
    accuracy: Floats
    mean: Floats
    covariance: Floats
    """(cells, cells), NaN for one question."""
    least: Floats
    """Standard errors of differences that the draws alone leave (cells, cells)."""
    repeats: Floats
    """Draws behind a question's figure (cells,)."""
    lost: Lost
    groups: Integers | None
    """Which questions belong together; None: each stands alone."""
    units: int
    """How many were drawn independently: groups, or questions that stand alone."""

    @property
    def is_cut(self) -> Flags:
        """Which cells had most of their completions cut."""
        return mostly_cut(self.lost.truncated)

    def errors(self, columns: Integers) -> Floats:
        """Standard errors of the differences between these cells: (columns, columns).

        As if one draw more had been for either and one against it: where all questions agree
        nothing varies, and an interval without width would be believed.
        """
        square = np.ix_(columns, columns)
        covariance = self.covariance[square]
        own = np.diagonal(covariance)
        both = own[:, None] + own
        # Rounding alone can leave a difference of equal cells below 0.
        spread = np.maximum(both - 2.0 * covariance, 0.0)
        one_draw = 1.0 / self.repeats[columns]
        pairs = one_draw[:, None] + one_draw
        added = pairs / 2.0 / len(self.rows) ** 2
        # Figures between 0 and 1 that agree on every question are of the same draws.
        accuracy = self.accuracy[:, columns]
        away = np.minimum(accuracy, 1.0 - accuracy)
        is_whole = (away < SAME_ACCURACY).all(axis=0)
        is_same = (spread < SAME_ACCURACY**2) & ~is_whole
        variance = np.where(is_same, 0.0, spread + added)
        return np.maximum(np.sqrt(variance), self.least[square])

    def error(self, one: int, other: int) -> float:
        """Standard error of the difference of two cells."""
        return float(self.errors(np.array([one, other]))[0, 1])

    def p_values(self, ones: list[int], others: list[int]) -> Floats:
        """`paired_p` of each of the ones and its other."""
        gaps = self.accuracy[:, ones] - self.accuracy[:, others]
        return paired_p(gaps, self.least[ones, others], groups=self.groups)


def bins_of(grid: Grid) -> list[Bin]:
    """Every bin of the grid, rising."""
    return [_bin_of(grid, one) for one in np.unique(grid.bins).tolist()]


def _bin_of(grid: Grid, one: int) -> Bin:
    rows = np.flatnonzero(grid.bins == one)
    accuracy = grid.accuracy[rows]
    mean = accuracy.mean(axis=0)
    inside = grid.only(rows)
    groups = inside.groups
    clusters = clusters_of(accuracy, groups)
    around = clusters.around()
    units = len(around)
    freedom = units - 1
    covariance = np.full((len(mean), len(mean)), np.nan)
    if freedom:
        scale = units / freedom / len(rows) ** 2
        covariance = around.T @ around * scale
    return Bin(
        bin=one,
        rows=rows,
        accuracy=accuracy,
        mean=mean,
        covariance=covariance,
        least=draw_errors(accuracy, grid.repeats),
        repeats=grid.repeats,
        lost=inside.lost,
        groups=groups,
        units=units,
    )
