r"""Forms of expressions as sympy objects: LaTeX is read by latex2sympy, the parser of math-verify.

Imported by the worker process alone: it needs seconds to load, and may never return.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import sympy
from latex2sympy2_extended.latex2sympy2 import (  # pyright: ignore[reportUnknownVariableType]
    ConversionConfig,
    latex2sympy,
)

from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.splitting import inside
from tasks.grading.mathematics.words import is_product, words_of

_CONFIG = ConversionConfig(lowercase_symbols=False)
_DEGREE = re.compile(
    r"([0-9]+(?:\.[0-9]+)?|\\frac\{[0-9]+\}\{[0-9]+\}|[a-z]|\\[a-z]+|\([^()]*\)) ?°"
)
_DECIMAL = re.compile(r"(?<![0-9.])([0-9]*)\.([0-9]+)(?![0-9.])")
_SLASH = re.compile(r"(?<![0-9A-Za-z.)}\]!^])([0-9]+)/([0-9]+)(?![0-9.^!])")
_CONSTANT_SLASH = re.compile(r"(\\sqrt\{[^{}]*\}|\\pi)/([0-9]+)(?![0-9.^!])")
_MIXED = re.compile(r"(?<![0-9A-Za-z.)}\]^_])([0-9]+)\\frac\{([0-9]+)\}\{([0-9]+)\}")
_FACTOR = re.compile(r"(?<![0-9_^])([0-9]+)\(")
_SCRIPT = re.compile(r"\^([0-9A-Za-z])")
_UNREAD = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!sqrt)\[",  # `[x]` may be a floor, which the parser would read as x
        r"[0-9]'",  # minutes, or feet
        r"(?<![A-Za-z}_0-9.])[0-9.]+_",  # a number with an index, which the parser leaves out
        r"(?:\\gcd|lcm\})\(?[^)]*[A-Za-z]",  # of letters: the parser makes 1 of it
        r"\\frac\{(?:d|\\partial ?)[A-Za-z]+\}\{(?:d|\\partial ?)[A-Za-z]\}",  # and 0 of dy/dx
        r"(?<![A-Za-z\\])[A-Za-z]\^\{-1\}\(",  # an inverse, no reciprocal
        r"\\l(?:and|or)(?![A-Za-z])|\\crossproduct",
        r"[A-Za-z]\^\{\([0-9n]\)\}",  # a derivative, no power
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9] ?[rR] ?[0-9]",  # dates, remainders
    )
)
"""What the parser would read as something else."""
_RUN = re.compile(r"(?<![0-9A-Za-z\\)}])[A-Za-z]{2,}")
_COMMAND = re.compile(r"\\(?:begin|end|operatorname)\{[a-z]+\}|\\[A-Za-z]+")
_PRIMED = re.compile(r"([A-Za-z])('+)")
_CIS = re.compile(
    r"(?:\\operatorname\{cis\}|\\?cis) ?(\([^()]*\)|\\frac\{[^{}]*\}\{[^{}]*\}|[0-9.]+°?)"
)
_QUOTIENT = re.compile(r"(?<![A-Za-z}])\(([^()]+)\)/\(([^()]+)\)")
_MODULO = re.compile(r"(.+)\\bmod ?(.+)")
_OVERLINE = re.compile(r"\\overline\{(.*[0-9+i-].*)\}")


@lru_cache(maxsize=2_000)  # a question's target is asked about again and again
def read(form: str) -> Any:
    """The sympy object of a form; None for whatever cannot be read."""
    modulo = _MODULO.fullmatch(form)
    if modulo:
        return _remainder(*modulo.groups())
    overline = _OVERLINE.fullmatch(form)
    if overline and inside(form, r"\overline{", "}"):
        inner = read(overline[1])
        return None if inner is None else sympy.conjugate(inner)
    if any(pattern.search(form) for pattern in _UNREAD) or _has_words(form):
        return None
    return parse(prepare(form))


def _has_words(form: str) -> bool:
    """Whether words stand in an expression, which the parser would multiply letter by letter."""
    runs = _RUN.findall(_COMMAND.sub(" ", form))
    return any(run in words_of("short") or (len(run) > 3 and not is_product(run)) for run in runs)


def _remainder(dividend: str, divisor: str) -> Any:
    """The remainder of two plain numbers; None for any others."""
    above = rational(dividend.strip())
    below = rational(divisor.strip())
    if above is None or not below:
        return None
    return sympy.Rational(above % below)


def prepare(form: str) -> str:
    """The form as the parser reads it right: decimals exact, degrees in radians."""
    text = _CIS.sub(r"(\\cos \1+i\\sin \1)", form)
    # The parser leaves primes out, and makes x of x'.
    text = _PRIMED.sub(_prime, text)
    text = _QUOTIENT.sub(r"\\frac{\1}{\2}", text)
    # The parser takes one for the other.
    text = text.replace(r"\gamma", "g_{amma}")
    text = _DEGREE.sub(r"(\1\\cdot\\frac{\\pi}{180})", text).replace("°", "")
    text = _DECIMAL.sub(_fraction, text)
    text = _MIXED.sub(_improper, text)
    text = _SCRIPT.sub(r"^{\1}", text)
    # 5(\frac{1}{2}) would be read as five and a half.
    text = _FACTOR.sub(r"\1\\cdot(", text)
    # Of 1/3\pi r^3 the parser would take all that follows for the divisor.
    text = _CONSTANT_SLASH.sub(r"\\frac{\1}{\2}", text)
    text = _SLASH.sub(r"\\frac{\1}{\2}", text)
    text = text.replace("+-", "-").replace("--", "+")
    return text.replace(r"\mathbb{R}", r"\Reals ")


def _prime(match: re.Match[str]) -> str:
    """A letter with primes as a name of its own."""
    name, marks = match.groups()
    return f"{name}_{{{'p' * len(marks)}}}"


def _fraction(match: re.Match[str]) -> str:
    """A decimal as an exact fraction: the parser would make a binary one of it."""
    whole, decimals = match.groups()
    above = int(whole + decimals)
    below = 10 ** len(decimals)
    return rf"\frac{{{above}}}{{{below}}}"


def _improper(match: re.Match[str]) -> str:
    """A mixed number as one fraction, wherever it stands."""
    whole, above, below = map(int, match.groups())
    # `3\frac{22}{7}` is a product.
    if above >= below:
        return match[0]
    total = whole * below + above
    return rf"\frac{{{total}}}{{{below}}}"


def parse(latex: str) -> Any:
    """The sympy object of prepared LaTeX; None for whatever the parser cannot read."""
    try:
        parsed = latex2sympy(
            latex, is_real=None, normalization_config=None, conversion_config=_CONFIG
        )
    except MemoryError:
        raise
    except Exception:  # any error of the parser means that the text cannot be read
        return None
    if not isinstance(parsed, sympy.Basic):
        return parsed
    # Free of a sum's index, i is the imaginary unit: no answer has another i.
    return parsed.subs(sympy.Symbol("i"), sympy.I)
