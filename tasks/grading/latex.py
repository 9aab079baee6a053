r"""LaTeX spellings folded into one: spaces, `\left`, `\dfrac`, `\text`, units, degree signs.

Every substitution is a regular expression that cannot backtrack over more than its own match, so that
the work stays far below a millisecond per hundred characters on any input.
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
_UNIT_WORDS = (
    "degrees?|dollars?|cents?|units?|inch(?:es)?|feet|foot|ft|yards?|miles?|mph|mm|cm|km|met(?:er|re)s?|"
    "kilomet(?:er|re)s?|centimet(?:er|re)s?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|"
    "grams?|kg|pounds?|ounces?|square units?|cubic units?"
)
_UNIT = r"(?!\s*(?:[ap]m|and|or)\b)\s*[A-Za-z][A-Za-z ]*"
_FOLDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=[0-9])(?:\{,\}|\\,|,\s?\\!\s?)(?=[0-9]{3}(?![0-9]))", ""),
        (r"\\boxed(?![a-zA-Z])", ""),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\(?:left|right)(?![a-zA-Z])", ""),
        (r"\\(?:displaystyle|bigl|bigr|Bigl|Bigr|big|Big)(?![a-zA-Z])", ""),
        (r"(?<!\\)\\[()\[\]]|\\?\$", ""),
        (r"(?<!\\)\\!", ""),
        (r"(?<!\\)\\[,;: ]|\\q?quad(?![a-zA-Z])|~", " "),
        (r"\\%", "%"),
        (r"\^\s?(?:\\circ(?![a-zA-Z])|\{\s?\\circ\s?\})|\\degree(?![a-zA-Z])", ""),
        (_TEXT + r"\{\s*(?:and|or)\s*\}", ","),
        (r"(?<=[0-9}])\s?" + _TEXT + r"\{" + _UNIT + r"\.?\s*\}(?:\^\{?[23]\}?)?\s*$", ""),
        (r"(?<=[0-9}])\s?(?:" + _UNIT_WORDS + r")(?:\^\{?[23]\}?)?\s*$", ""),
        (_TEXT + r"\{([^{}]*)\}", r" \1 "),
        (r"(?<=[0-9)}]) (?:and|or) (?=[0-9(\\-])", ","),
        (r"\\([lgn])eq?(?![a-zA-Z])", r"\\\1e"),
        (r"\\frac\s?([0-9])\s?([0-9])", r"\\frac{\1}{\2}"),
        (r"\\frac\s?([0-9a-zA-Z])\s?\{", r"\\frac{\1}{"),
        (r"\\frac\s?(\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\})\s?([0-9a-zA-Z])", r"\\frac\1{\2}"),
        (r"\\sqrt\s?([0-9a-zA-Z])", r"\\sqrt{\1}"),
        (r"([_^])\{([0-9a-zA-Z])\}", r"\1\2"),
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
    text = text.encode("utf-8", "backslashreplace").decode("utf-8").translate(_SYMBOLS)
    text = _SPACES.sub(" ", text)
    for pattern, replacement in _FOLDS:
        text = pattern.sub(replacement, text)
    return _LOOSE_SPACE.sub("", _SPACES.sub(" ", text))


def squeeze(text: str) -> str:
    r"""Cleaned text without the spaces of `2 x` and `\pm 2`; `\cot x` and `1 2` keep theirs."""
    return _COMMAND_BEFORE_DIGIT.sub(r"\1", _COEFFICIENT.sub("", text))


def split_top_level(text: str) -> list[str]:
    """The parts between commas outside all brackets; [] when a bracket closes that was not opened."""
    parts: list[str] = []
    depth = start = 0
    for place, character in enumerate(text):
        depth += _DEPTH.get(character, 0)
        if depth < 0:
            return []
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]] if depth == 0 else []
