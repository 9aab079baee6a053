"""Numbers with something beside them: money, thousands, units, percent, degrees, powers of ten."""

from __future__ import annotations

import random
from fractions import Fraction

from answers.sheets import Sheet, decimal, grouped, latex, pick, slashed

_COUNTED = ("apples", "eggs", "people", "marbles", "students", "books", "pages", "trips")
_LENGTHS = ("cm", "mm", "km", "kg", "mL", "inches", "feet", "miles", "meters", "hours", "minutes")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "dozen": 12}
_UNLIKE = (
    ("minutes", "hours"),
    ("km", "m"),
    ("mm", "cm"),
    ("feet", "inches"),
    ("kg", "g"),
    ("seconds", "minutes"),
    ("days", "weeks"),
    ("cents", "dollars"),
    ("km/h", "mph"),
    ("kg", "pounds"),
)


def money(rng: random.Random) -> Sheet:
    whole = rng.randint(2, 9_999)
    cents = rng.choice((0, 0, rng.randint(11, 99)))
    value = Fraction(100 * whole + cents, 100)
    plain = f"{whole}.{cents:02}" if cents else str(whole)
    with_commas = f"{whole:,}.{cents:02}" if cents else f"{whole:,}"
    same = [
        f"${plain}",
        f"\\${plain}",
        f"${whole:,}.{cents:02}",
        f"{plain} dollars",
        f"{plain} \\text{{ dollars}}",
        f"US$ {plain}",
        f"USD {plain}",
        f"\\${with_commas}",
        f"{plain} USD",
    ]
    if rng.random() < 0.5:
        mark = rng.choice("£€¥₹")
        same = [f"{mark}{plain}", f"{mark} {with_commas}", f"{plain}{mark}", f"{plain} euros"]
        target = plain
    else:
        target = rng.choice((plain, f"\\${plain}"))
        same += [f"${plain} per day"] if target == plain else []
    other = [
        f"${whole + 1}.{cents:02}",
        f"{plain} cents" if target.startswith("\\") else f"${whole}.{(cents + 7) % 100:02}",
        f"-${plain}",
        f"${whole}{whole % 10}.{cents:02}",
        f"\\${decimal(value / 10)}",
        f"{decimal(value * 10)} dollars",
    ]
    return Sheet(target, same, other)


def thousands(rng: random.Random) -> Sheet:
    value = rng.randint(1_000, 10 ** rng.randint(4, 8))
    target = rng.choice((str(value), f"{value:,}"))
    marks = (",", "\\,", " ", "\\ ", "{,}", ",\\!", "{, }", "\\;", "{,}\\!")
    same = [grouped(value, mark) for mark in marks]
    same += [str(value), f"{value}.0", f"+{grouped(value, ',')}"]
    digits = str(value)
    other = [
        grouped(value + 1, ","),
        grouped(value * 10, ","),
        f"-{value:,}",
        f"{digits[:-4]},{digits[-4:]}0" if len(digits) > 4 else f"{digits[0]},{digits[1:]}0",
        f"{digits[:-3]}.{digits[-3:]}1",
        grouped(value + rng.choice((9, 90, 900)), " "),
    ]
    return Sheet(target, same, other)


def list_read_as_thousands(rng: random.Random) -> Sheet:
    first, second = rng.sample(range(2, 99), 2)
    third = rng.choice([n for n in range(100, 999) if n not in (first, second)])
    parts = [str(first), str(third), str(second)][: rng.choice((2, 3))]
    shuffled = rng.sample(parts, len(parts))
    target = rng.choice((", ".join(parts), " \\text{ and } ".join(parts)))
    ordered = [", ".join(order) for order in (parts, shuffled, parts[::-1])]
    same = [*ordered, " \\text{ and } ".join(shuffled), ", ".join(parts[:-1]) + f" and {parts[-1]}"]
    same += [f"\\{{{ordered[1]}\\}}", ",\\ ".join(shuffled), "; ".join(parts)]
    changed = [str(int(parts[0]) + 1), *parts[1:]]
    other = [
        "".join(parts),
        f"{int(''.join(parts)):,}0",
        ", ".join(parts[:-1]),
        ", ".join(changed),
        ", ".join([*parts, str(third + 1)]),
    ]
    return Sheet(target, same, other)


