"""More dress for values that other kinds hold too: units, powers of ten, sets of numbers."""

from __future__ import annotations

import random
from fractions import Fraction

from answers.sheets import Sheet, decimal, latex

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def measures(rng: random.Random) -> Sheet:
    """Units written in full, as fractions, as areas and speeds."""
    value = Fraction(rng.randint(2, 900), rng.choice((1, 1, 2, 4)))
    plain, more = decimal(value), decimal(value + rng.choice((1, 10)))
    dresses = (
        "{} sq ft", "{} square meters", "{} cubic centimeters", "{} mph", "{}\\text{{ mph}}",
        "{} miles per hour", "{}\\text{{ meters per second}}", "{} \\text{{ m}}/\\text{{s}}",
        "{}\\ \\text{{cm}}^{{2}}", "{} \\mathrm{{~cm}}", "{}\\mathrm{{~kg}}", "{} \\mathrm{{ m}}^3",
        "{}\\text{{ square inches}}", "{} years", "{}\\text{{ years old}}", "{} cm³", "{} ways",
        "{}\\text{{ ways}}", "{} points", "{} units^2", "{}\\text{{ sq. units}}", "\\text{{{} cm}}",
        "{}\\;\\text{{cm}}", "{}~\\text{{kg}}", "{} \\textrm{{ cm}}", "{}\\text{{ students}}",
    )  # fmt: skip
    same = [dress.format(plain) for dress in rng.sample(dresses, 6)]
    other = [dress.format(more) for dress in rng.sample(dresses, 4)]
    return Sheet(plain, same, [*other, f"-{plain} cm", f"{plain}9 years"])


def powers_of_ten(rng: random.Random) -> Sheet:
    mantissa, power = Fraction(rng.randint(11, 99), 10), rng.choice((-8, -5, -2, 2, 5, 7, 9))
    digits = decimal(mantissa)
    raised = str(power).translate(_SUPERSCRIPTS)
    plain = decimal(mantissa * Fraction(10) ** power)
    same = [
        f"{digits} × 10{raised}",
        f"{digits}·10^{{{power}}}",
        f"{digits} x 10^{{{power}}}",
        f"{digits} \\times 10 ^ {{{power}}}",
        f"10^{{{power}}}\\times {digits}",
        f"\\frac{{{decimal(mantissa * 10)}}}{{10}}\\cdot 10^{{{power}}}",
        f"{digits}\\times10^{{{power}}}\\text{{ m}}",
        plain,
    ]
    raised_more = str(power + 1).translate(_SUPERSCRIPTS)
    other = [
        f"{digits} × 10{raised_more}",
        f"{digits}·10^{{{power - 2}}}",
        f"{decimal(mantissa + 1)} x 10^{{{power}}}",
        f"-{plain}",
        f"{digits}+10^{{{power}}}",
    ]
    return Sheet(rng.choice((plain, f"{digits} \\times 10^{{{power}}}")), same, other)


def endless_decimals(rng: random.Random) -> Sheet:
    """Periods in brackets, written on, and after digits of their own."""
    digit = rng.choice("12345678")
    value = Fraction(int(digit), 9)
    two = rng.choice(("27", "45", "18", "54"))
    sheets = (
        Sheet(
            latex(value),
            [f"0.({digit})", f"0.{digit * 3}…", f"0.{digit}\\overline{{{digit}}}",
             f"0.\\overline{{{digit}}}", f"0.\\overline{{{digit * 2}}}", f"0.{digit * 6}\\ldots"],
            [f"0.{digit * 2}", f"0.0({digit})", f"0.\\overline{{{digit}0}}", f"1.({digit})",
             f"0.{digit}"],
        ),
        Sheet(
            f"0.\\overline{{{two}}}",
            [f"0.({two})", f"0.{two * 3}\\ldots", latex(Fraction(int(two), 99)),
             f"0.\\overline{{{two * 2}}}", f"0.{two[0]}\\overline{{{two[1]}{two[0]}}}"],
            [f"0.\\overline{{{two[::-1]}}}", f"0.{two}", f"0.({two[0]})",
             latex(Fraction(int(two), 100)), f"0.{two[0]}\\overline{{{two}}}"],
        ),
    )  # fmt: skip
    return rng.choice(sheets)


def regions(rng: random.Random) -> Sheet:
    """Inequalities in Unicode, in words of TeX, and with infinity written out."""
    low, high = sorted(rng.sample(range(-15, 30), 2))
    x = rng.choice("xatky")
    sheets = (
        Sheet(
            f"({low},{high}]",
            [f"{low} < {x} ≤ {high}", f"{x} ∈ ({low}, {high}]", f"{low}<{x}\\leqslant {high}",
             f"\\{{{x} \\in \\mathbb{{R}} : {low} < {x} \\le {high}\\}}",
             f"\\left( {low},\\, {high} \\right]"],
            [f"{low} ≤ {x} ≤ {high}", f"{x} ∈ [{low}, {high})", f"{low}<{x}<{high}",
             f"({low},{high + 1}]", f"{{{low},{high}}}"],
        ),
        Sheet(
            f"[{low},\\infty)",
            [f"{x} ≥ {low}", f"[{low}, ∞)", f"{x}\\geqslant {low}", f"[{low},oo)",
             f"[{low}, +∞)", f"{low} ≤ {x}", f"[{low}, \\text{{infinity}})"],
            [f"{x} > {low}", f"({low}, ∞)", f"{x} ≤ {low}", f"[{low},{high}]", f"{x} ≥ {high}"],
        ),
        Sheet(
            f"(-\\infty,{low})\\cup({high},\\infty)",
            [f"{x} < {low} or {x} > {high}", f"{x}<{low} \\lor {x}>{high}",
             f"(-∞, {low}) ∪ ({high}, ∞)", f"{x}>{high}\\text{{ or }}{x}<{low}",
             f"(-oo,{low})\\cup({high},oo)", f"{low}>{x} \\text{{ or }} {high}<{x}"],
            [f"{x} < {low} and {x} > {high}", f"(-∞, {low}] ∪ [{high}, ∞)", f"{low}<{x}<{high}",
             f"{x}>{low} \\lor {x}<{high}", f"(-∞, {low})"],
        ),
    )  # fmt: skip
    return rng.choice(sheets)


