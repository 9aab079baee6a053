"""Expressions that sympy tells apart: which are equal is computed from a second writing of each.

The second writing is sympy's own, made beside the LaTeX and never read from it. Two expressions are
equal when they agree to thirty digits at three points drawn by chance; positive letters only.
"""

from __future__ import annotations

import math
import random
from functools import cache
from typing import Any, NamedTuple

import sympy
from answers.sheets import Sheet

_FROM = (0, 300, 1_100)
"""Ninety-sevenths from which the letters of each point are drawn: below 1, about 3, and above 11,
so that |x-5| is once the one and once the other.
"""
_DIGITS = 40
_TOLERANCE = sympy.Float("1e-30", _DIGITS)
_LETTERS = {name: sympy.Symbol(name, positive=True) for name in "abcnrtxymh"}


class Written(NamedTuple):
    """An expression as a model may write it, and as sympy does."""

    text: str
    meaning: str


@cache
def _values(meaning: str) -> tuple[Any, ...]:
    """Its value at three points; letters have the same value in every expression."""
    expression = sympy.sympify(meaning, locals=_LETTERS)
    rng = random.Random(7)
    found: list[Any] = []
    for least in _FROM:
        point = {
            letter: sympy.Rational(least + rng.randint(11, 96), 97 + place)
            for place, letter in enumerate(_LETTERS.values())
        }
        found.append(sympy.N(expression.subs(point), _DIGITS))
    return tuple(found)


def is_equal(one: str, other: str) -> bool:
    """Whether two of sympy's expressions are equal; nothing is equal to what is infinite."""
    pairs = list(zip(_values(one), _values(other), strict=True))
    if not all(value.is_finite for pair in pairs for value in pair):
        return False
    return all(abs(a - b) <= _TOLERANCE * (1 + abs(a)) for a, b in pairs)


def sheet_of(target: Written, others: list[Written]) -> Sheet:
    """The others, told apart by value."""
    same = [one.text for one in others if is_equal(one.meaning, target.meaning)]
    other = [one.text for one in others if not is_equal(one.meaning, target.meaning)]
    return Sheet(target.text, same, other)


def _several(*those: tuple[str, str]) -> Sheet:
    target, *others = (Written(*one) for one in those)
    return sheet_of(target, others)


def algebra(rng: random.Random) -> Sheet:
    return rng.choice(_ALGEBRA)(rng)


def _polynomials(rng: random.Random) -> Sheet:
    a, b = rng.sample(range(1, 9), 2)
    x, y = rng.sample("xytabn", 2)
    total, product = a + b, a * b
    return _several(
        (f"({x}+{a})({x}+{b})", f"({x}+{a})*({x}+{b})"),
        (f"{x}^2+{total}{x}+{product}", f"{x}**2+{total}*{x}+{product}"),
        (f"{product}+{total}{x}+{x}^2", f"{x}**2+{total}*{x}+{product}"),
        (f"({x}+{b})({x}+{a})", f"({x}+{a})*({x}+{b})"),
        (f"{x}({x}+{total})+{product}", f"{x}*({x}+{total})+{product}"),
        (f"({x}-{a})({x}+{b})", f"({x}-{a})*({x}+{b})"),
        (f"{x}^2+{total}{x}-{product}", f"{x}**2+{total}*{x}-{product}"),
        (f"({y}+{a})({y}+{b})", f"({y}+{a})*({y}+{b})"),
        (f"{x}^2+{total + 1}{x}+{product}", f"{x}**2+{total + 1}*{x}+{product}"),
        (f"{x}^2+{product}{x}+{total}", f"{x}**2+{product}*{x}+{total}"),
    )


def _roots(rng: random.Random) -> Sheet:
    a, b = rng.randint(2, 9), rng.choice((2, 3, 5, 6, 7, 10, 11))
    square = a * a * b
    return _several(
        (f"{a}\\sqrt{{{b}}}", f"{a}*sqrt({b})"),
        (f"\\sqrt{{{square}}}", f"sqrt({square})"),
        (f"\\sqrt{b} \\cdot {a}" if b < 10 else f"\\sqrt{{{b}}}\\cdot {a}", f"{a}*sqrt({b})"),
        (f"{a}\\cdot {b}^{{1/2}}", f"{a}*sqrt({b})"),
        (f"\\frac{{{a * b}}}{{\\sqrt{{{b}}}}}", f"{a * b}/sqrt({b})"),
        (f"{a}*sqrt({b})", f"{a}*sqrt({b})"),
        (f"{a}√{b}", f"{a}*sqrt({b})"),
        (f"{b}\\sqrt{{{a}}}", f"{b}*sqrt({a})"),
        (f"\\sqrt{{{a * b}}}", f"sqrt({a * b})"),
        (f"{a}\\sqrt[3]{{{b}}}", f"{a}*{b}**Rational(1,3)"),
        (f"-{a}\\sqrt{{{b}}}", f"-{a}*sqrt({b})"),
        (f"{a}+\\sqrt{{{b}}}", f"{a}+sqrt({b})"),
        (f"{a}{b}", f"{a}{b}"),
    )


