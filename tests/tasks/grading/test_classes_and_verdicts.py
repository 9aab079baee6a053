"""Answers of one class have one verdict, whichever kind of answer, whoever is asked with them."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.question import Question
from tasks.grading.graders import make_grader
from tasks.grading.number_grader import NumberGrader
from tasks.protocols import Grader

TEXTS = (
    "How many minutes?",
    "How much?",
    "What percentage?",
    "Hours or minutes?",
    "How many dozen?",
)
VALUES = ("0", "5", "-5", "35", "0.35", "33.3", "33.33", "100/3", "1,234", "1234", "2 1/2", "073")
WORDS = ("Paris", "the Hague", "A", "B", "C", "A, C", "B and C", "none of the above", "vitamin A")
DRESSES = (
    *("{}", "**{}**", "${}$", r"\text{{{}}}", r"\boxed{{{}}}", "({})", "{}.", "{})", "x = {}"),
    *("The answer is {}", "about {}", "${}", "{} dollars", "{} cents", "{} hours", "{} minutes"),
    *("{}%", "{} eggs", "{} dozen", "-{}", "{}0", "{} ", "Option {}", "{}: Paris", "the {}", "{}!"),
)

answers = st.builds(
    lambda dress, inner, word: dress.format(inner.format(word)),
    st.sampled_from(DRESSES),
    st.sampled_from(DRESSES),
    st.sampled_from(VALUES + WORDS),
)
numbers = st.builds(
    Question,
    st.just("q"),
    st.sampled_from(TEXTS),
    st.sampled_from([*VALUES, "35%", "$5", "2 hours"]),
)
choices = st.builds(
    lambda target: Question("q", "?", target, choices=("Paris", "Rome", "5", "none of the above")),
    st.sampled_from(["A", "B", "C", "D", "A,C"]),
)
texts = st.builds(Question, st.just("q"), st.just("?"), st.sampled_from(WORDS))
patterns = st.builds(
    Question,
    st.just("q"),
    st.just("?"),
    st.sampled_from([r"[\d.]+", "(?i)paris|a", ".*5.*", r"\w"]),
)
QUESTIONS = {"number": numbers, "choice": choices, "text": texts, "pattern": patterns}


@pytest.fixture(scope="module")
def graders() -> Iterator[dict[str, Grader]]:
    made = {kind: make_grader(AnswerKind(kind)) for kind in QUESTIONS}
    yield made
    for grader in made.values():
        grader.close()


@pytest.mark.parametrize("kind", QUESTIONS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_one_class_has_one_verdict(
    graders: dict[str, Grader], kind: str, data: st.DataObject
) -> None:
    grader = graders[kind]
    question = data.draw(QUESTIONS[kind])
    asked = [(question, answer) for answer in data.draw(st.lists(answers, min_size=2, max_size=8))]
    classes = grader.canonical(asked)
    together = grader.grade(asked)
    # Alone and in any company an answer has the same class and verdict.
    assert classes == [form for pair in asked for form in grader.canonical([pair])]
    assert together == [word for pair in asked for word in grader.grade([pair])]
    for (one, first), (other, second) in combinations(zip(classes, together, strict=True), 2):
        assert one != other or first == second


@settings(max_examples=300, deadline=None)
@given(question=numbers, answer=answers)
def test_a_class_of_numbers_is_a_value_that_is_in_its_own_class(
    question: Question, answer: str
) -> None:
    grader = NumberGrader()
    (form,) = grader.canonical([(question, answer)])
    if grader.verdict(question, form) != "unparsed":
        value = form.split(" ", maxsplit=1)[0]
        assert grader.canonical([(Question("q", "?", "0"), value)]) == [value]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(list(QUESTIONS)))
def test_whatever_is_written_has_a_class_that_can_be_stored(
    graders: dict[str, Grader], answer: str, kind: str
) -> None:
    target = {"number": "5", "choice": "A", "text": "Paris", "pattern": "a*"}[kind]
    question = Question("q", "?", target, choices=("Paris", "Rome"))
    grader = graders[kind]
    (form,) = grader.canonical([(question, answer)])
    form.encode("utf-8")
    assert grader.grade([(question, answer)])[0] in {"correct", "wrong", "unparsed"}
