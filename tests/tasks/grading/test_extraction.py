import pytest

from tasks.grading.extraction import extract_answer

BOXED = r"\boxed"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{42}.", "42"),
        (r"\boxed{1} no, \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
        (r"\boxed {\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{ 3 }", "3"),
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed{\frac{\sqrt{3}}{2}}} x", r"\frac{\sqrt{3}}{2}"),
        (r"\boxed{{{5}}}", "{{5}}"),
        (r"\boxed{3", None),
        (r"\boxed{3} and then \boxed{4", None),
        (r"\boxed{}", None),
        (r"\boxed 5", None),
        ("the answer is 12", None),
        ("", None),
    ],
)
def test_the_last_balanced_box_holds_the_answer(text: str, answer: str | None):
    assert extract_answer(text, [BOXED]) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a\nAnswer: 42\nmore 7", "42"),
        ("Answer: 1\nAnswer: a=4 b=2  ", "a=4 b=2"),
        ("Answer: 1\r\nnext", "1"),
        ("Answer: 1\nAnswer: \n5", None),
        ("the result is 42", None),
        ("", None),
    ],
)
def test_a_literal_marker_gives_the_rest_of_its_line(text: str, answer: str | None):
    assert extract_answer(text, ["Answer: "]) == answer


def test_a_marker_of_nothing_is_refused():
    with pytest.raises(ValueError, match="expected a marker"):
        extract_answer("5", [" "])


def test_ten_megabytes_of_open_braces_are_no_answer():
    assert extract_answer(r"\boxed{" + "{" * 10_000_000, [BOXED]) is None