def _surds(rng: random.Random) -> Sheet:
    a, b = rng.sample((2, 3, 5, 6, 7, 10), 2)
    a, b = max(a, b), min(a, b)
    return _several(
        (f"\\frac{{1}}{{\\sqrt{{{a}}}-\\sqrt{{{b}}}}}", f"1/(sqrt({a})-sqrt({b}))"),
        (f"\\frac{{\\sqrt{{{a}}}+\\sqrt{{{b}}}}}{{{a - b}}}", f"(sqrt({a})+sqrt({b}))/{a - b}"),
        (f"(\\sqrt{{{a}}}+\\sqrt{{{b}}})/{a - b}", f"(sqrt({a})+sqrt({b}))/{a - b}"),
        (f"\\frac{{\\sqrt{{{b}}}+\\sqrt{{{a}}}}}{{{a - b}}}", f"(sqrt({a})+sqrt({b}))/{a - b}"),
        (f"\\frac{{\\sqrt{{{a}}}-\\sqrt{{{b}}}}}{{{a - b}}}", f"(sqrt({a})-sqrt({b}))/{a - b}"),
        (f"\\frac{{1}}{{\\sqrt{{{a}}}+\\sqrt{{{b}}}}}", f"1/(sqrt({a})+sqrt({b}))"),
        (f"\\frac{{1}}{{\\sqrt{{{a - b}}}}}", f"1/sqrt({a - b})"),
        (f"\\sqrt{{{a}}}+\\sqrt{{{b + 1}}}", f"sqrt({a})+sqrt({b + 1})"),
    )


def _fractions_of_letters(rng: random.Random) -> Sheet:
    a, b = rng.sample(range(2, 9), 2)
    x = rng.choice("xtnr")
    return _several(
        (f"\\frac{{{x}+{a}}}{{{b}}}", f"({x}+{a})/{b}"),
        (f"\\frac{{{x}}}{{{b}}}+\\frac{{{a}}}{{{b}}}", f"{x}/{b}+Rational({a},{b})"),
        (f"({x}+{a})/{b}", f"({x}+{a})/{b}"),
        (f"\\frac{{{a}+{x}}}{{{b}}}", f"({x}+{a})/{b}"),
        (f"\\frac1{b}({x}+{a})", f"({x}+{a})/{b}"),
        (f"\\frac{{{2 * b}+{x}}}{{{b}}}", f"({x}+{2 * b})/{b}"),
        (f"\\frac{{{x}}}{{{b}}}+{a}", f"{x}/{b}+{a}"),
        (f"{x}+{a}/{b}", f"{x}+Rational({a},{b})"),
        (f"\\frac{{{x}+{b}}}{{{a}}}", f"({x}+{b})/{a}"),
        (f"\\frac{{{x}-{a}}}{{{b}}}", f"({x}-{a})/{b}"),
    )


def _powers_and_logarithms(rng: random.Random) -> Sheet:
    a, b = rng.sample((2, 3, 5, 7), 2)
    k = rng.randint(2, 6)
    sheets = (
        _several(
            (f"{a}^{{n+{k}}}", f"{a}**(n+{k})"),
            (f"{a**k}\\cdot {a}^n", f"{a**k}*{a}**n"),
            (f"{a}^(n+{k})", f"{a}**(n+{k})"),
            (f"{a}^{{{k}+n}}", f"{a}**(n+{k})"),
            (f"{a}^n+{k}", f"{a}**n+{k}"),
            (f"{a}^{{{k}n}}", f"{a}**({k}*n)"),
            (f"{b}^{{n+{k}}}", f"{b}**(n+{k})"),
        ),
        _several(
            (f"\\log_{{{a}}} {b}", f"log({b})/log({a})"),
            (f"\\frac{{\\ln {b}}}{{\\ln {a}}}", f"log({b})/log({a})"),
            (f"\\log_{a}({b})", f"log({b})/log({a})"),
            (f"log({b})/log({a})", f"log({b})/log({a})"),
            (f"\\frac{{1}}{{\\log_{{{b}}} {a}}}", f"log({b})/log({a})"),
            (f"\\log_{{{b}}} {a}", f"log({a})/log({b})"),
            (f"\\ln {b}", f"log({b})"),
            (f"\\frac{{{b}}}{{{a}}}", f"Rational({b},{a})"),
        ),
        _several(
            (f"{k}-e^{{-{a}}}", f"{k}-exp(-{a})"),
            (f"{k}-\\frac{{1}}{{e^{a}}}", f"{k}-exp(-{a})"),
            (f"-e^{{-{a}}}+{k}", f"{k}-exp(-{a})"),
            (f"{k} - exp(-{a})", f"{k}-exp(-{a})"),
            (f"{k}+e^{{-{a}}}", f"{k}+exp(-{a})"),
            (f"{k}-e^{{{a}}}", f"{k}-exp({a})"),
            (f"{k}-{a}^{{-1}}", f"{k}-Rational(1,{a})"),
        ),
    )
    return rng.choice(sheets)


