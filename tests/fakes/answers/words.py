"""Answers in words and in wrappers: text, choices, bases, markdown, trailing marks, full width."""

from __future__ import annotations

import random
from fractions import Fraction

from answers.sheets import Sheet, fraction_of, latex, slashed

_NAMES = (
    "Marta", "Paula", "Evelyn", "Briana", "Carla", "Debra", "Angela", "Leonard", "Amy", "Ian",
    "Tom", "Ben", "Leo", "Nora", "Ada", "Karl", "Hans", "Eva", "Ruth", "Simon",
)  # fmt: skip
_SWAPPED = (
    ("Amy", "May"), ("Ian", "Nia"), ("Leo", "Ole"), ("Ada", "Aad"), ("Nora", "Roan"),
    ("Karl", "Lark"), ("Ruth", "Hurt"), ("Eva", "Vea"), ("Mary", "Army"), ("Lee", "Eel"),
    ("Brian", "Brain"), ("Dawn", "Wand"), ("Carol", "Coral"), ("Ron", "Nor"), ("Abe", "Bea"),
    ("no", "on"), ("true", "false"), ("east", "seat"), ("north", "thorn"),
)  # fmt: skip
_WORDS = (
    "even", "odd", "ellipse", "circle", "parabola", "hyperbola", "line", "point", "Monday",
    "Tuesday", "Saturday", "Sunday", "increasing", "decreasing", "yes", "no", "undefined", "never",
    "red", "green", "blue", "January", "June", "July", "acute", "obtuse", "rhombus", "square",
    "isosceles triangle", "two lines", "convex quadrilateral", "right triangle", "neither",
)  # fmt: skip
_NUMERALS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_COMMANDS = ("text", "textbf", "mathrm", "textit", "texttt", "textsf", "operatorname", "mbox")
_BASES = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}
_FULL_WIDTH = str.maketrans("0123456789-=%.,()+/:", "０１２３４５６７８９－＝％．，（）＋／：")


def text(rng: random.Random) -> Sheet:
    if rng.random() < 0.35:
        word, unlike = rng.choice(_SWAPPED)
        word, unlike = (word, unlike) if rng.random() < 0.5 else (unlike, word)
    else:
        pool = rng.choice((_NAMES, _WORDS))
        word, unlike = rng.sample(pool, 2)
    command = rng.choice(_COMMANDS)
    spaced = f"\\text{{ {word}}}"
    same = [
        word,
        word.lower(),
        word.capitalize(),
        f"\\text{{{word}}}",
        f"\\{command}{{{word}}}",
        spaced,
        f"{word}.",
        f"\\textbf{{{word}}}.",
        f"**{word}**",
        f"`{word}`",
        f"\\text{{{word.capitalize()}}}",
    ]
    other = [
        unlike,
        unlike.lower(),
        f"\\text{{{unlike}}}",
        f"\\{command}{{{unlike}}}",
        f"not {word}",
        f"{word} {unlike}",
        f"\\text{{ {unlike} }}",
        f"**{unlike}**",
    ]
    return Sheet(rng.choice((word, f"\\text{{{word}}}")), same, other)


def numerals(rng: random.Random) -> Sheet:
    word, value = rng.choice(sorted(_NUMERALS.items()))
    unlike = rng.choice([name for name in _NUMERALS if name != word])
    same = [word, f"\\text{{{word}}}", word.capitalize(), str(value), f"\\text{{ {word}}}"]
    other = [unlike, f"\\text{{{unlike}}}", str(value + 13), unlike.capitalize(), f"{value}1"]
    return Sheet(str(value), same, other)


def lists_in_words(rng: random.Random) -> Sheet:
    one, two, three, four = rng.sample(_NAMES, 4)
    same = [
        f"{one}, {two}, {three}",
        f"\\text{{{one}, {two}, {three}}}",
        f"\\text{{{one}}}, \\text{{{two}}}, \\text{{{three}}}",
        f"{one},{two},{three}",
    ]
    other = [
        f"{one}, {two}",
        f"{one}, {two}, {four}",
        f"\\text{{{one}, {four}, {three}}}",
        f"{one}, {two}, {three}, {four}",
    ]
    return Sheet(f"\\text{{{one}, {two}, {three}}}", same, other)


