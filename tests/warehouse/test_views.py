"""The views on the small run of `small_run.py`; every number is worked out in a comment."""

import math

import pytest
from small_run import BEAM

from tasks.statistics.intervals import score_size
from warehouse.store import Store

MAJORITY_AT_4 = "run_id = 'run-a' AND strategy = 'majority' AND budget = 4"


def rows(store: Store, sql: str, **params: object) -> list[tuple]:
    return store.read(sql, **params).rows()


def test_accuracy_over_all_questions_is_the_mean_of_the_outcomes(small: Store) -> None:
    # bins 1 and 2: 1; bin 3: 2/4; bin 4: 1/4; bin 5: 0, two questions each: (4 + 1 + .5 + 0) / 10
    sql = f"SELECT questions, accuracy FROM accuracy WHERE {MAJORITY_AT_4} AND bin = 0"
    assert rows(small, sql) == [(10, pytest.approx(0.55))]


def test_accuracy_has_one_row_a_bin_and_difficulty(small: Store) -> None:
    sql = """SELECT difficulty, bin, accuracy FROM accuracy
        WHERE run_id = 'run-a' AND strategy = 'majority' AND budget = 1 ORDER BY ALL"""
    by_bin = [1.0, 1.0, 0.5, 0.25, 0.0]
    expected = [("all", 0, pytest.approx(0.55))]
    expected += [(d, b + 1, by_bin[b]) for d in ("oracle", "predicted") for b in range(5)]
    assert rows(small, sql) == expected


def test_the_interval_of_a_yes_or_no_cell_is_plain_wilson(store: Store) -> None:
    # 5 of 10: centre .5, half-width 1.96 · sqrt(.025 + .0096) / 1.384 = .2634
    # (Newcombe 1998: .2366 to .7634)
    assert rows(store, "SELECT wilson_lo(0.5, 10), wilson_hi(0.5, 10)") == [
        (pytest.approx(0.236593, abs=1e-6), pytest.approx(0.763407, abs=1e-6))
    ]


def test_the_interval_at_zero_and_one_stays_inside_and_has_width(store: Store) -> None:
    # 0 of 10: z² / (n + z²) = 3.8415 / 13.8415 = .27753
    found = rows(
        store, "SELECT wilson_lo(0, 10), wilson_hi(0, 10), wilson_lo(1, 10), wilson_hi(1, 10)"
    )[0]
    assert found == pytest.approx((0.0, 0.277533, 0.722467, 1.0), abs=1e-6)


def test_less_variance_between_questions_than_a_coin_counts_as_more_questions(store: Store) -> None:
    # p(1 − p) = .25 against a variance of .1: 10 · 2.5; more variance than a coin's never counts
    # as fewer questions
    sql = """SELECT effective_questions(0.5, 10, 0.1), effective_questions(0.5, 10, 0.3),
        effective_questions(1, 10, 0)"""
    assert rows(store, sql) == [(25, 10, 10)]


@pytest.mark.parametrize(
    ("mean", "variance", "count"),
    [(0.5, 0.1, 10), (0.999, 1e-6, 40), (0.001, 1e-6, 40), (0.9, 1e-9, 200), (0.2, 0.3, 7)],
)
def test_the_view_counts_questions_as_the_program_does(
    store: Store, mean: float, variance: float, count: int
) -> None:
    sql = f"SELECT effective_questions({mean}, {count}, {variance})"
    assert rows(store, sql) == [(pytest.approx(score_size(mean, variance, count)),)]


def test_a_single_question_has_an_interval(store: Store) -> None:
    assert rows(store, "SELECT effective_questions(0.5, 1, NULL)") == [(1,)]


def test_the_accuracy_view_uses_the_variance_between_questions(small: Store) -> None:
    # outcomes 1 ×4, .5 ×2, .25 ×2, 0 ×2: mean .55, sum of squares 4.625,
    # s² = (4.625 − 10 · .3025) / 9 = .17778
    effective = 10 * 0.55 * 0.45 / (1.6 / 9)
    z = 1.959963984540054
    centre = (0.55 + z * z / 2 / effective) / (1 + z * z / effective)
    half = z * math.sqrt(0.2475 / effective + z * z / 4 / effective**2) / (1 + z * z / effective)
    sql = f"SELECT lo, hi FROM accuracy WHERE {MAJORITY_AT_4} AND bin = 0"
    assert rows(small, sql) == [(pytest.approx(centre - half), pytest.approx(centre + half))]