def _counted(rng: random.Random) -> Sheet:
    n, k = rng.randint(5, 12), rng.randint(2, 4)
    ways = math.comb(n, k)
    return _several(
        (str(ways), str(ways)),
        (f"\\binom{{{n}}}{{{k}}}", str(ways)),
        (f"{{{n}\\choose {k}}}", str(ways)),
        (f"\\frac{{{n}!}}{{{k}!{n - k}!}}", str(ways)),
        (f"\\frac{{{n}!}}{{{k}!\\cdot {n - k}!}}", str(ways)),
        (f"\\binom{{{n}}}{{{n - k}}}", str(ways)),
        (f"\\gcd({6 * ways},{35 * ways})", str(ways)),
        (f"\\max({ways},{ways - 3})", str(ways)),
        (f"\\left|-{ways}\\right|", str(ways)),
        (f"\\lfloor {ways}.7\\rfloor", str(ways)),
        (f"\\lceil {ways}.2\\rceil", str(ways + 1)),
        (f"\\binom{{{n}}}{{{k + 1}}}", str(math.comb(n, k + 1))),
        (f"\\frac{{{n}}}{{{k}}}", f"Rational({n},{k})"),
        (f"\\frac{{{n}!}}{{{n - k}!}}", str(math.perm(n, k))),
        (f"\\min({ways},{ways - 3})", str(ways - 3)),
    )


def complex_numbers(rng: random.Random) -> Sheet:
    a, b = rng.sample(range(2, 10), 2)
    norm = a * a + b * b
    sheets = (
        _several(
            (f"{a}+{b}i", f"{a}+{b}*I"),
            (f"{b}i+{a}", f"{a}+{b}*I"),
            (f"{a} + {b}*i", f"{a}+{b}*I"),
            (f"{a}+i\\cdot {b}", f"{a}+{b}*I"),
            (f"{a}.0 + {b}.0i", f"{a}+{b}*I"),
            (f"\\overline{{{a}-{b}i}}", f"{a}+{b}*I"),
            (f"{a}+{b}\\mathrm{{i}}", f"{a}+{b}*I"),
            (f"i({b}-{a}i)", f"{a}+{b}*I"),
            (f"{a}-{b}i", f"{a}-{b}*I"),
            (f"{b}+{a}i", f"{b}+{a}*I"),
            (f"\\overline{{{a}+{b}i}}", f"{a}-{b}*I"),
            (f"{a}+{b}", f"{a}+{b}"),
            (f"-{a}+{b}i", f"-{a}+{b}*I"),
        ),
        _several(
            (f"\\frac{{1}}{{{a}+{b}i}}", f"1/({a}+{b}*I)"),
            (f"\\frac{{{a}-{b}i}}{{{norm}}}", f"({a}-{b}*I)/{norm}"),
            (f"\\frac{{{a}}}{{{norm}}}-\\frac{{{b}}}{{{norm}}}i", f"({a}-{b}*I)/{norm}"),
            (f"({a}-{b}i)/{norm}", f"({a}-{b}*I)/{norm}"),
            (f"\\frac{{{a}+{b}i}}{{{norm}}}", f"({a}+{b}*I)/{norm}"),
            (f"\\frac{{1}}{{{a}-{b}i}}", f"1/({a}-{b}*I)"),
        ),
        _several(
            (f"{a * a - b * b}+{2 * a * b}i", f"({a}+{b}*I)**2"),
            (f"({a}+{b}i)^2", f"({a}+{b}*I)**2"),
            (f"({b}i+{a})({a}+{b}i)", f"({a}+{b}*I)**2"),
            (f"({a}-{b}i)^2", f"({a}-{b}*I)**2"),
            (f"{norm}+{2 * a * b}i", f"{norm}+{2 * a * b}*I"),
            (f"({a}+{b}i)({a}-{b}i)", f"{norm}"),
        ),
        _several(
            (f"{a}e^{{i\\pi/3}}", f"{a}*exp(I*pi/3)"),
            (f"\\frac{{{a}}}{{2}}+\\frac{{{a}\\sqrt3}}{{2}}i", f"{a}*exp(I*pi/3)"),
            (f"{a}(\\cos\\frac{{\\pi}}{{3}}+i\\sin\\frac{{\\pi}}{{3}})", f"{a}*exp(I*pi/3)"),
            (f"{a}e^{{\\pi i/3}}", f"{a}*exp(I*pi/3)"),
            (f"{a}e^{{-i\\pi/3}}", f"{a}*exp(-I*pi/3)"),
            (f"{a}e^{{i\\pi/6}}", f"{a}*exp(I*pi/6)"),
        ),
    )  # fmt: skip
    return rng.choice(sheets)


_ALGEBRA = (
    _polynomials,
    _roots,
    _surds,
    _fractions_of_letters,
    _powers_and_logarithms,
    _counted,
)
