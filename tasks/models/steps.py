"""Where a step ends: at the token in which the text since the last step's end has a separator.

By text and not by token, because tokenizers differ: `\\n\\n` is one token to some, two to others.
What a step's end needs is known when its token is written, so that an engine can stop there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from tasks.models.pieces import Writing


class Separator(NamedTuple):
    """What stands between steps, as a format's table has it."""

    text: str
    """Belongs to the step before it."""
    blanks: str = ""
    """Characters that may stand between two line breaks of it: the line counts as empty."""
    heading: str = ""
    """How a line begins that begins a step, a line break alone before it; empty: no such lines."""
    silent: tuple[str, ...] = ()
    """Texts that alone, or with white space, are no step."""


class Split(NamedTuple):
    """The steps of a draw."""

    ends: list[int]
    """Token offsets of the step ends in the draw."""
    texts: list[str]
    """The steps; the first has what was begun before the draw."""
    begun: str
    """What is written of the next step: joined with the steps, the whole text."""


@dataclass(frozen=True, slots=True)
class Steps:
    """How a format's texts are cut into steps, over one tokenizer."""

    writing: Writing
    separator: Separator
    pattern: re.Pattern[bytes]
    stops: frozenset[int]
    """Tokens with which a step may end: where one is generated, `ended` says whether it does."""

    def text(self, token_ids: Sequence[int]) -> str:
        """What the tokens write after others."""
        written = self.writing.of(token_ids, start=False)
        return b"".join(written).decode(errors="replace")

    def ended(self, token_ids: Sequence[int]) -> int | None:
        """Number of tokens with which the first of their steps is known to end; None: not yet."""
        text = _Text.of(self.writing.of(token_ids, start=False))
        at = 0
        while match := self.pattern.search(text.data, at):
            end = text.tokens_to(match.end())
            at = text.offsets[end]
            said = text.data[:at].decode(errors="replace")
            # White space alone is no step: the model writes on.
            if self._says_something(said):
                seen = match.end() + self._seen_of_heading(match)
                return text.tokens_to(seen)
        return None

    def split(
        self, token_ids: Sequence[int], *, begun: str = "", start: bool = True, last: bool = True
    ) -> Split:
        """The steps of a draw after `begun`; `start`: the completion begins with it.

        With `last` nothing follows: what stands after the last separator is a step too. A piece of
        white space alone is none: it belongs to the one before, so that no verifier is ever shown
        an empty trailing step, or to the first.
        """
        text = _Text.of(self.writing.of(token_ids, start=start))
        cuts = self._cuts(text)
        if last and (not cuts or cuts[-1] < len(token_ids)):
            cuts.append(len(token_ids))
        ends: list[int] = []
        texts: list[str] = []
        read = 0
        for cut in cuts:
            boundary = text.character_end(text.offsets[cut])
            written = text.data[read:boundary]
            piece = begun + written.decode(errors="replace")
            read = boundary
            begun = ""
            if self._says_something(piece):
                ends.append(cut)
                texts.append(piece)
            elif texts:
                ends[-1] = cut
                texts[-1] += piece
            else:
                begun = piece
        rest = text.data[read:].decode(errors="replace")
        return Split(ends, texts, begun + rest)

    def split_text(self, text: str) -> Split:
        """The steps of a whole completion whose tokens nobody knows: no ends, the same texts."""
        data = text.encode()
        ends = [match.end() for match in self.pattern.finditer(data)]
        texts: list[str] = []
        begun = ""
        for start, end in pairwise([0, *ends, len(data)]):
            piece = begun + data[start:end].decode()
            begun = ""
            if self._says_something(piece):
                texts.append(piece)
            elif texts:
                texts[-1] += piece
            else:
                begun = piece
        return Split([], texts, begun)

    def _cuts(self, text: _Text) -> list[int]:
        """Numbers of tokens after which a step ends."""
        cuts: list[int] = []
        at = 0
        while match := self.pattern.search(text.data, at):
            cut = text.tokens_to(match.end())
            # What else the token holds is of the step that it ends.
            at = text.offsets[cut]
            cuts.append(cut)
        return cuts

    def _seen_of_heading(self, match: re.Match[bytes]) -> int:
        """Bytes after a step's end that are written before it is known to be one."""
        return len(self.separator.heading.encode()) if match.lastgroup == "heading" else 0

    def _says_something(self, piece: str) -> bool:
        for mark in self.separator.silent:
            piece = piece.replace(mark, "")
        return bool(piece.strip())


