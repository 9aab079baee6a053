r"""Canonical forms; the values are worked out by hand: `.0000672` = 672/10^7 = 21/312500."""

import random
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.grading.mathematics.canonical import LONGEST, canonical, is_too_long
from tasks.grading.mathematics.numbers import rational

CLASSES = [
    (
        "1/2",
        [
            r"\frac12",
            r"\frac{1}{2}",
            r"\dfrac{1}{2}",
            r"\tfrac 12",
            "0.5",
            ".50",
            "1/2",
            "2/4",
            "$0.5$",
            "+.5",
        ],
    ),
    ("-1/2", [r"-\frac{1}{2}", r"\frac{-1}{2}", r"\frac{1}{-2}", "-0.5", "-1/2", "−0.5"]),
    (
        "3",
        [
            "3",
            "+3",
            "3.0",
            "3.",
            " 3 ",
            "03",
            "(3)",
            "{3}",
            r"\(3\)",
            r"\boxed{3}",
            "6/2",
            "3 apples",
            "three",
        ],
    ),
    ("3 cm", [r"3\text{ cm}", "3cm", r"3\,\mathrm{cm}", "3 centimeters"]),
    ("24", [r"2\text{ dozen}", "24"]),
    ("21/312500", [".0000672", "0.0000672"]),
    ("9/5", [r"1\frac{4}{5}", r"1 \frac45", "1.8"]),
    ("58500", ["58,500", r"58,\!500", r"58{,}500", "58500", "58 500", r"58\,500"]),
    ("58500 ＄", [r"\$58,500", "58500 dollars", "USD 58,500"]),
    ("11111111100", [r"11,\! 111,\! 111,\! 100", "11,111,111,100"]),
    ("30", [r"30^\circ", r"30^{\circ}", "30°", r"30 \text{ degrees}", "30 degrees"]),
    ("864 in^2", [r"864 \mbox{ inches}^2", "864 square inches"]),
    ("50%", [r"50\%", "50%", "50.0 %"]),
    ("(3,1/2)", [r"\left( 3, \frac{1}{2} \right)", "(3, 0.5)", "(3,.5)", "$(3.0,1/2)$"]),
    ("(2,1)", ["(2,1)"]),
    ("[1,2)", [r"\left[1, 2\right)"]),
    (r"(-\infty,0]", [r"(-\infty, 0]", "(-∞,0]"]),
    (r"(2,\infty)", [r"(2,+\infty)", r"(2, \infty)"]),
    ("1, -2", ["1,-2", "1; -2"]),
    ("-2, 1", ["-2, 1"]),
    (r"\{-2,1\}", [r"1 \text{ and } -2", "1 or -2", "-2 and 1"]),
    ("5, 120", ["5, 120", r"5^\circ, 120^\circ"]),
    (r"\{1,2\}", [r"\{2, 1\}", r"\left\{1,2\right\}"]),
    ("a=4, b=2", ["a=4 b=2", "a = 4,  b = 2", "b=2 a=4", "a=4\nb=2.0"]),
    ("x=5", ["x=5", "x = 5.0"]),
    ("y=5", ["y=5"]),
    (r"11\sqrt{2}", [r"11\sqrt2", r"11 \sqrt{2}", r"$11\sqrt 2$"]),
    (r"\frac{\sqrt{3}}{2}", [r"\dfrac{\sqrt3}2", r"\frac{\sqrt{3}}{2}"]),
    (r"\begin{pmatrix}-1/3\\2\end{pmatrix}", [r"\begin{bmatrix} -\frac13 \\ 2.0 \end{bmatrix}"]),
    ("east", [r"\text{east}", "East", " east."]),
    ("C", [r"\text{(C)}", "(C)", "C", r"\textbf{C}"]),
    ("1 2", ["1 2", "1  2"]),
    ("12", ["12"]),
    ("52_8", ["52_8", "52_{8}"]),
    (r"\cot x", [r"\cot x", r"\cot  x"]),
    ("1/0", ["1/0"]),
    ("100000", ["1e5", r"1\times10^5", "10^5", "10⁵"]),
    ("1/3", [r"0.\overline{3}", r"0.\dot3", "0.333...", "⅓"]),
    ("٣", ["٣"]),
    ("", ["", "$$", r"\phantom{5}"]),
]


@pytest.mark.parametrize(
    ("form", "spelling"), [(form, each) for form, group in CLASSES for each in group]
)
def test_each_spelling_has_the_form_of_its_class(form: str, spelling: str):
    assert canonical(spelling) == form


@given(st.fractions(max_denominator=10**6), st.integers(1, 99))
def test_every_spelling_of_a_fraction_is_the_fraction(value: Fraction, factor: int):
    above, below = value.numerator * factor, value.denominator * factor
    for text in (
        f"{above}/{below}",
        rf"\frac{{{above}}}{{{below}}}",
        rf"$ \dfrac{{{above}}}{{{below}}} $",
    ):
        assert rational(canonical(text)) == value


@given(st.text(max_size=60) | st.text(alphabet=r"\{}()[]$,./=+-^_ 0129abx%", max_size=60))
def test_any_text_has_a_form_that_can_be_stored(text: str):
    form = canonical(text)
    assert "\0" not in form
    assert form.encode("utf-8").decode("utf-8") == form


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "\udfff" * 2_000, "\0" * 2_000])
def test_surrogates_and_nul_can_be_stored(text: str):
    canonical(text).encode("utf-8")
    assert "\0" not in canonical(text)


def test_a_long_answer_is_known_by_its_digest():
    ones, twos = canonical("1" * 10_000_000), canonical("1" * 9_999_999 + "2")
    assert is_too_long(ones)
    assert len(ones) < 100
    assert ones != twos
    assert not is_too_long(canonical("1" * LONGEST))


FRAGMENTS = (
    r"\frac_\frac{_\frac1_{_}_(_(1,_\{_\text{_\text{ a_1,_a=1 _\sqrt_1/_--_"
    r"\left(_\begin_&_\\_$_9^{9"
)


def test_work_is_bounded_for_every_repeated_fragment():
    fragments = [*FRAGMENTS.split("_"), " ", "a "]
    slowest = max(_seconds((fragment * LONGEST)[:LONGEST]) for fragment in fragments)
    mixed = random.Random(0)
    texts = ("".join(mixed.choices(fragments, k=LONGEST))[:LONGEST] for _ in range(200))
    assert max(slowest, *map(_seconds, texts)) < 0.5  # CPU seconds


def _seconds(text: str) -> float:
    start = time.process_time()
    canonical(text)
    return time.process_time() - start