def units(rng: random.Random) -> Sheet:
    value = rng.choice((Fraction(rng.randint(2, 400)), Fraction(rng.randint(11, 199), 10)))
    plain, more = decimal(value), decimal(value + 1)
    unit = rng.choice(_LENGTHS)
    power = rng.choice((2, 3))
    counted = rng.choice(_COUNTED)
    same = [
        f"{plain} \\text{{ {unit}}}",
        f"{plain}\\,\\mathrm{{{unit}}}",
        f"{plain} {unit}",
        f"{plain} {counted}",
        f"{plain}\\text{{ {counted}}}",
        f"\\text{{{plain} {counted}}}",
        f"{plain} \\text{{ square feet}}",
        f"{plain} \\text{{ cm}}^{power}",
        f"{plain} cm^{power}",
        f"{plain}\\ \\mathrm{{m}}^{{{power}}}",
        f"{plain} cm²",
        f"{plain} km/h",
        f"{plain} \\text{{ units}}",
        f"{plain}\\,\\mathrm{{m/s}}",
        f"{plain} \\text{{ cubic feet}}",
    ]
    other = [
        f"{more} \\text{{ {unit}}}",
        f"{plain}0 {counted}" if value.denominator == 1 else f"{plain}1 {counted}",
        f"-{plain} \\text{{ cm}}^{power}",
        f"{decimal(value / 10)} {unit}",
        f"{more} cm^{power}",
        f"{decimal(value * 10)}\\,\\mathrm{{{unit}}}",
        f"\\text{{{more} {counted}}}",
        f"{plain} \\text{{ million}}",
    ]
    return Sheet(plain, same, other)


def units_that_change_the_value(rng: random.Random) -> Sheet:
    value = Fraction(rng.randint(11, 999), 10)
    plain = decimal(value)
    if rng.random() < 0.5:
        smaller, larger = rng.choice(_UNLIKE)
        target = f"{plain}\\text{{ {larger}}}"
        same = [
            f"{plain} {larger}",
            f"{plain} \\text{{ {larger}}}",
            f"{plain}\\,\\text{{{larger}}}",
        ]
        other = [f"{plain} {smaller}", f"{plain}\\text{{ {smaller}}}", f"{plain}1 {larger}"]
        return Sheet(target, [*same, plain], other)
    word, factor = rng.choice(sorted(_SCALES.items()))
    if word == "dozen":
        value = Fraction(rng.randint(2, 40))
        plain = str(value)
    whole = value * factor
    full = decimal(whole)
    spelled = [f"{plain} {word}", f"{plain} \\text{{ {word}}}", f"{plain}\\text{{ {word}}}"]
    same = [*spelled, full, f"{full} \\text{{ units}}"]
    if whole.denominator == 1:
        same.append(f"{whole.numerator:,}")
    unlike = rng.choice([name for name in _SCALES if name != word])
    other = [plain, f"{plain} {unlike}", decimal(whole * 10), f"{plain}\\text{{ {unlike}}}"]
    return Sheet(rng.choice((full, spelled[1])), same, [*other, decimal(whole + 1)])


def percent(rng: random.Random) -> Sheet:
    value = Fraction(rng.choice((rng.randint(2, 98), rng.randint(201, 999) / Fraction(10))))
    plain, share = decimal(value), value / 100
    same = [
        f"{plain}\\%",
        f"{plain}%",
        f"{plain} %",
        f"{plain} percent",
        f"{plain} pct",
        f"{plain}\\text{{ percent}}",
        f"{plain}\\ \\%",
        f"x = {plain}\\%",
        decimal(share),
        latex(share),
        plain,
    ]
    wrong = value + rng.randint(1, 9)
    other = [
        f"{decimal(wrong)}\\%",
        f"{decimal(share)}\\%",
        decimal(value / 10),
        f"{decimal(value * 10)}%",
        decimal(share / 10),
        f"-{plain}\\%",
        f"{decimal(wrong)} percent",
    ]
    return Sheet(f"{plain}\\%", same, other)


