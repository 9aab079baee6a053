r"""LaTeX spellings folded into one: spaces, `\left`, `\dfrac`, `\text`, units, degree signs.

Every substitution is a regular expression that cannot backtrack over more than its own match, so
that the work stays far below a millisecond per hundred characters on any input.
"""

from __future__ import annotations

import re

_SYMBOLS = str.maketrans(
    {
        "\0": "\\x00",
        "−": "-",
        "–": "-",
        "π": r"\pi ",
        "∞": r"\infty ",
        "×": r"\times ",
        "·": r"\cdot ",
        "≤": r"\le ",
        "≥": r"\ge ",
        "≠": r"\ne ",
        "∪": r"\cup ",
        "°": "",
        "\u00a0": " ",
    }
    | {chr(ord("０") + digit): str(digit) for digit in range(10)}
)
_TEXT = r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mbox|rm)\s*"
# Outside of \text{} only these are units: any other word may be a variable.
_UNIT_WORDS = (
    "degrees?|dollars?|cents?|units?|inch(?:es)?|feet|foot|ft|yards?|miles?|mph|mm|cm|km|"
    "met(?:er|re)s?|kilomet(?:er|re)s?|centimet(?:er|re)s?|"
    "seconds?|minutes?|hours?|days?|weeks?|months?|years?|"
    "grams?|kg|pounds?|ounces?|square units?|cubic units?"
)
# Inside of \text{} any words are, but "3 pm" is not 3, and "3 and 4" are two answers.
_UNIT = r"(?!\s*(?:[ap]m|and|or)\b)\s*[A-Za-z][A-Za-z ]*"
_FOLDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Thousands: 1{,}000, 1\,000 and 1,\!000, before the spaces of LaTeX go.
        (r"(?<=[0-9])(?:\{,\}|\\,|,\s?\\!\s?)(?=[0-9]{3}(?![0-9]))", ""),
        # Commands that change the look alone.
        (r"\\boxed(?![a-zA-Z])", ""),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\(?:left|right)(?![a-zA-Z])", ""),
        (r"\\(?:displaystyle|bigl|bigr|Bigl|Bigr|big|Big)(?![a-zA-Z])", ""),
        # Marks of mathematics: \( \), \[ \] and dollars, but not the \\[ of a matrix row.
        (r"(?<!\\)\\[()\[\]]|\\?\$", ""),
        # Spaces of all widths, the negative one being none.
        (r"(?<!\\)\\!", ""),
        (r"(?<!\\)\\[,;: ]|\\q?quad(?![a-zA-Z])|~", " "),
        (r"\\%", "%"),
        (r"\^\s?(?:\\circ(?![a-zA-Z])|\{\s?\\circ\s?\})|\\degree(?![a-zA-Z])", ""),
        # "and" between two answers is a comma; it goes before what is read as a unit.
        (_TEXT + r"\{\s*(?:and|or)\s*\}", ","),
        (r"(?<=[0-9}])\s?" + _TEXT + r"\{" + _UNIT + r"\.?\s*\}(?:\^\{?[23]\}?)?\s*$", ""),
        (r"(?<=[0-9}])\s?(?:" + _UNIT_WORDS + r")(?:\^\{?[23]\}?)?\s*$", ""),
        (_TEXT + r"\{([^{}]*)\}", r" \1 "),
        (r"(?<=[0-9)}]) (?:and|or) (?=[0-9(\\-])", ","),
        # One spelling of commands that have two, and braces where LaTeX lets them be left out.
        (r"\\([lgn])eq?(?![a-zA-Z])", r"\\\1e"),
        (r"\\frac\s?([0-9])\s?([0-9])", r"\\frac{\1}{\2}"),
        (r"\\frac\s?([0-9a-zA-Z])\s?\{", r"\\frac{\1}{"),
        (r"\\frac\s?(\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\})\s?([0-9a-zA-Z])", r"\\frac\1{\2}"),
        (r"\\sqrt\s?([0-9a-zA-Z])", r"\\sqrt{\1}"),
        (r"([_^])\{([0-9a-zA-Z])\}", r"\1\2"),
        # A plus that adds nothing: not after anything that it could be added to.
        (r"(?<![0-9a-zA-Z}) ])\+(?=\s?(?:[0-9.]|\\infty))", ""),
    )
)
_SPACES = re.compile(r"\s+")
_LOOSE_SPACE = re.compile(r"(?<![A-Za-z0-9_]) | (?![A-Za-z0-9_])")
_COEFFICIENT = re.compile(r"(?<=[0-9]) (?=[A-Za-z])")
_COMMAND_BEFORE_DIGIT = re.compile(r"(\\[A-Za-z]+) (?=[0-9])")
_DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def clean(text: str) -> str:
    """The text with one spelling per meaning, still LaTeX, without lone surrogates or NUL."""
    writable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = _SPACES.sub(" ", writable.translate(_SYMBOLS))
    for pattern, replacement in _FOLDS:
        text = pattern.sub(replacement, text)
    # Folds leave spaces beside each other.
    text = _SPACES.sub(" ", text)
    return _LOOSE_SPACE.sub("", text)


def squeeze(text: str) -> str:
    r"""Cleaned text without the spaces of `2 x` and `\pm 2`; `\cot x` and `1 2` keep theirs."""
    text = _COEFFICIENT.sub("", text)
    return _COMMAND_BEFORE_DIGIT.sub(r"\1", text)


def split_outside_brackets(text: str) -> list[str]:
    """The parts between commas outside all brackets; [] when one closes that was not opened."""
    parts: list[str] = []
    # One count for all kinds of brackets: of the interval [1,2) each end is of another kind.
    depth = start = 0
    for place, character in enumerate(text):
        depth += _DEPTH.get(character, 0)
        if depth < 0:
            return []
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    if depth != 0:
        return []
    return [*parts, text[start:]]
