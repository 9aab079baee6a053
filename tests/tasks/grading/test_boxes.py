"""Where reading an answer begins, and that it reads the same as from the text's beginning."""

from __future__ import annotations

import random

import pytest

from tasks.grading.answer_lines import answer_lines
from tasks.grading.boxes import boxed

PIECES = [
    "{",
    "}",
    "{{",
    "}}",
    "\\{",
    "\\}",
    "\\\\ ",
    "\n",
    "42",
    "\\frac{1}{2}",
    "$",
    "and ",
    "x = ",
]
BOXES = [r"\boxed{", r"\boxed 7 ", r"\fbox{", r"\bbox[red]{"]


@pytest.mark.parametrize("seed", range(20))
def test_what_stands_before_the_first_box_changes_no_box(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        before = "".join(rng.choices(PIECES, k=rng.randrange(12))) + " "
        said = rng.choice(BOXES) + "".join(rng.choices(PIECES + BOXES, k=rng.randrange(20)))
        alone = boxed(said)
        moved = [(at + len(before), end + len(before), text) for at, end, text in alone]
        assert [tuple(box) for box in boxed(before + said)] == moved


def test_an_answers_line_counts_from_the_line_of_the_box_on() -> None:
    text = "Answer: 1\nhm, Answer: 2\n**Answer:** \\boxed{3}\nAnswer: 4\n"
    assert [line.text for line in answer_lines(text, 0)] == ["1", r"\boxed{3}", "4"]
    assert [line.text for line in answer_lines(text, text.index("boxed"))] == ["4"]
    # From the middle of a line on: what begins with that line begins before.
    assert [line.text for line in answer_lines(text, 3)] == [r"\boxed{3}", "4"]
