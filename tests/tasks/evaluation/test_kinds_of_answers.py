"""A benchmark of every kind of answer, from its file to a policy, with a scripted engine."""

from collections import defaultdict
from pathlib import Path

import pytest
from kinds_of_answers import CHANCE, Answering, Kind, kind_of, study_of
from scripted_runs import run_all, small_study

from tasks.engines.running import RunEngines
from tasks.runs.run import Run
from warehouse.store import Store

KINDS = ("number", "choice", "text", "pattern", "command")


class Evening:
    """One whole run of a kind, and what its engine knows."""

    def __init__(self, name: str, folder: Path) -> None:
        kind: Kind = kind_of(name, folder)
        engines: list[Answering] = []

        def answering(run: Run, _seconds: float) -> Answering:
            engines.append(Answering(run, kind))
            return engines[-1]

        study = study_of(kind, folder)
        self.run_id = run_all(folder / "warehouse", study, engines=answering)
        self.kind, self.folder = kind, folder / "warehouse"
        self.right = engines[0].right


@pytest.fixture(scope="module", params=KINDS)
def evening(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evening:
    return Evening(request.param, tmp_path_factory.mktemp(request.param))


def test_every_verdict_is_what_the_answer_was_meant_to_be(evening: Evening) -> None:
    with Store.open(evening.folder) as store:
        rows = store.read(
            "SELECT question_id, text, verdict FROM question_draws WHERE run_id = $run_id",
            run_id=evening.run_id,
        ).rows()
    assert len(rows) >= 20 * 16
    wrong = [
        (text, verdict)
        for question_id, text, verdict in rows
        if (verdict == "correct") != evening.right[question_id, text.split("\n\n")[-1]]
    ]
    assert wrong == []


def test_spellings_of_one_answer_are_one_class(evening: Evening) -> None:
    classes: dict[str, set[str]] = defaultdict(set)
    with Store.open(evening.folder) as store:
        rows = store.read("SELECT question_id, canonical FROM grades WHERE verdict = 'correct'")
    for question_id, canonical in rows.iter_rows():
        classes[question_id].add(canonical)
    assert max(map(len, classes.values())) <= evening.kind.spellings


def test_it_goes_to_a_policy(evening: Evening) -> None:
    with Store.open(evening.folder) as store:
        cells = store.read(
            "SELECT count(*) FROM policies WHERE run_id = $run_id AND difficulty = 'oracle'",
            run_id=evening.run_id,
        ).item()
        alone = store.read(
            "SELECT avg(accuracy) FROM run_outcomes WHERE run_id = $run_id AND budget = 1 "
            "AND strategy = 'majority'",
            run_id=evening.run_id,
        ).item()
    # Five bins at four budgets.
    assert cells == 20
    # Of 160 draws at chance 0.6 the mean has a standard deviation of 0.04.
    assert abs(alone - CHANCE) < 0.12


def test_what_the_questions_carry_is_in_the_warehouse(evening: Evening) -> None:
    with Store.open(evening.folder) as store:
        questions = store.read("SELECT question, target, accepted, choices FROM questions")
    for text, target, accepted, choices in questions.iter_rows():
        shown = [
            f"{letter}) {option}" in text for letter, option in zip("ABCD", choices, strict=False)
        ]
        assert all(shown)
        assert len(choices) in (0, 4)
        assert accepted == ([f"City of {target}"] if f"City of {target}" in accepted else [])


@pytest.mark.slow
def test_the_bundled_model_read_as_words_is_right_where_it_is_as_mathematics(
    tmp_path: Path,
) -> None:
    def real(run: Run, _seconds: float) -> RunEngines:
        return RunEngines(run)

    small = {"budgets": [1, 2, 4], "difficulty_draws": 4, "strategies": ["majority", "weighted"]}
    words = run_all(tmp_path, small_study(**small, answer="text"), engines=real)
    # The same questions, asked in the same way: nothing is left to draw.
    mathematics = run_all(tmp_path, small_study(**small), engines=real)
    verdicts = "SELECT node_key, verdict FROM question_draws WHERE run_id = $run_id ORDER BY ALL"
    with Store.open(tmp_path) as store:
        assert store.read("SELECT DISTINCT run_id FROM draws").rows() == [(words,)]
        one, other = (store.read(verdicts, run_id=run_id) for run_id in (words, mathematics))
        graders = store.read("SELECT DISTINCT grader FROM grades").rows()
    assert set(one["verdict"]) == {"correct", "wrong"}
    assert one.equals(other)
    assert len(graders) == 2
