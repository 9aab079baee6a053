r"""What only algebra knows: whether two expressions are equal, by exact and numerical evaluation.

Reading LaTeX is left to latex2sympy (the parser of math-verify), and relations and sets that our
own structure does not read to math-verify. Two expressions with variables are equal when they agree
at many points, to more digits than a coincidence has (Schwartz-Zippel); constants are compared to
sixty digits, since a rounding to six makes 1/20! and 1/21! equal.

Imported by the worker process alone: it needs seconds to load, and may never return.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import random
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from latex2sympy2_extended.latex2sympy2 import (  # pyright: ignore[reportUnknownVariableType]
    ConversionConfig,
    latex2sympy,
)

from tasks.grading.mathematics.comparing import compare
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.splitting import inside, without_indices

_CONFIG = ConversionConfig(lowercase_symbols=False)
_DIGITS = 60
_SAME = sympy.Float("1e-35")
"""Relative difference below which constants count as equal, at sixty digits and more."""
_LEAST_FIGURES = 6
"""Significant figures from which a decimal may stand for an irrational number."""
_AGREEMENTS = 4
"""Points at which two expressions must agree, and none at which they differ."""

_DEGREE = re.compile(r"([0-9]+(?:\.[0-9]+)?|\\frac\{[0-9]+\}\{[0-9]+\})°")
_DECIMAL = re.compile(r"(?<![0-9.])([0-9]*)\.([0-9]+)(?![0-9.])")
_SLASH = re.compile(r"(?<![0-9A-Za-z.)}\]!^])([0-9]+)/([0-9]+)(?![0-9.^!])")
_MIXED = re.compile(r"(?<![0-9A-Za-z.)}\]^_])([0-9]+)\\frac\{([0-9]+)\}\{([0-9]+)\}")
_FACTOR = re.compile(r"(?<![0-9_^])([0-9]+)\(")
_SCRIPT = re.compile(r"\^([0-9A-Za-z])")
_RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|approx|lor|land)(?![A-Za-z])")
_FLOOR = re.compile(r"(?<!sqrt)\[")
_MODULO = re.compile(r"(.+)\\bmod ?(.+)")
_OVERLINE = re.compile(r"\\overline\{(.*[0-9+i-].*)\}")


class Reading:
    """One comparison of two forms; `is_unread` once an expression of the answer is not read."""

    def __init__(self) -> None:
        self.is_unread = False

    def same(self, answer: str, target: str) -> bool:
        """Whether the forms say the same, with all the algebra that there is."""
        return compare(answer, target, self._equal) is True

    def _equal(self, answer: str, target: str) -> bool:
        if any(_RELATION.search(without_indices(form)) for form in (answer, target)):
            return _same_relation(answer, target)
        one, other = read(answer), read(target)
        if one is None or other is None:
            self.is_unread |= one is None and other is not None
            return False
        return _same_value(one, other)


@lru_cache(maxsize=2_000)  # a question's target is asked about again and again
def read(form: str) -> Any:
    """The sympy object of a form; None for whatever cannot be read."""
    modulo = _MODULO.fullmatch(form)
    if modulo:
        values = [rational(side.strip()) for side in modulo.groups()]
        known = None not in values and values[1] != 0
        return sympy.Rational(values[0] % values[1]) if known else None  # type: ignore
    overline = _OVERLINE.fullmatch(form)
    if overline and inside(form, r"\overline{", "}"):
        inner = read(overline[1])
        return None if inner is None else sympy.conjugate(inner)
    # `[x]` may be a floor, which the parser would read as x.
    return None if _FLOOR.search(form) else _parse(_prepare(form))


def _prepare(form: str) -> str:
    """The form as the parser reads it right: decimals exact, degrees in radians."""
    text = _DEGREE.sub(r"(\1\\cdot\\frac{\\pi}{180})", form).replace("°", "")
    text = _DECIMAL.sub(_fraction, text)
    text = _MIXED.sub(_improper, text)
    text = _SCRIPT.sub(r"^{\1}", text)
    # 5(\frac{1}{2}) would be read as five and a half.
    text = _FACTOR.sub(r"\1\\cdot(", text)
    # Of 1/3\pi r^3 the parser would take all that follows for the divisor.
    text = _SLASH.sub(r"\\frac{\1}{\2}", text)
    text = text.replace("+-", "-").replace("--", "+")
    return text.replace(r"\mathbb{R}", r"\Reals ").replace(r"\lor", ",")


def _fraction(match: re.Match[str]) -> str:
    whole, decimals = match.groups()
    return rf"\frac{{{int(whole + decimals)}}}{{1{'0' * len(decimals)}}}"


def _improper(match: re.Match[str]) -> str:
    whole, above, below = map(int, match.groups())
    # `3\frac{22}{7}` is a product.
    return rf"\frac{{{whole * below + above}}}{{{below}}}" if above < below else match[0]


def _parse(latex: str) -> Any:
    try:
        parsed = latex2sympy(
            latex, is_real=None, normalization_config=None, conversion_config=_CONFIG
        )
    except MemoryError:
        raise
    except Exception:  # any error of the parser means that the text cannot be read
        return None
    # Free of a sum's index, i is the imaginary unit: no answer has another i.
    return parsed.subs(sympy.Symbol("i"), sympy.I) if isinstance(parsed, sympy.Basic) else parsed


def _same_value(one: Any, other: Any) -> bool:
    if not isinstance(one, sympy.Expr) or not isinstance(other, sympy.Expr):
        return _verify(one, other)
    one, other = one.doit(), other.doit()
    if one.free_symbols or other.free_symbols:
        return _same_function(one, other)
    return _same_constant(one, other)


def _same_constant(one: Any, other: Any) -> bool:
    if one.is_Rational and other.is_Rational:
        return one == other
    if one.is_infinite or other.is_infinite:
        return one == other
    values = [_value(part) for part in (one, other)]
    if None in values:
        return _verify(one, other)
    difference = abs(values[0] - values[1])
    if difference <= _SAME * max(_size(one), _size(other)):
        return True
    return _is_rounded(one, values[1]) or _is_rounded(other, values[0])


def _value(constant: Any) -> Any:
    """Sixty digits and those before the point; None where there is no finite number."""
    rough = constant.evalf(15)
    if not rough.is_number or not rough.is_finite:
        return None
    magnitude = int(sympy.log(1 + abs(rough), 10).evalf())
    return constant.evalf(_DIGITS + min(magnitude, 5_000))


def _size(constant: Any) -> Any:
    """The largest of a sum's terms: what is left when they cancel is noise against it."""
    return max(abs(term.evalf(15)) for term in sympy.Add.make_args(constant))


