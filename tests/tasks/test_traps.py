"""The traps of public code (METHOD §16): each with the tests that keep it out.

beam search refilled by copying finished beams
    test_search_traps.py::test_finished_beams_are_not_copied_to_fill_the_budget
the first level has N/M steps
    test_search_traps.py::test_the_first_level_has_n_steps_not_n_over_m
loops that end only when all are finished
    test_search_traps.py::test_a_search_ends_though_nothing_ever_does
1.2–6.8× the tokens of best-of-n, recorded as 0
    test_search_traps.py::test_a_search_costs_the_tokens_of_as_many_completions
budgets that are not equal
    test_conformance.py::test_every_depth_draws_as_many_steps_as_slots_are_open
    test_conformance.py::test_revisions_make_exactly_as_many_attempts_as_the_budget
    test_conformance_runs.py::test_no_cell_generates_more_than_its_budget_and_only_those_that_stop_less
unfinished siblings returned as completions
    test_search_traps.py::test_an_unfinished_sibling_is_never_returned
the last number of the text taken as the answer
    test_traps.py::test_the_last_number_is_no_answer
finish_reason "length" treated as finished
    test_traps.py::test_a_completion_cut_at_the_limit_is_not_finished
    test_conformance_runs.py::test_no_completion_that_was_cut_has_an_answer
    test_http_faults.py::test_stop_reasons_and_cached_tokens_come_through
lookahead text generated and never scored
    test_conformance_search.py::test_the_verifier_sees_exactly_k_more_steps_or_the_completions_end
copies of finished beams voting again
    test_search_traps.py::test_every_vote_is_a_draw_of_its_own
particle filter resampling every round collapses to 3–10 % distinct finals
    test_search_traps.py::test_particles_are_not_resampled_every_round
    test_conformance_search.py::test_particles_stay_distinct_under_a_verifier_that_knows_nothing
aggregation set in the configuration and ignored by the report
    test_traps.py::test_the_aggregation_of_the_study_decides_the_score
    test_views.py::test_step_scores_are_joined_as_the_run_says
failed verifier stored as 0.0
    test_traps.py::test_a_failed_verifier_leaves_no_score
    test_views.py::test_a_missing_score_stays_missing
trailing separator scored as an extra empty step
    test_traps.py::test_a_trailing_separator_is_no_step
votes by raw string
    test_traps.py::test_answers_that_are_equal_vote_together
"[invalid]" winning a vote
    test_traps.py::test_completions_without_an_answer_never_win_however_many
"1" in "12" as correctness
    test_traps.py::test_a_part_of_an_answer_is_another_answer
prefix estimates from one ordering
    test_traps.py::test_the_order_of_the_draws_does_not_matter_to_an_estimate
    test_groups.py::test_estimates_equal_brute_force_over_all_subsets_of_groups_of_400_pools
math-verify's time-out and its memory
    test_hostile.py::test_a_hostile_answer_is_contained_and_its_neighbours_graded
accuracy depends on machine load
    test_hostile.py::test_a_large_parent_process_changes_no_verdict
a worker that dies takes the others' pairs along
    test_hostile.py::test_workers_killed_from_outside_are_replaced
re-prompting "continue" restarts the solution
    test_conformance_search.py::test_a_completion_is_continued_by_its_own_tokens
files found by glob and counted twice
    test_store.py::test_a_row_is_stored_once_however_often_it_comes
whole result file rewritten for each sample
    test_journal.py::test_a_segment_is_named_by_time_and_the_hash_of_its_bytes
seeds missing
    test_tracking.py::test_parameters_name_study_fingerprints_seed_commit_and_packages
    test_conformance_running.py::test_the_order_in_which_replies_come_changes_nothing
errors turned into answers and graded as wrong
    test_search_traps.py::test_an_engine_error_is_an_error_and_no_answer
    test_stages.py::test_a_run_without_draws_stays_incomplete_and_says_so
`except Exception: pass` around tracking
    test_traps.py::test_no_error_is_swallowed
    test_tracking.py::test_a_server_that_is_down_delays_the_publication_within_seconds
a retried stage that appends again
    test_conformance_runs.py::test_the_same_study_again_draws_nothing_and_finds_the_same
a run that ends green with data missing
    test_tracking.py::test_an_incomplete_run_publishes_nothing_and_says_what_is_missing
    test_policy.py::test_an_incomplete_run_is_refused_with_what_is_missing
servers without authentication
    test_traps.py::test_servers_are_bound_to_loopback
pickles and `trust_remote_code`
    test_tracking.py::test_the_published_files_hold_no_pickle_and_the_whole_report
    test_traps.py::test_nothing_unpickles_or_trusts_remote_code
"""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scripts import (
    FORMAT,
    WHOLE,
    Bench,
    answer_of,
    by_letter,
    failing,
    fixed,
)

from tasks.benchmarks.question import Question
from tasks.draws.scorer import aggregate
from tasks.grading.extraction import extract_answer
from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.canonical import canonical
from tasks.settings import ROOT, Settings
from tasks.statistics.estimators import Pool, pool_estimates
from tasks.statistics.selectors import SELECTORS, Candidate

TABLE = __doc__.splitlines()[2:]
SOURCES = [
    path for room in ("flows", "tasks", "warehouse") for path in sorted((ROOT / room).rglob("*.py"))
]


