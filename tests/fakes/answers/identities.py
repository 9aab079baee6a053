"""Identities of school algebra, each beside slips of it; sympy's writing decides what is equal."""

from __future__ import annotations

import random

from answers.algebra import Written, sheet_of
from answers.sheets import Sheet

_Rows = list[tuple[str, str]]


def identities(rng: random.Random) -> Sheet:
    """One family of expressions with the target first."""
    a, b = rng.sample(range(2, 10), 2)
    x, y = rng.sample("xytabn", 2)
    families = (
        _signs(a, b, x),
        _products(a, b, x),
        _two_letters(a, x, y),
        _cubes(a, x),
        _rational(a, b, x),
        _trigonometry(a, x),
        _logarithms(a, b),
        _powers(a, b, x),
        _nested_roots(a, b),
        _sums(a, b),
    )
    target, *others = (Written(*row) for row in rng.choice(families))
    return sheet_of(target, others)


def _signs(a: int, b: int, x: str) -> _Rows:
    return [
        (f"{a}-{b}{x}", f"{a}-{b}*{x}"),
        (f"-({b}{x}-{a})", f"{a}-{b}*{x}"),
        (f"-{b}{x}+{a}", f"{a}-{b}*{x}"),
        (f"{a}+(-{b}{x})", f"{a}-{b}*{x}"),
        (f"-1({b}{x}-{a})", f"{a}-{b}*{x}"),
        (f"{b}{x}-{a}", f"{b}*{x}-{a}"),
        (f"-{b}{x}-{a}", f"-{b}*{x}-{a}"),
        (f"-({b}{x}+{a})", f"-{b}*{x}-{a}"),
        (f"({a}-{b}){x}", f"({a}-{b})*{x}"),
    ]


def _products(a: int, b: int, x: str) -> _Rows:
    return [
        (f"{a * a}{x}^2-{b * b}", f"{a * a}*{x}**2-{b * b}"),
        (f"({a}{x}-{b})({a}{x}+{b})", f"{a * a}*{x}**2-{b * b}"),
        (f"({a}{x}+{b})({a}{x}-{b})", f"{a * a}*{x}**2-{b * b}"),
        (f"-({b}-{a}{x})({b}+{a}{x})", f"{a * a}*{x}**2-{b * b}"),
        (f"({a}{x})^2-{b}^2", f"{a * a}*{x}**2-{b * b}"),
        (f"({a}{x}-{b})^2", f"({a}*{x}-{b})**2"),
        (f"{a}{x}^2-{b * b}", f"{a}*{x}**2-{b * b}"),
        (f"{a * a}{x}^2+{b * b}", f"{a * a}*{x}**2+{b * b}"),
        (f"({a}{x}-{b})({b}{x}+{a})", f"({a}*{x}-{b})*({b}*{x}+{a})"),
    ]


def _two_letters(a: int, x: str, y: str) -> _Rows:
    return [
        (f"{x}^2+{2 * a}{x}{y}+{a * a}{y}^2", f"({x}+{a}*{y})**2"),
        (f"({x}+{a}{y})^2", f"({x}+{a}*{y})**2"),
        (f"({a}{y}+{x})^2", f"({x}+{a}*{y})**2"),
        (f"{a * a}{y}^2+{2 * a}{y}{x}+{x}^2", f"({x}+{a}*{y})**2"),
        (f"{x}^2+{2 * a}*{x}*{y}+{a * a}*{y}^2", f"({x}+{a}*{y})**2"),
        (f"({y}+{a}{x})^2", f"({y}+{a}*{x})**2"),
        (f"({x}-{a}{y})^2", f"({x}-{a}*{y})**2"),
        (f"{x}^2+{a * a}{y}^2", f"{x}**2+{a * a}*{y}**2"),
        (f"{x}^2+{a}{x}{y}+{a * a}{y}^2", f"{x}**2+{a}*{x}*{y}+{a * a}*{y}**2"),
    ]