def _is_rounded(decimal: Any, value: Any) -> bool:
    """Whether a decimal of six figures or more is the number to as many places as it has."""
    if not decimal.is_Rational:
        return False
    exact = Fraction(int(decimal.p), int(decimal.q))
    places = next((n for n in range(30) if (exact * 10**n).denominator == 1), None)
    if (
        places is None
        or len(str(abs(exact.numerator * 10**places // exact.denominator))) < _LEAST_FIGURES
    ):
        return False
    # Cut or rounded, the last place is off by less than one.
    return bool(abs(value - decimal) < sympy.Rational(1, 10**places))


def _same_function(one: Any, other: Any) -> bool:
    agreed = 0
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    is_complex = one.has(sympy.I) or other.has(sympy.I)
    for point in _points(len(symbols)):
        at = dict(zip(symbols, point, strict=True))
        values = [_value_at(part, at, is_complex=is_complex) for part in (one, other)]
        if None in values:
            continue
        scale = max(abs(values[0]), abs(values[1]), sympy.Float(1e-30))
        if abs(values[0] - values[1]) > scale * sympy.Float("1e-15"):
            return False
        agreed += 1
    # Where nothing could be evaluated, as with f(x), what is left is to simplify.
    return agreed >= _AGREEMENTS or (agreed == 0 and _verify(one, other))


def _points(dimension: int) -> list[list[Any]]:
    """Positive integers for what counts, then positive and negative fractions."""
    rng = random.Random(dimension)
    ranges = [(2, 9, 1)] * 3 + [(3, 40, 7)] * 4 + [(-40, -3, 7)] * 3 + [(-40, 40, 11)] * 2
    points: list[list[Any]] = []
    for low, high, below in ranges:
        points.append([sympy.Rational(rng.randint(low, high), below) for _ in range(dimension)])
    return points


def _value_at(expression: Any, at: dict[Any, Any], *, is_complex: bool) -> Any:
    """The value at a point; None where there is none, or none that is real as the rest is."""
    try:
        value = expression.subs(at).doit().evalf(30)
    except (ValueError, TypeError, ZeroDivisionError, NotImplementedError, AttributeError):
        return None
    if not value.is_number or not value.is_finite:
        return None
    if not is_complex and abs(sympy.im(value)) > sympy.Float("1e-20"):
        return None
    return value


def _same_relation(answer: str, target: str) -> bool:
    sides = [_difference(form) for form in (answer, target)]
    if None not in sides and _is_proportional(*sides):
        return True
    one, other = _parse(_prepare(answer)), _parse(_prepare(target))
    return one is not None and other is not None and _verify(one, other)


def _difference(equation: str) -> Any:
    """Left side minus right side of one equation; None for any other relation."""
    sides = equation.split("=")
    if len(sides) != 2 or _RELATION.search(sides[0] + sides[1]):
        return None
    parts = [read(side) for side in sides]
    if not all(isinstance(part, sympy.Expr) for part in parts):
        return None
    return parts[0] - parts[1]


def _is_proportional(one: Any, other: Any) -> bool:
    """Whether two functions differ by a constant factor: then they vanish at the same points."""
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if not symbols or one.free_symbols != other.free_symbols:
        return False
    ratios: list[Any] = []
    for point in _points(len(symbols)):
        at = dict(zip(symbols, point, strict=True))
        values = [_value_at(part, at, is_complex=False) for part in (one, other)]
        if None not in values and values[0] and values[1]:
            ratios.append(values[0] / values[1])
    return len(ratios) >= _AGREEMENTS and all(
        abs(ratio - ratios[0]) <= abs(ratios[0]) * sympy.Float("1e-15") for ratio in ratios
    )


def _verify(one: Any, other: Any) -> bool:
    from math_verify import verify

    try:
        return verify(
            other,
            one,
            float_rounding=15,
            numeric_precision=30,
            allow_set_relation_comp=True,
            timeout_seconds=None,
            raise_on_error=True,
        )
    except MemoryError:
        raise
    except Exception:  # sympy raises on what it cannot compare, e.g. on sets with free symbols
        return False
