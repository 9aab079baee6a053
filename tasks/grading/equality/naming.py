"""Choices, words and figures: when two of them are the same name."""

from __future__ import annotations

import re

from tasks.grading.equality.outcomes import SKIP, Outcome, Same, Skip
from tasks.grading.mathematics.grouped_forms import is_logic
from tasks.grading.mathematics.words import NOTHING, is_product, is_words

_CHOICE = re.compile(r"\(?([A-H])(?:\)?|[).:] ?(?![=(]).+)|\(([a-h])\)[ A-Za-z0-9]*")
_READ_CHOICE = re.compile(
    r"(?:(?:option|choice|answer) ?)?\(?([A-Za-z])"
    r"(?:(?:[).:]|$)(?:[).: ].*|[^=<>+*/^-].*)?|(?:-|, )[A-Za-z][a-z]{2,}.*)",
    re.IGNORECASE | re.DOTALL,
)
_LETTERS = re.compile(r"[A-Za-z]{2,}|[A-Za-z]+(?:[ -][A-Za-z]+)+")


_FIGURE = re.compile(r"\\(angle|triangle|square|odot) ?\{?([A-Z]+)\}?")
_VECTOR = r"\vec"
_CROSS = r"\times"


def figures(answer: str, target: str, _same: Same) -> Outcome | Skip:
    r"""Angles, triangles, products of vectors and propositions, which are no products of letters.

    `\angle ABC` is not `\angle ACB`.
    """
    if _VECTOR in answer and _VECTOR in target and (_CROSS in answer) != (_CROSS in target):
        return False
    if is_logic(answer) and is_logic(target):
        return answer == target
    one, other = _FIGURE.fullmatch(answer), _FIGURE.fullmatch(target)
    if one is None and other is None:
        return SKIP
    return one is not None and other is not None and one.groups() == other.groups()


def choices(answer: str, target: str, _same: Same) -> Outcome | Skip:
    """A target that is a choice: met by `C`, `c`, `(C) 42`, `C: Paris`, `Option C`."""
    wanted = _CHOICE.fullmatch(target)
    if wanted is None:
        return SKIP
    # `x = C`: what stands after the sign is the answer.
    _, _, value = answer.rpartition("=")
    letter = _READ_CHOICE.fullmatch(value)
    if letter is None:
        return False
    return letter[1].upper() == wanted[1].upper()


def words(answer: str, target: str, _same: Same) -> Outcome | Skip:
    """Words against words, whatever their capitals; letters of a product may change places.

    `May` is not `Amy`, nor `CBA` `ABC`, but `ba` is `ab`. No mathematics equals words.
    """
    if r"\emptyset" in (answer, target):
        return answer in NOTHING or target in NOTHING
    is_answer_letters = bool(_LETTERS.fullmatch(answer))
    is_target_letters = bool(_LETTERS.fullmatch(target))
    if is_answer_letters and is_target_letters:
        if is_product(answer) and is_product(target):
            return sorted(answer) == sorted(target)
        return answer.lower() == target.lower()
    # Letters alone may be the name in `AB = 5`, which other rules read.
    if "=" in answer + target:
        return SKIP
    is_name = is_answer_letters and not is_product(answer)
    return False if is_name or is_words(target, is_marked=False) else SKIP
