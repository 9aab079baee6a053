"""Expressions in unusual dress: degrees in functions, plain text, Unicode, letters like units."""

from __future__ import annotations

import math
import random

from answers.algebra import Written, sheet_of
from answers.sheets import Sheet

_EXACT = {
    ("sin", 30): r"\frac12",
    ("cos", 60): r"\frac{1}{2}",
    ("tan", 45): "1",
    ("sin", 45): r"\frac{\sqrt2}{2}",
    ("cos", 30): r"\frac{\sqrt{3}}{2}",
    ("tan", 60): r"\sqrt3",
    ("cos", 15): r"\frac{\sqrt6+\sqrt2}{4}",
    ("sin", 15): r"\frac{\sqrt6-\sqrt2}{4}",
    ("cos", 36): r"\frac{1+\sqrt5}{4}",
    ("sin", 18): r"\frac{\sqrt5-1}{4}",
    ("cos", 120): r"-\frac12",
    ("sin", 75): r"\frac{\sqrt6+\sqrt2}{4}",
    ("tan", 15): r"2-\sqrt3",
}


def degrees_inside_a_function(rng: random.Random) -> Sheet:
    (name, angle), exact = rng.choice(sorted(_EXACT.items()))
    value = f"{name}({angle}*pi/180)"
    k = rng.choice((1, 2, 3, 5))
    front, times = ("", "") if k == 1 else (str(k), f"{k}*")
    target = rng.choice(
        (
            Written(f"{front}\\{name} {angle}^\\circ", f"{times}{value}"),
            Written(f"{k}\\left({exact}\\right)" if k > 1 else exact, f"{times}{value}"),
        )
    )
    unlike = angle + rng.choice((1, 5, 30))
    others = [
        Written(f"{front}\\{name} {angle}^\\circ", f"{times}{value}"),
        Written(f"{front}\\{name}({angle}^{{\\circ}})", f"{times}{value}"),
        Written(f"{front}\\{name}{{{angle}^\\circ}}", f"{times}{value}"),
        Written(f"{front}\\{name} {angle}°", f"{times}{value}"),
        Written(f"{front}{name}({angle}°)", f"{times}{value}"),
        Written(f"{front}\\{name}\\frac{{{angle}\\pi}}{{180}}", f"{times}{value}"),
        Written(f"{k}\\left({exact}\\right)", f"{times}{value}"),
        Written(f"{front}\\{name} {angle}", f"{times}{name}({angle})"),
        Written(f"{front}\\{name}({angle})", f"{times}{name}({angle})"),
        Written(f"{front}\\{name} {unlike}^\\circ", f"{times}{name}({unlike}*pi/180)"),
        Written(f"{k + 1}\\{name} {angle}^\\circ", f"{k + 1}*{value}"),
        Written(f"-{front}\\{name} {angle}^\\circ", f"-{times}{value}"),
        Written(f"{k + 1}\\left({exact}\\right)", f"{k + 1}*{value}"),
    ]
    return sheet_of(target, others)


def lost_plus_sign(rng: random.Random) -> Sheet:
    a, b, c = rng.randint(2, 9), rng.randint(2, 9), rng.randint(3, 6)
    x = rng.choice("xtn")
    absolute, factorial = f"Abs({x}-{b})", math.factorial(c)
    one = [
        Written(f"{a}|{x}-{b}|+{c}", f"{a}*{absolute}+{c}"),
        Written(f"{c}+{a}|{x}-{b}|", f"{a}*{absolute}+{c}"),
        Written(f"{c}+{a}\\left|{x}-{b}\\right|", f"{a}*{absolute}+{c}"),
        Written(f"{a}\\lvert {x}-{b}\\rvert+{c}", f"{a}*{absolute}+{c}"),
        Written(f"{a}|{b}-{x}|+{c}", f"{a}*{absolute}+{c}"),
        Written(f"{a}|{x}-{b}|{c}", f"{a}*{absolute}*{c}"),
        Written(f"{a}|{x}-{b}|-{c}", f"{a}*{absolute}-{c}"),
        Written(f"{a}|{x}-{b}|", f"{a}*{absolute}"),
        Written(f"{a}({x}-{b})+{c}", f"{a}*({x}-{b})+{c}"),
        Written(f"{a + c}|{x}-{b}|", f"{a + c}*{absolute}"),
    ]
    two = [
        Written(f"{c}!+{a}", f"{factorial + a}"),
        Written(str(factorial + a), f"{factorial + a}"),
        Written(f"{a}+{c}!", f"{factorial + a}"),
        Written(f"+{c}!+{a}", f"{factorial + a}"),
        Written(f"{c}!+|-{a}|", f"{factorial + a}"),
        Written(str(factorial), f"{factorial}"),
        Written(f"{c}!", f"{factorial}"),
        Written(f"{c}!\\cdot{a}", f"{factorial * a}"),
        Written(f"{c}!-{a}", f"{factorial - a}"),
        Written(f"{factorial}{a}", f"{factorial}{a}"),
    ]
    three = [
        Written(f"\\sqrt{{{x}}}+{a}", f"sqrt({x})+{a}"),
        Written(f"{a}+\\sqrt{{{x}}}", f"sqrt({x})+{a}"),
        Written(f"+\\sqrt {x}+{a}", f"sqrt({x})+{a}"),
        Written(f"{a} + sqrt({x})", f"sqrt({x})+{a}"),
        Written(f"{a}\\sqrt{{{x}}}", f"{a}*sqrt({x})"),
        Written(f"\\sqrt{{{x}+{a}}}", f"sqrt({x}+{a})"),
        Written(f"\\sqrt{{{x}}}-{a}", f"sqrt({x})-{a}"),
    ]
    target, *others = rng.choice((one, two, three))
    return sheet_of(target, others)


