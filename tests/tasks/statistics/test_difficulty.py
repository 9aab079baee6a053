"""Difficulty of questions and their bins (METHOD §6)."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.difficulty import bins, oracle_values, predicted_values
from warehouse.errors import UserError


def values_of(values: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame({"question_id": [f"q{i}" for i in range(len(values))], "value": values})


def test_the_oracle_value_is_the_share_of_correct_draws_with_unknown_ones_in_the_denominator() -> (
    None
):
    draws = pl.DataFrame(
        {"question_id": ["a"] * 4 + ["b"], "correct": [True, True, None, False, False]}
    )
    assert oracle_values(draws).rows() == [("a", 0.5), ("b", 0.0)]  # 2 of 4, 0 of 1


def test_the_predicted_value_leaves_missing_scores_out() -> None:
    draws = pl.DataFrame(
        {"question_id": ["a", "a", "a", "b"], "score": [0.2, 0.4, None, float("nan")]}
    )
    values = predicted_values(draws)
    assert values["question_id"].to_list() == ["a", "b"]
    assert values["value"].to_list() == [pytest.approx(0.3), None]


def test_the_highest_value_is_in_the_first_bin_and_the_lowest_in_the_last() -> None:
    binned = bins(values_of([0.1, 0.9, 0.5, 0.7, 0.3]))
    assert dict(binned.select("question_id", "bin").rows()) == {
        "q1": 1,
        "q3": 2,
        "q2": 3,
        "q4": 4,
        "q0": 5,
    }


def test_a_question_without_a_value_is_among_the_hardest() -> None:
    binned = bins(values_of([None, 0.9, 0.5, 0.7, 0.0]))
    assert binned.row(-1) == ("q0", None, 5)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=5, max_size=60), st.randoms())
def test_bins_differ_by_at_most_one_and_do_not_depend_on_the_order_of_rows(values, random) -> None:
    frame = values_of(values)
    binned = bins(frame)
    sizes = binned.group_by("bin").len()["len"]
    assert sizes.len() == 5
    assert sizes.max() - sizes.min() <= 1
    assert binned["value"].is_sorted(descending=True)
    assert binned["bin"].is_sorted()
    assert bins(frame[random.sample(range(frame.height), frame.height)]).equals(binned)


def test_fewer_questions_than_bins_are_refused() -> None:
    with pytest.raises(UserError, match="at least 5 questions"):
        bins(values_of([0.1, 0.2, 0.3, 0.4]))


def test_a_question_listed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="a question twice"):
        bins(pl.concat([values_of([0.1] * 5), values_of([0.2])]))
