"""Numbers alone: tiny, huge, repeating, mixed, AIME integers, fractions and their signs."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from answers.sheets import (
    Sheet,
    decimal,
    fraction_of,
    is_terminating,
    latex,
    near_misses,
    slashed,
    spellings,
)

_VULGAR = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8)}


def tiny_numbers(rng: random.Random) -> Sheet:
    base, power = rng.choice((2, 3, 5, 6, 7, 10)), rng.randint(18, 99)
    n = rng.randint(12, 60)
    top = rng.randint(2, 9)
    sheets = (
        Sheet(
            f"\\frac{{1}}{{{base}^{{{power}}}}}",
            [f"{base}^{{-{power}}}", f"\\frac{{{base}}}{{{base}^{{{power + 1}}}}}"],
            [f"\\frac{{1}}{{{base}^{{{power + 1}}}}}", f"{base}^{{-{power - 1}}}", "0"],
        ),
        Sheet(
            f"\\frac{{1}}{{{n}!}}",
            [f"\\dfrac{{1}}{{{n}!}}", f"\\frac{{{n + 1}}}{{{n + 1}!}}", f"1/{n}!"],
            [f"\\frac{{1}}{{{n + 1}!}}", f"\\frac{{2}}{{{n}!}}", "0"],
        ),
        Sheet(
            f"\\frac{{{top}}}{{{base}^{{{power}}}}}",
            [f"{top}\\cdot {base}^{{-{power}}}", f"{top}/{base}^{{{power}}}"],
            [f"\\frac{{{top + 1}}}{{{base}^{{{power}}}}}", f"-{top}\\cdot {base}^{{-{power}}}"],
        ),
        Sheet(
            f"10^{{-{n}}}",
            ["0." + "0" * (n - 1) + "1", f"\\frac{{1}}{{10^{{{n}}}}}", f"1e-{n}"],
            ["0." + "0" * n + "1", f"10^{{-{n - 1}}}", f"1e-{n + 1}", "0"],
        ),
        Sheet(
            f"\\frac{{1}}{{\\binom{{{2 * n}}}{{{n}}}}}",
            [f"\\frac{{1}}{{{math.comb(2 * n, n)}}}"],
            [
                f"\\frac{{2}}{{\\binom{{{2 * n}}}{{{n}}}}}",
                f"\\frac{{1}}{{\\binom{{{2 * n}}}{{1}}}}",
            ],
        ),
    )
    return rng.choice(sheets)


def huge_numbers(rng: random.Random) -> Sheet:
    base, power = rng.choice((2, 3, 5, 7)), rng.randint(40, 400)
    n = rng.randint(15, 80)
    sheets = (
        Sheet(
            f"{base}^{{{power}}}",
            [f"{base}\\cdot {base}^{{{power - 1}}}", f"{base}^{{{power + 1}}}/{base}"],
            [f"{base}^{{{power}}}+1", f"{base}^{{{power - 1}}}", f"{base}^{{{power}}}-1"],
        ),
        Sheet(
            f"{n}!",
            [f"{n}\\cdot {n - 1}!", str(math.factorial(n))],
            [f"{n}!+1", f"{n - 1}!", f"{n}!-1", str(math.factorial(n) + 1)],
        ),
        Sheet(
            f"{base}^{{{power}}}-1",
            [
                f"-1+{base}^{{{power}}}",
                f"{base}^{power % 9 + 1}\\cdot {base}^{{{power - power % 9 - 1}}}-1",
            ],
            [f"{base}^{{{power}}}", f"{base}^{{{power}}}-2", f"1-{base}^{{{power}}}"],
        ),
        Sheet(
            str(base**power),
            [f"{base}^{{{power}}}", f"{base**power}.0"],
            [str(base**power + 1), str(base**power * 10), f"{base}^{{{power + 1}}}"],
        ),
    )
    return rng.choice(sheets)


def _repeated(whole: int, still: str, period: str) -> Fraction:
    """The value of `whole.still` with `period` for ever."""
    head = Fraction(int(f"{whole}{still}"), 10 ** len(still))
    tail = Fraction(int(period), 10 ** len(still) * (10 ** len(period) - 1))
    return head + tail


def repeating_decimals(rng: random.Random) -> Sheet:
    whole, still = rng.choice((0, 0, rng.randint(1, 12))), rng.choice(("", "", "1", "25", "0"))
    period = rng.choice(("3", "6", "36", "63", "27", "142857", "81", "4", "09"))
    value = _repeated(whole, still, period)
    head = f"{whole}.{still}"
    bar = f"{head}\\overline{{{period}}}"
    same = [bar, f"{head}\\bar{{{period}}}", latex(value), slashed(value)]
    if len(period) == 1:
        same += [f"{head}\\dot{{{period}}}", f"{head}{period * 4}\\ldots", f"{head}{period * 5}..."]
    if whole == 0:
        same.append(bar[1:])
    other = [
        f"{head}{period}",
        f"{head}{period * 3}",
        f"{head}\\overline{{{int(period) + 1}}}",
        f"{whole + 1}.{still}\\overline{{{period}}}",
        f"{whole}.{still}0\\overline{{{period}}}",
        latex(value * 10),
        latex(value + Fraction(1, value.denominator)),
    ]
    return Sheet(rng.choice((bar, latex(value))), same, other)


def mixed_numbers(rng: random.Random) -> Sheet:
    whole = rng.randint(1, 29)
    bottom = rng.randint(2, 20)
    top = rng.randint(1, bottom - 1)
    value = whole + Fraction(top, bottom)
    vulgar = rng.random() < 0.3
    mark = rng.choice(sorted(_VULGAR))
    if vulgar:
        top, bottom = _VULGAR[mark]
        value = whole + Fraction(top, bottom)
    sign = rng.choice(("", "", "-"))
    value = -value if sign else value
    same = [
        f"{sign}{whole}\\frac{{{top}}}{{{bottom}}}",
        f"{sign}{whole} {top}/{bottom}",
        f"{sign}{whole}\\dfrac{{{top}}}{{{bottom}}}",
        f"{sign}{whole}\\ \\frac{{{top}}}{{{bottom}}}",
        f"{sign}{whole}\\tfrac{{{top}}}{{{bottom}}}",
        latex(value),
        slashed(value),
    ]
    same += [f"{sign}{whole}{mark}"] if vulgar else []
    same += [decimal(value)] if is_terminating(value) else []
    other = [
        f"{sign}{whole + 1}\\frac{{{top}}}{{{bottom}}}",
        f"{sign}\\frac{{{whole * top}}}{{{bottom}}}"
        if whole > 1
        else f"{sign}\\frac{{{top}}}{{{bottom}}}",
        f"{sign}{whole} {top}/{bottom + 1}",
        f"{'' if sign else '-'}{whole} {top}/{bottom}",
        latex(Fraction(top, bottom)),
        str(int(value)),
    ]
    # 8 4/10 is 84/10.
    if Fraction(int(f"{whole}{top}"), bottom) != abs(value):
        other.append(f"{sign}{whole}{top}/{bottom}")
    targets = (latex(value), f"{sign}{whole}\\frac{{{top}}}{{{bottom}}}")
    return Sheet(rng.choice(targets), same, other)


def aime_integers(rng: random.Random) -> Sheet:
    value = rng.choice((rng.randint(0, 9), rng.randint(10, 99), rng.randint(100, 999)))
    padded = f"{value:03}"
    name = rng.choice("nNmxk")
    same = [
        padded,
        str(value),
        f"{value}.0",
        f"{padded}.",
        f"\\text{{{padded}}}",
        f"${padded}$",
        f"{name} = {padded}",
        f"\\boxed{{{padded}}}",
        f"\\mathbf{{{padded}}}",
    ]
    other = [
        str(value + 1),
        f"{value}.00{rng.randint(1, 9)}",
        f"{value + 1}0",
        f"1{padded}",
        f"{padded}{value + 1}",
        f"-{value + 1}",
        f"{value + 10:03}",
    ]
    return Sheet(rng.choice((str(value), padded)), same, other)


def fractions_and_signs(rng: random.Random) -> Sheet:
    value = fraction_of(rng)
    sign = "-" if value < 0 else ""
    against = "" if sign else "-"
    top, bottom = abs(value.numerator), value.denominator
    same = [
        *spellings(value),
        f"\\frac{{{against}{top}}}{{-{bottom}}}",
        f"{sign}\\nicefrac{{{top}}}{{{bottom}}}",
        f"{sign}{top}\\div {bottom}",
        f"{sign}{top}⁄{bottom}",
        f"{sign}\\cfrac{{{top}}}{{{bottom}}}",
        f"{sign}\\frac {{{top}}}{{ {bottom} }}",
        f"{'−' if sign else '+'}{top}/{bottom}",
        f"-({against}{top}/{bottom})",
        f"{sign}\\frac{{\\frac{{{top}}}{{2}}}}{{\\frac{{{bottom}}}{{2}}}}",
        f"{'–' if sign else ''}\\frac{{{top}}}{{{bottom}}}",
    ]
    if top < 10 and bottom < 10:
        same += [f"{sign}\\frac{top}{bottom}", f"{sign}\\dfrac{top}{bottom}"]
    other = [latex(slip) for slip in near_misses(rng, value)]
    other += [f"{sign}{top}{bottom}", f"\\frac{{{against}{top}}}{{{bottom}}}"]
    other += [f"{sign}\\frac{{{bottom}}}{{{top}}}" if top != bottom else "0"]
    return Sheet(rng.choice((latex(value), slashed(value))), same, other)