def fraction_of_a_command(rng: random.Random) -> Sheet:
    a, b = rng.sample(range(2, 10), 2)
    x = rng.choice("xyrt")
    name, meaning = rng.choice((("\\pi", "pi"), (x, x)))
    gap = " " if name == x else ""
    angles = [
        Written(f"\\frac{{{name}}}{{{b}}}", f"{meaning}/{b}"),
        Written(f"\\frac{gap}{name}{b}", f"{meaning}/{b}"),
        Written(f"\\frac{gap}{name}{{{b}}}", f"{meaning}/{b}"),
        Written(f"\\frac{{{name}}}{b}", f"{meaning}/{b}"),
        Written(f"\\frac1{b}{name}", f"{meaning}/{b}"),
        Written(f"{name}/{b}", f"{meaning}/{b}"),
        Written(f"\\dfrac{gap}{name} {b}", f"{meaning}/{b}"),
        Written(f"\\frac{b}{{{name}}}", f"{b}/{meaning}"),
        Written(f"\\frac{gap}{name}{a}", f"{meaning}/{a}"),
        Written(f"\\frac{{{a}{name}}}{{{b}}}", f"{a}*{meaning}/{b}"),
        Written(f"{b}{name}", f"{b}*{meaning}"),
    ]
    roots = [
        Written(f"\\sqrt{{\\frac{{{a}}}{{{b}}}}}", f"sqrt(Rational({a},{b}))"),
        Written(f"\\sqrt\\frac{a}{b}", f"sqrt(Rational({a},{b}))"),
        Written(f"\\sqrt{{\\frac{a}{b}}}", f"sqrt(Rational({a},{b}))"),
        Written(f"\\frac{{\\sqrt{a}}}{{\\sqrt{b}}}", f"sqrt(Rational({a},{b}))"),
        Written(f"\\left(\\frac{a}{b}\\right)^\\frac12", f"sqrt(Rational({a},{b}))"),
        Written(f"\\sqrt{{{a}/{b}}}", f"sqrt(Rational({a},{b}))"),
        Written(f"\\frac{{\\sqrt{a}}}{b}", f"sqrt({a})/{b}"),
        Written(f"\\sqrt\\frac{b}{a}", f"sqrt(Rational({b},{a}))"),
        Written(f"\\frac{a}{b}", f"Rational({a},{b})"),
        Written(f"\\sqrt{{{a * b}}}", f"sqrt({a * b})"),
    ]
    target, *others = rng.choice((angles, roots))
    return sheet_of(target, others)


def letters_like_units(rng: random.Random) -> Sheet:
    """`4+4m` is no 8: what could be a unit stands for a number that is not known."""
    a, b = rng.sample(range(2, 30), 2)
    x = rng.choice("mthcxn")
    spaced = [
        Written(f"{a}+{b}{x}", f"{a}+{b}*{x}"),
        Written(f"{b}{x}+{a}", f"{a}+{b}*{x}"),
        Written(f"{a} + {b}{x}", f"{a}+{b}*{x}"),
        Written(f"{b}\\cdot {x}+{a}", f"{a}+{b}*{x}"),
        Written(f"{a}+{b}", f"{a}+{b}"),
        Written(str(a + b), f"{a + b}"),
        Written(f"{a}{x}+{b}", f"{a}*{x}+{b}"),
        Written(f"{a}+{b}{x}^2", f"{a}+{b}*{x}**2"),
        Written(f"{a + b}{x}", f"{a + b}*{x}"),
    ]
    alone = [
        Written(f"{a}{x}", f"{a}*{x}"),
        Written(f"{a}\\cdot {x}", f"{a}*{x}"),
        Written(f"{x}\\cdot {a}", f"{a}*{x}"),
        Written(f"{a}*{x}", f"{a}*{x}"),
        Written(str(a), str(a)),
        Written(f"{a}{x}^2", f"{a}*{x}**2"),
        Written(f"{b}{x}", f"{b}*{x}"),
        Written(f"\\frac{{{x}}}{{{a}}}", f"{x}/{a}"),
        Written(f"{a}+{x}", f"{a}+{x}"),
    ]
    target, *others = rng.choice((spaced, alone))
    return sheet_of(target, others)


