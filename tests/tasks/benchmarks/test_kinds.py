"""Kinds of answers: what a file's rows look like, what its header says, what the study says."""

import json
from pathlib import Path

import pytest

from tasks.benchmarks.benchmark import load_benchmark
from tasks.benchmarks.files import QuestionFile, read_file
from tasks.benchmarks.kinds import AnswerKind, guess_kind
from tasks.benchmarks.question import Question
from tasks.study.reading import load_study
from tasks.study.study import Study
from warehouse.errors import UserError

ROWS = [{"id": n, "question": f"q{n}", "answer": str(n)} for n in range(3)]


def write(folder: Path, *rows: object) -> Path:
    path = folder / "b.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def read(folder: Path, *rows: object, kind: AnswerKind | None = None) -> QuestionFile:
    return read_file(write(folder, *rows), kind)


def guessed(*targets: str) -> str:
    questions = [Question(str(place), "?", target) for place, target in enumerate(targets)]
    return guess_kind(questions, "b.jsonl").grader


@pytest.mark.parametrize(
    ("targets", "kind"),
    [
        (("18", "1,234", "-3", "$5", "2.50", "3/4", "35%", ".5"), "number"),
        (("073", "204"), "number"),
        (("18", r"\frac{1}{2}"), "math"),
        (("18", "(1, 2)"), "math"),
        (("18", "x + 1"), "math"),
        (("18", "12, 13"), "math"),
        (("18", "-"), "math"),
        (("18", "Paris"), "math"),
        (("Paris", "New York", "the Nile", "O'Neill", "Saint-Denis"), "text"),
        (("even", r"\text{odd}"), "math"),
        (("x", "y"), "math"),
    ],
)
def test_a_kind_is_guessed_from_all_targets(targets: tuple[str, ...], kind: str) -> None:
    assert guessed(*targets) == kind


def test_what_a_row_carries_beside_its_target_says_more_than_the_target() -> None:
    choice = Question("1", "?", "18", choices=("18", "20"))
    assert guess_kind([Question("0", "?", "18"), choice], "b.jsonl").grader == "choice"
    program = Question("2", "?", "18", tests=("assert f(1) == 2",))
    assert guess_kind([Question("0", "?", "18"), program], "b.jsonl").grader == "code"


def test_accepted_answers_are_targets_too() -> None:
    assert guess_kind([Question("1", "?", "18", accepted=("x+1",))], "b.jsonl").grader == "math"


def test_a_guess_says_why() -> None:
    number = guess_kind([Question("1", "?", "18")] * 1319, "b.jsonl")
    assert number.why == "the targets of all 1,319 questions are plain numbers"
    assert "e.g. 'x+1'" in guess_kind([Question("1", "?", "x+1")], "b.jsonl").why


def test_the_guess_is_of_the_whole_file_whatever_is_chosen_of_it(tmp_path: Path) -> None:
    rows = [*ROWS, {"id": "odd", "question": "q", "answer": "x^2"}]
    path = str(write(tmp_path, *rows))
    kinds = {load_benchmark(path, count=n, seed=0).kind.grader for n in (1, 2, 3, 4)}
    assert kinds == {"math"}


def test_the_header_says_more_than_the_guess_and_the_study_more_than_the_header(
    tmp_path: Path,
) -> None:
    header = {"ttc": {"answer": "text"}}
    assert read(tmp_path, *ROWS).kind.grader == "number"
    file = read(tmp_path, header, *ROWS)
    assert (file.kind.grader, file.kind.why) == ("text", "the file's header says so")
    assert [question.question_id for question in file.questions] == ["0", "1", "2"]
    said = AnswerKind("math", "the study says so")
    assert read(tmp_path, header, *ROWS, kind=said).kind == said


def test_the_study_names_the_kind() -> None:
    assert Study("s").kind is None
    assert Study("s", answer="text").kind == AnswerKind("text", "the study says so")


def test_who_says_the_kind_does_not_change_a_studys_digest() -> None:
    # The grader stands in a run's identity; a study that starts to say it goes on with its run.
    said = Study("s", answer="command", answer_command=("judge",), answer_seconds=3)
    assert said.digest() == Study("s").digest()


def test_files_that_a_command_names_are_looked_for_beside_study_and_benchmark(
    tmp_path: Path,
) -> None:
    judge = tmp_path / "judge.py"
    judge.write_text("", encoding="utf-8")
    study = tmp_path / "s.toml"
    words = 'answer = "command"\nanswer_command = ["python3", "judge.py", "--strict"]'
    study.write_text(f'{words}\nbaseline = "majority"\nstrategies = ["majority"]', "utf-8")
    assert load_study(study).answer_command == ("python3", str(judge), "--strict")
    header = {"ttc": {"answer": "command", "command": ["python3", "judge.py"], "seconds": 2}}
    kind = read(tmp_path, header, *ROWS).kind
    assert (kind.command, kind.seconds) == (("python3", str(judge)), 2.0)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"answer": 7}, "got answer = 7; correct it"),
        ({"kind": "text"}, "got kind = 'text'; correct it"),
        ({"shuffle": True}, "got shuffle = True"),
        ("text", 'expected {"ttc": {"answer": …}}, got \'text\''),
        ({"answer": "command"}, "got kind 'command' and command \\[\\]"),
        ({"answer": "text", "command": ["judge"]}, "got kind 'text' and command \\['judge'\\]"),
        ({"command": ["judge"]}, "got kind None and command"),
        ({"answer": "command", "command": ["judge"], "seconds": 0}, "seconds above 0"),
    ],
)
def test_a_header_that_says_something_else_is_refused(
    tmp_path: Path, header: object, words: str
) -> None:
    with pytest.raises(UserError, match=rf"b.jsonl:1: .*{words}"):
        read(tmp_path, {"ttc": header}, *ROWS)


def test_a_header_below_the_first_question_is_a_question_without_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"b.jsonl:4: expected a non-empty"):
        read(tmp_path, *ROWS, {"ttc": {"answer": "text"}})


@pytest.mark.parametrize(
    "wrong", [{"answer": "command"}, {"answer_command": ("judge",)}, {"answer_seconds": 0}]
)
def test_a_study_with_half_a_command_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"^study: expected"):
        Study("s", **wrong)  # pyright: ignore[reportArgumentType]
