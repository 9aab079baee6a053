r"""How mathematics is read, and when two forms say the same: properties, and pairs by kind."""

import random
import time
from fractions import Fraction

import pytest
from answer_pairs import answer_pairs
from hypothesis import given
from hypothesis import strategies as st

from tasks.benchmarks.question import Question
from tasks.grading.equality.judging import judge, plain_verdict
from tasks.grading.equality.real_sets import read_set
from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.arguments import complete
from tasks.grading.mathematics.asking import class_of
from tasks.grading.mathematics.canonical import LONGEST, canonical
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.units import read_quantity

SAME = {
    "Chinese": [("12 厘米", "12"), ("答案是42", "42"), ("x＝2或x＝3", "2,3"), ("5名学生", "5")],
    "thousands in brackets": [("(10,000, 2)", "(10000,2)"), ("1,000, 2,000", "2000, 1000")],
    "unions": [(r"[0,1]\cup[1,2]", "[0,2]"), (r"[1,2)\cup(2,3]", r"[1,3]\setminus\{2\}")],
    "compound": [("3 feet 5 inches", "41 inches"), ("5 hours 30 minutes", "5.5 hours")],
    "scientific": [("4.5e33", r"4.5\times 10^{33}"), ("1e-3", "0.001"), ("3 × 10⁸", "3e8")],
    "units": [
        ("60 km/hr", "60"),
        ("9.8 m/s²", "9.8"),
        ("25 sq. ft", "25"),
        ("90 minutes", "1.5 hours"),
        ("£1.5 million", "1500000"),
        ("＄18 per day", r"\$18"),
    ],
    "inequalities": [
        ("3>x", r"(-\infty,3)"),
        ("-1 < x and x < 4", "(-1,4)"),
        ("x<-1, x>4", r"(-\infty,-1)\cup(4,\infty)"),
        (r"\{x \in \mathbb{R} : x \geq 2\}", r"[2,\infty)"),
        ("|x|<3", "(-3,3)"),
        ("all real numbers", r"(-\infty,\infty)"),
    ],
    "times": [("14:30", "2:30 pm"), ("2 pm", "2:00 P.M."), ("6:8", "3:4")],
    "names": [("y=4, x=3", "x=3, y=4"), ("(x,y) = (3,4)", "(3,4)"), ("m+n=72", "72")],
    "signs": [
        ("x=±3", "3,-3"),
        (r"\frac{1\pm\sqrt5}{2}", r"\frac{1-\sqrt5}{2},\frac{1+\sqrt5}{2}"),
    ],
    "functions": [("sin(30°)", "0.5"), (r"\sin^2 30^\circ", r"\frac14"), ("∛2", r"\sqrt[3]{2}")],
    "complex": [(r"\sqrt{-4}", "2i"), ("|3+4i|", "5"), (r"e^{i\pi}", "-1")],
    "algebra": [
        (r"\sum_{k=1}^{n} k", r"\frac{n(n+1)}{2}"),
        (r"\binom{n}{k}", r"\binom{n}{n-k}"),
        (r"\sqrt{x^2}", "|x|"),
        ("y-3=2(x-1)", "y=2x+1"),
    ],
    "wrappers": [("<answer>12</answer>", "12"), ("12[/INST]", "12"), ("about 12", "12")],
}
DIFFERENT = {
    "names after a symbol": [
        (r"\triangle ABC", r"\triangle DEF"),
        (r"\frac12 mgh", r"\frac12"),
        ("3 abc", "3 abd"),
        (r"\lambda max", r"\lambda min"),
    ],
    "logic": [
        (r"p\lor q", r"p\land q"),
        (r"x>3\land x<1", r"x>3\lor x<1"),
        (r"x\ne1 and x\ne2", r"x\ne1 or x\ne2"),
    ],
    "dates": [("5 March", "5 May"), ("2020-01-02", "2020-02-01"), ("5 Monday", "5 Tuesday")],
    "directions": [("5 m east", "5 m west"), ("5 below zero", "5"), (r"5\% loss", r"5\% gain")],
    "counted things": [("3 apples and 5 pears", "5 apples and 3 pears")],
    "compound": [("3 hours 5 minutes", "5 hours 3 minutes"), ("(a) 5 (b) 6", "(a) 6 (b) 5")],
    "prefixes": [("5 keV", "5 MeV"), ("5 mol", "5 mmol"), ("5 Pa", "5 MPa"), ("5 kpc", "5 Mpc")],
    "symbols": [
        (r"\gcd(a,b)", "1"),
        (r"\frac{dy}{dx}", "0"),
        (r"\Gamma", r"\gamma"),
        (r"f^{-1}(x)", r"\frac{1}{f(x)}"),
        ("x'", "x"),
        (r"\vec a\times\vec b", r"\vec a\cdot\vec b"),
    ],
    "equations": [("2x+3=7", "7"), ("x=5=6", "6"), ("x=2 / x=3", "x=3"), ("x＝2或x＝3", "3")],
    "unit letters": [("4+4m", "8"), ("2t", "2"), ("12m", "12"), ("5c", "5")],
    "words after a number": [(r"5\text{ not}", "5"), ("3 more", "3"), ("5 mod 7", "5")],
    "nothing": [(r"\phantom{5}", "5"), (r"[\pi]\infty^1", r"\{1,2\}")],
    "units": [("3 feet", "3 inches"), ("5 cents", r"\$5"), ("25°C", "25°F"), ("5 km", "5 m")],
    "order": [("2, 1", "(1,2)"), ("x=4,y=3", "(3,4)"), (r"\{2,1\}", "(1,2)")],
    "letters": [("May", "Amy"), ("listen", "silent"), ("NO", "ON"), ("PQ", "QP")],
    "small": [
        ("1.0000001", "1"),
        ("0", "10^{-9}"),
        (r"e^{-20}", "e^{-21}"),
        ("2^{64}", "2^{64}+1"),
    ],
    "functions": [("sin(30)", "0.5"), (r"\sqrt{x^2}", "x"), ("ln(x)", r"\log x")],
    "several": [("B or C", "C"), ("3", "3,-3"), ("x=y^2", "y=x^2"), ("1:3:2", "1:2:3")],
}


