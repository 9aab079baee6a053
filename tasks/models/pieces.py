"""What every token of a vocabulary writes, so that a text is read token by token in linear time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from warehouse.errors import UserError

UNKNOWN = "\ufffd"
"""What a decoder writes for bytes that are no character yet."""
_BYTE_NUMBER = re.compile("<0x([0-9A-F]{2})>")
_PROBE = 512
"""Tokens of the text by which a vocabulary is tried out: enough to meet every kind of token."""


class Vocabulary(Protocol):
    """The part of a tokenizer that says what its tokens write."""

    def names(self) -> Mapping[int, str]:
        """How the vocabulary spells each token, by id."""
        ...

    def decode_each(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of every sequence of token ids, special ones included."""
        ...


class Pieces(dict[int, bytes]):
    """UTF-8 bytes that a token adds to a text, by id.

    An id without a token adds nothing: models have more outputs than their tokenizers have tokens.
    """

    def __missing__(self, token: int) -> bytes:
        return b""


class Writing(NamedTuple):
    """What tokens write inside of a text, and what those write that differ as its first."""

    inside: Mapping[int, bytes]
    first: Mapping[int, bytes]
    """SentencePiece drops the space before a text's first word."""

    def of(self, token_ids: Sequence[int], *, start: bool) -> list[bytes]:
        """The bytes of each token; with `start` of a text that begins with them."""
        # The lookup alone is half of the time that reading a text takes.
        written = list(map(self.inside.__getitem__, token_ids))
        if start and token_ids and token_ids[0] in self.first:
            written[0] = self.first[token_ids[0]]
        return written


def read_writing(vocabulary: Vocabulary) -> Writing:
    """What each token writes; UserError for a tokenizer that cannot be read token by token."""
    names = vocabulary.names()
    ids = sorted(names)
    alone = vocabulary.decode_each([[token] for token in ids])
    anchor, begun = _anchor(vocabulary, names, dict(zip(ids, alone, strict=True)))
    # After another token, because a decoder may treat a text's first one in its own way.
    pairs = vocabulary.decode_each([[anchor, token] for token in ids])
    inside = Pieces()
    first = Pieces()
    for token, own, pair in zip(ids, alone, pairs, strict=True):
        name = names[token]
        if not pair.startswith(begun):
            raise _unreadable(f"token {name!r} changes the text before it")
        text = pair[len(begun) :]
        inside[token] = _bytes_of(name, text)
        if own != text and UNKNOWN not in text:
            first[token] = own.encode()
    writing = Writing(inside, first)
    readable = [token for token, own in zip(ids, alone, strict=True) if UNKNOWN not in own]
    _try_out(vocabulary, writing, readable)
    return writing


def _anchor(
    vocabulary: Vocabulary, names: Mapping[int, str], alone: Mapping[int, str]
) -> tuple[int, str]:
    """A plain token, after which the others are read, and its text."""
    for token, text in alone.items():
        # Not one spelled as a byte: with the byte after it, it would be no character.
        is_byte = _BYTE_NUMBER.fullmatch(names[token])
        if is_byte or not text.isalnum():
            continue
        (twice,) = vocabulary.decode_each([[token, token]])
        if twice.startswith(text) and twice != text:
            return token, text
    raise _unreadable("none of its tokens is a word or a digit")


def _bytes_of(name: str, text: str) -> bytes:
    """The bytes of a token by its spelling, where its text alone is no whole character."""
    if UNKNOWN not in text:
        return text.encode()
    # SentencePiece spells a byte as its number, byte-level BPE as a letter that stands for it.
    number = _BYTE_NUMBER.fullmatch(name)
    if number:
        return bytes.fromhex(number[1])
    known = [_BYTES[letter] for letter in name if letter in _BYTES]
    spelled = bytes(known)
    is_spelled = len(known) == len(name)
    # A token may also be the sign for what is unknown, spelled as itself.
    if is_spelled and spelled.decode(errors="replace") == text:
        return spelled
    return text.encode()


def _byte_letters() -> dict[str, int]:
    """The letters of byte-level BPE (GPT-2): printable bytes stand for themselves."""
    printable = [
        *range(33, 127),
        *range(161, 173),
        *range(174, 256),
    ]
    letters = {chr(byte): byte for byte in printable}
    others = [byte for byte in range(256) if byte not in printable]
    # All others are spelled with the letters from 256 on.
    for place, byte in enumerate(others):
        letters[chr(256 + place)] = byte
    return letters


_BYTES: dict[str, int] = _byte_letters()


def _try_out(vocabulary: Vocabulary, writing: Writing, whole: list[int]) -> None:
    """UserError where many tokens together do not write what they write one by one."""
    every = max(1, len(whole) // _PROBE)
    tokens = whole[::every]
    (expected,) = vocabulary.decode_each([tokens])
    written = b"".join(writing.of(tokens, start=True))
    got = written.decode(errors="replace")
    if got == expected:
        return
    same = 0
    while got[same : same + 1] == expected[same : same + 1]:
        same += 1
    there = expected[same : same + 20]
    raise _unreadable(f"it writes {there!r} only where others stand before it")


def _unreadable(why: str) -> UserError:
    return UserError(
        f"model: expected a tokenizer whose tokens can be read one after the other, but {why}; "
        "name a model with another tokenizer"
    )
