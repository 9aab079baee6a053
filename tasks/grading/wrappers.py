r"""What stands around an answer and is none of it: markdown, end-of-turn tags, `The answer is`.

Every substitution is a regular expression that cannot backtrack over more than its own match, so
that the work grows in proportion to the text.
"""

from __future__ import annotations

import re
from functools import lru_cache

_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")
"""Zero-width spaces and joiners, byte order marks, soft hyphens."""

_TAGS = re.compile(
    r"<\|[a-z_]{1,40}\|>|<｜[^｜<>]{1,40}｜>"
    r"|</?s>|<(?:eos|pad|end_of_turn|endoftext)>|</?(?:b|i|u|em|strong|code|p)>"
    r"|<br ?/?>"
    r"|</?(?:answer|final|think)>|\[/?INST\]",
    re.IGNORECASE,
)
"""Marks of a turn's end that tokenizers have as special tokens, and of HTML."""

_SO = r"(?:(?:so|thus|hence|therefore),? )?(?:(?:the|my|our) )?(?:(?:final|correct|right) )?"
_LEAD = re.compile(
    r"\\(?:text|textbf|mathrm|mbox)\s?\{\s?"
    rf"{_SO}answer(?: is)?\s?[:=]?\s?\}}\s?(?P<rest>.+)"
    rf"|{_SO}answer(?: is\b| ?[:=：])\s?[:=：]?\s?(?P<plain>.+)",
    re.IGNORECASE | re.DOTALL,
)
_HOPE = re.compile(r"\.?\s?I hope (?:it is correct|this helps)[.!]?$", re.IGNORECASE)
_EQUALS = re.compile(
    r"(?:=|≈|≃|\\(?:approx|simeq|doteq|therefore|Rightarrow|implies)(?![A-Za-z])|:=)\s?(?=[^=\s])"
    r"|\\sim(?![A-Za-z])\s?(?=[0-9])"
    r"|(?:so|thus|hence|therefore),? (?=[-$\\]?[0-9])|(?:the )?(?:value|result) is:? (?=\S)"
    r"|I (?:think|believe|guess|got|get)(?: that)?(?: (?:it|this|the answer) is)?:? (?=\S)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:approximately|approx\.?|about|roughly|around|nearly) (?=[$\\]?[0-9\\])", re.IGNORECASE
)
_REASON = re.compile(r"(?<=[0-9}%$]), (?:which|since|because|as|so|where) .{3,}$", re.DOTALL)
_BOLD_VALUE = re.compile(r"(= ?)\*\*([^*]+)(?:\*\*)?$")
_EMPHASIS = re.compile(
    r"(?P<mark>\*{1,3}|__|`)(?P<inner>[^*_`]{0,200}[0-9%}])(?P=mark)(?= [A-Za-z]{2})"
)
"""`**5** dollars`: only the first words are dressed."""
_REST_OF_EMPHASIS = re.compile(r"(?<=[0-9%}])(?:\*\*|__|`)(?= [A-Za-z]{2})")
"""`5** dollars`, of `**Answer: 5** dollars`: what opened it stood before the answer."""
_NOTE = re.compile(r" ?\((?:approximately|approx\.?|rounded|about)\)$", re.IGNORECASE)
_RUN_OF_SPACES = re.compile(r"\s{2,}")
_MARKS = ("***", "**", "*", "__", "```", "``", "`", '"', "“", "”", "''")
_TRAILING = (r"\\", "\\", "。", "．", "，", "；", "、", ",", ";", ":", "：")
_QUOTED = re.compile(r"['‘](?P<inner>[^'‘’]+)['’]")
_HEADING = re.compile(r"#{1,6}\s|[✅✔☑]\ufe0f?\s?")
_CLOSING_SIGN = re.compile(
    r"\s?(?:\\(?:blacksquare|square|Box|qed|qedsymbol|checkmark)(?![A-Za-z])|"
    r"[∎■□✓✔✅]\ufe0f?|\\\\\[[0-9a-z]+\])$"
)
_CHINESE_LEAD = re.compile(r"(?:最终)?答案(?:是|为)?\s?[:：]?\s?(?=\S)")
_LONGEST = 2_000
"""Characters; a longer text is left as it stands, for each layer takes a walk through all of it."""
_OPENINGS = frozenset("([")
_CLOSINGS = frozenset(")]")


def unwrap(answer: str) -> str:
    r"""The answer without markdown, tags, quotes, `=`, `The answer is` and its sentence's mark.

    Signs of mathematics are left alone: `\boxed`, dollars and braces belong to the reader of LaTeX.
    """
    if len(answer) > _LONGEST:
        return answer.strip()
    return _unwrap(answer)


@lru_cache(maxsize=20_000)  # many draws end in few answers
def _unwrap(answer: str) -> str:
    text = _TAGS.sub(" ", _INVISIBLE.sub("", answer))
    text = _RUN_OF_SPACES.sub(" ", text).strip()
    # Each pass takes off one layer; the text gets shorter by every one, so this ends.
    while True:
        inner = _peel(text)
        if inner == text:
            return text
        text = inner


def _peel(text: str) -> str:
    """The text without its outermost layer."""
    text = _CLOSING_SIGN.sub("", _HOPE.sub("", text)).strip()
    for start in (_HEADING, _CHINESE_LEAD):
        text = start.sub("", text, count=1) if start.match(text) else text
    quoted = _QUOTED.fullmatch(text)
    text = quoted["inner"].strip() if quoted else text
    emphasis = _EMPHASIS.match(text)
    text = emphasis["inner"] + text[emphasis.end() :] if emphasis else text
    for mark in _MARKS:
        text = _without_mark(text, mark)
    rests = _REST_OF_EMPHASIS.findall(text)
    # Two of them belong together, around words of their own.
    text = _REST_OF_EMPHASIS.sub("", text) if len(rests) == 1 else text
    text = _without_end(text)
    lead = _LEAD.fullmatch(text)
    if lead:
        text = (lead["rest"] or lead["plain"]).strip()
    text = _REASON.sub("", _NOTE.sub("", text))
    text = _BOLD_VALUE.sub(r"\1\2", text)
    if text.endswith("|") and text.count("|") == 1:
        text = text[:-1].rstrip()
    if text.endswith(r"\}") and r"\{" not in text:
        text = text[:-2].rstrip()
    for start in (_EQUALS, _ABOUT):
        text = start.sub("", text, count=1) if start.match(text) else text
    return text


def _without_mark(text: str, mark: str) -> str:
    """The text without a mark at its beginning, its end, or both."""
    # Marks that are all there is would leave nothing to tell what was written.
    if len(text) <= len(mark):
        return text
    if text.startswith(mark):
        text = text[len(mark) :]
    if text.endswith(mark) and not text.endswith("\\" + mark):
        text = text[: -len(mark)]
    return text.strip()


def _without_end(text: str) -> str:
    """The text without its sentence's last mark; `...` stays, and `5\\!` is a space of LaTeX."""
    for mark in _TRAILING:
        if text.endswith(mark) and len(text) > len(mark):
            return text[: -len(mark)].rstrip()
    if text.endswith(".") and not text.endswith("..") and len(text) > 1:
        return text[:-1].rstrip()
    # `5)` closes a sentence's bracket; `C)` is how a choice is written, which its reader knows.
    is_open = text[-1:] in _CLOSINGS and not set(text) & _OPENINGS
    if is_open and not text[:-1].strip().isalpha():
        return text[:-1].rstrip()
    return text
