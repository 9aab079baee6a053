"""What the compute-optimal policy names in a cell, and what it takes to be named (METHOD §7)."""

import polars as pl
import pytest
from policy_outcomes import BINS, QUESTIONS, Accuracy, noisy, outcomes_of

from tasks.statistics.policy import fit_policy
from warehouse.errors import UserError


def test_a_cell_without_a_difference_is_undecided_and_names_the_cheapest() -> None:
    names = {"weighted": 2.0, "majority": 1.0, "beam_search(m=4)/weighted": 3.0}
    fit = fit_policy(outcomes_of(lambda *_: 0.5, names), BINS, resamples=100)
    assert fit.table["strategy"].unique().to_list() == ["majority"]
    assert not fit.table["decided"].any()
    assert fit.table.select("gain", "gain_lo", "gain_hi").unique().rows() == [(0.0, 0.0, 0.0)]


def test_a_difference_of_rounding_is_no_difference() -> None:
    names = {"weighted": 1.0, "majority": 2.0}
    outcomes = outcomes_of(lambda _q, s, _b: 0.3 + 1e-15 * (s == "majority"), names)
    table = fit_policy(outcomes, BINS, resamples=100).table
    assert table["strategy"].unique().to_list() == ["weighted"]
    assert not table["decided"].any()


def test_a_costlier_strategy_takes_the_cell_only_when_ahead_by_more_than_its_interval() -> None:
    names = {"weighted": 1.0, "slow": 2.0, "slower": 3.0}
    gains = {"slow": 0.49, "slower": 0.5}  # slow is clearly ahead, slower not ahead of slow
    fit = fit_policy(outcomes_of(noisy(1, gain=gains), names), BINS, resamples=500)
    assert fit.table["strategy"].to_list() == ["slow"] * 5
    assert (fit.table["gain_lo"] > 0).all()
    assert fit.table["decided"].all()  # against the baseline; slower is no reason to doubt it


def test_the_most_accurate_of_equally_expensive_strategies_stands_for_them() -> None:
    accuracy = {"best_of_n": 0.4, "majority": 0.6, "weighted": 0.5}
    names = dict.fromkeys(accuracy, 1.0)
    fit = fit_policy(outcomes_of(lambda _q, s, _b: accuracy[s], names), BINS, resamples=100)
    assert fit.table["strategy"].unique().to_list() == ["majority"]
    assert fit.table["decided"].all()  # every question says so
    assert fit.table["gain"].to_list() == pytest.approx([0.1] * 5)


def test_further_costs_order_strategies_that_generate_the_same() -> None:
    accuracy = {"majority": 0.5, "weighted": 0.5}
    outcomes = outcomes_of(
        lambda _q, s, _b: accuracy[s], dict.fromkeys(accuracy, 1.0)
    ).with_columns(verifier_tokens=pl.when(pl.col("strategy") == "majority").then(1).otherwise(0))
    order = ("generated_tokens", "verifier_tokens")
    fit = fit_policy(outcomes, BINS, costs_order=order, resamples=100)
    assert fit.table["strategy"].unique().to_list() == ["weighted"]


def test_a_strategy_that_does_not_exist_at_a_budget_is_no_candidate_there() -> None:
    names = {"weighted": 1.0, "beam_search(m=4)/weighted": 1.0}
    better = outcomes_of(lambda _q, s, _b: 0.2 if s == "weighted" else 0.9, names, (1, 4))
    outcomes = better.filter((pl.col("budget") > 1) | (pl.col("strategy") == "weighted"))
    table = fit_policy(outcomes, BINS, resamples=100).table.filter(pl.col("bin") == 1)
    assert table["strategy"].to_list() == ["weighted", "beam_search(m=4)/weighted"]
    assert table["decided"].to_list() == [True, True]  # alone at budget 1


