"""One strategy for all beside the policy, chosen as honestly, and which of them is recommended."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from policy_outcomes import BINS, QUESTIONS, noisy, outcomes_of

from infra.bench.claims_families import (
    BASELINE,
    Drawn,
    Family,
    chance,
    columns_of,
    draw,
    family_of,
    readings,
    repeats,
)
from tasks.statistics.comparisons import SIGNIFICANCE, holm, paired_p
from tasks.statistics.curves import fold_of
from tasks.statistics.outcomes import grid_of
from tasks.statistics.policy import PolicyFit, fit_policy
from tasks.statistics.worth import measure_policy, recommendations

NAMES = {"weighted": 1.0, "majority": 0.5, "beam": 2.0}


@pytest.mark.parametrize("seed", range(5))
def test_the_fixed_strategy_is_chosen_on_one_fold_and_judged_on_the_other(seed: int) -> None:
    outcomes = outcomes_of(noisy(seed), NAMES, (2, 4))
    row = fit_policy(outcomes, BINS, seed=seed, resamples=50).curve.row(1, named=True)
    grid = grid_of(outcomes, BINS, costs=("generated_tokens",))
    fold = fold_of(grid, seed=seed)
    at = {cell.strategy: column for column, cell in enumerate(grid.cells) if cell.budget == 4}
    cheapest_first = sorted(NAMES, key=lambda name: NAMES[name])
    right = 0.0
    for one in (0, 1):
        learnt = grid.accuracy[fold == one].sum(axis=0)
        # `max` keeps the first of equal ones.
        best = max(cheapest_first, key=lambda name: learnt[at[name]])
        right += grid.accuracy[fold != one, at[best]].sum()
    assert row["fixed_accuracy"] == pytest.approx(right / 100)
    assert row["ahead"] == pytest.approx(row["accuracy"] - right / 100)
    everyone = grid.accuracy.sum(axis=0)
    assert row["fixed"] == max(cheapest_first, key=lambda name: everyone[at[name]])


def test_adapting_is_recommended_where_strategies_are_better_on_different_bins() -> None:
    hard = dict(BINS.with_columns(hard=pl.col("bin") >= 4).select("question_id", "hard").rows())
    outcomes = outcomes_of(
        lambda q, s, _b: 0.9 if (s == "beam") == hard[q] else 0.1, {"weighted": 1.0, "beam": 1.2}
    )
    row = fit_policy(outcomes, BINS, resamples=300).curve.row(0, named=True)
    # weighted for all is right on bins 1 to 3: .6 · .9 + .4 · .1 = .58 against .9
    assert row["fixed"] == "weighted"
    assert row["fixed_accuracy"] == pytest.approx(0.58)
    assert row["ahead"] == pytest.approx(0.32)
    assert row["adapts"]


def test_equal_strategies_recommend_one_for_all() -> None:
    curve = fit_policy(outcomes_of(lambda *_: 0.5, NAMES, (2, 4)), BINS, resamples=100).curve
    assert curve["fixed"].to_list() == ["majority", "majority"]
    assert curve.select("ahead", "ahead_lo", "ahead_hi", "adapts").unique().rows() == [
        (0.0, 0.0, 0.0, False)
    ]


def test_five_questions_that_all_point_one_way_are_not_enough() -> None:
    # On so many of bin 5 beam alone is right, elsewhere weighted alone on one more of bin 1.
    def row(count: int) -> dict[str, Any]:
        gained = set(QUESTIONS[80 : 80 + count])
        lost = set(QUESTIONS[: count + 1])
        outcomes = outcomes_of(
            lambda q, s, _b: float(q not in (lost if s == "beam" else gained)), NAMES
        ).filter(pl.col("strategy") != "majority")
        return fit_policy(outcomes, BINS, resamples=300).curve.row(0, named=True)

    few, many = row(5), row(12)
    assert few["ahead"] > 0 >= few["ahead_lo"] and not few["adapts"]
    assert many["ahead_lo"] > 0 and many["adapts"]


def test_a_table_that_is_behind_one_of_its_own_strategies_is_not_recommended() -> None:
    hard = dict(BINS.with_columns(hard=pl.col("bin") >= 4).select("question_id", "hard").rows())
    outcomes = outcomes_of(lambda q, s, _b: 0.9 if (s == "beam") == hard[q] else 0.1, NAMES)
    grid = grid_of(outcomes, BINS, costs=("generated_tokens",))
    fold = fold_of(grid, seed=0)
    drawn = np.random.default_rng(0).multinomial(100, [0.01] * 100, size=100).astype(float)
    policy = measure_policy(grid, fold, drawn)

    def adapts(strategies: list[str]) -> bool:
        table = pl.DataFrame({"bin": range(1, 6), "budget": [4] * 5, "strategy": strategies})
        found = recommendations(
            grid, fold, policy=policy, table=table, baseline="weighted", drawn=drawn
        )
        return bool(found["adapts"].item())

    assert adapts(["weighted"] * 3 + ["beam"] * 2)
    assert not adapts(["beam"] * 3 + ["weighted"] * 2)


def test_what_is_mostly_cut_is_not_recommended_for_all() -> None:
    outcomes = outcomes_of(lambda _q, s, _b: 0.8 if s == "beam" else 0.3, NAMES)
    cut = pl.when(pl.col("strategy") == "beam").then(0.6).otherwise(0.0)
    curve = fit_policy(
        outcomes.with_columns(truncated=cut, no_answer=cut), BINS, resamples=100
    ).curve
    assert curve["fixed"].to_list() == ["majority"]


def test_what_one_question_says_is_unknown_and_recommends_one_for_all() -> None:
    outcomes = outcomes_of(lambda *_: 1.0, NAMES).filter(question_id="q000")
    row = fit_policy(outcomes, BINS.filter(question_id="q000"), resamples=20).curve.row(
        0, named=True
    )
    assert row["ahead_lo"] is None and row["adapts"] is False


def test_what_is_recommended_is_never_significantly_behind_one_of_its_own_strategies() -> None:
    """On new questions, over 200 families of eight kinds, equal strategies and unequal ones."""
    kinds = [
        family_of(strategies=count, draws=draws, ability="mixed", gains=gains)
        for count in (3, 4)
        for draws in ("pooled", "single")
        for gains in (True, False)
    ]
    behind = {"recommended": 0, "table": 0}
    for seed in range(200):
        family = kinds[seed % len(kinds)]
        questions = (100, 200)[seed // len(kinds) % 2]
        drawn = draw(family, questions, seed=seed)
        fit = _fit(family, drawn)
        fresh = _draw_again(family, drawn, questions, seed=seed)
        for which in behind:
            behind[which] += _is_behind(family, fresh, fit, adapts_always=which == "table")
    assert behind["recommended"] <= 10, behind
    # The table alone, used at every budget, would be: it saves cost where little is lost.
    assert behind["table"] > 10, behind


def _fit(family: Family, drawn: Drawn) -> PolicyFit:
    outcomes = pl.DataFrame(columns_of(family, drawn))
    names = outcomes["question_id"].unique(maintain_order=True)
    bins = pl.DataFrame({"question_id": names, "bin": drawn.bins})
    return fit_policy(outcomes, bins, baseline=BASELINE, resamples=100)


def _draw_again(family: Family, drawn: Drawn, questions: int, *, seed: int) -> Drawn:
    """New questions of the family, placed by where the bins of the first ones begin."""
    rng = np.random.default_rng([seed, questions, 1])
    ability = family.ability[0] + family.ability[1] * rng.standard_normal(questions)
    columns = [
        rng.binomial(repeats(budget, line), chance(line, budget, ability)) / repeats(budget, line)
        for budget, line in family.cells
    ]
    bins = np.searchsorted(-drawn.cuts[1:-1], -readings(ability, rng)) + 1
    return Drawn(np.stack(columns, axis=1), bins, drawn.cuts, ability)


def _is_behind(family: Family, fresh: Drawn, fit: PolicyFit, *, adapts_always: bool) -> bool:
    """Whether it is behind any strategy at any budget, two-sided, Holm over all of them."""
    table = {(row[0], row[1]): row[2] for row in fit.table["bin", "budget", "strategy"].rows()}
    p_values: list[float] = []
    for row in fit.curve.iter_rows(named=True):
        keys = [line.key for budget, line in family.cells if budget == row["budget"]]
        own = [place for place, (b, _) in enumerate(family.cells) if b == row["budget"]]
        if row["adapts"] or adapts_always:
            named = [table[int(one), row["budget"]] for one in fresh.bins]
        else:
            named = [row["fixed"]] * len(fresh.bins)
        columns = fresh.accuracy[:, own]
        chosen = np.array([keys.index(name) for name in named])
        worth = columns[np.arange(len(chosen)), chosen]
        gaps = worth[:, None] - columns
        p = paired_p(gaps)
        p_values += np.where(gaps.mean(axis=0) < 0, p, 1.0).tolist()
    return bool((holm(np.array(p_values)) < SIGNIFICANCE).any())