def plain_text_mathematics(rng: random.Random) -> Sheet:
    a, b = rng.sample(range(2, 10), 2)
    x = rng.choice("xnt")
    groups = (
        (f"\\frac{{{a}\\pi}}{{{b}}}", f"{a}*pi/{b}",
         [f"{a}*pi/{b}", f"{a}pi/{b}", f"({a}*pi)/{b}", f"{a}π/{b}", f"({a}π)/{b}"],
         [(f"{b}*pi/{a}", f"{b}*pi/{a}"), (f"-{a}pi/{b}", f"-{a}*pi/{b}"),
          (f"{a}/{b}", f"Rational({a},{b})"), (f"{a + b}π/{b}", f"{a + b}*pi/{b}")]),
        (f"{a}{x}^{b}", f"{a}*{x}**{b}",
         [f"{a}*{x}**{b}", f"{a}{x}^{{{b}}}", f"{a}*{x}^{b}", f"{a} {x}^{b}"],
         [(f"{b}*{x}**{a}", f"{b}*{x}**{a}"), (f"({a}*{x})**{b}", f"({a}*{x})**{b}"),
          (f"{a}*{x}*{b}", f"{a}*{x}*{b}"), (f"{a}+{x}**{b}", f"{a}+{x}**{b}")]),
        (f"{a}^{{{x}+{b}}}", f"{a}**({x}+{b})",
         [f"{a}^({x}+{b})", f"{a}**({x}+{b})", f"{a}^({b} + {x})"],
         [(f"{a}^{x}+{b}", f"{a}**{x}+{b}"), (f"{a}^({x}-{b})", f"{a}**({x}-{b})"),
          (f"{b}^({x}+{a})", f"{b}**({x}+{a})")]),
        (f"\\frac{{{a}\\sqrt{{{b}}}}}{{7}}", f"{a}*sqrt({b})/7",
         [f"{a}*sqrt({b})/7", f"{a}√{b}/7", f"({a}√({b}))/7", f"{a} sqrt({b})/7"],
         [(f"{b}*sqrt({a})/7", f"{b}*sqrt({a})/7"), (f"{a}*sqrt({b}/7)", f"{a}*sqrt({b}/7)"),
          (f"{a}*{b}/7", f"Rational({a * b},7)"), (f"-{a}√{b}/7", f"-{a}*sqrt({b})/7")]),
        (f"{a}\\sin {x}", f"{a}*sin({x})",
         [f"{a}*sin({x})", f"{a}sin({x})", f"{a}\\sin({x})", f"{a} sin {x}"],
         [(f"{a}*cos({x})", f"{a}*cos({x})"), (f"sin({a}{x})", f"sin({a}*{x})"),
          (f"{b}sin({x})", f"{b}*sin({x})")]),
        (f"{x}^2+{a}{x}-{b}", f"{x}**2+{a}*{x}-{b}",
         [f"{x}² + {a}{x} − {b}", f"{x}**2 + {a}*{x} - {b}", f"{x}^2 + {a}*{x} - {b}"],
         [(f"{x}³+{a}{x}-{b}", f"{x}**3+{a}*{x}-{b}"), (f"{x}² - {a}{x} - {b}",
          f"{x}**2-{a}*{x}-{b}"), (f"2{x}+{a}{x}-{b}", f"2*{x}+{a}*{x}-{b}")]),
        (str(a * b), str(a * b),
         [f"{a}*{b}", f"{a}×{b}", f"{a * b * b}÷{b}", f"{a} * {b}", f"{a}·{b}"],
         [(f"{a}+{b}", f"{a}+{b}"), (f"{a}÷{b}", f"Rational({a},{b})"), (f"{a}{b}", f"{a}{b}")]),
        (f"\\frac{{1}}{{{a}}}e^{{{b}{x}}}", f"exp({b}*{x})/{a}",
         [f"(1/{a})*e^({b}{x})", f"e^({b}*{x})/{a}", f"exp({b}{x})/{a}", f"(1/{a})exp({b}*{x})"],
         [(f"e^({x})/{a}", f"exp({x})/{a}"), (f"{a}*e^({b}{x})", f"{a}*exp({b}*{x})"),
          (f"exp({b}{x}/{a})", f"exp({b}*{x}/{a})")]),
    )  # fmt: skip
    text, meaning, spelled, misses = rng.choice(groups)
    others = [Written(spelling, meaning) for spelling in spelled]
    return sheet_of(Written(text, meaning), [*others, *(Written(*miss) for miss in misses)])