def test_the_policy_of_each_bin_follows_what_is_better_there() -> None:
    hard = dict(BINS.with_columns(hard=pl.col("bin") >= 4).select("question_id", "hard").rows())
    names = {"weighted": 1.0, "beam_search(m=4)/weighted": 1.2}
    outcomes = outcomes_of(
        lambda q, s, _b: 0.9 if (s != "weighted") == hard[q] else 0.1, names
    )  # weighted is right on bins 1 to 3, beam search on 4 and 5
    fit = fit_policy(outcomes, BINS, resamples=100)
    assert (
        fit.table.sort("bin")["strategy"].to_list()
        == ["weighted"] * 3 + ["beam_search(m=4)/weighted"] * 2
    )
    assert fit.curve["accuracy"].to_list() == pytest.approx([0.9])
    by_name = dict(fit.fixed.select("strategy", "accuracy").rows())
    assert by_name["weighted"] == pytest.approx(0.58)  # .6 · .9 + .4 · .1


def test_equal_seeds_give_equal_policies_whatever_the_order_of_rows() -> None:
    names = {"weighted": 1.0, "majority": 1.0, "beam": 2.0}
    outcomes = outcomes_of(noisy(2), names, (2, 4))
    shuffled = outcomes.sample(fraction=1, shuffle=True, seed=1)
    first, again = fit_policy(outcomes, BINS, seed=6), fit_policy(shuffled, BINS[::-1], seed=6)
    assert all(one.equals(other) for one, other in zip(first, again, strict=True))
    assert not first.curve.equals(fit_policy(outcomes, BINS, seed=7).curve)


def test_a_cell_keeps_last_nights_strategy_until_another_is_ahead_by_more_than_its_interval() -> (
    None
):
    names = {"weighted": 1.0, "majority": 0.5, "slow": 2.0}
    last = pl.DataFrame(
        [(1, 4, "weighted"), (2, 4, "slow"), (3, 4, "gone"), (4, 8, "slow")],
        schema=["bin", "budget", "strategy"],
        orient="row",
    )
    outcomes = outcomes_of(lambda _q, s, _b: 0.9 if s == "slow" else 0.5, names)
    alone = fit_policy(outcomes, BINS, resamples=300).table
    held = fit_policy(outcomes, BINS, last=last, resamples=300).table
    assert alone["strategy"].to_list() == held["strategy"].to_list() == ["slow"] * 5
    # weighted is beaten, slow is what tonight names, the others do not exist
    assert held["unheld"].null_count() == 5
    level = outcomes_of(lambda *_: 0.5, names)
    table = fit_policy(level, BINS, last=last, resamples=300).table
    assert table["strategy"].to_list() == ["weighted", "slow", "majority", "majority", "majority"]
    assert table["unheld"].to_list() == ["majority", "majority", None, None, None]


def test_a_cell_does_not_keep_what_now_looks_worse_than_the_baseline() -> None:
    # On 2 of a bin's 20 questions slow fails where weighted does not: 1.45 standard errors, within
    # the interval.
    fails = {question for place, question in enumerate(QUESTIONS) if place % 20 < 2}
    names = {"weighted": 1.0, "slow": 2.0}
    outcomes = outcomes_of(lambda q, s, _: float(s == "weighted" or q not in fails), names)
    last = pl.DataFrame({"bin": [1, 2], "budget": [4, 4], "strategy": ["slow", "slow"]})
    table = fit_policy(outcomes, BINS, last=last, resamples=300).table
    assert table["strategy"].to_list() == ["weighted"] * 5
    wins = {question for place, question in enumerate(QUESTIONS) if place % 20 == 2}
    # Where weighted fails on another question, slow is 0.6 standard errors behind.
    level = outcomes_of(lambda q, s, _: float(q not in (fails if s == "slow" else wins)), names)
    table = fit_policy(level, BINS, last=last, resamples=300).table
    assert table["strategy"].to_list()[:2] == ["slow", "slow"]


def test_the_same_outcomes_again_change_nothing() -> None:
    names = {"weighted": 1.0, "majority": 0.5, "slow": 2.0}
    first = fit_policy(outcomes_of(noisy(4), names), BINS, resamples=200)
    night = outcomes_of(noisy(5, gain={"slow": 0.2}), names)
    second = fit_policy(night, BINS, last=first.table, resamples=200)
    third = fit_policy(night, BINS, last=second.table, resamples=200)
    assert second.table["unheld"].null_count() < 5
    assert third.table.equals(second.table)


