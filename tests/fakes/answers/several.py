"""Answers of several parts: tuples, sets, lists, matrices, ratios, times of day."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from answers.sheets import Sheet, decimal, latex, slashed


def _values(rng: random.Random, count: int) -> list[Fraction]:
    """Different values, some of them halves and quarters, in an order that is not their own."""
    found: list[Fraction] = []
    while len(found) < count:
        bottom = rng.choice((1, 1, 1, 2, 4))
        value = Fraction(rng.randint(-40, 60), bottom)
        if value not in found:
            found.append(value)
    return found


def tuples(rng: random.Random) -> Sheet:
    values = _values(rng, rng.choice((2, 2, 3)))
    parts = [latex(value) for value in values]
    plain = [decimal(value) for value in values]
    inner = ",".join(parts)
    letters = ",".join("xyz"[: len(values)])
    same = [
        f"({', '.join(parts)})",
        f"({','.join(plain)})",
        f"\\left({', '.join(parts)}\\right)",
        f"( {' , '.join(slashed(value) for value in values)} )",
        f"\\big({inner}\\big)",
        f"({letters})=({inner})",
        f"({', '.join(letters.split(','))}) = ({', '.join(parts)})",
        f"({'; '.join(plain)})",
        f"\\langle {inner}\\rangle",
    ]
    swapped = [parts[1], parts[0], *parts[2:]]
    other = [
        f"({','.join(swapped)})",
        f"({','.join(parts[:-1])})" if len(parts) > 2 else parts[0],
        f"({inner},{parts[0]})",
        f"({','.join([latex(values[0] + 1), *parts[1:]])})",
        f"({','.join([*parts[:-1], latex(values[-1] + 7)])})",
        f"({letters})=({','.join(swapped)})",
        "".join(plain),
    ]
    return Sheet(f"({inner})", same, other)


def lists_of_tuples(rng: random.Random) -> Sheet:
    a, b, c, d = rng.sample(range(-20, 30), 4)
    one, two = f"({a},{b})", f"({c},{d})"
    same = [
        f"{one},{two}",
        f"{two},{one}",
        f"{one} \\text{{ and }} {two}",
        f"{two} or {one}",
        f"\\{{{one},{two}\\}}",
        f"{one}; {two}",
        f"({c}, {d}),\\ ({a}, {b})",
        f"{two} and {one}",
    ]
    other = [
        one,
        two,
        f"({b},{a}),{two}",
        f"({a},{d}),({c},{b})",
        f"{one},{two},({a},{c})",
        f"({a},{b},{c},{d})",
        f"{one},({d},{c})",
    ]
    return Sheet(f"{one},{two}", same, other)


def sets_and_lists(rng: random.Random) -> Sheet:
    values = _values(rng, rng.choice((2, 3, 4)))
    parts = [latex(value) for value in values]
    mixed = rng.sample(parts, len(parts))
    plain = [decimal(value) for value in rng.sample(values, len(values))]
    last = f"{', '.join(mixed[:-1])}"
    same = [
        ", ".join(mixed),
        "; ".join(parts),
        ",\\ ".join(mixed),
        f"\\{{{', '.join(mixed)}\\}}",
        f"\\left\\{{{','.join(plain)}\\right\\}}",
        f"{last} \\text{{ and }} {mixed[-1]}",
        f"{last} and {mixed[-1]}",
        f"{last} or {mixed[-1]}",
        f"x = {', '.join(parts)}",
    ]
    if len(parts) > 2:
        same += [f"{last}, and {mixed[-1]}", f"{last}, \\text{{ and }} {mixed[-1]}"]
    unlike = latex(values[0] + 101)
    other = [
        ", ".join(parts[:-1]),
        ", ".join([*parts, unlike]),
        ", ".join([unlike, *parts[1:]]),
        f"\\{{{', '.join([*parts[:-1], unlike])}\\}}",
        parts[-1],
        f"{last} and {unlike}",
        "\\emptyset",
    ]
    target = rng.choice((",".join(parts), ", ".join(parts), f"\\{{{', '.join(parts)}\\}}"))
    if target.startswith("\\{"):
        same.append(f"\\{{{', '.join([*parts, parts[0]])}\\}}")
    return Sheet(target, same, other)


def plus_or_minus(rng: random.Random) -> Sheet:
    a, b = rng.randint(1, 30), rng.choice((2, 3, 5, 6, 7, 10))
    root = f"\\sqrt{{{b}}}"
    sheets = (
        Sheet(
            f"{a},-{a}",
            [f"\\pm {a}", f"\\pm{a}", f"x = \\pm {a}", f"-{a}, {a}", f"{a} and -{a}", f"±{a}"],
            [str(a), f"-{a}", f"\\pm {a + 1}", f"{a}, -{a + 1}"],
        ),
        Sheet(
            f"{a}+{root}, {a}-{root}",
            [f"{a}\\pm {root}", f"{a} \\pm {root}", f"{a}-{root}, {a}+{root}", f"x={a}\\pm{root}"],
            [f"{a}+{root}", f"-{a}\\pm {root}", f"\\pm {root}", f"{a}\\pm \\sqrt{{{b + 1}}}"],
        ),
        Sheet(
            f"\\pm{root}",
            [f"{root}, -{root}", f"-{root} \\text{{ and }} {root}", f"x=\\pm {root}"],
            [root, f"-{root}", f"\\pm {b}", f"\\pm {a}{root}" if a > 1 else f"\\pm 2{root}"],
        ),
    )
    return rng.choice(sheets)


def matrices(rng: random.Random) -> Sheet:
    rows, columns = rng.choice(((2, 2), (2, 1), (3, 1), (1, 2), (2, 3), (3, 3)))
    values = [[Fraction(rng.randint(-9, 9), rng.choice((1, 1, 2))) for _ in range(columns)]
              for _ in range(rows)]  # fmt: skip
    values[0][0], values[-1][-1] = Fraction(11), Fraction(-13, 2)

    def written(cells: list[list[str]], kind: str = "pmatrix") -> str:
        lines = r"\\".join("&".join(row) for row in cells)
        return f"\\begin{{{kind}}}{lines}\\end{{{kind}}}"

    parts = [[latex(value) for value in row] for row in values]
    plain = [[decimal(value) for value in row] for row in values]
    lined = r" \\ ".join(" & ".join(row) for row in parts)
    array = r"\\".join("&".join(row) for row in plain)
    same = [
        written(parts, "bmatrix"),
        written(plain),
        written([[slashed(value) for value in row] for row in values]),
        f"\\begin{{pmatrix}} {lined} \\end{{pmatrix}}",
        f"\\begin{{pmatrix}}{lined}\\\\\\end{{pmatrix}}",
        f"A = {written(parts)}",
        f"\\mathbf{{M}}={written(parts)}",
        f"\\left[\\begin{{array}}{{{'c' * columns}}}{array}\\end{{array}}\\right]",
    ]
    if rows > 1 and columns > 1:
        same.append(f"[{','.join('[' + ','.join(row) + ']' for row in plain)}]")
    changed = [list(row) for row in parts]
    changed[0][0] = "12"
    negative = [list(row) for row in parts]
    negative[-1][-1] = "\\frac{13}{2}"
    other = [
        written(changed),
        written(negative),
        written([*parts, parts[0]]),
        written(parts[::-1]) if rows > 1 else written([parts[0][::-1]]),
        parts[0][0],
    ]
    transposed = [list(row) for row in zip(*parts, strict=True)]
    other += [written(transposed)] if transposed != parts else []
    return Sheet(written(parts), same, other)


def ratios(rng: random.Random) -> Sheet:
    a, b = rng.sample(range(1, 30), 2)
    a, b = a // math.gcd(a, b), b // math.gcd(a, b)
    # A third part, so that it is no time of day.
    c = rng.randint(2, 20) if rng.random() < 0.4 else None
    parts = [str(part) for part in (a, b, c) if part is not None]
    colon = ":".join(parts)
    same = [" : ".join(parts), "\\colon ".join(parts), " \\text{ to } ".join(parts)]
    same += [" to ".join(parts), "\\!:\\!".join(parts), "：".join(parts)]
    same += [":".join(str(3 * int(part)) for part in parts)] if c is not None else []
    changed = [*parts[:-1], str(int(parts[-1]) + 1)]
    other = [":".join(changed), f"{colon}:1", str(a + b), f"{a}:{b}0", f"{a + 1}:{b}"]
    other += [":".join(parts[::-1])] if parts != parts[::-1] else []
    return Sheet(colon, same, [text for text in other if not _is_ratio(text, parts)])


def _is_ratio(text: str, parts: list[str]) -> bool:
    """Whether the text is a multiple of the parts after all."""
    those = text.split(":")
    if len(those) != len(parts):
        return False
    return len({Fraction(int(a), int(b)) for a, b in zip(those, parts, strict=True)}) == 1


def times_of_day(rng: random.Random) -> Sheet:
    hour, minute = rng.randint(1, 12), rng.randint(0, 59)
    half, unlike = rng.choice((("am", "pm"), ("pm", "am")))
    dotted = f"{half[0]}.m."
    clock = f"{hour}:{minute:02}"
    same = [
        f"{clock} {half}",
        f"{clock} {half.upper()}",
        f"{clock}\\text{{ {half.upper()}}}",
        f"{clock} \\text{{ {dotted}}}",
        f"{hour}\\!:\\!{minute:02} \\text{{ {dotted}}}",
        f"{clock}{half}",
        f"{clock} \\text{{ {dotted.upper()}}}",
    ]
    later = f"{hour}:{(minute + 7) % 60:02}"
    other = [
        f"{clock} {unlike}",
        f"{clock} \\text{{ {unlike.upper()}}}",
        f"{clock}\\text{{ {unlike[0]}.m.}}",
        f"{later} {half}",
        f"{hour % 12 + 1}:{minute:02} {half}",
        f"{hour}{minute:02}",
    ]
    return Sheet(f"{clock}\\text{{ {rng.choice((dotted, half.upper()))}}}", same, other)
