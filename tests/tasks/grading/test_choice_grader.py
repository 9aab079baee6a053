"""Choices: a letter in any dress, an option's text, and what gives no letter."""

import pytest

from tasks.benchmarks.question import Question
from tasks.grading.choice_grader import ChoiceGrader, letters_of
from warehouse.errors import UserError

GRADER = ChoiceGrader()
OPTIONS = ("London", "Rome", "Paris", r"$\frac{1}{2}$")
QUESTION = Question("q", "?", "C", choices=OPTIONS)


@pytest.mark.parametrize(
    "answer",
    [
        *("C", "c", "(C)", "(c)", "[C]", "C.", "C)", "C:", "**C**", "**(C)**", "`C`", "Ｃ"),
        *("Option C", "option (C)", "Choice C", "Answer: C", "The answer is C", "C is correct"),
        *("the correct answer is (C).", "The best option is C", "C</s>", "C<|im_end|>", "$C$"),
        *(r"\text{C}", r"\text{(C)}", r"\textbf{(C)}", r"\mathrm{C}", r"\boxed{C}"),
        *("C) Paris", "C. Paris", "C: Paris", "(C) Paris", "C Paris", "C – Paris", "C. 42"),
        *(r"\textbf{(C) } Paris", r"\text{C: }Paris", "Option C: Paris", "C) it is in France"),
        *("Paris", "paris.", r"\text{Paris}", '"Paris"', "**Paris**"),
    ],
)
def test_a_letter_is_read_in_any_dress(answer: str) -> None:
    assert GRADER.canonical([(QUESTION, answer)]) == ["C"]
    assert GRADER.grade([(QUESTION, answer)]) == ["correct"]


@pytest.mark.parametrize(
    "answer", ["A", "(B)", "London", "D. half", "0.5", r"\frac12", "A, C", "AC"]
)
def test_another_letter_is_wrong(answer: str) -> None:
    assert GRADER.grade([(QUESTION, answer)]) == ["wrong"]


@pytest.mark.parametrize(
    "answer",
    [
        "E",
        "Berlin",
        "A or C",
        "not C",
        "C is not correct",
        "C) is wrong",
        # The letter of one option with the text of another: two answers.
        "(C) Rome",
        "A) London and C) Paris",
        "a good question",
        "none of these",
        "",
    ],
)
def test_what_gives_no_letter_is_not_read_as_one(answer: str) -> None:
    assert GRADER.grade([(QUESTION, answer)]) == ["unparsed"]


def test_several_letters_are_one_answer_in_any_order() -> None:
    question = Question("q", "?", "A,C", choices=OPTIONS)
    answers = ["A, C", "C and A", "(A) & (C)", "AC", "A,C.", "A; C"]
    assert set(GRADER.canonical([(question, answer) for answer in answers])) == {"A,C"}
    assert set(GRADER.grade([(question, answer) for answer in answers])) == {"correct"}
    assert GRADER.grade([(question, "A"), (question, "A, B")]) == ["wrong", "wrong"]


def test_an_options_text_that_begins_like_a_letter_is_a_text() -> None:
    options = ("C. elegans", "E. coli", "a cat")
    assert letters_of("C. elegans", options) == "A"
    assert letters_of("E. coli", options) == "B"
    assert letters_of("A cat", options) == "C"


def test_a_lone_letter_is_what_the_question_shows_and_not_an_options_text() -> None:
    assert letters_of("A", ("B", "A", "C")) == "A"


def test_of_a_question_whose_options_are_not_known_any_letter_is_read() -> None:
    assert letters_of("(G) Paris", ()) == "G"
    assert letters_of("Paris", ()) is None


def test_a_text_that_two_options_share_gives_no_letter() -> None:
    assert letters_of("Paris", ("Paris", "paris", "Rome")) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so\nAnswer: (B)", "(B)"),
        ("The answer is (C).", "C"),
        ("The correct answer is **C**.\n", "C"),
        ("The answer is A.\nNo: the answer is B", "B"),
        ("The answer is (A).\nAnswer: B", "B"),
        ("The answer is A better one", None),
        ("A is tempting", None),
        ("the answer is 42", None),
    ],
)
def test_the_letter_is_found_without_a_marker_only_where_it_is_called_the_answer(
    text: str, answer: str | None
) -> None:
    extracted = GRADER.extract(text, ["Answer: "])
    assert (extracted and extracted.strip("()")) == (answer and answer.strip("()"))


@pytest.mark.parametrize(
    "question",
    [
        Question("q", "?", "C"),
        Question("q", "?", "E", choices=OPTIONS),
        Question("q", "?", "Paris", choices=OPTIONS),
        Question("q", "?", "A", choices=OPTIONS, accepted=("F",)),
    ],
)
def test_a_target_that_is_no_letter_of_an_option_is_refused(question: Question) -> None:
    with pytest.raises(UserError, match="question q: expected options, and a target among"):
        GRADER.check([question])
