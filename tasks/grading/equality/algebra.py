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
from typing import Any

import sympy

from tasks.grading.equality.comparing import compare
from tasks.grading.equality.parsing import parse, prepare, read
from tasks.grading.mathematics.splitting import LOGIC, without_indices

_DIGITS = 60
_SAME = sympy.Float("1e-35")
"""Relative difference below which constants count as equal, at sixty digits and more."""
_LEAST_FIGURES = 6
"""Significant figures from which a decimal may stand for an irrational number."""
_AGREES = sympy.Float("1e-15")
"""Relative difference below which values at a point agree, at thirty digits."""
_LEAST_SCALE = sympy.Float("1e-30")
_AGREEMENTS = 4
"""Points at which two expressions must agree, and none at which they differ."""

_RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|approx|lor|land)(?![A-Za-z])")


class Reading:
    """One comparison of two forms; `is_unread` once an expression of the answer is not read."""

    def __init__(self) -> None:
        self.is_unread = False

    def same(self, answer: str, target: str) -> bool:
        """Whether the forms say the same, with all the algebra that there is."""
        return compare(answer, target, self._equal) is True

    def _equal(self, answer: str, target: str) -> bool:
        """Whether two expressions, or two relations, are the same."""
        if any(_RELATION.search(without_indices(form)) for form in (answer, target)):
            return _same_relation(answer, target)
        one, other = read(answer), read(target)
        if one is None or other is None:
            self.is_unread |= one is None and other is not None
            return False
        return _same_value(one, other)


def _same_value(one: Any, other: Any) -> bool:
    """Whether two sympy objects are equal: constants, functions, or whatever else."""
    if not isinstance(one, sympy.Expr) or not isinstance(other, sympy.Expr):
        return _verify(one, other)
    one = one.doit()
    other = other.doit()
    if one.free_symbols or other.free_symbols:
        return _same_function(one, other)
    return _same_constant(one, other)


def _same_constant(one: Any, other: Any) -> bool:
    """Whether two constants are equal: exactly if rational, else to sixty digits."""
    if one.is_Rational and other.is_Rational:
        return one == other
    if one.is_infinite or other.is_infinite:
        return one == other
    first = _value(one)
    second = _value(other)
    if first is None or second is None:
        return _verify(one, other)
    scale = max(_size(one), _size(other))
    # Digits before the point were computed on top of sixty: e^{100} is not e^{100}+1.
    if abs(first - second) <= _SAME * min(scale, 1):
        return True
    return _is_rounded(one, second) or _is_rounded(other, first)


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
    if not places:
        return False
    figures = len(str(abs(exact * 10**places)))
    if figures < _LEAST_FIGURES:
        return False
    # Cut or rounded, the last place is off by less than one.
    last_place = sympy.Rational(1, 10**places)
    return bool(abs(value - decimal) < last_place)


def _same_function(one: Any, other: Any) -> bool:
    """Whether two expressions agree at every point where both have a value."""
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    is_complex = one.has(sympy.I) or other.has(sympy.I)
    agreed = 0
    for point in _points(len(symbols)):
        at = dict(zip(symbols, point, strict=True))
        first = _value_at(one, at, is_complex=is_complex)
        second = _value_at(other, at, is_complex=is_complex)
        if first is None or second is None:
            continue
        scale = max(abs(first), abs(second), _LEAST_SCALE)
        if abs(first - second) > _AGREES * scale:
            return False
        agreed += 1
    # Where nothing could be evaluated, as with f(x), what is left is to simplify.
    if agreed == 0:
        return _verify(one, other)
    return agreed >= _AGREEMENTS


def _points(dimension: int) -> list[list[Any]]:
    """Positive integers for what counts, then positive and negative fractions."""
    rng = random.Random(dimension)
    points: list[list[Any]] = []
    for low, high, below, count in _RANGES:
        for _ in range(count):
            above = [rng.randint(low, high) for _ in range(dimension)]
            points.append([sympy.Rational(value, below) for value in above])
    return points


_RANGES = ((2, 9, 1, 3), (3, 40, 7, 4), (-40, -3, 7, 3), (-40, 40, 11, 2))
"""Lowest and highest numerator, denominator, and how many points."""


def _value_at(expression: Any, at: dict[Any, Any], *, is_complex: bool) -> Any:
    """The value at a point; None where there is none, or none that is real as the rest is."""
    if not is_complex and not _is_within_domain(expression, at):
        return None
    try:
        value = expression.subs(at).doit().evalf(30)
    except (ValueError, TypeError, ZeroDivisionError, NotImplementedError, AttributeError):
        return None
    if not value.is_number or not value.is_finite:
        return None
    if not is_complex and abs(sympy.im(value)) > sympy.Float("1e-20"):
        return None
    return value


def _is_within_domain(expression: Any, at: dict[Any, Any]) -> bool:
    r"""Whether every root and logarithm in it is real: else `\sqrt a\sqrt b` is not `\sqrt{ab}`."""
    inner = [power.base for power in expression.atoms(sympy.Pow) if not power.exp.is_integer]
    inner += [logarithm.args[0] for logarithm in expression.atoms(sympy.log)]
    values = [one.subs(at).evalf(15) for one in inner if one.free_symbols]
    return not any(value.is_negative for value in values)


def _same_relation(answer: str, target: str) -> bool:
    """Whether two equations or other relations say the same."""
    first = _difference(answer)
    second = _difference(target)
    if first is not None and second is not None and _is_proportional(first, second):
        return True
    # What the signs of logic join was read as sets, or is no mathematics.
    if LOGIC.search(answer) or LOGIC.search(target):
        return False
    one = parse(prepare(answer))
    other = parse(prepare(target))
    if one is None or other is None:
        return False
    return _verify(one, other)


def _difference(equation: str) -> Any:
    """Left side minus right side of one equation; None for any other relation."""
    sides = equation.split("=")
    if len(sides) != 2 or _RELATION.search(sides[0] + sides[1]):
        return None
    parts = [read(side) for side in sides]
    if not all(isinstance(part, sympy.Expr) for part in parts):
        return None
    # Without divisions: y = 6/x is xy = 6.
    above, _ = sympy.fraction(sympy.together(parts[0] - parts[1]))
    return above


def _is_proportional(one: Any, other: Any) -> bool:
    """Whether two functions differ by a constant factor: then they vanish at the same points."""
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if not symbols or one.free_symbols != other.free_symbols:
        return False
    ratios: list[Any] = []
    for point in _points(len(symbols)):
        at = dict(zip(symbols, point, strict=True))
        first = _value_at(one, at, is_complex=False)
        second = _value_at(other, at, is_complex=False)
        # Where one vanishes there is no ratio.
        if first and second:
            ratios.append(first / second)
    if len(ratios) < _AGREEMENTS:
        return False
    allowed = abs(ratios[0]) * _AGREES
    return all(abs(ratio - ratios[0]) <= allowed for ratio in ratios)


def _verify(one: Any, other: Any) -> bool:
    """What math-verify says of two sympy objects, its roundings as fine as they go."""
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
