"""Words and patterns: what reads the same, what is matched, and that no answer takes long."""

import time

import pytest

from tasks.benchmarks.question import Question
from tasks.grading.pattern_grader import PatternGrader
from tasks.grading.text_grader import TextGrader
from tasks.grading.wording import wording
from warehouse.errors import UserError


@pytest.mark.parametrize(
    "answers",
    [
        ("The Hague", "the hague", "the Hague.", r"\text{The Hague}", "**The Hague**", "Hague"),
        ("O'Neill", "O’Neill", "ONeill"),
        ("state-of-the-art", "state of art", "State–of–art"),
        ("New  York\n", "new york", '"New York"', "New York!", "(New York)"),
        ("an apple", "apple", "Apple,"),
        ("Ｐａｒｉｓ", "paris", "$Paris$"),
    ],
)
def test_case_articles_spaces_and_marks_say_nothing(answers: tuple[str, ...]) -> None:
    assert len({wording(answer) for answer in answers}) == 1


@pytest.mark.parametrize(
    "answers",
    [
        ("vitamin A", "vitamin"),
        ("hepatitis A virus", "hepatitis virus"),
        ("-5", "5"),
        ("3.14", "314"),
        ("1/2", "12"),
        ("5!", "5"),
        ("5'", "5"),
        ("C++", "C", "C#"),
        ("50%", "50", "$50"),
        ("café", "cafe"),
        ("A B", "B"),
        ("no", "on"),
        ("!!!", "???", ""),
    ],
)
def test_what_says_something_keeps_answers_apart(answers: tuple[str, ...]) -> None:
    assert len({wording(answer) for answer in answers}) == len(answers)


def test_any_accepted_text_is_right() -> None:
    question = Question("q", "?", "Paris", accepted=("City of Light", "Paname"))
    asked = [(question, answer) for answer in ("paris", "the City of Light.", "Lyon")]
    assert TextGrader().grade(asked) == ["correct", "correct", "wrong"]


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        (r"\d{4}-\d{2}", ["2024-05", "**2024-05**", "$2024-05$"], ["2024-5", "on 2024-05"]),
        ("(?i)yes|no", ["YES", "no"], ["yes, no", "yesno"]),
        ("colou?r", ["color", "colour"], ["Color"]),
        ("Paris", ["Paris."], ["paris"]),
    ],
)
def test_a_pattern_matches_the_whole_answer(
    pattern: str, right: list[str], wrong: list[str]
) -> None:
    grader, question = PatternGrader(), Question("q", "?", pattern)
    assert set(grader.grade((question, answer) for answer in right)) == {"correct"}
    assert set(grader.grade((question, answer) for answer in wrong)) == {"wrong"}


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+$b", "(.*a){20}b"])
def test_patterns_that_make_other_engines_search_for_ever_take_no_time(pattern: str) -> None:
    grader, question = PatternGrader(), Question("q", "?", pattern)
    start = time.process_time()
    assert grader.grade([(question, "a" * 9_000), (question, "x")]) == ["wrong", "wrong"]
    assert time.process_time() - start < 2


def test_an_answer_that_is_too_long_to_match_says_so() -> None:
    assert PatternGrader().grade([(Question("q", "?", "a*"), "a" * 10_001)]) == ["unparsed"]


@pytest.mark.parametrize("pattern", ["(a", "a)|(b", "(?=a)b", r"(a)\1", "a{1000}{1000}{1000}"])
def test_a_pattern_that_cannot_be_matched_is_refused_before_the_first_token(pattern: str) -> None:
    with pytest.raises(UserError, match="question q: expected a target that is a regular expr"):
        PatternGrader().check([Question("q", "?", pattern)])
