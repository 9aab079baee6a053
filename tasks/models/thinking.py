"""The thinking part of a completion: where it ends, and what is said after it.

Which marks stand around it is data (tasks/models/thinking.toml). It is never searched for an
answer, and shown only to a verifier that learnt on it (METHOD §15).
"""

from __future__ import annotations

import functools
import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, AnyStr, Final, NamedTuple

from warehouse.errors import UserError

FORCED_END: Final = "\n{end}\n\n"
"""What is written where thinking is cut, unless a format says otherwise."""
GO_ON: Final = "Wait"
"""What is written for a mark that was taken away, likewise: the word of s1."""


class Marks(NamedTuple):
    """What stands before and after a family's thinking."""

    begin: str
    end: str


class Share(NamedTuple):
    """How much of a draw is thinking."""

    tokens: int | None
    """None: a server or a log did not count them."""
    steps: int


@dataclass(frozen=True, slots=True)
class Thinking:
    """How a format's completions think; without marks nothing is thinking."""

    marks: tuple[Marks, ...] = ()
    is_begun: bool = False
    """Whether the prompt itself begins it, as templates do that end in `<think>`."""

    def is_in(self, text: str) -> bool:
        """Whether a completion thinks at all: has stopped to, or still does."""
        return _end(text, self.marks, is_begun=self.is_begun) != 0

    def final(self, text: str) -> str | None:
        """What a completion says after its last thinking; None where that never ends.

        The whole text where it holds no thinking at all.
        """
        end = _end(text, self.marks, is_begun=self.is_begun)
        return None if end is None else text[end:]

    def latest_marks(self, text: str) -> Marks:
        """The marks of the thinking that began last in a text, prompt included; else the first."""
        return max(self.marks, key=lambda marks: text.rfind(marks.begin))

    def after(self, steps: Sequence[str]) -> Sequence[str]:
        """The steps after thinking, the last ones of these; the first of them may be shortened."""
        text = "".join(steps) if self.marks else ""
        end = _end(text, self.marks, is_begun=self.is_begun)
        if end is None:
            return ()
        if end == 0:
            return steps
        offsets = list(accumulate(map(len, steps), initial=0))
        place = bisect_left(offsets, end)
        remainder = text[end : offsets[place]]
        later = steps[place:]
        # The end of thinking mostly stands alone on its line: that line says nothing.
        if not remainder.strip():
            return later
        return (remainder, *later)

    def share(
        self, written: Sequence[bytes], steps: Sequence[str], *, before: str, generated: int
    ) -> Share | None:
        """How many tokens and steps of a draw are thinking; None where a format has no marks.

        `written` is what each of its tokens writes, `steps` are its own; `before` is what the
        completion says before it. All tokens generated, the one that ends the text included, are
        thinking where that never ends.
        """
        if not self.marks:
            return None
        is_begun = self.final(before) is None
        end = _end(b"".join(written), _encoded(self.marks), is_begun=is_begun)
        offsets = list(accumulate(map(len, written), initial=0))
        tokens = generated if end is None else bisect_left(offsets, end)
        # The draw is read like a completion that begins where it does.
        own = Thinking(self.marks, is_begun)
        said = own.after(steps)
        return Share(tokens, len(steps) - len(said))


NO_THINKING = Thinking()


@functools.cache
def _encoded(marks: tuple[Marks, ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((mark.begin.encode(), mark.end.encode()) for mark in marks)


@functools.cache
def _letters(marks: tuple[tuple[Any, Any], ...]) -> frozenset[Any]:
    """With which marks begin."""
    return frozenset(word[:1] for pair in marks for word in pair)


def _end(text: AnyStr, marks: tuple[tuple[AnyStr, AnyStr], ...], *, is_begun: bool) -> int | None:
    """Offset at which the last thinking of a text ends; 0 where there is none, None before it ends.

    The last end counts: models quote their own marks while they think.
    """
    last = 0
    # Most completions hold no letter with which a mark begins, and that is seen quickly.
    for letter in _letters(marks):
        if letter in text:
            break
    else:
        return None if is_begun else 0
    for _, end in marks:
        place = text.rfind(end)
        if place >= 0:
            last = max(last, place + len(end))
    if last == 0 and is_begun:
        return None
    for begin, _ in marks:
        # Begun again after its last end, or never ended.
        if text.find(begin, last) >= 0:
            return None
    return last


@functools.cache
def known_marks() -> dict[str, Marks]:
    """The marks of all families that are known, by name."""
    file = Path(__file__).with_name("thinking.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: Marks(**table) for name, table in tables.items()}


def choose_marks(names: Sequence[str]) -> tuple[Marks, ...]:
    """The marks of the named families; UserError lists the known ones."""
    known = known_marks()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(
            f"format: expected thinking to name some of {', '.join(known)}, got {unknown[0]!r}; "
            "name one of these, or add its marks to tasks/models/thinking.toml"
        )
    return tuple(known[name] for name in names)


def choose_field_marks(thinking: Thinking) -> Marks:
    """The marks in which to write the thinking that a server gives in a field of its own.

    Those that most families write, where the format reads them.
    """
    usual = known_marks()["think"]
    marks = thinking.marks or (usual,)
    return usual if usual in marks else marks[0]


def begins_thinking(prompt: str, marks: Sequence[Marks]) -> bool:
    """Whether a prompt leaves the model inside its thinking."""
    return any(prompt.rstrip().endswith(mark.begin) for mark in marks)
