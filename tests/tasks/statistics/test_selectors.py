"""Selectors on one set of completions (METHOD §4)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.selectors import SELECTORS, Candidate, best_of_n, majority, weighted

candidates = st.builds(
    Candidate,
    answer=st.sampled_from([None, "1", "2", "3"]),
    score=st.sampled_from([None, 0.0, 0.1, 0.2, 0.3, 1.0]),
)
sets = st.lists(candidates, max_size=8)


def made(*pairs: tuple[str | None, float | None]) -> list[Candidate]:
    return [Candidate(answer, score) for answer, score in pairs]


def test_the_answer_with_most_votes_wins_and_is_served_by_its_first_draw() -> None:
    choice = majority(made(("2", 0.9), ("1", 0.1), ("1", None)))
    assert (choice.index, choice.answer, choice.credits) == (1, "1", {"1": 1.0})


def test_a_tie_in_votes_shares_the_credit_and_serves_the_answer_seen_first() -> None:
    choice = majority(made((None, 1.0), ("2", 0.1), ("1", 0.9), ("1", 0.9), ("2", 0.1), ("3", 0.5)))
    assert (choice.index, choice.answer, choice.credits) == (1, "2", {"2": 0.5, "1": 0.5})


def test_the_highest_score_wins_best_of_n_and_a_tie_goes_to_the_earliest_draw() -> None:
    choice = best_of_n(made(("1", 0.2), ("2", 0.7), ("3", 0.7)))
    assert (choice.index, choice.answer, choice.credits) == (1, "2", {"2": 1.0})


def test_scores_of_an_answer_add_up_and_its_best_completion_is_returned() -> None:
    choice = weighted(made(("1", 0.6), ("2", 0.3), ("2", 0.4)))  # 0.6 against 0.7
    assert (choice.index, choice.answer, choice.credits) == (2, "2", {"2": 1.0})


def test_sums_that_are_equal_on_paper_tie_and_the_earliest_scored_draw_decides() -> None:
    # 0.1 + 0.2 > 0.3 in doubles: without whole points "2" would win
    assert weighted(made(("1", 0.3), ("2", 0.1), ("2", 0.2))).answer == "1"
    assert weighted(made(("2", 0.1), ("1", 0.3), ("2", 0.2))).answer == "2"
    assert weighted(made(("2", None), ("1", 0.3), ("2", 0.1), ("2", 0.2))).answer == "1"


def test_a_completion_without_a_score_is_never_chosen_and_adds_nothing() -> None:
    some = made(("1", None), ("1", None), ("2", 0.0))
    assert best_of_n(some).answer == "2"
    assert weighted(some).answer == "2"
    assert majority(some).answer == "1"


def test_a_completion_without_an_answer_never_wins() -> None:
    some = made((None, 1.0), (None, 0.9), ("1", 0.1))
    assert [select(some).answer for select in SELECTORS.values()] == ["1", "1", "1"]


@pytest.mark.parametrize("name", SELECTORS)
@pytest.mark.parametrize("some", [[], made((None, 0.5), (None, None))])
def test_nothing_is_chosen_where_no_completion_has_an_answer(
    name: str, some: list[Candidate]
) -> None:
    choice = SELECTORS[name](some)
    assert (choice.index, choice.answer, choice.credits) == (None, None, {})


@pytest.mark.parametrize("select", [best_of_n, weighted])
def test_nothing_is_chosen_by_score_where_all_scores_are_missing(select) -> None:
    assert select(made(("1", None), ("2", None))).index is None


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.1])
def test_a_score_that_is_no_probability_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="expected a score in"):
        Candidate("1", score)


@given(sets, st.randoms(use_true_random=False))
def test_the_order_matters_to_no_selector_beyond_the_stated_ties(
    some: list[Candidate], random
) -> None:
    shuffled = random.sample(some, len(some))
    assert majority(shuffled).credits == pytest.approx(majority(some).credits)
    visible = [one for one in some if one.answer is not None and one.score is not None]
    best = max((one.score for one in visible), default=None)
    sums = {a: sum(round(10 * one.score) for one in visible if one.answer == a) for a in "123"}
    for order in (some, shuffled):
        one, by_sum = best_of_n(order), weighted(order)
        assert (best is None) == (one.index is None) == (by_sum.index is None)
        if best is not None:
            assert order[one.index].score == best
            assert sums[by_sum.answer] == max(sums.values())


@given(sets)
def test_credits_sum_to_one_and_the_served_answer_is_among_them(some: list[Candidate]) -> None:
    for select in SELECTORS.values():
        choice = select(some)
        if choice.index is not None:
            assert sum(choice.credits.values()) == pytest.approx(1)
            assert choice.answer in choice.credits
            assert some[choice.index].answer == choice.answer
