"""A benchmark of programs from its file to a policy, with the scripted engine."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from code_questions import BODIES, CodeEngines, number, program, write_benchmark, write_generator
from scripted_runs import run_all

from tasks.runs.loading import load_run
from tasks.serving.offline import accuracy_of_answers, replay_answers
from tasks.study.study import Study, study_from
from warehouse.store import Store

QUESTIONS = 10
VERDICTS = {
    "right": "correct",
    "right on what is public": "wrong",
    "wrong": "wrong",
    "raises": "crashed",
    "no program": "unparsed",
}


def code_study(folder: Path) -> Study:
    return study_from(
        {
            "name": "programs",
            "benchmark": str(write_benchmark(folder, QUESTIONS)),
            "budgets": [1, 2, 4],
            "difficulty_draws": 4,
            "strategies": ["majority", "adaptive(agree=2)"],
            "baseline": "majority",
            "verifier": None,
            "generator": {
                "models": [str(write_generator(folder / "model"))],
                "format": "chat-code",
                "max_tokens": 600,
            },
        }
    )


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    folder = tmp_path_factory.mktemp("programs")
    run_id = run_all(folder, code_study(folder), engines=CodeEngines)
    store = Store.open(folder)
    return store, run_id


def draws(judged: tuple[Store, str]) -> pl.DataFrame:
    store, run_id = judged
    return store.read(
        "SELECT question_id, answer, class, verdict FROM question_draws WHERE run_id = $run",
        run=run_id,
    )


def kind_of(question_id: str, answer: str) -> str:
    """The kind of program that an answer is."""
    kinds = {program(number(question_id), kind): kind for kind in BODIES}
    return kinds[answer]


def test_every_program_has_the_verdict_of_its_kind(judged: tuple[Store, str]) -> None:
    rows = draws(judged)
    for question, answer, _, verdict in rows.iter_rows():
        assert verdict == VERDICTS[kind_of(question, answer)], answer
    assert set(rows["verdict"]) == set(VERDICTS.values())


def test_programs_that_agree_on_the_public_inputs_are_one_class(judged: tuple[Store, str]) -> None:
    rows = draws(judged)
    by_class = rows.drop_nulls("class").group_by("question_id", "class")
    verdicts = by_class.agg(pl.col("verdict").unique())["verdict"].to_list()
    assert ["correct", "wrong"] in [sorted(several) for several in verdicts]
    # What did not last through the public inputs votes for nothing.
    assert set(rows.filter(pl.col("class").is_null())["verdict"]) <= {"unparsed", "crashed"}


def test_the_run_ends_with_a_policy(judged: tuple[Store, str]) -> None:
    store, run_id = judged
    cells = store.read("SELECT bin, budget, strategy FROM policies WHERE run_id = $run", run=run_id)
    assert set(cells["budget"]) == {1, 2, 4}
    assert set(cells["strategy"]) <= {"majority", "adaptive(agree=2)"}


def test_accuracy_at_one_draw_is_the_share_of_programs_that_pass(judged: tuple[Store, str]) -> None:
    store, run_id = judged
    reached = store.read(
        "SELECT question_id, accuracy FROM outcomes "
        "WHERE run_id = $run AND strategy = 'pass' AND budget = 1 ORDER BY question_id",
        run=run_id,
    )
    # The pool of largest budget is what the estimates rest on.
    passed = store.read(
        "SELECT question_id, avg((verdict = 'correct')::INT) AS share FROM question_draws "
        "WHERE run_id = $run AND role = 'proposer' GROUP BY question_id ORDER BY question_id",
        run=run_id,
    )
    assert reached["accuracy"].to_list() == pytest.approx(passed["share"].to_list())


def test_what_the_policy_serves_is_judged_by_itself(judged: tuple[Store, str]) -> None:
    store, run_id = judged
    run = load_run(store, run_id)
    answers = replay_answers(store, run, [1, 4])
    served = accuracy_of_answers(store, run, answers)
    right = [
        VERDICTS[kind_of(one.question.question_id, one.solved.answer)] == "correct"
        for one in answers
        if one.solved.budget == 4
    ]
    assert served.row(by_predicate=pl.col("budget") == 4)[1] == sum(right) / QUESTIONS
