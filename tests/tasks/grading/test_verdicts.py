"""Handwritten pairs, (answer, target); what is equal and what is not can be checked by eye."""

import pytest
from pairs import grade_pairs

from tasks.benchmarks.question import Question
from tasks.grading.equality.judging import plain_verdict
from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.canonical import canonical

WITHOUT_ALGEBRA = {
    "correct": [
        (r"\frac12", "0.5"),
        ("1/2", r"\dfrac{1}{2}"),
        (".5", r"\frac{2}{4}"),
        ("+3", "3"),
        ("2.0", "2"),
        ("12,345", "12345"),
        ("10080", r"10,\!080"),
        ("90", r"90^\circ"),
        ("5.40", r"5.4 \text{ cents}"),
        (r"\$18.90", "18.9"),
        ("x=3", "3"),
        ("3", "x = 3"),
        ("50", r"50\%"),
        ("0.5", r"50\%"),
        ("50%", r"\frac12"),
        ("(1, 2)", r"\left( 1,2 \right)"),
        ("(0.5,2]", r"\left(\frac{1}{2}, 2\right]"),
        ("-2, 1", "1,-2"),
        ("1.8", r"1\frac{4}{5}"),
        ("east", r"\text{east}"),
        ("(C)", r"\text{C}"),
        ("a=4  b=2", "a=4 b=2"),
        ("b=2, a=4", "a=4 b=2"),
        (r"70\sqrt2", r"70 \sqrt{2}"),
        (r"\begin{pmatrix}1\\-0.5\end{pmatrix}", r"\begin{pmatrix} 1 \\ -\frac12 \end{pmatrix}"),
    ],
    "wrong": [
        ("1", "12"),
        ("12", "1"),
        (r"\frac12", r"\frac13"),
        ("0.333", r"\frac13"),
        ("(1,2)", "(2,1)"),
        ("(1,2,3)", "(1,2)"),
        ("1,2", "1,2,3"),
        ("3", "(3,4)"),
        ("-5", "5"),
        ("y=3", "x=3"),
        ("x=4", "3"),
        ("40", r"50\%"),
        ("1 2", "3"),
        ("1 2", "12"),
        (r"\text{seat}", r"\text{east}"),
        ("5", r"\text{east}"),
        ("a=4 b=3", "a=4 b=2"),
        ("a=4", "a=4 b=2"),
        ("a=4 b", "a=4 b=2"),
        ("2 4", "a=4 b=2"),
    ],
    "unparsed": [
        ("", "5"),
        ("  ", "5"),
        ("$$", "5"),
        ("=", "5"),
        ("4=", "4"),
        ("!?", "5"),
        ("7" * 2_000, "7"),
    ],
}

WITH_ALGEBRA = {
    "correct": [
        (r"\sqrt{242}", r"11\sqrt2"),
        (r"\frac{1}{\sqrt3}", r"\frac{\sqrt{3}}{3}"),
        ("x^2+2x+1", "(x+1)^2"),
        ("10^5", "100000"),
        (r"\frac{10!}{9!}", "10"),
        (r"\{1,-2\}", "1,-2"),
        (r"1+\sqrt{19}, 1-\sqrt{19}", r"1 \pm \sqrt{19}"),
        ("[-2,7]", r"x \in [-2,7]"),
        ("2x+3", "y = 2x + 3"),
        (r"\pi/2", r"\frac{\pi}{2}"),
        (r"(3, \pi/2)", r"\left( 3, \frac{\pi}{2} \right)"),
        ("9i+6", "6+9i"),
        (r"(3,\infty)\cup(-\infty,2)", r"(-\infty, 2) \cup (3, \infty)"),
        ("(b+2)(a+5)", "(a+5)(b+2)"),
    ],
    "wrong": [
        ("[3,4]", "(3,4]"),
        ("(3,4)", "(3,4]"),
        (r"(-\infty, 0)", r"(-\infty, 0]"),
        (r"\sqrt{3}", r"\sqrt{2}"),
        ("x^2+1", "x^2-1"),
        ("6-9i", "6+9i"),
        (r"2\pi", r"\pi"),
        ("11", r"11\sqrt2"),
        (r"1+\sqrt{19}", r"1 \pm \sqrt{19}"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 2 \\ 1 \end{pmatrix}"),
    ],
    "unparsed": [(r"\sqrt", "5"), (r"12\foo{", "12"), (r"\frac{1}{", "1")],
}


@pytest.fixture(scope="module")
def grader():
    with MathGrader(workers=1, seconds=20) as opened:
        yield opened


@pytest.mark.parametrize(
    ("verdict", "pair"), [(v, pair) for v, pairs in WITHOUT_ALGEBRA.items() for pair in pairs]
)
def test_plain_answers_need_no_algebra(verdict: str, pair: tuple[str, str]):
    assert plain_verdict(canonical(pair[0]), canonical(pair[1])) == verdict


@pytest.mark.parametrize(
    ("verdict", "pair"), [(v, pair) for v, pairs in WITH_ALGEBRA.items() for pair in pairs]
)
def test_structure_and_algebra_decide_the_rest(
    grader: MathGrader, verdict: str, pair: tuple[str, str]
):
    assert grade_pairs(grader, [pair]) == {pair: verdict}


def test_plain_benchmarks_start_no_worker():
    with MathGrader() as grader:
        verdicts = grade_pairs(
            grader, [pair for pairs in WITHOUT_ALGEBRA.values() for pair in pairs]
        )
        assert not grader.is_warm
    assert set(verdicts.values()) == set(WITHOUT_ALGEBRA)


def test_every_pair_has_its_verdict_in_the_order_of_asking(grader: MathGrader):
    pairs = [("2", "2"), ("x+1", "1+x"), ("3", "2"), ("2", "2"), ("x+1", "1+x")]
    asked = [(Question("q", "?", target), answer) for answer, target in pairs]
    assert grader.grade(asked) == ["correct", "correct", "wrong", "correct", "correct"]


def test_two_workers_agree_with_one(grader: MathGrader):
    pairs = [pair for pairs in WITH_ALGEBRA.values() for pair in pairs]
    with MathGrader(workers=2, seconds=20) as two:
        assert grade_pairs(two, pairs) == grade_pairs(grader, pairs)


def test_nothing_to_grade_gives_nothing(grader: MathGrader):
    assert grade_pairs(grader, []) == {}


@pytest.mark.parametrize("limits", [{"workers": 0}, {"seconds": 0.0}, {"memory_mb": 10}])
def test_limits_that_cannot_work_are_refused(limits: dict[str, int]):
    with pytest.raises(ValueError, match="expected workers"):
        MathGrader(**limits)
