"""Graders by name, and a grader that somebody brings: from a run's identity to its outcomes."""

import dataclasses
import re
from collections.abc import Iterable, Sequence

import pytest
from scripted_runs import run_all, small_study

from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.question import Question
from tasks.grading.graders import GRADERS, make_grader
from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.canonical import canonical
from tasks.protocols import Grader
from tasks.runs.loading import identity_of, load_run, prepare_run
from tasks.runs.opening import open_run
from tasks.settings import ROOT
from warehouse.errors import UserError
from warehouse.store import Store

STUDY = small_study()
MODEL = STUDY.generator.models[0]


class Reluctant(MathGrader):
    """A Grader of mathematics that refuses to say which answers are wrong."""

    version = "1+reluctant"

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        return [verdict if verdict == "correct" else "refused" for verdict in super().grade(asked)]


class ByLetter:
    """A Grader of choices: the first letter counts, and is refused where it names no choice."""

    version = "1+first-letters"

    def check(self, questions: Sequence[Question]) -> None:
        """Any letter may be right."""

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        return text.rpartition(markers[0])[2]

    def canonical(self, asked: Sequence[tuple[Question, str]]) -> list[str]:
        return [answer.strip()[:1].upper() for _, answer in asked]

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        pairs = list(asked)
        letters = self.canonical(pairs)
        return [
            self._verdict(question, letter)
            for (question, _), letter in zip(pairs, letters, strict=True)
        ]

    def _verdict(self, question: Question, letter: str) -> str:
        if letter not in "ABCD"[: len(question.choices)]:
            return "refused"
        return "correct" if letter == question.target else "wrong"

    def close(self) -> None:
        pass


def test_mathematics_is_graded_by_the_math_grader() -> None:
    grader = make_grader(AnswerKind())
    assert isinstance(grader, MathGrader)
    assert grader.version.endswith("+math-verify-0.9.0")
    half = Question("q", "Half?", "0.5")
    assert grader.canonical([(half, r"\frac12")]) == [canonical("0.5")] == ["1/2"]
    assert grader.extract("so \\boxed{3}", ["\\boxed"]) == "3"


def test_an_unknown_grader_is_refused_by_name() -> None:
    known = "choice, command, math, number, pattern, text"
    with pytest.raises(UserError, match=rf"'maths' \(the study says so\); known are.*{known[-4:]}"):
        make_grader(AnswerKind("maths", "the study says so"))


def test_a_grader_of_choices_sees_the_whole_question() -> None:
    grader: Grader = ByLetter()
    question = Question("q1", "Which?", "B", choices=("red", "blue"))
    asked = [(question, "b) blue"), (question, "A"), (question, "C")]
    assert grader.grade(asked) == ["correct", "wrong", "refused"]


def test_a_loaded_run_knows_its_grader_and_has_started_none() -> None:
    run = prepare_run(STUDY, MODEL, run_id="")
    assert isinstance(run.grader, MathGrader)
    assert not run.grader.is_warm


def test_another_grader_or_version_is_another_run_of_the_same_study(tmp_path, monkeypatch) -> None:
    run = prepare_run(STUDY, MODEL, run_id="")
    other = dataclasses.replace(run, grader=ByLetter())
    assert identity_of(run) != identity_of(other)
    assert run.study.digest() == other.study.digest()
    with Store.open(tmp_path) as store:
        first = open_run(store, STUDY, MODEL)
        monkeypatch.setattr(MathGrader, "version", "2")
        with pytest.raises(UserError, match="grader changed since it was opened"):
            load_run(store, first)
        assert open_run(store, STUDY, MODEL) != first


def test_another_name_for_the_same_grader_is_another_run(monkeypatch) -> None:
    monkeypatch.setitem(GRADERS, "letters", MathGrader)
    run = prepare_run(STUDY, MODEL, run_id="")
    renamed = run.benchmark._replace(kind=AnswerKind("letters"))
    assert identity_of(run) != identity_of(dataclasses.replace(run, benchmark=renamed))


def test_verdicts_of_a_grader_of_ones_own_stand_in_the_warehouse(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(GRADERS, "math", Reluctant)
    run_id = run_all(tmp_path, STUDY)
    with Store.open(tmp_path) as store:
        graded = store.read("SELECT DISTINCT grader, verdict FROM grades ORDER BY verdict").rows()
        assert graded == [("1+reluctant", "correct"), ("1+reluctant", "refused")]
        # Outcomes count what is correct: whoever is refused is not.
        right, all_answers = store.read(
            "SELECT sum(completions) FILTER (verdict = 'correct'), sum(completions) "
            "FROM verdict_counts WHERE run_id = $run_id AND role = 'proposer'",
            run_id=run_id,
        ).row(0)
        assert 0 < right < all_answers


def test_the_guide_has_every_kind_of_answer_with_its_version() -> None:
    text = (ROOT / "infra" / "GUIDE.md").read_text(encoding="utf-8")
    _, _, table = text.partition("| answer | for |")
    rows = [line.split(" | ") for line in table.partition("\n\n")[0].splitlines()[2:]]
    versions = {row[0].strip("|` "): row[-1].strip("|` ") for row in rows}
    # A command's version is that of the user's program.
    assert versions.pop("command") == "its own hash"
    python = re.compile(r"python-\d+\.\d+")
    written = {kind: python.sub("python", version) for kind, version in versions.items()}
    graders = {kind: make_grader(AnswerKind(kind)).version for kind in GRADERS}
    assert written == {kind: python.sub("python", version) for kind, version in graders.items()}
