r"""What an answer wears: dollars, colours, sizes, a reason in brackets; and words that are none.

`$42$`, `\textcolor{red}{42}`, `42 (since 6*7=42)` are the answer 42; `see above` is no answer. All
work grows in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.grading.wrappers import unwrap

_MOST_LAYERS = 8
"""Nobody wears more, and each one is a walk through all of the text."""

_SIGN = re.compile(
    # Escapes are read whole: `\$` is money, and `\\[2pt]` ends a matrix's row.
    r"\\(?P<open>[(\[])|\\(?P<close>[)\]])|\\.|(?P<dollars>\$\$?)|(?P<brace>[{}])",
    re.DOTALL,
)
_CLOSED_BY = {"(": ")", "[": "]", "$": "$", "$$": "$$"}
_CONNECTION = re.compile(r"\s*+(?:and|or|,|\s)*+")
"""What stands between two answers, and is not itself mathematics: `12 $ and $13`."""

_SIZES = (
    "tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge|"
    "displaystyle|textstyle"
)
_SWITCH = re.compile(
    rf"\\(?:(?:color|mathcolor)\s*\{{[^{{}}]*\}}|(?:{_SIZES})(?![A-Za-z]))\s*", re.DOTALL
)
"""Colours and sizes that hold for all that follows, in braces or not."""
_COLOUR = re.compile(r"\\(?:textcolor|colorbox|fcolorbox\s*\{[^{}]*\})\s*\{[^{}]*\}\s*(?=\{)")
"""Colours of the braces behind them."""

_REASON = re.compile(
    r"(?<![A-Za-z\\])(?:\\text\s*+\{\s*+)?[(（]\s*+(?:\\text\s*+\{\s*+)?"
    r"(?:(?:since|because|i\.?e\.?|e\.g\.|that is|which|namely|viz\.?|see|hence|thus|therefore"
    r"|due to|using|(?:or )?(?:approximately|approx\.?|about|roughly)|rounded|note|equivalently"
    r"|in other words)(?=[\s,:，：}])"
    # Letters of these may be factors: `x (as + b)`.
    r"|(?:as|by|so)[\s,:]\s*+(?![-+*/=^<>\s])"
    r"|\$?\s*+(?:≈|=|\\approx(?![A-Za-z]))|因为|由于|约|即)",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"[(（]|[)）]")

_LONGEST_POINTING = 80
_GLUE = re.compile(r"\\(?:text|textbf|mathrm|mbox|boxed)(?![A-Za-z])|[\s{}()\[\]$*_`~.,:;!]+")
_FILLING = frozenset(
    [
        "the",
        "a",
        "an",
        "is",
        "was",
        "as",
        "at",
        "in",
        "of",
        "to",
        "it",
        "that",
        "this",
        "has",
        "have",
        "been",
        "i",
        "we",
        "our",
        "my",
        "please",
        "refer",
        "see",
        "same",
        "and",
        "given",
        "shown",
        "stated",
        "derived",
        "found",
        "computed",
        "calculated",
        "obtained",
        "written",
        "noted",
        "mentioned",
        "described",
        "explained",
        "provided",
        "presented",
        "boxed",
        "box",
        "answer",
        "final",
        "result",
        "value",
        "solution",
        "expression",
        "equation",
        "work",
        "working",
        "steps",
        "explanation",
        "derivation",
        "discussion",
        "response",
        "text",
        "top",
        "above",
        "below",
        "earlier",
        "previously",
        "already",
        "before",
        "follows",
        "aforementioned",
    ]
)
_POINTING = re.compile(
    r"(?:.* )?(?:above|below|earlier|previously|already|boxed|aforementioned|as follows"
    r"|(?:as|stated|shown|given|found|derived|computed|written|mentioned) before|(?:see|refer) .+)"
    r"(?: .*)?"
)
_POINTER = re.compile(
    "above|below|earlier|previously|already|boxed|aforementioned|follows|before|see|refer|[见如同]",
    re.IGNORECASE,
)
"""A word without which no text points elsewhere."""
_POINTING_IN_CHINESE = re.compile(r"(?:请?参?见|如|同)(?:上|前|下)\w{0,6}")


def undress(answer: str) -> str:
    r"""The answer without dollars, colours and sizes around it and without a reason behind it.

    `\$42` and `$42` are money and stay, as does what is only around a part of it.
    """
    text = unwrap(answer)
    for _ in range(_MOST_LAYERS):
        bare = unwrap(_without_colour(_without_dollars(_without_reason(text))))
        if bare == text:
            break
        text = bare
    return text


def points_elsewhere(text: str) -> bool:
    """Whether a text only says where the answer stands: `see above`, `the boxed value`.

    A single word may be an answer: `above`, `before`.
    """
    if len(text) > _LONGEST_POINTING or not _POINTER.search(text):
        return False
    plain = _GLUE.sub(" ", text).strip().casefold()
    if _POINTING_IN_CHINESE.fullmatch(plain):
        return True
    words = plain.split()
    is_known = len(words) > 1 and _FILLING.issuperset(words)
    return is_known and _POINTING.fullmatch(plain) is not None


def _without_reason(text: str) -> str:
    """`42` of `42 (since 6*7=42)`."""
    opening = _REASON.search(text)
    while opening and (end := _end_of_bracket(text, opening)):
        before = text[: opening.start()].rstrip()
        if before and end == len(text):
            return before
        opening = _REASON.search(text, end)
    return text


def _end_of_bracket(text: str, opening: re.Match[str]) -> int:
    r"""Offset behind what a bracket opens, and behind the brace of its `\text`; 0 without one."""
    depth = 0
    for bracket in _BRACKET.finditer(text, opening.start()):
        depth += 1 if bracket[0] in "(（" else -1
        if depth == 0:
            is_text = opening[0].startswith("\\") and text.startswith("}", bracket.end())
            return bracket.end() + is_text
    return 0


def _without_dollars(text: str) -> str:
    """The text without signs of mathematics; as it is where one has no partner."""
    pieces: list[str] = []
    last = 0
    for opened, closed in _pairs(text):
        for sign in (opened, closed):
            pieces.append(text[last : sign.start()])
            last = sign.end()
    pieces.append(text[last:])
    return _join(pieces).strip()


def _join(pieces: list[str]) -> str:
    r"""The pieces, with a space where two names would become one: `\alpha$x$`."""
    text = ""
    for piece in pieces:
        touch = text[-1:] + piece[:1]
        is_name = len(touch) == 2 and touch.isascii() and touch.isalnum()
        text += f" {piece}" if is_name else piece
    return text


def _pairs(text: str) -> list[tuple[re.Match[str], re.Match[str]]]:
    """Signs that belong together, in their order; none of them where one is alone."""
    pairs: list[tuple[re.Match[str], re.Match[str]]] = []
    opened = None
    for sign in _signs(text):
        if opened is None:
            opened = sign
        elif _closes(text, opened, sign):
            pairs.append((opened, sign))
            opened = None
        else:
            return []
    return [] if opened else pairs


def _signs(text: str) -> Iterator[re.Match[str]]:
    """Signs that open or close mathematics, outside of braces."""
    depth = 0
    for sign in _SIGN.finditer(text):
        if sign["brace"]:
            depth += 1 if sign["brace"] == "{" else -1
        # Dollars in `\text{if $x > 0$}` are needed where they stand.
        elif sign.lastgroup and depth == 0:
            yield sign


def _closes(text: str, opened: re.Match[str], closed: re.Match[str]) -> bool:
    """Whether two signs are a pair; the dollars of `$5 and $6` are money."""
    sign = opened["dollars"] or opened["open"]
    if sign is None or _CLOSED_BY[sign] != (closed["dollars"] or closed["close"]):
        return False
    inside = text[opened.end() : closed.start()]
    if opened["open"] or len(inside) + 2 * len(sign) == len(text):
        return inside.strip() != ""
    begins_apart = inside[:1].isspace()
    ends_apart = inside[-1:].isspace()
    after = text[closed.end() : closed.end() + 1]
    goes_on = after.isascii() and after.isalnum()
    is_connection = _CONNECTION.fullmatch(inside) is not None
    return begins_apart == ends_apart and not goes_on and not is_connection


def _without_colour(text: str) -> str:
    """The text without a colour or a size that holds for all of it."""
    switch = _SWITCH.match(text)
    if switch:
        rest = text[switch.end() :]
        return _in_braces(rest) or rest
    coloured = _COLOUR.match(text)
    inside = _in_braces(text[coloured.end() :] if coloured else text)
    if inside is None or not (coloured or _SWITCH.match(inside)):
        return text
    return inside


def _in_braces(text: str) -> str | None:
    """What stands in braces that hold all of the text; None where they do not."""
    if not text.startswith("{"):
        return None
    depth = 0
    for sign in _SIGN.finditer(text):
        if sign["brace"]:
            depth += 1 if sign["brace"] == "{" else -1
        if depth == 0:
            return text[1:-1].strip() if sign.end() == len(text) else None
    return None