def _cubes(a: int, x: str) -> _Rows:
    cube, square = a**3, a * a
    return [
        (f"({x}-{a})({x}^2+{a}{x}+{square})", f"{x}**3-{cube}"),
        (f"{x}^3-{cube}", f"{x}**3-{cube}"),
        (f"-{cube}+{x}^3", f"{x}**3-{cube}"),
        (f"{x}^{{3}} - {a}^3", f"{x}**3-{cube}"),
        (f"({x}-{a})^3", f"({x}-{a})**3"),
        (f"{x}^3+{cube}", f"{x}**3+{cube}"),
        (f"({x}-{a})({x}^2-{a}{x}+{square})", f"({x}-{a})*({x}**2-{a}*{x}+{square})"),
        (f"{x}^2-{square}", f"{x}**2-{square}"),
    ]


def _rational(a: int, b: int, x: str) -> _Rows:
    top = f"({a + b}*{x}+{2 * a * b})"
    return [
        (f"\\frac{{{a}}}{{{x}+{a}}}+\\frac{{{b}}}{{{x}+{b}}}", f"{top}/(({x}+{a})*({x}+{b}))"),
        (f"\\frac{{{a + b}{x}+{2 * a * b}}}{{({x}+{a})({x}+{b})}}", f"{top}/(({x}+{a})*({x}+{b}))"),
        (
            f"\\frac{{{a + b}{x}+{2 * a * b}}}{{{x}^2+{a + b}{x}+{a * b}}}",
            f"{top}/(({x}+{a})*({x}+{b}))",
        ),
        (f"{a}/({x}+{a}) + {b}/({x}+{b})", f"{top}/(({x}+{a})*({x}+{b}))"),
        (f"\\frac{{{a}}}{{{x}+{a}}}-\\frac{{{b}}}{{{x}+{b}}}", f"{a}/({x}+{a})-{b}/({x}+{b})"),
        (f"\\frac{{{a}}}{{{x}+{b}}}+\\frac{{{b}}}{{{x}+{a}}}", f"{a}/({x}+{b})+{b}/({x}+{a})"),
        (f"\\frac{{{a + b}}}{{2{x}+{a + b}}}", f"{a + b}/(2*{x}+{a + b})"),
    ]


def _trigonometry(a: int, x: str) -> _Rows:
    return [
        (f"{a}\\sin 2{x}", f"{a}*sin(2*{x})"),
        (f"{2 * a}\\sin {x}\\cos {x}", f"{a}*sin(2*{x})"),
        (f"{a}\\sin(2{x})", f"{a}*sin(2*{x})"),
        (f"{2 * a}\\cos({x})\\sin({x})", f"{a}*sin(2*{x})"),
        (f"{a}\\sin^2 {x}", f"{a}*sin({x})**2"),
        (f"{2 * a}\\sin {x}", f"{2 * a}*sin({x})"),
        (f"{a}\\cos 2{x}", f"{a}*cos(2*{x})"),
        (f"{a}\\sin {x}\\cos {x}", f"{a}*sin({x})*cos({x})"),
    ]


def _logarithms(a: int, b: int) -> _Rows:
    return [
        (f"{b}\\ln {a}", f"{b}*log({a})"),
        (f"\\ln {a**b}", f"{b}*log({a})"),
        (f"\\ln({a}^{b})", f"{b}*log({a})"),
        (f"\\ln({a}) \\cdot {b}", f"{b}*log({a})"),
        (f"{b}*ln({a})", f"{b}*log({a})"),
        (f"{b}\\log_{{10}} {a}", f"{b}*log({a})/log(10)"),
        (f"\\ln {a * b}", f"log({a * b})"),
        (f"{a}\\ln {b}", f"{a}*log({b})"),
        (f"\\ln {a}+\\ln {b}", f"log({a})+log({b})"),
        (f"{b}+\\ln {a}", f"{b}+log({a})"),
    ]


