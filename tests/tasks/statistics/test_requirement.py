"""What meets a requirement, on small benchmarks by hand; its held-out rate on simulated ones."""

import numpy as np
import polars as pl
import pytest
from policy_outcomes import BINS, QUESTIONS, outcomes_of

from infra.bench.requirements import measured, summary
from tasks.statistics.intervals import Estimate
from tasks.statistics.requirement import Answer, answer_of, conclude

NAMES = {"majority": 1.0, "weighted": 1.5, "beam": 2.0}
HARD = dict(BINS.with_columns(hard=pl.col("bin") >= 4).select("question_id", "hard").rows())


def ask(outcomes: pl.DataFrame, *, wanted: float | None, within: float = np.inf) -> Answer:
    """An answer where every cost beyond `within` tokens meets nothing."""
    cost = pl.col("generated_tokens")
    met = pl.when(cost <= within).then("accuracy").otherwise(0.0)
    priced = outcomes.with_columns(met=met, met_alone=met, cost=cost, cost_alone=cost)
    return answer_of(priced, BINS, wanted=wanted, baseline="weighted", resamples=100)


def cells(answer: Answer) -> list[tuple[str, int]]:
    return [(one.cell.strategy, one.cell.budget) for one in answer.recommended.cells]


def test_the_cheapest_cell_that_reaches_the_accuracy_is_named() -> None:
    # 16 of every 20 are right at budget 2 and all at 4, whatever the strategy.
    easy = set(QUESTIONS) - set(QUESTIONS[::5])
    outcomes = outcomes_of(lambda q, _s, b: float(b == 4 or q in easy), NAMES, (2, 4))
    # .8 of 100 questions is beyond .6 + 1.645 · √(.24 / 100) = .681, and not beyond .75 + .071.
    assert cells(ask(outcomes, wanted=0.6)) == [("majority", 2)]
    assert cells(ask(outcomes, wanted=0.75)) == [("majority", 4)]
    assert ask(outcomes, wanted=0.6).conclusion == "reached"


def test_without_a_wanted_accuracy_the_best_within_the_limits_is_named() -> None:
    outcomes = outcomes_of(lambda _q, s, b: 0.1 * b + 0.05 * (s == "beam"), NAMES, (2, 4))
    # beam costs 4 and 8, weighted 3 and 6, majority 2 and 4.
    assert cells(ask(outcomes, wanted=None, within=7)) == [("majority", 4)]
    best = ask(outcomes, wanted=None, within=8)
    assert cells(best) == [("beam", 4)]
    assert best.for_all.met.value == pytest.approx(0.45)
    assert best.for_all.cost.value == pytest.approx(8.0)
    assert best.conclusion is None


def test_what_no_cell_reaches_cannot_be_reached() -> None:
    outcomes = outcomes_of(lambda _q, _s, b: 0.1 * b, NAMES, (2, 4))
    assert ask(outcomes, wanted=0.9).conclusion == "cannot be reached"
    # Nothing costs as little as that.
    assert ask(outcomes, wanted=0.2, within=1).conclusion == "cannot be reached"


def test_bins_are_recommended_where_they_reach_what_one_cell_does_not() -> None:
    outcomes = outcomes_of(lambda q, s, _b: float((s == "beam") == HARD[q]), NAMES)
    answer = ask(outcomes, wanted=0.9)
    assert answer.adapts and answer.conclusion == "reached"
    assert cells(answer) == [("majority", 4)] * 3 + [("beam", 4)] * 2
    assert answer.for_all.met.value == pytest.approx(0.6)


def test_bins_are_recommended_where_they_save() -> None:
    # Easy questions are right at 2, hard ones at 4 alone.
    outcomes = outcomes_of(lambda q, _s, b: float(b == 4 or not HARD[q]), NAMES, (2, 4))
    answer = ask(outcomes, wanted=0.9)
    assert answer.adapts
    assert cells(answer) == [("majority", 2)] * 3 + [("majority", 4)] * 2
    # 3 of 5 questions for 2 tokens, 2 for 4.
    assert answer.by_bin.cost.value == pytest.approx(2.8)
    assert answer.for_all.cost.value == pytest.approx(4.0)


def test_the_rate_is_that_of_questions_that_did_not_choose() -> None:
    # Single draws of equal strategies: the best of 12 looks better than the half that it is.
    rng = np.random.default_rng(4)
    many = {"weighted": 1.0} | {f"other{i:02}": 1.0 + i / 100 for i in range(11)}
    outcomes = outcomes_of(lambda *_: float(rng.random() < 0.5), many)
    answer = ask(outcomes, wanted=None)
    named = answer.for_all.cells[0].met
    assert named > 0.55
    assert answer.for_all.met.value < named
    assert answer.for_all.met.lo <= 0.5 <= answer.for_all.met.hi


@pytest.mark.parametrize(
    ("lo", "hi", "says"),
    [(0.9, 1.0, "reached"), (0.8, 0.95, "cannot be told"), (0.7, 0.89, "cannot be reached")],
)
def test_a_conclusion_is_the_interval_s(lo: float, hi: float, says: str) -> None:
    assert conclude(Estimate(0.9, lo, hi), 0.9) == says


def test_on_new_questions_requirements_are_met_as_often_as_their_intervals_say() -> None:
    found = summary(measured(60, resamples=150))
    # 95 of 100 are meant: 51 or fewer of 60 have a chance of .003.
    assert found["held"] > 86
    assert found["reached"] >= 10 and found["reached, truly"] >= 90
    assert found["cannot be reached"] >= 5 and found["cannot be reached, truly"] >= 90