class _Text(NamedTuple):
    """The bytes of tokens, and the offsets at which each of them begins and the last one ends."""

    data: bytes
    offsets: list[int]

    @classmethod
    def of(cls, written: list[bytes]) -> _Text:
        lengths = map(len, written)
        offsets = accumulate(lengths, initial=0)
        return cls(b"".join(written), list(offsets))

    def tokens_to(self, offset: int) -> int:
        """The fewest tokens that write so many bytes."""
        return bisect_left(self.offsets, offset)

    def character_end(self, offset: int) -> int:
        """The offset, or the one before it at which a character begins that it would cut."""
        if offset >= len(self.data):
            return offset
        begin = offset
        # UTF-8: a byte 10xxxxxx goes on with a character, one from 11000000 on begins a long one.
        while begin > 0 and self.data[begin] & 0xC0 == 0x80:
            begin -= 1
        is_long = self.data[begin] >= 0xC0
        return begin if is_long else offset


def steps_of(writing: Writing, separator: Separator, *, never: frozenset[int]) -> Steps:
    """The steps of a tokenizer's texts; a token of `never` ends none."""
    completing = _completing(separator)
    # All that can end a step ends in one of these: few of 150,000 tokens have one.
    last = [whole.encode()[-1:] for whole in _wholes(separator)]
    stops: set[int] = set()
    for token, piece in writing.inside.items():
        if any(byte in piece for byte in last) and completing.search(piece):
            stops.add(token)
    pattern = re.compile(_pattern(separator).encode())
    return Steps(writing, separator, pattern, frozenset(stops - never))


def _wholes(separator: Separator) -> list[str]:
    """Texts one of which stands, whole, where a step ends."""
    if not separator.heading:
        return [separator.text]
    return [separator.text, "\n" + separator.heading]


def _pattern(separator: Separator) -> str:
    """A regular expression that ends where a step does."""
    pattern = f"(?P<separator>{_joined(separator.text, separator.blanks)})"
    if separator.heading:
        pattern += rf"|(?P<heading>\n(?={re.escape(separator.heading)}))"
    return pattern


def _joined(text: str, blanks: str) -> str:
    """The text as an expression; blanks may stand between two of its line breaks."""
    between = f"[{re.escape(blanks)}]*" if blanks else ""
    lines = [re.escape(line) for line in text.split("\n")]
    # Two breaks in a row enclose an empty line: it may hold blanks.
    inner = [line or between for line in lines[1:-1]]
    return "\n".join([lines[0], *inner, *lines[1:][-1:]])


def _completing(separator: Separator) -> re.Pattern[bytes]:
    """What stands in every token with which a step can end: a separator, or an end of one.

    An end of one stands at the token's beginning: the rest is of the tokens before it.
    """
    wholes = _wholes(separator)
    blanks = separator.blanks
    found = [_joined(whole, blanks) for whole in wholes]
    for whole in wholes:
        for place in range(1, len(whole)):
            end = _joined(whole[place:], blanks)
            is_between_breaks = whole[place - 1 : place + 1] == "\n\n"
            if blanks and is_between_breaks:
                end = f"[{re.escape(blanks)}]*{end}"
            found.append(rf"\A(?:{end})")
    pattern = "|".join(found)
    return re.compile(pattern.encode())