def verdict(answer: str, target: str) -> str:
    form, wanted = canonical(answer), canonical(target)
    return plain_verdict(form, wanted) or judge(form, wanted)


@pytest.mark.parametrize("kind", SAME)
def test_spellings_of_one_answer_are_correct(kind: str):
    assert {pair: verdict(*pair) for pair in SAME[kind]} == dict.fromkeys(SAME[kind], "correct")


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_answers_are_neither_correct_nor_of_one_class(kind: str):
    pairs = DIFFERENT[kind]
    assert [pair for pair in pairs if verdict(*pair) == "correct"] == []
    assert [pair for pair in pairs if canonical(pair[0]) == canonical(pair[1])] == []


def test_a_form_is_its_own_form():
    texts = {text for pair in answer_pairs(each=30, seed=3) for text in (pair.answer, pair.target)}
    assert [text for text in texts if canonical(canonical(text)) != canonical(text)] == []


@given(st.fractions(max_denominator=10**4), st.sampled_from(["ft", "cm^2", "km/hour", "＄"]))
def test_a_unit_stands_after_its_value(value: Fraction, unit: str):
    quantity = read_quantity(f"{value} {unit}")
    assert quantity is not None
    assert (rational(quantity.value), quantity.unit.name) == (value, unit)


@given(st.integers(0, 10**9), st.integers(0, 12))
def test_periods_are_read_exactly(digits: int, fixed: int):
    period, before = f"{digits:04d}", "0" * fixed
    value = Fraction(int(period), (10 ** len(period) - 1) * 10**fixed)
    assert rational(rf"0.{before}\overline{{{period}}}") == value


@given(st.integers(-9, 9), st.integers(-9, 9), st.booleans(), st.booleans())
def test_an_inequality_is_the_interval_of_its_ends(low: int, high: int, left: bool, right: bool):
    signs = [r"\le" if closed else "<" for closed in (left, right)]
    interval = f"{'[' if left else '('}{low},{high}{']' if right else ')'}"
    chain = canonical(f"{low} {signs[0]} x {signs[1]} {high}")
    read, expected = read_set(chain), read_set(canonical(interval))
    assert read is not None
    assert expected is not None
    assert read.intervals == expected.intervals


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        (r"\frac\pi2", r"\frac{\pi}{2}"),
        (r"\sqrt\frac12", r"\sqrt{\frac{1}{2}}"),
        (r"2^\frac12", r"2^{\frac{1}{2}}"),
        ("10^-4", "10^{-4}"),
        ("x^(n+1)", "x^{n+1}"),
        ("{5}", "5"),
    ],
)
def test_arguments_get_their_braces(text: str, completed: str):
    assert complete(text) == completed


def test_a_question_says_which_unit_and_which_order_may_be_left_aside():
    feet = "How many feet tall is it?"
    assert class_of(feet, "3 feet") == class_of(feet, "3") != class_of(feet, "3 inches")
    both = "It is 4 feet and 3 inches tall. How tall?"
    assert class_of(both, "51 inches") != class_of(both, "51")
    price = r"She pays \$5 for each. What does she pay?"
    assert class_of(price, r"\$20") == class_of(price, "20 dollars") == class_of(price, "20")
    roots = "Find all the solutions."
    assert class_of(roots, "2, 1") == class_of(roots, "1, 2") == class_of(roots, r"\{1,2\}")
    point = "Find all ordered pairs $(x,y)$."
    assert class_of(point, "2, 1") != class_of(point, "1, 2")


def test_any_of_several_targets_is_right():
    question = Question("q", "?", "1/2", accepted=(r"\sqrt{2}",))
    with MathGrader() as grader:
        asked = [(question, answer) for answer in ("0.5", r"\frac{2}{\sqrt2}", "2")]
        assert grader.grade(asked) == ["correct", "correct", "wrong"]


FRAGMENTS = (
    r"\pm_°_1°_per _m/_ft _\{_\overline{_._0._1._\cup_\in_x<_5 km _\cdot _**_`_The answer is _"
    r"answer: _\text{answer}_a.m._９_½_²_\begin{pmatrix}_&_1:_1/_a/_%_3e_\bmod_!_{,}_\,_~_US$_€_"
    r"ab-_"
    r"The _word _wO _\color{red}_\lor_x\in_(1,2)_\langle_of _square _twenty-_   "
)


def test_reading_and_comparing_are_bounded_for_every_repeated_fragment():
    fragments = FRAGMENTS.split("_")
    texts = [
        (fragment * LONGEST)[:900] + end for fragment in fragments for end in ("", "!?#", " 5")
    ]
    mixed = random.Random(1)
    texts += ["".join(mixed.choices(fragments, k=LONGEST))[:LONGEST] for _ in range(60)]
    assert max(map(_seconds, texts)) < 0.5  # CPU seconds


def _seconds(text: str) -> float:
    start = time.process_time()
    form = canonical(text)
    for target in ("5", "(1,2)", "x>1", r"\text{odd}", "A", "x=1", "5 ft", r"\pm 2"):
        plain_verdict(form, canonical(target))
    return time.process_time() - start
