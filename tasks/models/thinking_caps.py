"""Where a completion's thinking is cut, and what is written there (METHOD §12).

As s1 does it (Muennighoff et al., arXiv 2501.19393): the mark that ends thinking is written in the
model's place, or its own is taken away and a word is written for it to go on from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from tasks.models.formats import Format
from tasks.models.thinking import Marks
from warehouse.errors import UserError


class Cap(NamedTuple):
    """How long a completion may think, in tokens, and what it has left for its answer."""

    tokens: int
    """Of thinking, the mark that ends it included."""
    answer: int
    """Reserved for what follows: a completion has so many more in all."""
    extend: int = 0
    """How often thinking that ends before goes on all the same."""

    @property
    def limit(self) -> int:
        """Tokens of a whole completion."""
        return self.tokens + self.answer


class Cut(NamedTuple):
    """A draw up to where it is cut, and what is written there for the model to go on from."""

    kept: int
    """Tokens of the draw."""
    given: list[int]
    """Token ids that nobody drew."""
    goes_on: bool
    """Whether it thinks on; else its answer follows."""


def cut_thinking(
    format: Format, prompt: str, before: str, token_ids: Sequence[int], *, tokens: int, cap: Cap
) -> Cut | None:
    """Where a draw after `before` is cut under a cap on its own thinking; None: it is not.

    `tokens` is how many were generated, one that ends the text included. What thinks again after
    the cap is cut there too, so that no completion thinks longer.
    """
    # What stands beyond both is drawn for others: a request for a capped one would not go so far.
    written = format.steps.writing.of(token_ids[: cap.limit], start=False)
    counted = min(tokens, cap.limit)
    share = format.thinking.share(written, (), before=before, generated=counted)
    thought = 0 if share is None else share.tokens or 0
    if thought > cap.tokens:
        return _force(format, prompt, before, written, cap)
    is_over = format.thinking.final(before + _text(written)) is not None
    if cap.extend and thought and is_over:
        return _extend(format, written, thought, cap)
    return None


def _text(written: Sequence[bytes]) -> str:
    return b"".join(written).decode(errors="replace")


def _force(format: Format, prompt: str, before: str, written: list[bytes], cap: Cap) -> Cut:
    kept = _outside_marks(format, written, min(cap.tokens, len(written)))
    text = before + _text(written[:kept])
    marks = format.thinking.latest_marks(prompt + text)
    end = _end(format, marks)
    # Cut before it began, or between two parts: the end of what never began would say nothing.
    is_open = format.thinking.final(text) is None
    said = end if is_open else marks.begin + end
    return Cut(kept, format.tokenizer.encode(said), goes_on=False)


def _extend(format: Format, written: list[bytes], thought: int, cap: Cap) -> Cut | None:
    """The thinking without the mark that ends it, and the word; None where the cap has no room."""
    data = b"".join(written[:thought])
    ends = [marks.end.encode() for marks in format.thinking.marks]
    place = max(data.rfind(end) for end in ends)
    offsets = list(accumulate(map(len, written), initial=0))
    kept = bisect_right(offsets, place) - 1
    word = format.tokenizer.encode(format.go_on)
    # The word is thinking as well: at least one token of the model's own must fit behind it.
    if kept + len(word) >= cap.tokens:
        return None
    return Cut(kept, word, goes_on=True)


def _outside_marks(format: Format, written: list[bytes], kept: int) -> int:
    """So many tokens, or those before a mark in the middle of which they would end."""
    data = b"".join(written)
    offsets = list(accumulate(map(len, written), initial=0))
    at = offsets[kept]
    for mark in (text.encode() for marks in format.thinking.marks for text in marks):
        place = data.find(mark, max(0, at - len(mark) + 1), at + len(mark) - 1)
        if 0 <= place < at:
            return bisect_right(offsets, place) - 1
    return kept


def thinks_again(format: Format, token_ids: Sequence[int]) -> int | None:
    """Tokens of an answer until it begins to think again, or ends it again; None: neither."""
    written = format.steps.writing.of(token_ids, start=False)
    data = b"".join(written)
    # The last end counts: behind another one all that was said before would be thinking.
    texts = [text.encode() for marks in format.thinking.marks for text in marks]
    places = [place for place in map(data.find, texts) if place >= 0]
    if not places:
        return None
    offsets = list(accumulate(map(len, written), initial=0))
    return bisect_right(offsets, min(places)) - 1


def _words(format: Format, cap: Cap) -> list[str]:
    """What is written in the model's place, at its longest."""
    ends = [marks.begin + _end(format, marks) for marks in format.thinking.marks]
    return [*ends, format.go_on] if cap.extend else ends


def _end(format: Format, marks: Marks) -> str:
    return format.forced_end.format(end=marks.end)


def longest_word(format: Format, cap: Cap) -> int:
    """Tokens of the longest text that is written in the model's place, beside what it draws."""
    return max(len(format.tokenizer.encode(text)) for text in _words(format, cap))


def check_words(format: Format, cap: Cap) -> None:
    """UserError for what is written in the model's place and its tokenizer cannot write."""
    for text in _words(format, cap):
        got = format.steps.text(format.tokenizer.encode(text))
        if got != text:
            raise UserError(
                f"study: expected a model whose tokenizer writes {text!r}, which stands where "
                f"thinking is cut, got {got!r} back from it; set forced_end and go_on in a table "
                "of your own under generator.format"
            )
