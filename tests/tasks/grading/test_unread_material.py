"""What an answer says beside its number never vanishes: words that deny it, indices, commands."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tasks.benchmarks.question import Question
from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.canonical import canonical

DENIALS = [
    "not",
    "wrong",
    "false",
    "incorrect",
    "impossible",
    "unknown",
    "undefined",
    "never",
    "no",
]
OTHERS = ["neither", "without", "except", "missing", "double", "twice", "opposite", "maybe", "none"]
COUNTED = ["apples", "people", "ways", "square units", "tickets", "marbles"]


@pytest.fixture(scope="module")
def grader():
    with MathGrader() as grader:
        yield grader


@given(
    number=some.integers(-99, 99),
    word=some.sampled_from([*DENIALS, *OTHERS]),
    noun=some.sampled_from(["", *COUNTED]),
    form=some.sampled_from(
        [r"{n}\text{{ {w}}}", "{n} {w}", r"{n} \text{{{w}}}", r"{n}\mbox{{ {w}}}"]
    ),
)
def test_a_number_with_a_word_that_changes_it_is_not_the_number(number, word, noun, form):
    said = form.format(n=number, w=f"{word} {noun}".strip())
    assert canonical(said) != canonical(str(number))


@given(number=some.integers(0, 99), noun=some.sampled_from(COUNTED))
def test_a_number_with_what_it_counts_is_the_number(number, noun):
    assert canonical(rf"{number}\text{{ {noun}}}") == canonical(str(number))


LETTERS = [r"\infty", r"\pi", "[", "]", "7", r"\alpha", r"\neg", r"\not", r"\text{ not}"]
MARKS = ["^1", "^{2}", "_{not}", "_{7}", r"\unknown{3}", r"\hat{3}", r"\sout{7}"]
UNSEEN = [r"\phantom{5}", r"\cancel{5}"]
PIECES = some.sampled_from([*LETTERS, *MARKS, *UNSEEN])
"""What can stand beside a number and is no unit of it."""


@settings(max_examples=150, deadline=None)
@given(pieces=some.lists(PIECES, min_size=1, max_size=3), at=some.integers(0, 3))
def test_what_stands_beside_a_number_is_no_decoration(grader, pieces, at):
    said = "".join([*pieces[:at], "5", *pieces[at:]])
    # Unseen or struck out, a power of one and brackets around it leave a number what it is.
    bare = re.sub(r"\\(?:phantom|cancel)\{5\}|\^1(?![0-9])", "", said)
    if bare.strip("[]") == "5":
        return
    (verdict,) = grader.grade([(Question("q", "?", "5"), said)])
    assert verdict != "correct"


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (r"\{1,2\}", r"[\pi]\infty^1"),
        ("5", r"5\text{ not}"),
        ("5", r"\phantom{5}"),
        ("5", r"5_{not}"),
        ("5", r"5\text{ wrong}"),
        ("5", "5 is impossible"),
        ("2516", "2516_8"),
    ],
)
def test_texts_that_say_something_else(grader, target, answer):
    (verdict,) = grader.grade([(Question("q", "?", target), answer)])
    assert verdict != "correct"
