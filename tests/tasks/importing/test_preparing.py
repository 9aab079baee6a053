"""What is made of a log before anything is in the warehouse: questions, draws, strategies."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import log_of, question, small_log

from tasks.benchmarks.loaded import benchmark_of
from tasks.importing.imports import prepare_import
from tasks.importing.questions import match_questions
from tasks.importing.splitting import divide
from tasks.importing.wishes import Wishes
from tasks.samples.log import Refusal, Sample
from tasks.study.reading import load_study
from warehouse.errors import UserError

BENCHMARK = benchmark_of(
    "sums",
    [question("a", "What is 1 + 1?", "2"), question("b", "What is 2 + 2?", "4")],
)


def matched(key: str, text: str) -> str | None:
    """Id of the benchmark's question that a log's question is."""
    log = log_of([question(key, text, ""), question("other", "What is 1 + 1?", "")], [])
    found = match_questions(log, BENCHMARK).questions.get(key)
    return found.question_id if found else None


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("17", "What  is 2 + 2?\n", "b"),
        ("17", "Solve this.\n\nWhat is 2 + 2?\n\nThink.", "b"),
        # Of a prompt with examples the last question is asked, unless the id says another one.
        ("17", "Q: What is 1 + 1? A: 2\nQ: What is 2 + 2? A:", "b"),
        ("b", "Q: What is 2 + 2? Do not say What is 1 + 1?", "b"),
        ("17", "What is 3 + 3?", None),
    ],
)
def test_a_question_is_known_by_its_text_and_by_its_id(
    key: str, text: str, found: str | None
) -> None:
    assert matched(key, text) == found


def test_a_log_without_texts_is_matched_by_id_and_needs_a_benchmark() -> None:
    log = log_of([question("b", "", "")], [])
    assert match_questions(log, BENCHMARK).questions["b"].target == "4"
    with pytest.raises(UserError, match="--benchmark"):
        match_questions(log, None)


def test_questions_without_a_target_are_left_out_where_others_have_one() -> None:
    log = log_of([question("a", "What is 1 + 1?", "2"), question("b", "What?", " ")], [])
    matched = match_questions(log, None)
    assert list(matched.questions) == ["a"]
    assert matched.blank == ["b"]


def test_a_benchmark_of_other_questions_is_refused() -> None:
    with pytest.raises(UserError, match="name the benchmark it was drawn on"):
        match_questions(log_of([question("z", "Who?", "")], []), BENCHMARK)


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=12),
    draws=st.none() | st.integers(3, 40),
)
def test_the_pool_and_the_draws_of_the_bin_never_meet(counts: list[int], draws: int | None) -> None:
    samples = [
        Sample(question_id=f"q{place}", draw=draw, text="t")
        for place, count in enumerate(counts)
        for draw in range(count)
    ]
    try:
        division = divide(samples, draws=draws)
    except UserError:
        enough = sorted(count for count in counts if count)
        assert not enough or enough[int(0.1 * len(enough))] < 3
        return
    pool, difficulty = division.counts
    assert division.budgets[-1] == pool and division.budgets[0] == 1
    assert 2 <= difficulty <= 32
    for key in division.pool:
        taken = {one.draw for one in division.pool[key]}
        measured = {one.draw for one in division.difficulty[key]}
        assert len(taken) == pool and len(measured) == difficulty
        assert not taken & measured
    assert len(division.pool) + len(division.left_out) == sum(count > 0 for count in counts)


@pytest.mark.parametrize(("scored", "is_chosen_by"), [(8, True), (0, False), (4, False)])
def test_scores_are_used_where_nearly_all_draws_have_one(
    tmp_path: Path, scored: int, is_chosen_by: bool
) -> None:
    imported = prepare_import(small_log(scored=scored), tmp_path, Wishes())
    assert ("weighted" in imported.study.strategies) == is_chosen_by
    assert imported.unscored == 10 * (8 - scored)


def test_the_study_that_is_written_is_the_study_that_is_run(tmp_path: Path) -> None:
    wishes = Wishes(marker=("So", "Answer: "))
    imported = prepare_import(small_log(scored=8), tmp_path, wishes)
    written = load_study(imported.study_file)
    assert written.digest() == imported.study.digest()
    assert written.verifier == imported.study.verifier


def test_halves_of_characters_are_taken_out_everywhere(tmp_path: Path) -> None:
    half = "\ud800"
    log = small_log(text=half + r"\boxed{1}")
    renamed = {f" {key}{half} ": one for key, one in log.questions.items()}
    odd = dataclasses.replace(
        log,
        model=f"m{half}",
        questions={
            key: dataclasses.replace(one, question_id=key, text=one.text + half)
            for key, one in renamed.items()
        },
        samples=[
            dataclasses.replace(one, question_id=f" {one.question_id}{half} ")
            for one in log.samples
        ],
    )
    imported = prepare_import(odd, tmp_path, Wishes())
    assert len(imported.asked) == 10
    assert imported.study.generator.models[0].startswith("imported/m?@")


def test_a_log_of_which_nothing_is_left_says_why(tmp_path: Path) -> None:
    log = log_of([], [])
    log.refused.append(Refusal("rows of a beam search are not independent", 64, "x.jsonl:1"))
    with pytest.raises(UserError, match=r"beam search are not independent \(64\)"):
        prepare_import(log, tmp_path, Wishes())


@pytest.mark.parametrize("draws", [-3, 0, 2])
def test_too_few_draws_to_take_are_refused(tmp_path: Path, draws: int) -> None:
    with pytest.raises(UserError, match="--draws of 3 or more"):
        prepare_import(small_log(), tmp_path, Wishes(draws=draws))


def test_one_text_has_one_score_and_it_is_counted(tmp_path: Path) -> None:
    log = small_log(scored=8)
    first, second, *rest = log.samples
    same = dataclasses.replace(second, text=first.text, scores=(0.9,))
    log.samples[:] = [first, same, *rest]
    assert prepare_import(log, tmp_path, Wishes()).rescored == 1
