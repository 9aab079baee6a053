"""Difficulty from a handful of draws (METHOD §6 c)."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tasks.statistics.probe import Probe, features, fit_probe

ANSWERS = st.lists(st.sampled_from(["1", "2", "3", None]), min_size=1, max_size=8)


def draws_of(
    chances: list[float], *, draws: int = 16, seed: int = 0, scored: bool = True
) -> pl.DataFrame:
    """Draws right with each question's chance; right ones score about .8, wrong ones about .2."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, float | None]] = []
    for i, chance in enumerate(chances):
        for right in rng.random(draws) < chance:
            score = float(np.clip((0.8 if right else 0.2) + rng.normal(0, 0.1), 0, 1))
            rows.append(
                (f"q{i:03}", "7" if right else str(rng.integers(100)), score if scored else None)
            )
    return pl.DataFrame(rows, schema=["question_id", "answer", "score"], orient="row")


def test_the_features_of_four_draws_are_worked_out() -> None:
    seen = features(["a", "a", "b", None], [0.2, 0.4, 0.9, None])
    assert seen.leading == 2 / 4  # a, a
    assert seen.silent == 1 / 4
    assert seen.leading_score == pytest.approx(
        0.9 / 1.5
    )  # b alone has more score behind it than both a
    assert seen.mean_score == pytest.approx(1.5 / 3)  # the missing score is left out


def test_draws_without_answers_and_scores_look_as_hard_as_can_be() -> None:
    assert features([None, None], [None, None]) == (0.0, 1.0, 0.0, 0.0)


def test_no_draw_and_lists_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one, got 0 and 0"):
        features([], [])
    with pytest.raises(ValueError, match="got 2 and 1"):
        features(["a", "b"], [0.5])


@given(ANSWERS, st.randoms())
def test_the_order_of_the_draws_does_not_matter(answers, random) -> None:
    pairs = [(answer, random.choice([None, 0.1, 0.5])) for answer in answers]
    shuffled = random.sample(pairs, len(pairs))
    one, other = (features(*map(list, zip(*some, strict=True))) for some in (pairs, shuffled))
    assert one == pytest.approx(other)


def test_a_value_on_a_cut_is_in_the_easier_bin() -> None:
    probe = Probe(draws=2, weights=(0.0, 1.0, 0.0), cuts=(0.8, 0.6, 0.4, 0.2))
    assert [probe.bin(value) for value in (1.0, 0.8, 0.79, 0.4, 0.2, 0.1)] == [1, 1, 2, 3, 4, 5]


def test_three_weights_read_the_agreement_alone() -> None:
    probe = Probe(draws=2, weights=(0.1, 1.0, -0.5), cuts=(0.0,) * 4)
    assert probe.value(["a", None], [0.9, 0.9]) == pytest.approx(0.1 + 0.5 - 0.25)


def test_a_probe_puts_questions_nearly_in_the_order_of_their_chances() -> None:
    chances = list(np.linspace(0, 1, 200))
    binned = fit_probe(draws_of(chances), count=4, scored=True, seed=0).binned
    # chances spread evenly have variance 1/12, the share of 4 draws that are right 1/12 + 1/24: r =
    # √(2/3) = .82
    assert spearmanr(chances, binned["value"]).statistic > 0.72
    means = (
        pl.DataFrame({"bin": binned["bin"], "chance": chances})
        .group_by("bin")
        .mean()
        .sort("bin")["chance"]
    )
    assert means.is_sorted(descending=True)
    sizes = binned["bin"].value_counts()["count"]
    assert sizes.min() > 20


def test_without_scores_agreement_tells_the_difficulty() -> None:
    chances = list(np.linspace(0, 1, 200))
    fitted = fit_probe(draws_of(chances, scored=False), count=4, scored=False, seed=0)
    assert len(fitted.probe.weights) == 3
    assert spearmanr(chances, fitted.binned["value"]).statistic > 0.7


def test_a_question_is_never_read_by_a_probe_that_was_fitted_on_it() -> None:
    draws = draws_of([0.1 * i for i in range(10)])
    fitted = fit_probe(draws, count=4, scored=True, seed=0)
    # the later draws of a question only matter to the fit: what they say must not move its own
    # value
    place = pl.int_range(pl.len()).over("question_id")
    for question in ("q000", "q007"):
        other = draws.with_columns(
            score=pl.when((pl.col("question_id") == question) & (place >= 4))
            .then(1.0)
            .otherwise("score")
        )
        moved = fit_probe(other, count=4, scored=True, seed=0)
        row = pl.col("question_id") == question
        assert moved.binned.filter(row).equals(fitted.binned.filter(row))
        assert moved.probe != fitted.probe


def test_the_deployed_probe_is_fitted_on_all_questions_and_reads_as_the_fit_did() -> None:
    # scores are all the read-out needs where a draw's score is the question's ease: the mean comes
    # back exactly
    rows = [(f"q{i}", "a", i / 10) for i in range(11) for _ in range(6)]
    draws = pl.DataFrame(rows, schema=["question_id", "answer", "score"], orient="row")
    probe = fit_probe(draws, count=2, scored=True, seed=0).probe
    assert probe.value(["a", "a"], [0.3, 0.3]) == pytest.approx(0.3)
    assert probe.cuts == pytest.approx((0.8, 0.6, 0.4, 0.2))


def test_no_score_at_all_puts_every_question_in_one_bin_and_does_not_fail() -> None:
    draws = draws_of([0.5] * 6).with_columns(score=pl.lit(None, dtype=pl.Float64))
    binned = fit_probe(draws, count=4, scored=True, seed=0).binned
    assert binned["bin"].to_list() == [1] * 6


def test_questions_and_their_order_of_rows_do_not_move_the_fit() -> None:
    draws = draws_of([0.1 * i for i in range(10)])
    parts = draws.partition_by("question_id")
    one, other = (
        fit_probe(pl.concat(some), count=4, scored=True, seed=3) for some in (parts, parts[::-1])
    )
    assert one.probe == other.probe
    assert one.binned.equals(other.binned)