def degrees(rng: random.Random) -> Sheet:
    value = rng.randint(2, 359)
    target = rng.choice((str(value), f"{value}^\\circ", f"{value}^{{\\circ}}"))
    same = [
        f"{value}^{{\\circ}}",
        f"{value} ^ \\circ",
        f"{value}°",
        f"{value}\\text{{ degrees}}",
        f"{value} degrees",
        f"{value}º",
        f"\\angle A = {value}^\\circ",
        f"{value}\\degree",
    ]
    # Of heat only where the target says nothing: an angle is no temperature.
    if target == str(value):
        same += [f"{value}^\\circ C", f"{value}°C", f"{value}\\,^{{\\circ}}\\mathrm{{C}}"]
    other = [
        f"{value + 1}^\\circ",
        f"-{value}^\\circ",
        f"{value}0^\\circ",
        f"{360 + value}^\\circ",
        f"{value + 10}°",
        f"{value + 3} degrees",
        f"{value}^{{0.5}}",
    ]
    return Sheet(target, same, other)


def scientific(rng: random.Random) -> Sheet:
    mantissa = Fraction(rng.randint(11, 99), 10)
    power = rng.choice((-7, -6, -4, -3, 3, 4, 5, 6, 8, 12, 23))
    digits = decimal(mantissa)
    plain = decimal(mantissa * Fraction(10) ** power)
    same = [
        f"{digits}e{power}",
        f"{digits}E{power}",
        f"{digits} × 10^{power}" if power > 0 else f"{digits} × 10^{{{power}}}",
        f"{digits}\\times10^{{{power}}}",
        f"{digits} \\cdot 10^{{{power}}}",
        f"{digits}*10^({power})",
        f"{decimal(mantissa * 10)}\\times 10^{{{power - 1}}}",
        plain,
    ]
    if power > 0:
        same.append(f"{digits}e+{power}")
    other = [
        f"{digits}\\times10^{{{power + 1}}}",
        f"{digits}e{power - 1}",
        f"{digits} × 10^{{{-power}}}",
        f"{decimal(mantissa + 1)}e{power}",
        f"-{digits}e{power}",
        f"{digits}\\cdot 9^{{{power}}}",
    ]
    targets = (plain, f"{digits}\\times10^{{{power}}}", f"{digits} \\times 10^{{{power}}}")
    return Sheet(rng.choice(targets), same, other)


def decimals(rng: random.Random) -> Sheet:
    value = Fraction(rng.randint(1, 999), rng.choice((3, 7, 9, 11, 6, 13)))
    while value.denominator in (1, 2, 5):
        value = Fraction(rng.randint(1, 999), rng.choice((3, 7, 9, 11, 6, 13)))
    cut = Fraction(value.numerator * 100 // value.denominator, 100)
    tens = Fraction(rng.randint(1, 99_999), 10 ** rng.randint(1, 4))
    if rng.random() < 0.5:
        other = [decimal(cut), decimal(cut + Fraction(1, 100)), decimal(cut * 10), str(int(value))]
        return Sheet(latex(value), [latex(value, "dfrac"), slashed(value)], other)
    same = [decimal(tens), f"{decimal(tens)}0" if tens.denominator > 1 else str(tens), latex(tens)]
    same += [slashed(tens), f"+{decimal(tens)}"]
    other = [decimal(tens + Fraction(1, 10**4)), decimal(tens / 10), decimal(-tens)]
    other.append(pick(rng, decimal(tens * 10), decimal(tens + 1), count=1)[0])
    return Sheet(decimal(tens), same, other)
