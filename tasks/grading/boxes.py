r"""Answers in boxes: `\boxed{...}` and its kin, and which of them stand together as one answer."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tasks.grading.dress import points_elsewhere


class Found(NamedTuple):
    """An answer as it was written, and where."""

    start: int
    end: int
    text: str


class _Box(NamedTuple):
    start: int
    inside: int
    """Where its content begins."""
    end: int
    """Where its content ends; -1 where its brace never closes."""
    after: int
    """Where the text goes on behind it; -1 likewise."""


_NUMBER = (
    r"[-+−]?(?:\d++(?:[.,]\d++)*+|\.\d++)(?:/\d++)?+(?:\s?\\?%)?+"
    # Of `\boxed 5x` nobody can say how much was meant.
    r"(?![\w^({]|\\(?!text|q?quad)[A-Za-z])"
)
_LETTER = r"(?<=\s)[A-Za-z]"
_COMMAND = (
    r"\\(?!(?:q?quad|boxed|[fb]box|framebox|left|right|begin|end)(?![A-Za-z]))[A-Za-z]++"
    r"(?:\d\d|(?:\[[^\[\]{}]*+\])?(?:\s?\{[^{}]*+\})*+)"
)
_MATHEMATICS_ENDS = r"(?=[ \t]*+(?:[.,;]?(?:[ \t]*+$|\$)|[.,;]\s|\\[\])]|\*\*))"

_MARK = re.compile(
    r"(?P<box>\\(?:boxed|fbox|bbox|framebox)(?![A-Za-z])\s*+(?:\[[^\[\]{}]*+\]\s*+)?\{)"
    # Without braces one number, letter or command is its argument.
    rf"|\\(?:boxed|fbox)(?![A-Za-z])[ \t]*+"
    rf"(?P<bare>{_NUMBER}|(?:{_LETTER}|{_COMMAND}){_MATHEMATICS_ENDS})"
    # Escapes are read along with the braces, so that `\{` opens nothing; but `\\boxed` is a box
    # in text that was escaped once too often.
    r"|\\(?:[{}]|\\(?!boxed|fbox|bbox|framebox))"
    # A run of braces is one mark, so that a text of nothing else costs one step.
    r"|(?P<open>\{+)|(?P<close>\}+)",
    re.MULTILINE,
)

_FIRST = re.compile(r"\\(?:boxed|fbox|bbox|framebox)")
"""Where the first box of a text begins at the earliest."""

_PLACEHOLDER = re.compile(
    r"(?:\s|\.|…|~|\\[lc]?dots|\\[ ,;:!]|\\(?:text|mathrm)\s*\{|\}|(?:your|final|the|answer)\b)*+",
    re.IGNORECASE,
)
r"""What stands in a box that shows a form and no answer: `\boxed{}`, `\boxed{...}`."""

_FILLER = r"(?:\s|\$|~|&|\*\*|\\[()\[\],;:! ]|\\q?quad(?![A-Za-z]))"
_BETWEEN = r"(?:[,;、，；]|\b(?:and|or)\b|[和或与及]|\\(?:lor|land|vee|wedge)(?![A-Za-z]))"
_TOGETHER = re.compile(
    rf"{_FILLER}*+(?:(?:{_BETWEEN}|\\text\s*\{{\s*{_BETWEEN}\s*\}}){_FILLER}*+)++"
    rf"(?:[A-Za-z](?:_\{{?\w\}}?)?\s*=\s*)?+"
)
r"""What stands between two boxes of one answer: `\boxed{3} and \boxed{5}`, `or n = \boxed{1}`."""
_LONGEST_BETWEEN = 60
_LONGEST_POINTING = 80


@functools.lru_cache(maxsize=1)  # reading an answer asks for those of its text three times
def boxed(text: str) -> tuple[Found, ...]:
    r"""Every answer in a box, boxes of one answer joined by commas; linear in the text.

    Of boxes in one another the inner one counts. A box without content, with a form's dots in it or
    with words that point elsewhere, is none. Without braces a box holds one number, letter or
    command: `\boxed 42`. Where the box that begins last never closes, it comes last: without text,
    and reaching to the end.
    """
    boxes = [box for box in _boxes(text) if not _is_placeholder(text, box)]
    # A box that holds the next one is only its frame.
    inner = [box for box, after in pairwise(boxes) if box.end < after.start]
    inner += boxes[-1:]
    closed = [box for box in inner if box.end >= 0]
    answers = [_join(text, group) for group in _groups(text, closed)]
    if boxes and boxes[-1].end < 0:
        answers.append(Found(boxes[-1].start, len(text), ""))
    return tuple(answers)


def _boxes(text: str) -> list[_Box]:
    """All boxes in the order of their beginnings."""
    boxes: list[_Box] = []
    first = _FIRST.search(text)
    if first is None:
        return boxes
    pending: list[tuple[int, int]] = []
    """(place in `boxes`, depth outside) of those that have not closed."""
    depth = 0
    # Braces before the first box stand around it: what closes in it is the same without them.
    for mark in _MARK.finditer(text, first.start()):
        if mark["box"]:
            pending.append((len(boxes), depth))
            boxes.append(_Box(mark.start(), mark.end(), -1, -1))
            depth += 1
        elif mark["bare"]:
            boxes.append(_Box(mark.start(), mark.start("bare"), mark.end(), mark.end()))
        elif mark["open"]:
            depth += len(mark["open"])
        elif mark["close"]:
            # More braces closed than opened are a slip of the writer's, not a depth below zero.
            after = max(0, depth - len(mark["close"]))
            while pending and pending[-1][1] >= after:
                place, outside = pending.pop()
                end = mark.start() + depth - outside - 1
                boxes[place] = boxes[place]._replace(end=end, after=end + 1)
            depth = after
    return boxes


def _is_placeholder(text: str, box: _Box) -> bool:
    if box.end < 0:
        return False
    # Stops at the first character of an answer, so that no content is read twice.
    shown = _PLACEHOLDER.match(text, box.inside, box.end)
    if shown is not None and shown.end() == box.end:
        return True
    # Long contents, which may lie in one another, are not copied.
    is_short = box.end - box.inside <= _LONGEST_POINTING
    return is_short and points_elsewhere(text[box.inside : box.end])


def _groups(text: str, boxes: Sequence[_Box]) -> Iterator[list[_Box]]:
    """The boxes, those together that are one answer."""
    group: list[_Box] = []
    for box in boxes:
        if group and not _belongs(text, group[-1], box):
            yield group
            group = []
        group.append(box)
    if group:
        yield group


def _belongs(text: str, before: _Box, after: _Box) -> bool:
    if after.start - before.after > _LONGEST_BETWEEN:
        return False
    return _TOGETHER.fullmatch(text, before.after, after.start) is not None


def _content(text: str, box: _Box) -> str:
    content = text[box.inside : box.end].strip()
    before = text[max(0, box.start - 2) : box.start]
    # Two backslashes, not three: the whole text was escaped once too often.
    is_escaped = before.endswith("\\") and before != "\\\\"
    return content.replace("\\\\", "\\") if is_escaped else content


def _join(text: str, group: Sequence[_Box]) -> Found:
    contents = [_content(text, box) for box in group]
    # Said twice is said once: `\boxed{4}, \boxed{4}`.
    distinct = dict.fromkeys(contents)
    return Found(group[0].start, group[-1].after, ",".join(distinct))
