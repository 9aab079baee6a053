"""Answers that say what holds: equations, assignments, inequalities and intervals."""

from __future__ import annotations

import random
from fractions import Fraction

from answers.sheets import Sheet, latex

_NAMES = "xyntkamp"


def _term(factor: int, letter: str, *, first: bool = False) -> str:
    """` + 3x`, signed unless it comes first."""
    size = "" if abs(factor) == 1 else str(abs(factor))
    sign = "-" if factor < 0 else "" if first else "+"
    return f"{sign}{size}{letter}"


def _signed(value: int) -> str:
    return f"+{value}" if value > 0 else str(value)


def _nonzero(rng: random.Random, most: int = 9) -> int:
    return rng.choice([n for n in range(-most, most + 1) if n])


def lines(rng: random.Random) -> Sheet:
    """A line in the plane: multiples and moved terms are the same line."""
    a, b, c = _nonzero(rng), _nonzero(rng), _nonzero(rng, 12)
    k = rng.choice((-3, -2, 2, 3, 5))

    def general(x: int, y: int, rest: int) -> str:
        return f"{_term(x, 'x', first=True)}{_term(y, 'y')}{_signed(rest)}=0"

    slope, height = Fraction(-a, b), Fraction(-c, b)
    plus = "" if height < 0 else "+"
    same = [
        general(a, b, c),
        general(k * a, k * b, k * c),
        f"{_term(a, 'x', first=True)}{_term(b, 'y')}={-c}",
        f"{_term(-a, 'x', first=True)}{_term(-b, 'y')}={c}",
        f"y={latex(slope)}x{plus}{latex(height)}",
        f"{_term(a, 'x', first=True)} = {_term(-b, 'y', first=True)}{_signed(-c)}",
    ]
    other = [
        general(a, -b, c),
        general(a, b, -c),
        general(a, b, c + (1 if c != -1 else 2)),
        f"{_term(a, 'x', first=True)}{_term(b, 'y')}={c}",
        f"y={latex(-slope)}x{plus}{latex(height)}",
    ]
    if a != b:
        other.append(general(b, a, c))
    return Sheet(general(a, b, c), same, other)


def circles(rng: random.Random) -> Sheet:
    """Circles and ellipses, multiplied out or divided."""
    h, k, r = _nonzero(rng, 6), _nonzero(rng, 6), rng.randint(2, 9)
    rest = h * h + k * k - r * r
    tail = _signed(rest) if rest else ""
    a, b = rng.sample(range(2, 9), 2)
    if rng.random() < 0.5:
        target = f"\\frac{{x^2}}{{{a}}}+\\frac{{y^2}}{{{b}}}=1"
        same = [f"{b}x^2+{a}y^2={a * b}", f"{2 * b}x^2+{2 * a}y^2={2 * a * b}"]
        same.append(f"\\frac{{y^2}}{{{b}}}+\\frac{{x^2}}{{{a}}}=1")
        other = [f"\\frac{{x^2}}{{{b}}}+\\frac{{y^2}}{{{a}}}=1", f"{b}x^2-{a}y^2={a * b}"]
        return Sheet(target, same, [*other, f"{a}x^2+{b}y^2={a * b}"])
    shape = f"(x{_signed(-h)})^2+(y{_signed(-k)})^2"
    target = f"{shape}={r * r}"
    same = [
        f"x^2+y^2{_term(-2 * h, 'x')}{_term(-2 * k, 'y')}{tail}=0",
        f"(x{_signed(-h)})^2 + (y{_signed(-k)})^2 = {r}^2",
        f"{r * r}={shape}",
    ]
    other = [
        f"{shape}={r}",
        f"{shape}={r * r + 1}",
        f"(x{_signed(h)})^2+(y{_signed(-k)})^2={r * r}",
        f"(x{_signed(-h)})^2+(y{_signed(k)})^2={r * r}",
    ]
    return Sheet(target, same, other)