def test_contrast_pairs_the_questions(small: Store) -> None:
    # beam gains .25 on the six questions of bins 3 to 5: mean .15,
    # sd of (0 ×4, .25 ×6) = sqrt(.15 / 9) = .1291
    sql = f"""SELECT bin, questions, difference, lo, hi
        FROM contrast('run-a', 'oracle', '{BEAM}', 4, 'majority', 4) WHERE bin = 0"""
    half = 1.959963984540054 * math.sqrt(0.15 / 9) / math.sqrt(10)
    assert rows(small, sql) == [
        (0, 10, pytest.approx(0.15), pytest.approx(0.15 - half), pytest.approx(0.15 + half))
    ]


def test_contrast_has_a_row_a_bin(small: Store) -> None:
    sql = f"SELECT bin, difference FROM contrast('run-a', 'predicted', '{BEAM}', 4, 'majority', 4)"
    assert rows(small, sql) == [
        (0, pytest.approx(0.15)),
        (1, 0),
        (2, 0),
        (3, 0.25),
        (4, 0.25),
        (5, 0.25),
    ]


def test_the_curve_stands_beside_the_best_strategy_and_the_coverage(small: Store) -> None:
    # at budget 4 the beam has .55 + .15; coverage was filled in as the pool's share
    sql = """SELECT accuracy, best_strategy, best_accuracy, coverage FROM compute_optimal_curve
        WHERE run_id = 'run-a' AND difficulty = 'oracle' AND budget = 4"""
    assert rows(small, sql) == [(pytest.approx(0.6), BEAM, pytest.approx(0.7), pytest.approx(0.55))]


def test_the_curve_is_compared_with_every_strategy(small: Store) -> None:
    sql = """SELECT strategy, ahead FROM curve_against_strategies
        WHERE run_id = 'run-a' AND difficulty = 'oracle' AND budget = 4 ORDER BY strategy"""
    expected = [
        (BEAM, pytest.approx(-0.1)),
        ("majority", pytest.approx(0.05)),
        ("pass", pytest.approx(0.05)),
    ]
    assert rows(small, sql) == expected


def test_efficiency_factors_can_be_read_aloud(small: Store) -> None:
    sql = "SELECT text FROM efficiency_factor WHERE run_id = 'run-a' ORDER BY budget"
    assert rows(small, sql) == [("1",), ("4.2 [2.1, 7.9]",), ("> 4",)]


def test_the_latest_policy_is_the_newest_complete_runs(small: Store) -> None:
    assert rows(small, "SELECT DISTINCT run_id, difficulty FROM latest_policy ORDER BY ALL") == [
        ("run-b", "oracle"),
        ("run-b", "predicted"),
    ]


def test_policy_changes_name_what_the_new_version_changed(small: Store) -> None:
    # version 2 gives up beam search on bin 3 at budgets 2 and 4
    sql = """SELECT bin, budget, strategy_before, strategy_now, version_before, version_now
        FROM policy_changes WHERE changed AND difficulty = 'oracle' ORDER BY ALL"""
    assert rows(small, sql) == [(3, 2, BEAM, "majority", 1, 2), (3, 4, BEAM, "majority", 1, 2)]


def test_model_versions_are_numbered_by_the_first_run_that_used_them(small: Store) -> None:
    sql = "SELECT family, benchmark, version, model_fingerprint FROM model_history ORDER BY ALL"
    assert rows(small, sql) == [
        ("generator", "sums", 1, "generator-1"),
        ("generator", "sums", 2, "generator-2"),
    ]


def test_cost_by_role_adds_up_what_the_run_paid(small: Store) -> None:
    # proposer: 40 pool draws and 3 steps of 3 tokens; a prompt of 8 (2 cached) for 10 + 2 first
    # children; FLOPs 2 · 1000 · (129 + 96 − 24). Difficulty: 40 draws, 10 prompts:
    # 2 · 1000 · (120 + 80 − 20)
    sql = """SELECT role, requests, draws, generated_tokens, prompt_tokens, cached_tokens, flops
        FROM cost_by_role WHERE run_id = 'run-a' AND role <> 'verifier' ORDER BY role"""
    assert rows(small, sql) == [
        ("difficulty", 10, 40, 120, 80, 20, 360_000.0),
        ("proposer", 12, 43, 129, 96, 24, 402_000.0),
    ]


def test_the_verifiers_cost_counts_each_request_once(small: Store) -> None:
    # 80 completions less the two failed, 10 tokens each, and three steps of 5: 795 tokens · 2 · 500
    sql = """SELECT requests, scores, verifier_tokens, flops FROM cost_by_role
        WHERE run_id = 'run-a' AND role = 'verifier'"""
    assert rows(small, sql) == [(81, 159, 795, 795_000.0)]


