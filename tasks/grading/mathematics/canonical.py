r"""One canonical form of an answer: its class in a vote, and what it is judged by (METHOD §4, §15).

Two spellings that only algebra knows to be equal (`\sqrt{8}` and `2\sqrt{2}`) stay two classes.
Merging them through algebra was decided against: it is neither symmetric nor transitive, it may
time out, and classes must not depend on which answers happen to be asked about together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from tasks.grading.mathematics import grouped_forms, plain_forms
from tasks.grading.mathematics.latex import TEXT, clean
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.plain_forms import Form, squeeze
from tasks.grading.mathematics.words import read_words

LONGEST = 1_000
"""Characters; a longer answer is known by its length and digest only."""

_LONG = "long-answer:"
_DEEPEST = 8
"""Brackets within brackets that are read; deeper ones stay as written, so that recursion ends."""

_MARKED = re.compile(rf"[\s$]*{TEXT}\{{([^{{}}]*)\}}[\s$.]*")

Rule = Callable[[str, int, Form], str | None]
"""The form of a cleaned text in so many brackets, None where the rule is not about it."""

_RULES: tuple[Rule, ...] = (
    plain_forms.number,
    plain_forms.base,
    plain_forms.clock,
    plain_forms.compound,
    plain_forms.number_with_unit,
    plain_forms.words,
    grouped_forms.matrix,
    grouped_forms.bracketed,
    grouped_forms.angles,
    grouped_forms.members,
    grouped_forms.several,
    grouped_forms.member,
    grouped_forms.union,
    grouped_forms.assignment,
    plain_forms.with_unit,
)
"""The first that reads a text decides: `1,234` is a number before it is a list, and `x=1,2` a list
before it is an assignment."""


def canonical(answer: str) -> str:
    r"""The class of an answer: `\frac12`, `0.5` and `1/2` give `1/2`; `(1, 2.0)` gives `(1,2)`.

    Pure, cached by string, safe for any input: work is bounded, nothing is evaluated, the result
    can be encoded as UTF-8 and holds no NUL. Dropped: `$`, `\left`, `\text{}`, degree signs, what
    is counted (`5 apples`). Kept: units of measure (`3 ft` is not `3 in`), `%` (50% may mean 50 or
    1/2; the grader knows) and `x=` (`x=5` and `y=5` are different lines). Order counts wherever
    it may: in tuples, intervals and comma lists; sets, lists joined by `and` or `or` and
    assignments (`a=4 b=2`) are sorted.
    """
    stripped = answer.strip()
    if len(stripped) > LONGEST:
        # A model may write lone surrogates, which UTF-8 refuses unless they are let pass.
        content = stripped.encode("utf-8", "surrogatepass")
        digest = sha256(content).hexdigest()[:32]
        return f"{_LONG}{len(stripped)}:{digest}"
    return _read(stripped)


def is_too_long(form: str) -> bool:
    """True for the canonical form of an answer that was too long to be read."""
    return form.startswith(_LONG)


@lru_cache(maxsize=100_000)  # many draws end in few answers
def _read(answer: str) -> str:
    """The form of an answer that is not too long."""
    # Most answers are plain numbers: read as such first, they pay for none of the folds.
    number = rational(answer)
    if number is not None:
        return str(number)
    marked = _MARKED.fullmatch(answer)
    # Within \text{} letters are words, however few they are.
    words = read_words(clean(marked[1]), is_marked=True) if marked else None
    if words:
        return words
    return form_of(clean(answer))


def form_of(text: str, depth: int = 0) -> str:
    """The canonical form of cleaned text; `depth` counts the brackets around it."""
    text = text.strip()
    if depth > _DEEPEST:
        return text

    def form(part: str) -> str:
        return form_of(part, depth + 1)

    for rule in _RULES:
        found = rule(text, depth, form)
        if found is not None:
            return found
    return squeeze(text)