def choices(rng: random.Random) -> Sheet:
    letter, unlike = rng.sample("ABCDE", 2)
    number = rng.randint(2, 60)
    target = rng.choice((letter, f"\\text{{({letter})}}", f"({letter})"))
    same = [
        f"({letter})",
        letter.lower(),
        f"\\text{{({letter})}}",
        f"\\textbf{{({letter})}}",
        f"{letter})",
        f"{letter}.",
        f"\\text{{Option {letter}}}",
        f"Option {letter}",
        f"\\textbf{{({letter}) }} {number}",
        f"{letter}. {number}",
        f"[{letter}]",
        f"\\textbf{{{letter}.}}",
        f"\\boxed{{{letter}}}",
        f"**{letter}**",
        f"\\mathrm{{{letter}}}",
    ]
    other = [
        unlike,
        f"({unlike})",
        f"\\text{{({unlike})}}",
        f"{letter}{unlike}",
        f"{letter}, {unlike}",
        f"\\textbf{{({unlike}) }} {number}",
        f"\\Delta {letter}",
        f"Option {unlike}",
        f"{unlike}. {number}",
        f"{letter}+1",
    ]
    return Sheet(target, same, other)


def several_choices(rng: random.Random) -> Sheet:
    one, two, three = rng.sample("ABCDE", 3)
    same = [f"{one}, {two}", f"{two}, {one}", f"\\text{{{one} and {two}}}", f"{two},{one}"]
    other = [f"{one}, {three}", one, f"{one}, {two}, {three}", f"{three},{two}"]
    return Sheet(f"{one},{two}", same, other)


def _in_base(value: int, base: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, base)
        digits = f"{digit}{digits}"
    return digits or "0"


def bases(rng: random.Random) -> Sheet:
    base, unlike = rng.sample(sorted(_BASES), 2)
    value = rng.randint(base + 1, 2_000)
    digits, more = _in_base(value, base), _in_base(value + 1, base)
    same = [
        f"{digits}_{base}",
        f"{digits}_{{{base}}}",
        f"{digits}_{{\\text{{{_BASES[base]}}}}}",
        f"({digits})_{base}",
        f"{digits}_{{({base})}}",
        f"\\text{{{digits}}}_{base}",
        f"({digits})_{{{base}}}",
        f"{digits} _ {base}",
    ]
    other = [
        f"{digits}_{unlike}",
        f"{digits}_{{{unlike}}}",
        f"{more}_{base}",
        f"{digits}0_{base}",
        f"({more})_{{{base}}}",
        f"{digits}_{{\\text{{{_BASES[unlike]}}}}}",
        f"1{digits}_{base}",
    ]
    return Sheet(rng.choice((f"{digits}_{base}", f"{digits}_{{{base}}}")), same, other)


def _plain_value(rng: random.Random) -> tuple[str, str]:
    """An answer and another one."""
    if rng.random() < 0.6:
        value = rng.randint(2, 999)
        return str(value), rng.choice((str(value + 1), f"{value}1", f"-{value}"))
    value = fraction_of(rng)
    return latex(value), latex(rng.choice((-value, value + 1, 1 / value * 7)))