def test_a_cheaper_strategy_that_looks_worse_than_the_baseline_is_not_named() -> None:
    # gaps of ± .5 on some of 20 questions: 9 against and 5 for are .1 behind weighted with a
    # standard error of .094, not significantly (.1 < 1.73 · .094) but more than one error; 9
    # against and 7 for are .05 behind (.102)
    def behind(ahead_on: int) -> Accuracy:
        law = dict.fromkeys(range(9), -0.5) | dict.fromkeys(range(9, 9 + ahead_on), 0.5)
        return lambda q, s, _b: 0.5 + (law.get(int(q[1:]) % 20, 0.0) if s == "cheap" else 0.0)

    names = {"cheap": 1.0, "weighted": 2.0}
    table = fit_policy(outcomes_of(behind(5), names), BINS, resamples=200).table
    assert table["strategy"].unique().to_list() == ["weighted"]
    table = fit_policy(outcomes_of(behind(7), names), BINS, resamples=200).table
    assert table["strategy"].unique().to_list() == ["cheap"]
    # What is seen is -.05; less than -.102 would not have been named, so the truth may well be.
    assert (table["gain"] < -0.05).all()
    assert ((table["gain_lo"] < -0.102) & (table["gain_hi"] > -0.05)).all()
    assert not table["decided"].any()


def test_what_one_cell_shows_may_be_chance_among_many() -> None:
    # 10 of 20 questions differ, 9 for beam and 1 against: t = 2.99, p = .0076 in one cell of 5 or
    # of 45
    law = {**dict.fromkeys(range(9), 1.0), 9: 0.0}

    def accuracy(question: str, strategy: str, budget: int) -> float:
        beam = strategy == "beam" and question < "q020" and budget == 1
        return law.get(int(question[1:]), 0.5) if beam else 0.5

    names = {"weighted": 1.0, "beam": 2.0}
    few = fit_policy(outcomes_of(accuracy, names, (1,)), BINS, resamples=300).table.row(
        0, named=True
    )
    many = outcomes_of(accuracy, names, tuple(2**i for i in range(9)))
    one = fit_policy(many, BINS, resamples=300).table.filter(bin=1, budget=1).row(0, named=True)
    assert few["strategy"] == one["strategy"] == "beam"
    assert few["gain_lo"] > 0
    assert few["p"] == pytest.approx(5 * 0.0076, abs=1e-3)
    assert one["p"] == pytest.approx(45 * 0.0076, abs=5e-3)
    assert (few["decided"], one["decided"]) == (True, False)


def test_an_incomplete_run_is_refused_with_what_is_missing() -> None:
    outcomes = outcomes_of(lambda *_: 0.5, {"weighted": 1.0, "majority": 1.0})
    with pytest.raises(UserError, match="3 of the accuracies are missing"):
        fit_policy(outcomes[3:], BINS)
    with pytest.raises(UserError, match="20 have none"):
        fit_policy(outcomes, BINS.filter(pl.col("bin") > 1))
    with pytest.raises(UserError, match="expected a baseline among majority, weighted, got 'best'"):
        fit_policy(outcomes, BINS, baseline="best")


def test_a_bin_with_one_question_has_no_interval_and_nothing_decided() -> None:
    few = QUESTIONS[:5]
    bins = pl.DataFrame({"question_id": few, "bin": [1, 2, 3, 4, 5]})
    names = {"weighted": 1.0, "beam": 2.0}
    outcomes = outcomes_of(lambda _q, s, _b: float(s == "beam"), names)
    table = fit_policy(outcomes.filter(pl.col("question_id").is_in(few)), bins, resamples=50).table
    assert table["strategy"].unique().to_list() == ["weighted"]
    assert table["gain_lo"].null_count() == 5
    assert not table["decided"].any()