def _powers(a: int, b: int, x: str) -> _Rows:
    return [
        (f"\\frac{{{x}^{a}}}{{{b}}}", f"{x}**{a}/{b}"),
        (f"\\frac{{1}}{{{b}}}{x}^{a}", f"{x}**{a}/{b}"),
        (f"\\frac{{{x}^{{{a + 2}}}}}{{{b}{x}^2}}", f"{x}**{a}/{b}"),
        (f"{x}^{a}\\cdot {b}^{{-1}}", f"{x}**{a}/{b}"),
        (f"{x}^{a}/{b}", f"{x}**{a}/{b}"),
        (f"\\left(\\frac{{{x}}}{{{b}}}\\right)^{a}", f"({x}/{b})**{a}"),
        (f"{x}^{{{a}/{b}}}", f"{x}**Rational({a},{b})"),
        (f"\\frac{{{x}^{b}}}{{{a}}}", f"{x}**{b}/{a}"),
        (f"{b}{x}^{{-{a}}}", f"{b}*{x}**(-{a})"),
    ]


def _nested_roots(a: int, b: int) -> _Rows:
    return [
        (f"\\sqrt{{{a}}}+\\sqrt{{{b}}}", f"sqrt({a})+sqrt({b})"),
        (f"\\sqrt{{{a + b}+2\\sqrt{{{a * b}}}}}", f"sqrt({a})+sqrt({b})"),
        (f"\\sqrt{{{b}}}+\\sqrt{{{a}}}", f"sqrt({a})+sqrt({b})"),
        (f"{a}^{{1/2}}+{b}^{{1/2}}", f"sqrt({a})+sqrt({b})"),
        (f"\\sqrt{{{a + b}}}", f"sqrt({a + b})"),
        (f"\\sqrt{{{a + b}+\\sqrt{{{a * b}}}}}", f"sqrt({a + b}+sqrt({a * b}))"),
        (f"\\sqrt{{{a}}}-\\sqrt{{{b}}}", f"sqrt({a})-sqrt({b})"),
        (f"\\sqrt{{{a}}}\\cdot\\sqrt{{{b}}}", f"sqrt({a * b})"),
    ]


def _sums(a: int, b: int) -> _Rows:
    total = sum(range(1, a + b + 1))
    return [
        (str(total), str(total)),
        (f"\\sum_{{k=1}}^{{{a + b}}} k", str(total)),
        (f"\\frac{{{a + b}({a + b}+1)}}{{2}}", str(total)),
        (f"\\frac{{{a + b}\\cdot {a + b + 1}}}{{2}}", str(total)),
        (f"{total - a}+{a}", str(total)),
        (f"\\sum_{{k=1}}^{{{a + b}}} k^2", str(sum(k * k for k in range(1, a + b + 1)))),
        (f"\\sum_{{k=0}}^{{{a + b - 1}}} k", str(total - a - b)),
        (f"\\frac{{{a + b}({a + b}-1)}}{{2}}", str(total - a - b)),
    ]


def whole_and_fraction(rng: random.Random) -> Sheet:
    """A sum beside a fraction is no mixed number: only without a sign between them it would be."""
    a, b = rng.sample(range(2, 12), 2)
    rows = [
        (f"-{a}+\\frac{{1}}{{{b}}}", f"-{a}+Rational(1,{b})"),
        (f"\\frac{{1}}{{{b}}}-{a}", f"-{a}+Rational(1,{b})"),
        (f"-\\frac{{{a * b - 1}}}{{{b}}}", f"-{a}+Rational(1,{b})"),
        (f"-{a} + 1/{b}", f"-{a}+Rational(1,{b})"),
        (f"-({a}-\\frac{{1}}{{{b}}})", f"-{a}+Rational(1,{b})"),
        (f"-{a}\\frac{{1}}{{{b}}}", f"-{a}-Rational(1,{b})"),
        (f"-\\frac{{{a * b + 1}}}{{{b}}}", f"-{a}-Rational(1,{b})"),
        (f"-{a}-\\frac{{1}}{{{b}}}", f"-{a}-Rational(1,{b})"),
        (f"{a}+\\frac{{1}}{{{b}}}", f"{a}+Rational(1,{b})"),
        (f"-{a} - 1/{b}", f"-{a}-Rational(1,{b})"),
    ]
    target, *others = (Written(*row) for row in rows)
    return sheet_of(target, others)