def values_of_a_name(rng: random.Random) -> Sheet:
    """`x = 5` for 5, `f(x) = 2x+3` for the expression."""
    name, unlike = rng.sample(_NAMES, 2)
    value = rng.choice((rng.randint(-60, 90), Fraction(rng.randint(1, 19), rng.randint(2, 9))))
    plain = latex(Fraction(value))
    a, b = rng.randint(2, 9), _nonzero(rng)
    if rng.random() < 0.5:
        side = rng.choice(("AB", "BC", "PQ"))
        same = [plain, f"{name}={plain}", f"{name} = {plain}", f"{side} = {plain}"]
        same += [f"\\text{{Total}} = {plain}", f"{name}:={plain}", f"{name} \\approx {plain}"]
        same.append(f"{plain} = {name}")
        more = latex(Fraction(value) + 1)
        other = [f"{name}={more}", f"{side} = {more}", f"{name} = {latex(Fraction(value) - 2)}"]
        return Sheet(plain, same, [*other, f"{name}={latex(-Fraction(value) - 1)}"])
    value_of = f"{a}{name}{_signed(b)}"
    same = [
        value_of,
        f"y = {value_of}" if name != "y" else f"z = {value_of}",
        f"f({name})={value_of}",
        f"f({name}) = {b}+{a}{name}",
        f"{b}+{a}{name}",
        f"g({name}) = {value_of}",
    ]
    other = [
        f"f({name})={a}{name}{_signed(-b)}",
        f"{a + 1}{name}{_signed(b)}",
        f"{a}{unlike}{_signed(b)}",
        f"{value_of}=0",
        f"f({name})=-{a}{name}{_signed(b)}",
    ]
    return Sheet(value_of, same[:1] + same[2:], other)


def assignments(rng: random.Random) -> Sheet:
    one, two = rng.sample(range(-20, 40), 2)
    x, y = rng.choice((("x", "y"), ("a", "b"), ("m", "n"), ("p", "q")))
    if rng.random() < 0.5:
        target = f"{x}={one},{y}={two}"
        same = [
            f"{x} = {one}, {y} = {two}",
            f"{x}={one} and {y}={two}",
            f"{x}={one}, \\quad {y}={two}",
            f"{y}={two}, {x}={one}",
            f"({x},{y})=({one},{two})",
            f"{x}={one} \\text{{ and }} {y}={two}",
            f"{x} = {one},\\; {y} = {two}",
        ]
        other = [f"{x}={two}, {y}={one}", f"{x}={one}, {y}={two + 1}", f"({x},{y})=({two},{one})"]
        return Sheet(target, same, [*other, f"{x}={one}, {x}={two}", f"{x}={one}"])
    target = rng.choice((f"{one},{two}", f"{x}={one} \\text{{ or }} {x}={two}"))
    same = [
        f"{one}, {two}",
        f"{two}, {one}",
        f"{x} = {one}, {two}",
        f"{x}={two} \\text{{ or }} {x}={one}",
        f"{x}={one}; {x}={two}",
        f"{x}_1 = {one},\\ {x}_2 = {two}",
        f"{x} \\in \\{{{one},{two}\\}}",
        f"{x}={one}\\text{{ or }}{two}",
    ]
    more = next(n for n in range(41, 99) if n not in (one, two))
    other = [f"{x}={one}", f"{x} = {one}, {more}", f"{x}={two}; {x}={more}", str(two)]
    return Sheet(target, same, [*other, f"{x}\\in\\{{{one},{two},{more}\\}}"])


def intervals(rng: random.Random) -> Sheet:
    low, high = sorted(rng.sample(range(-20, 30), 2))
    x = rng.choice("xatm")
    opened, closed = rng.choice("(["), rng.choice(")]")
    left = "<" if opened == "(" else "\\le"
    right = "<" if closed == ")" else "\\le"
    target = f"{opened}{low},{high}{closed}"
    chained = f"{low} {left} {x} {right} {high}"
    same = [
        f"{opened}{low}, {high}{closed}",
        chained,
        chained.replace("\\le", "\\leq"),
        chained.replace("\\le", "<="),
        f"{x} \\in {target}",
        f"\\left{opened}{low}, {high}\\right{closed}",
        f"{opened}{_with_point(low)},{high}{closed}",
        f"\\{{{x} : {chained}\\}}",
        f"\\{{{x} \\mid {chained}\\}}",
        f"{x} {_flip(left)} {low} \\text{{ and }} {x} {right} {high}",
        f"{high} {_flip(right)} {x} {_flip(left)} {low}",
    ]
    flipped = "[" if opened == "(" else "("
    other = [
        f"{flipped}{low},{high}{closed}",
        f"{opened}{low},{high}{']' if closed == ')' else ')'}",
        f"{opened}{low},{high + 1}{closed}",
        f"{opened}{low - 1},{high}{closed}",
        f"{x} {_flip(left)} {low} \\text{{ or }} {x} {right} {high}",
        f"{low} {'<' if left != '<' else chr(92) + 'le'} {x} {right} {high}",
        f"{low} {left} {x}",
        f"(-\\infty,{low})\\cup({high},\\infty)",
    ]
    return Sheet(target, same, other)