def test_cost_per_correct_divides_by_what_was_right(small: Store) -> None:
    # majority at 4: 40 generations, 120 tokens for 5.5 right answers
    sql = """SELECT correct, generations_per_correct, tokens_per_correct FROM cost_per_correct
        WHERE run_id = 'run-a' AND strategy = 'majority' AND budget = 4"""
    assert rows(small, sql) == [pytest.approx((5.5, 40 / 5.5, 120 / 5.5))]


def test_completeness_names_the_cell_that_lacks_a_question(small: Store) -> None:
    sql = "SELECT run_id, strategy, budget, owed, done, missing FROM completeness WHERE missing > 0"
    assert rows(small, sql) == [("run-b", BEAM, 4, 10, 9, 1)]


def test_run_history_tells_state_cost_and_links(small: Store) -> None:
    sql = """SELECT version, state, resumed, seconds, draws, generated_tokens, verifier_tokens,
        missing_cells, prefect_run, mlflow_run FROM run_history WHERE run_id = 'run-a'"""
    assert rows(small, sql) == [(1, "published", 0, 63.0, 83, 249, 795, 0, "flow-1", "track-1")]


def test_question_draws_show_steps_scores_and_verdict(small: Store) -> None:
    sql = """SELECT text, step_scores, score, canonical, verdict FROM question_draws
        WHERE run_id = 'run-a' AND question_id = 'q4' AND role = 'proposer' AND whole
        ORDER BY child LIMIT 3"""
    assert rows(small, sql) == [
        ("I add.\nAnswer: 5", [0.5, 0.9], 0.9, "5", "correct"),
        ("I add.\nAnswer: 5", [0.5, 0.9], 0.9, "5", "correct"),
        ("I add.\nAnswer: -1", [0.5, 0.1], 0.1, "-1", "wrong"),
    ]


def test_a_missing_score_stays_missing(small: Store) -> None:
    sql = """SELECT step_scores, score FROM question_draws
        WHERE run_id = 'run-a' AND question_id = 'q9' AND role = 'proposer' AND child = 3"""
    assert rows(small, sql) == [([None, None], None)]


def test_question_draws_are_shown_to_a_run_that_did_not_pay(small: Store) -> None:
    sql = """SELECT count(*), count(DISTINCT paid_by) FROM question_draws
        WHERE run_id = 'run-b' AND question_id = 'q0'"""
    assert rows(small, sql) == [(11, 1)]


def test_a_beams_completion_is_put_together_from_its_steps(small: Store) -> None:
    sql = """SELECT text, step_scores, score, canonical, verdict
        FROM completions_of('run-a', 'q0') WHERE NOT whole"""
    assert rows(small, sql) == [("I add slowly.\nAnswer: 1", [0.5, 0.9], 0.9, "1", "correct")]


@pytest.mark.parametrize(
    ("aggregate", "score"),
    [("last", 0.5), ("min", 0.2), ("prod", 0.1), ("mean", 0.35), ("other", None)],
)
def test_step_scores_are_joined_as_the_run_says(
    store: Store, aggregate: str, score: float | None
) -> None:
    found = store.read("SELECT completion_score([0.2, 0.5], $how) AS score", how=aggregate)[
        "score"
    ][0]
    assert found == (score if score is None else pytest.approx(score))


@pytest.mark.parametrize(
    ("aggregate", "score"), [("last", 0.5), ("min", None), ("prod", None), ("mean", None)]
)
def test_a_score_that_needs_a_missing_one_is_missing(
    store: Store, aggregate: str, score: float | None
) -> None:
    assert rows(store, "SELECT completion_score([NULL, 0.5], $how)", how=aggregate) == [(score,)]


def test_verdicts_are_counted_by_completion(small: Store) -> None:
    # pool: 2 questions × (4, 4, 2, 1, 0) right = 22 of 40, and the beam's one completion
    sql = (
        "SELECT role, verdict, completions FROM verdict_counts WHERE run_id = 'run-a' ORDER BY ALL"
    )
    assert rows(small, sql) == [
        ("difficulty", "correct", 22),
        ("difficulty", "wrong", 18),
        ("proposer", "correct", 23),
        ("proposer", "wrong", 18),
    ]


def test_trouble_counts_failures_and_missing_outcomes(small: Store) -> None:
    sql = """SELECT run_id, verifier_failures, truncated, unanswered, ungraded, missing
        FROM trouble ORDER BY run_id"""
    assert rows(small, sql) == [("run-a", 2, 0, 0, 0, 0), ("run-b", 2, 0, 0, 0, 1)]
