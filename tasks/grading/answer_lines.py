"""Answers that follow a word: `Answer: 42` in any dress, or another literal marker."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from tasks.grading.boxes import Found
from tasks.grading.dress import points_elsewhere

_SPACE = r"[^\S\n]*+"
_DRESS = rf"{_SPACE}[*_`~]*+{_SPACE}"
"""Bold, italics and code marks, and the spaces around them; no line break."""
_COLON = "[:：][*_`]*+"
"""A colon, with the marks that close what was opened before it: `**Answer:** 42`."""
_LEADS = (
    "so|thus|hence|therefore|then|finally|and|in conclusion|here is|the|my|our|final|correct|"
    "right|short|numerical|numeric"
)
_ANSWER = r"(?:answer|答案[是为]?)"
_HEADING = rf"(?:\#{{1,6}}|\*\*|__)[*_ \t]*+(?:(?:{_LEADS})[ \t]++)*+answer{_SPACE}[*_]*+{_SPACE}$"
"""`## Final Answer`: a heading needs no colon, what follows stands below it."""

_BLOCK = re.compile(
    r"\s*+[*_]*+(?:\\\[(.{0,4000}?)\\\]|\$\$(.{0,4000}?)\$\$|```\w*+\n(.{0,4000}?)```)", re.DOTALL
)
"""Display mathematics or fenced code, which may take several lines."""
_BULLET = re.compile(r"\A[-•]\s+(?=\S)")
_TAG = re.compile(r"<(\w+)>")
_NO_CONTENT = re.compile(r"(?:[\s*_`~$]|<br ?/?>)*+", re.IGNORECASE)
_LINE_END = re.compile(
    r"[\r\n]|<br ?/?>|<[|｜][A-Za-z_]++[|｜]>|</s>|<(?:start|end)_of_turn>|\[/?INST\]|\Z",
    re.IGNORECASE,
)


def answer_lines(text: str, start: int) -> list[Found]:
    """What follows `Answer:` at a line's beginning, in any dress, or stands below that heading.

    Of those that begin at offset `start` or later.
    """
    # A match begins with its line and stays on it: no line above can hold one.
    line_start = text.rfind("\n", 0, start) + 1
    found = _read(text, _line_pattern(_ANSWER), line_start)
    return [line for line in found if line.start >= start]


def marked(text: str, marker: str) -> list[Found]:
    """What follows a literal marker: spelled so anywhere, or at a line's beginning in any dress.

    After a tag such as `<answer>` it is what stands before the tag that closes it. ValueError for a
    marker of nothing.
    """
    tag = _TAG.fullmatch(marker.strip())
    if tag:
        return _tagged(text, tag[1])
    return list(_read(text, _pattern(marker)))


def _tagged(text: str, name: str) -> list[Found]:
    found: list[Found] = []
    opened = None
    for tag in re.finditer(rf"<(/?){name}>", text):
        if not tag[1]:
            opened = tag
        elif opened is not None:
            value = text[opened.end() : tag.start()].strip()
            if _is_answer(value):
                found.append(Found(opened.start(), tag.end(), value))
            opened = None
    return found


@functools.lru_cache(maxsize=64)
def _pattern(marker: str) -> re.Pattern[str]:
    word = marker.strip().rstrip(":：").rstrip()
    if not word:
        raise ValueError(
            f"expected a marker such as '\\boxed' or 'Answer: ', got {marker!r}; name one"
        )
    spelled = re.escape(word)
    # As the format spells it, it counts anywhere: `Question: 1+1? Answer: 2`.
    literal = rf"\b{spelled}" if word[0].isalnum() else spelled
    if marker.strip() == word:
        return re.compile(literal)
    says_answer = word.casefold().endswith("answer")
    line = _line_pattern(_ANSWER if says_answer else spelled)
    return re.compile(rf"{literal}{_DRESS}{_COLON}|{line.pattern}", re.MULTILINE)


@functools.lru_cache(maxsize=64)
def _line_pattern(word: str) -> re.Pattern[str]:
    # In another spelling it counts at a line's beginning only: `to check my answer: ...` is none.
    lead = rf"^(?:[^\w\n]|_)*+(?:(?:{_LEADS})\b[^\w\n]*+)*+"
    line = rf"{lead}{word}(?:{_DRESS}(?:is|are))?{_DRESS}{_COLON}"
    return re.compile(rf"(?i:{line}|^{_SPACE}{_HEADING})", re.MULTILINE)


def _read(text: str, pattern: re.Pattern[str], start: int = 0) -> Iterator[Found]:
    """Where something follows a match before the next one begins, what it is; from an offset on."""
    last = None
    for match in pattern.finditer(text, start):
        if last is not None:
            yield from _value(text, last, match.start())
        last = match
    if last is not None:
        yield from _value(text, last, len(text))


def _value(text: str, match: re.Match[str], end: int) -> Iterator[Found]:
    """The display block after the match, else the first line with content; nothing for neither."""
    start = match.end()
    block = _BLOCK.match(text, start, end)
    if block:
        parts = [part for part in block.groups() if part is not None]
        value = parts[0].strip()
        if _is_answer(value):
            yield Found(match.start(), block.end(), value)
            return
    before = _NO_CONTENT.match(text, start, end)
    content = before.end() if before else start
    if content == end:
        return
    line_break = text.rfind("\n", start, content)
    line_start = max(start, line_break + 1)
    line_end = _LINE_END.search(text, content, end)
    value_end = line_end.start() if line_end else end
    value = text[line_start:value_end].strip()
    if line_start > start:
        # Below the marker `- 42` is an item of a list, not a negative number.
        value = _BULLET.sub("", value, count=1)
    if _is_answer(value):
        yield Found(match.start(), value_end, value)


def _is_answer(value: str) -> bool:
    return value != "" and not points_elsewhere(value)
