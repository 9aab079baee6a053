"""Questions that belong together: resampled together, tested together, in one fold."""

import numpy as np
import polars as pl
import pytest
from policy_outcomes import BINS, noisy, outcomes_of

from infra.bench.clusters import Shape, coverage
from tasks.statistics.comparisons import paired_difference, paired_p
from tasks.statistics.curves import fold_of
from tasks.statistics.intervals import clusters_of, design_effect, weights
from tasks.statistics.outcomes import Grid, grid_of
from tasks.statistics.policy import fit_policy

NAMES = {"weighted": 1.0, "beam": 2.0}
GROUPS = BINS.with_columns(question_group=pl.col("question_id").str.slice(0, 3))
"""Ten questions a group: q000 to q009 are those of q00."""


def grid(bins: pl.DataFrame) -> Grid:
    return grid_of(outcomes_of(noisy(1), NAMES), bins, costs=("generated_tokens",))


def test_questions_of_a_group_are_drawn_together() -> None:
    groups = np.array([0, 0, 0, 1, 2, 2])
    drawn = weights(6, resamples=50, seed=0, groups=groups)
    assert drawn.sum(axis=1) == pytest.approx(6)
    assert (drawn[:, 0] == drawn[:, 2]).all() and (drawn[:, 4] == drawn[:, 5]).all()


def test_copies_of_a_question_in_one_group_say_what_one_says() -> None:
    rng = np.random.default_rng(0)
    gaps = rng.integers(-1, 2, (40, 1)).astype(float) + 0.1
    groups = np.repeat(np.arange(40), 5)
    copies = np.repeat(gaps, 5, axis=0)
    assert clusters_of(copies, groups).errors() == pytest.approx(clusters_of(gaps, None).errors())
    assert paired_p(copies, groups=groups) == pytest.approx(paired_p(gaps))
    # (5n − 1)/(n − 1) for copies: 199 / 39.
    assert design_effect(copies[:, 0], groups) == pytest.approx(199 / 39)
    alone = paired_difference(gaps[:, 0] / 4, np.zeros(40), seed=0).estimate
    both = paired_difference(copies[:, 0] / 4, np.zeros(200), seed=0, groups=groups).estimate
    assert both == pytest.approx(alone)


def test_no_fold_splits_a_group_and_halves_of_bins_are_alike() -> None:
    found = grid(GROUPS)
    assert found.units == 10 and found.groups is not None
    fold = fold_of(found, seed=0)
    for group in np.unique(found.groups).tolist():
        assert len(set(fold[found.groups == group].tolist())) == 1
    # Two groups a bin: one in either fold.
    assert [int(fold[found.bins == one].sum()) for one in range(1, 6)] == [10] * 5


def test_groups_of_one_question_change_nothing() -> None:
    outcomes = outcomes_of(noisy(2), NAMES, (2, 4))
    alone = BINS.with_columns(question_group=pl.col("question_id"))
    nothing = BINS.with_columns(question_group=pl.lit(None, pl.String))
    plain = fit_policy(outcomes, BINS, resamples=50)
    for bins in (alone, nothing):
        found = fit_policy(outcomes, bins, resamples=50)
        assert found.table.equals(plain.table) and found.curve.equals(plain.curve)


def test_intervals_of_groups_hold_the_truth_where_those_of_single_questions_do_not() -> None:
    grouped, alone = coverage(Shape(30, 8), benchmarks=24, resamples=100)
    for name in ("accuracy", "difference", "curve", "gate"):
        # 95 of 100 are meant: 18 or fewer of 24 have a chance of .001.
        assert grouped[name] > 75, name
    assert alone["accuracy"] < 80 and alone["difference"] < 85
