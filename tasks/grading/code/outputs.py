"""What a script prints, and whether it is what was wanted."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation


def visible(output: str) -> str:
    """The output without what no reader sees: spaces at the ends of lines and of all."""
    lines = [line.rstrip() for line in output.strip().splitlines()]
    return "\n".join(lines)


def agree(output: str, wanted: str) -> bool:
    """Whether an output is the wanted one, line by line, but for spaces and spellings of numbers.

    `0.50` is `0.5`; nothing is rounded (LiveCodeBench compares so too).
    """
    lines = visible(output).splitlines()
    wanted_lines = visible(wanted).splitlines()
    if len(lines) != len(wanted_lines):
        return False
    return all(map(_lines_agree, lines, wanted_lines))


def _lines_agree(line: str, wanted: str) -> bool:
    if line == wanted:
        return True
    words = line.split()
    wanted_words = wanted.split()
    if len(words) != len(wanted_words):
        return False
    return all(map(_words_agree, words, wanted_words))


def _words_agree(word: str, wanted: str) -> bool:
    if word == wanted:
        return True
    try:
        return Decimal(word) == Decimal(wanted)
    except InvalidOperation:  # not numbers, or signalling ones
        return False
