"""Choices and words: when two of them are the same name."""

from __future__ import annotations

import re

from tasks.grading.mathematics.outcomes import SKIP, Outcome, Same, Skip
from tasks.grading.mathematics.words import NOTHING, is_product, is_words

_CHOICE = re.compile(r"[A-Z]")
_READ_CHOICE = re.compile(
    r"(?:(?:option|choice|answer) ?)?\(?([A-Za-z])"
    r"(?:(?:[).:]|$)(?:[).: ].*|[^=<>+*/^-].*)?|(?:-|, )[A-Za-z][a-z]{2,}.*)",
    re.IGNORECASE | re.DOTALL,
)
_LETTERS = re.compile(r"[A-Za-z]{2,}|[A-Za-z]+(?:[ -][A-Za-z]+)+")


def choices(answer: str, target: str, _same: Same) -> Outcome | Skip:
    if not _CHOICE.fullmatch(target):
        return SKIP
    _, sign, value = answer.rpartition("=")
    letter = _READ_CHOICE.fullmatch(value if sign else answer)
    return bool(letter) and letter[1].upper() == target


def words(answer: str, target: str, _same: Same) -> Outcome | Skip:
    if r"\emptyset" in (answer, target):
        return {answer, target} & NOTHING != set()
    letters = [bool(_LETTERS.fullmatch(form)) for form in (answer, target)]
    if all(letters):
        if is_product(answer) and is_product(target):
            return sorted(answer) == sorted(target)
        return answer.lower() == target.lower()
    # Words against anything else; letters alone may be a name, as in AB = 5.
    is_phrase = is_words(target, is_marked=False) or (letters[0] and not is_product(answer))
    return False if is_phrase and "=" not in answer + target else SKIP
