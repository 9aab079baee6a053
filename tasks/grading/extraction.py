r"""The answer inside a completion, found by the markers of its format (METHOD §15).

Four rules. Of one marker the last answer counts. Of several markers the first that has an answer.
A line `Answer: ...` that comes after it is the model's last word and wins, also where that is no
marker of the format. A turn that the model invents after its answer (`Human: ...`, another problem)
is not read; the numbered parts of one problem are its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.grading.answer_lines import answer_lines, marked
from tasks.grading.boxes import Found, boxed
from tasks.grading.dress import undress
from tasks.grading.wrappers import unwrap

BOXED = r"\boxed"

_PROBLEM = "Question|Problem|Exercise|Task|Instruction|问题|题目|练习|例题|习题"
_NUMBER = r"[ \t]*+#?\d++"
_TURN = re.compile(
    r"^[ \t>#*_]*+(?:Human|User|Assistant|用户|人类|助手)[*_]*+[ \t]*+[:：]"
    # Behind an empty line, or as a heading, or in bold.
    rf"|^[^\S\n]*+\n[ \t>#*_]*+(?:{_PROBLEM}|Q)(?P<plain>{_NUMBER})?+[*_]*+[ \t]*+[:：]"
    r"|^[ \t>]*+(?:#|\*\*|__)[ \t#*_]*+(?i:(?:(?:new|next|another|similar)[ \t]++)?"
    rf"(?:{_PROBLEM}))(?:(?P<dressed>{_NUMBER})(?!\w)|[ \t*_]*+(?:[:：]|$))"
    r"|<[|｜](?:im_start|im_end|start_header_id|eot_id|endoftext|end_of_text|end|return|user"
    r"|assistant|system|User|Assistant|begin▁of▁sentence|end▁of▁sentence)[|｜]>"
    r"|<(?:start|end)_of_turn>|</s>|\[/?INST\]|<<SYS>>",
    re.MULTILINE,
)
"""Where a text goes on with a turn that is not its own."""
_PART = re.compile(rf"^[ \t>#*_]*+(?i:{_PROBLEM}|Q){_NUMBER}(?!\w)", re.MULTILINE)
"""A part of a problem of several; a next one is then as good as the first."""

_PAIRED = re.compile(r"\s*+\$\s*+(?:,\s*+)?(?:and\b|or\b|,)\s*+\$\s*+")
"""Between the numbers of `12 $ and $13`, which was written inside dollars."""
_LABELLED = re.compile(r"\(?([A-J])(?:\)[:.]?\s+|[:.]\s+|\s+[-–—]\s+)(.+)", re.DOTALL)
_DRESSED = re.compile(r"\\text(?:bf|it|rm)?\s*\{|[{}*$]|\\(?=[ ,;:])")
"""What a label and its text may be wrapped in: `\\text{(C) Paris}`, `**C**: Paris`."""
_WORD = re.compile(r"[A-Za-z]{2}")
_MATHEMATICS = re.compile(r"[\d=^\\$<>+]")
_LONG_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_WORDS_OF_PROSE = 5
_LONGEST_UNWRAPPED = 4_000
"""Longer answers are left as they are: nobody writes so much in bold."""


def extract_answer(text: str, markers: Sequence[str]) -> str | None:
    r"""The answer as the model wrote it, without what only stands around it; None without one.

    After `\boxed` (`\fbox`, `\bbox`) it is what stands in the braces; boxes that are listed
    together are one answer, empty ones none. Braces that never close mean that the completion was
    cut, hence None, even if an earlier box was complete. After any other marker, such as
    `Answer: `, it is the rest of the line or, where that is empty, the next line that is not. The
    last number of a text is never taken for an answer (METHOD §16). An option with its label is the
    label.
    """
    answer = marked_answer(text, markers)
    if answer is None:
        return None
    bare = _DRESSED.sub("", answer[:_LONGEST_UNWRAPPED])
    labelled = _LABELLED.fullmatch(bare.strip())
    if labelled and _names_option(labelled[2]):
        return labelled[1]
    return answer


def marked_answer(text: str, markers: Sequence[str]) -> str | None:
    """The same for answers in words, of which nothing is a label: `A. Lincoln`."""
    own = text[: _end_of_turn(text, markers)]
    answer = _last(own, markers)
    if answer is None:
        return None
    # `Answer: $\boxed{42}$`, on one line or on several.
    inside = [box for box in boxed(own) if answer.start <= box.start < answer.end]
    return _clean(inside[-1].text if inside else answer.text)


def end_of_first_answer(text: str, markers: Sequence[str]) -> int | None:
    """Offset at which the first answer after any marker is complete; None without one."""
    ends: list[int] = []
    for marker in markers:
        found = _after(text, marker)
        # A box that never closes has no text, and is no answer.
        if found and found[0].text:
            ends.append(found[0].end)
    return min(ends, default=None)


def _end_of_turn(text: str, markers: Sequence[str]) -> int:
    """Offset at which the model goes on with an invented turn; the text's length where it does not.

    Before its answer the same words are a quotation.
    """
    answered = end_of_first_answer(text, markers)
    if answered is None:
        return len(text)
    for turn in _TURN.finditer(text, answered):
        is_numbered = turn["plain"] or turn["dressed"]
        if not (is_numbered and _PART.search(text, 0, answered)):
            return turn.start()
    return len(text)


def _last(text: str, markers: Sequence[str]) -> Found | None:
    """The answer by the first marker that has one, or the model's last word after it."""
    by_marker = (_after(text, marker) for marker in markers)
    answer = next((found[-1] for found in by_marker if found), None)
    if answer is None:
        return None
    later = answer_lines(text, answer.end)
    # A sentence about the answer states none.
    said = [line for line in later if not _is_prose(line.text)]
    return said[-1] if said else answer


def _after(text: str, marker: str) -> Sequence[Found]:
    return boxed(text) if marker == BOXED else marked(text, marker)


def _is_prose(value: str) -> bool:
    words = _LONG_WORD.findall(unwrap(value[:_LONGEST_UNWRAPPED]))
    return len(words) >= _WORDS_OF_PROSE


def _clean(answer: str) -> str | None:
    """The answer without dollars between numbers, without markdown and all other dress."""
    bare = undress(answer) if len(answer) <= _LONGEST_UNWRAPPED else answer
    paired = _PAIRED.sub(",", bare).strip()
    return paired or None


def _names_option(text: str) -> bool:
    """Whether the text after a letter is an option in words: `C: y = 2x` names a curve."""
    return _WORD.search(text) is not None and _MATHEMATICS.search(text) is None