def _with_point(value: int) -> str:
    """`3.0` for 3."""
    return f"{value}.0"


def _flip(sign: str) -> str:
    """The sign read from the other side."""
    return {"<": ">", "\\le": "\\ge"}[sign]


def rays(rng: random.Random) -> Sheet:
    """Half-lines, unions, and the line less a point."""
    low, high = sorted(rng.sample(range(-20, 30), 2))
    x = rng.choice("xatm")
    with_end = rng.random() < 0.5
    end, start = ("]", "[") if with_end else (")", "(")
    less, more = ("\\le", "\\ge") if with_end else ("<", ">")
    wrong_end, wrong_start = (")", "(") if with_end else ("]", "[")
    union = f"(-\\infty,{low}{end}\\cup{start}{high},\\infty)"
    sheets = (
        Sheet(
            f"{start}{low},\\infty)",
            [f"{x} {more} {low}", f"{low} {less} {x}", f"{start}{low}, +\\infty)",
             f"{x} \\in {start}{low},\\infty)", f"\\{{{x} \\mid {x} {more} {low}\\}}"],
            [f"{x} {less} {low}", f"{wrong_start}{low},\\infty)", f"(-\\infty,{low}{end}",
             f"{x} {more} {low + 1}"],
        ),
        Sheet(
            union,
            [f"{x} {less} {low} \\text{{ or }} {x} {more} {high}",
             f"{x} {more} {high} \\text{{ or }} {x} {less} {low}",
             f"{start}{high},\\infty)\\cup(-\\infty,{low}{end}",
             f"{x} \\in (-\\infty, {low}{end} \\cup {start}{high}, \\infty)"],
            [f"(-\\infty,{low}{wrong_end}\\cup{start}{high},\\infty)", f"{start}{low},{high}{end}",
             f"(-\\infty,{low}{end}", f"(-\\infty,{low}{end}\\cup{start}{high + 1},\\infty)",
             f"(-\\infty,{low}{end}\\cap{start}{high},\\infty)",
             f"{x} {more} {low} \\text{{ and }} {x} {less} {high}"],
        ),
        Sheet(
            f"(-\\infty,{low})\\cup({low},\\infty)",
            [f"{x}\\neq {low}", f"\\mathbb{{R}}\\setminus\\{{{low}\\}}", f"{x} \\ne {low}"],
            [f"{x}\\neq {high}", "(-\\infty,\\infty)", f"{x}={low}", f"({low},\\infty)"],
        ),
    )  # fmt: skip
    return rng.choice(sheets)


def unions(rng: random.Random) -> Sheet:
    a, b, c, d = sorted(rng.sample(range(-30, 60), 4))
    target = f"({a},{b})\\cup({c},{d})"
    same = [
        f"({a}, {b}) \\cup ({c}, {d})",
        f"({c},{d})\\cup({a},{b})",
        f"x\\in({a},{b})\\cup({c},{d})",
        f"{a}<x<{b} \\text{{ or }} {c}<x<{d}",
        f"({a},{b}) ∪ ({c},{d})",
    ]
    other = [
        f"[{a},{b}]\\cup[{c},{d}]",
        f"({a},{b})",
        f"({a},{b})\\cap({c},{d})",
        f"({a},{c})\\cup({b},{d})",
        f"({a},{b})\\cup({c},{d + 1})",
        f"({a},{d})",
        f"({a},{b})\\cup({c},{d}]",
    ]
    return Sheet(target, same, other)
