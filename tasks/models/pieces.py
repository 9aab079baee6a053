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
    alone = dict(zip(ids, vocabulary.decode_each([[token] for token in ids]), strict=True))
    anchor = _anchor(vocabulary, names, alone)
    begun = alone[anchor]
    # After another token, because a decoder may treat a text's first one in its own way.
    pairs = vocabulary.decode_each([[anchor, token] for token in ids])
    inside, first = Pieces(), Pieces()
    for token, pair in zip(ids, pairs, strict=True):
        if not pair.startswith(begun):
            raise _unreadable(f"token {names[token]!r} changes the text before it")
        text = pair[len(begun) :]
        inside[token] = _bytes_of(names[token], text)
        if alone[token] != text and UNKNOWN not in text:
            first[token] = alone[token].encode()
    writing = Writing(inside, first)
    _try_out(vocabulary, writing, [token for token in ids if UNKNOWN not in alone[token]])
    return writing


def _anchor(vocabulary: Vocabulary, names: Mapping[int, str], alone: Mapping[int, str]) -> int:
    """A plain token, after which the others are read."""
    # Not one spelled as a byte: with the byte after it, it would be no character.
    plain = [
        token
        for token, text in alone.items()
        if text.isalnum() and not _BYTE_NUMBER.fullmatch(names[token])
    ]
    pairs = vocabulary.decode_each([[token, token] for token in plain])
    for token, pair in zip(plain, pairs, strict=True):
        if pair.startswith(alone[token]) and len(pair) > len(alone[token]):
            return token
    raise _unreadable("none of its tokens is a word or a digit")


def _bytes_of(name: str, text: str) -> bytes:
    """The bytes of a token by its spelling, where its text alone is no whole character."""
    if UNKNOWN not in text:
        return text.encode()
    # SentencePiece spells a byte as its number, byte-level BPE as a letter that stands for it.
    number = _BYTE_NUMBER.fullmatch(name)
    if number:
        return bytes.fromhex(number[1])
    letters = [_BYTES.get(letter) for letter in name]
    known = bytes(letter for letter in letters if letter is not None)
    is_spelled = len(known) == len(letters)
    return known if is_spelled and known.decode(errors="replace") == text else text.encode()


def _byte_letters() -> dict[str, int]:
    """The letters of byte-level BPE (GPT-2): printable bytes stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    # All others are spelled with the letters from 256 on.
    return letters | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTES: dict[str, int] = _byte_letters()


def _try_out(vocabulary: Vocabulary, writing: Writing, whole: list[int]) -> None:
    """UserError where many tokens together do not write what they write one by one."""
    every = max(1, len(whole) // _PROBE)
    tokens = whole[::every]
    (expected,) = vocabulary.decode_each([tokens])
    got = b"".join(writing.of(tokens, start=True)).decode(errors="replace")
    if got != expected:
        place = next((i for i, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), 0)
        raise _unreadable(f"it writes {expected[place : place + 20]!r} in one piece")


def _unreadable(why: str) -> UserError:
    return UserError(
        f"model: expected a tokenizer whose tokens can be read one after the other, but {why}; "
        "name a model with another tokenizer"
    )
