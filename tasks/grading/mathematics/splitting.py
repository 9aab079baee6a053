"""Where an answer falls into parts: at commas and words outside of all brackets."""

from __future__ import annotations

import re
from typing import NamedTuple

_DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_JOINT = re.compile(
    r"(?:(?<![A-Za-z\\])(?=(?:and|or)(?![A-Za-z]))|(?=[和或及与且與並]))(?P<word>and|or|[和或及与且與並]且?)"
    r"|\\(?P<command>land|lor)(?![A-Za-z])"
    r"|[,;]|\\langle|\\rangle|\\[{}]|[()\[\]{}]"
)
LOGIC = re.compile(r"\\l(?:and|or)(?![A-Za-z])")
"""The signs that join statements to one."""
EQUALS = re.compile(r"(?<![<>!])(?:=|\\approx(?![A-Za-z]))")
"""What says of two sides that they are the same."""
_INDEX = re.compile(r"_\{[^{}]*[=<>][^{}]*\}")
_JOINS = {
    "和": "and",
    "及": "and",
    "与": "and",
    "且": "and",
    "與": "and",
    "並": "and",
    "並且": "and",
    "或": "or",
    "land": "and",
    "lor": "or",
}


class Parts(NamedTuple):
    """The parts of a text and what joins them: commas alone, `and`, or `or`."""

    texts: list[str]
    join: str
    """`,`, `and` or `or`; a list that ends in `and` is joined by it (`1, 2 and 3`)."""


def split_answers(text: str) -> Parts | None:
    """The parts between commas, semicolons, `and` and `or`; None for one part alone.

    None too when a bracket closes that was not opened, or stays open: then nothing is outside.
    """
    texts: list[str] = []
    join = ","
    # One count for all kinds of brackets: of the interval [1,2) each end is of another kind.
    depth = start = 0
    for match in _JOINT.finditer(text):
        mark = match[0].removeprefix("\\")
        depth += _DEPTH.get(mark, 0) + {"langle": 1, "rangle": -1}.get(mark, 0)
        if depth < 0:
            return None
        is_joint = mark in (",", ";") or match["word"] or match["command"]
        if depth or not is_joint:
            continue
        texts.append(text[start : match.start()].strip())
        start = match.end()
        word = match["word"] or match["command"]
        if word:
            join = _JOINS.get(word, word)
    if depth:
        return None
    texts.append(text[start:].strip())
    # `1, 2, and 3` and `1,2,3,` leave empty parts that nobody meant.
    texts = [part for part in texts if part]
    return Parts(texts, join) if len(texts) > 1 else None


def without_indices(text: str) -> str:
    r"""The text without indices in braces: the `=` of `\sum_{k=1}` says nothing of the whole."""
    return _INDEX.sub("_k", text)


def split_at(text: str, separator: re.Pattern[str]) -> list[str]:
    """The parts between matches of a separator outside of all brackets; the whole is one part."""
    parts: list[str] = []
    depth = start = place = 0
    while place < len(text):
        match = separator.match(text, place) if depth == 0 else None
        if match and match.end() > place:
            parts.append(text[start:place].strip())
            start = place = match.end()
            continue
        # An escaped brace counts as the brace that it is.
        depth += _DEPTH.get(text[place], 0)
        place += 1
    return [*parts, text[start:].strip()]


def inside(text: str, opening: str, closing: str) -> str | None:
    """What stands between one pair of brackets around the whole text; None without such a pair."""
    if not text.startswith(opening) or not text.endswith(closing):
        return None
    inner = text[len(opening) : len(text) - len(closing)]
    if len(text) < len(opening) + len(closing):
        return None
    depth = 0
    for character in inner:
        depth += _DEPTH.get(character, 0)
        # `(1,2),(3,4)` begins and ends with brackets of two pairs.
        if depth < 0:
            return None
    return inner if depth == 0 else None