def test_every_test_of_the_table_exists() -> None:
    named = [
        re.fullmatch(r" {4}(test_\w+\.py)::(test_\w+)", line)
        for line in TABLE
        if line.startswith(" ")
    ]
    assert all(named)
    for file, name in (match.groups() for match in named if match):
        (path,) = (ROOT / "tests").rglob(file)
        assert f"def {name}(" in path.read_text(encoding="utf-8"), f"{file} has no {name}"


def test_every_trap_of_the_table_has_a_test() -> None:
    for trap, after in pairwise(TABLE):
        assert trap.startswith(" ") or after.startswith(" "), trap


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text", ["so it is 42", "42\n", "The answer is 42", "I check my answer: 42", "Answer: "]
)
def test_the_last_number_is_no_answer(text: str) -> None:
    assert extract_answer(text, FORMAT.markers) is None


async def test_a_completion_cut_at_the_limit_is_not_finished() -> None:
    # It says its answer again and again until it is cut: there is a marker, and there is no answer.
    bench = Bench(lambda _prefix, _rng: "Answer: a\n")
    nodes = await bench.sampler.children(bench.root, 4, sampling=WHOLE)
    assert extract_answer(nodes[0].text, FORMAT.markers) is not None
    assert [(node.stop, node.ended, node.extendable, answer_of(node)) for node in nodes] == [
        ("limit", False, False, None)
    ] * 4


async def test_the_aggregation_of_the_study_decides_the_score() -> None:
    bench = Bench(fixed(3, letters="abc"), by_letter)
    scores = await bench.scorer.scores(
        (await bench.sampler.children(bench.root, 1, sampling=WHOLE))[0]
    )
    plain = [score.score for score in scores if score]
    assert len(plain) == 4 and len(set(plain)) > 1
    wanted = {"last": plain[-1], "min": min(plain), "mean": sum(plain) / 4, "prod": np.prod(plain)}
    assert {how: aggregate(scores, how) for how in wanted} == pytest.approx(wanted)


async def test_a_failed_verifier_leaves_no_score() -> None:
    bench = Bench(fixed(2, letters="b"), failing)
    scores = await bench.scorer.scores(
        (await bench.sampler.children(bench.root, 1, sampling=WHOLE))[0]
    )
    assert scores == (None, None, None) and not bench.scores and bench.failures
    assert {aggregate(scores, how) for how in ("last", "min", "prod", "mean")} == {None}
    # A score of 0 can be the best there is; a missing one never.
    assert SELECTORS["best_of_n"]([Candidate("1", None), Candidate("2", 0.0)]).answer == "2"


def test_a_trailing_separator_is_no_step() -> None:
    for text in ("a\nb\n", "a\nb\n\n", "a\nb\n \n\n"):
        ends, steps, _ = FORMAT.steps.split([ord(character) for character in text])
        assert len(steps) == len(ends) == 2 and ends[-1] == len(text)


def test_answers_that_are_equal_vote_together() -> None:
    votes = [Candidate(canonical(answer), 0.5) for answer in ("1/2", r"\frac12", "0.5", "3", "3")]
    assert SELECTORS["majority"](votes).answer == canonical("0.5")
    assert SELECTORS["weighted"](votes).answer == canonical("0.5")


@pytest.mark.parametrize("name", SELECTORS)
def test_completions_without_an_answer_never_win_however_many(name: str) -> None:
    votes = [*[Candidate(None, 1.0)] * 9, Candidate("7", 0.1)]
    assert SELECTORS[name](votes).answer == "7"


def test_a_part_of_an_answer_is_another_answer() -> None:
    one, twelve = Question("q1", "?", "1"), Question("q2", "?", "12")
    with MathGrader() as grader:
        verdicts = grader.grade([(twelve, "1"), (one, "12"), (twelve, "12")])
    assert verdicts == ["wrong", "wrong", "correct"]


def test_the_order_of_the_draws_does_not_matter_to_an_estimate() -> None:
    # The 8 right draws come first: the first 8 of this one ordering would be right always.
    answers = np.array([0] * 8 + [1] * 24)
    scores = np.linspace(0.9, 0.1, 32)
    sorted_pool = Pool(answers, answers == 0, scores)
    order = np.random.default_rng(3).permutation(32)
    other = Pool(answers[order], answers[order] == 0, scores[order])
    for one, two in zip(
        *(pool_estimates(pool, [1, 4, 8], seed=0) for pool in (sorted_pool, other)), strict=True
    ):
        error = 4 * float(np.hypot(one.mc_error, two.mc_error))
        assert abs(one.accuracy - two.accuracy) <= error + 1e-12
        assert one.budget > 1 or one.accuracy == pytest.approx(0.25, abs=error + 1e-12)


def test_no_error_is_swallowed() -> None:
    swallowed = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and isinstance(node.body[0], ast.Pass)
        if node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
    ]
    assert swallowed == []


def test_servers_are_bound_to_loopback() -> None:
    assert Settings.model_fields["host"].default == "127.0.0.1"
    assert [str(path) for path in SOURCES if "0.0.0.0" in path.read_text(encoding="utf-8")] == []


def test_nothing_unpickles_or_trusts_remote_code() -> None:
    for path in SOURCES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.keyword) and node.arg in ("trust_remote_code", "weights_only"):
                assert ast.unparse(node.value) == str(node.arg == "weights_only"), path
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "cloudpickle", "joblib"} & set(names), path