def braces(rng: random.Random) -> Sheet:
    """Sets in other braces, with names, and in words."""
    a, b, c = rng.sample(range(-30, 90), 3)
    sheets = (
        Sheet(
            f"\\{{{a}, {b}, {c}\\}}",
            [f"\\lbrace {a}, {b}, {c} \\rbrace", f"\\{{ {c}, {a}, {b} \\}}",
             f"x \\in \\{{{b},{a},{c}\\}}", f"\\left\\{{ {a},\\ {c},\\ {b} \\right\\}}",
             f"{a}, {b}, and {c}", f"x={a}, x={b}, x={c}"],
            [f"\\lbrace {a}, {b} \\rbrace", f"\\{{{a}, {b}, {c + 100}\\}}", f"{a}, {b}",
             f"\\{{{a}, {b}, {c}, {c + 100}\\}}", f"{a}+{b}+{abs(c)}"],
        ),
        Sheet(
            f"{a}, {b}",
            [f"x={a} or x={b}", f"x = {b},\\; x = {a}", f"{b} \\text{{ or }} {a}",
             f"{a} \\text{{ and }} {b}", f"x_1={a}, x_2={b}", f"$ {a} $ and $ {b} $"],
            [f"x={a} or x={c}", f"{a} \\text{{ and }} {b + 100}", f"{a}", f"{a}-{abs(b)}",
             f"x_1={a}, x_2={c}"],
        ),
    )  # fmt: skip
    return rng.choice(sheets)


def figures(rng: random.Random) -> Sheet:
    """Points, angles, rays and derivatives: what a command or a prime stands for is its letters."""
    one, two, three, four = rng.sample("ABCDEFGHKMNPQRS", 4)
    x, y = rng.sample("fghuvw", 2)
    sheets = (
        Sheet(
            f"\\angle {one}{two}{three}",
            [f"\\angle{{{one}{two}{three}}}", f"$\\angle {one}{two}{three}$"],
            [f"\\angle {two}{one}{three}", f"\\angle {one}{two}{four}", f"{one}{two}{three}"],
        ),
        Sheet(
            f"\\triangle {one}{two}{three}",
            [f"\\triangle{{{one}{two}{three}}}", f"\\triangle {one}{two}{three}."],
            [f"\\triangle {one}{two}{four}", f"\\angle {one}{two}{three}"],
        ),
        Sheet(
            f"\\overrightarrow{{{one}{two}}}",
            [f"\\overrightarrow{{{one} {two}}}", f"$\\overrightarrow{{{one}{two}}}$"],
            [f"\\overrightarrow{{{two}{one}}}", f"\\overrightarrow{{{one}{three}}}"],
        ),
        Sheet(
            f"{x}'(x)",
            [f"{x}'(x).", f"{x}'{{(x)}}"],
            [f"{x}(x)", f"{x}''(x)", f"{y}'(x)", f"{x}^{{-1}}(x)"],
        ),
        Sheet(
            f"{x}^{{(3)}}(x)",
            [f"$ {x}^{{(3)}}(x) $"],
            [f"{x}^3(x)", f"{x}^{{(2)}}(x)", f"{y}^{{(3)}}(x)"],
        ),
        Sheet(
            f"\\vec{{{x}}}\\cdot\\vec{{{y}}}",
            [f"\\vec{{{x}}} \\cdot \\vec{{{y}}}"],
            [f"\\vec{{{x}}}\\times\\vec{{{y}}}", f"\\vec{{{x}}}+\\vec{{{y}}}", f"\\vec{{{x}}}"],
        ),
        Sheet(
            f"{x} \\land {y}",
            [f"{x}\\land {y}", f"$ {x} \\land {y} $"],
            [f"{x} \\lor {y}", f"\\lnot {x}", f"{x}", f"{x} \\to {y}"],
        ),
    )
    return rng.choice(sheets)


def directions(rng: random.Random) -> Sheet:
    """Words beside a number that turn it round are no units."""
    value = rng.randint(2, 90)
    one, two = rng.choice(
        (
            ("left", "right"), ("up", "down"), ("north", "south"), ("east", "west"),
            ("profit", "loss"), ("increase", "decrease"), ("below", "above"), ("more", "less"),
            ("before", "after"), ("more", "fewer"), ("gain", "loss"), ("BC", "AD"),
        )
    )  # fmt: skip
    one, two = rng.sample((one, two), 2)
    unit = rng.choice(("", "\\%", " \\text{ meters}"))
    same = [
        f"{value}{unit} \\text{{ {one}}}",
        f"{value}{unit} {one}",
        f"{value}{unit}\\text{{ {one}}}.",
    ]
    other = [
        f"{value}{unit} \\text{{ {two}}}",
        f"{value}{unit} {two}",
        f"{value + 1}{unit} \\text{{ {one}}}",
    ]
    return Sheet(f"{value}{unit} \\text{{ {one}}}", same, other)
