"""Difficulty of questions and their bins (METHOD §6)."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.difficulty import agreement_values, bins, oracle_values, predicted_values
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


def drawn(answers: dict[str, list[int | None]], sure: dict[str, float | None]) -> pl.DataFrame:
    rows = [(name, answer, sure[name]) for name, given in answers.items() for answer in given]
    schema = {"question_id": pl.String, "answer": pl.Int64, "confidence": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


ANSWERS = {"a": [0, 0, 1, None], "b": [0, 1, 1, 1], "c": [None] * 4, "d": [0, 1, 2, 2]}


def test_agreement_is_the_share_of_all_draws_that_give_the_commonest_answer() -> None:
    values = agreement_values(drawn(ANSWERS, dict.fromkeys(ANSWERS)))
    assert values.rows() == [("a", 0.5), ("b", 0.75), ("c", 0.0), ("d", 0.5)]


def test_of_equal_agreement_the_surer_question_is_easier() -> None:
    # Ranks of 9, 1, 30, 12: they add 2/5, 1/5, 4/5 and 3/5 of a quarter.
    sure: dict[str, float | None] = {"a": 9.0, "b": 1.0, "c": 30.0, "d": 12.0}
    values = dict(agreement_values(drawn(ANSWERS, sure)).iter_rows())
    assert values == {"a": 0.6, "b": 0.8, "c": pytest.approx(0.2), "d": pytest.approx(0.65)}
    # One unknown draw, and none is looked at.
    some = agreement_values(drawn(ANSWERS, {**sure, "a": None}))
    assert some["value"].to_list() == [0.5, 0.75, 0.0, 0.5]


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