def _wrapped(inner: str) -> list[str]:
    return [
        f"**{inner}**",
        f"**{inner}",
        f"${inner}$",
        f"$${inner}$$",
        f"\\[{inner}\\]",
        f"\\({inner}\\)",
        f"**${inner}$**",
        f"$\\boxed{{{inner}}}$",
        f"\\text{{Answer: }}{inner}",
        f"\\text{{The answer is }} {inner}",
        f"The answer is {inner}",
        f"The answer is ${inner}$.",
        f"≈ {inner}",
        f"= {inner}",
        f"{inner} = x",
        f"{inner}</s>",
        f"{inner}<|im_end|>",
        f"{inner}<|eot_id|>",
        f"{inner}. I hope it is correct.",
        f"\\color{{red}}{inner}",
        f"{{\\color{{blue}}{inner}}}",
        f"\\large {inner}",
        f"\\fbox{{{inner}}}",
        f"\\boldsymbol{{{inner}}}",
        f"\\mathbf{{{inner}}}",
        f"\\displaystyle {inner}",
        f"`{inner}`",
        f'"{inner}"',
        f"\\boxed{{\\displaystyle {inner}}}",
        f"\\ensuremath{{{inner}}}",
    ]


def wrappers(rng: random.Random) -> Sheet:
    inner, unlike = _plain_value(rng)
    return Sheet(inner, rng.sample(_wrapped(inner), 8), rng.sample(_wrapped(unlike), 8))


def _trailed(inner: str) -> list[str]:
    ends = (".", ",", ";", "。", "\\", " \\quad", "\\;", "\\,", "~", " \\\\", "\u200b", "\u3000")
    found = [f"{inner}{end}" for end in (*ends, "\t", "\\hfill", "\n", "\u00a0", " .", "\\!")]
    found += [f"\\;{inner}", f"{{{inner}}}", f"(({inner}))", f"\ufeff{inner}", f"\\,{inner}\\,"]
    return [*found, f"({inner}).", f"\\phantom{{0}}{inner}", f"  {inner}  ", f"\\quad {inner}"]


def trailing(rng: random.Random) -> Sheet:
    inner, unlike = _plain_value(rng)
    return Sheet(inner, rng.sample(_trailed(inner), 8), rng.sample(_trailed(unlike), 8))


def full_width(rng: random.Random) -> Sheet:
    # Two digits at most: 8，288 would be eight thousand.
    a, b = rng.sample(range(1, 100), 2)
    share = slashed(Fraction(a, 7) if a % 7 else Fraction(1, 7))
    shapes = (
        (
            str(a),
            [f"{a} 个", f"x={a}。", f"{a}\\text{{元}}", f"{a}\\text{{ 米}}", f"（{a}）", f"{a}人"],
        ),
        (f"-{a}", [f"-{a}。", f"-{a}元"]),
        (f"{a},{b}", [f"{a}，{b}", f"{a}、{b}", f"{a}\\text{{或}}{b}", f"{b}，{a}"]),
        (f"({a},{b})", [f"（{a}，{b}）", f"（{a}, {b}）"]),
        (f"{a}\\%", [f"{a}％", f"{a} ％"]),
        (f"{a}.5", [f"{a}．5", f"{a}.5个"]),
        (f"\\{{{a},{b}\\}}", [f"｛{a}，{b}｝", f"｛{b}，{a}｝"]),
        (share, [f"{share}。", f"x＝{share}"]),
    )
    target, same = rng.choice(shapes)
    wide = target.replace("\\%", "%").translate(_FULL_WIDTH)
    same = [*same, wide] if "\\" not in wide else same
    # The same dress on other values.
    other = [spelling.replace(str(a), str(a + 1)) for spelling in same[:3] if str(a) in spelling]
    other += [wide.translate({ord("１"): "２", ord("２"): "１"})] if "\\" not in wide else []
    other.append(f"{a + 1}")
    digits = [text for text in other if _digits(text) != _digits(target)]
    return Sheet(target, same, [text for text in digits if not _same_share(text, target)])


def _digits(text: str) -> list[int]:
    """The runs of digits in a text, in the order of their size."""
    # `int` reads digits of any width.
    runs = "".join(mark if mark.isdecimal() else " " for mark in text).split()
    return sorted(int(run) for run in runs)


def _same_share(text: str, target: str) -> bool:
    plain = text.strip("。").removeprefix("x＝")
    return "/" in target and plain.count("/") == 1 and Fraction(plain) == Fraction(target)
