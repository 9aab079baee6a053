"""Blocks between fences, as models write programs in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# However far it stands in: models write blocks into lists.
_OPENING = re.compile(r"(?P<before>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^`]*")
_PYTHON = ("python", "py", "python3", "python2")


class Block(NamedTuple):
    """What stands between two fences; the last of a text need not be closed."""

    language: str
    """As the fence names it, in small letters; "" where it does not."""
    content: str


def find_program(text: str) -> str | None:
    """The last block of Python; the whole text where it has no fence.

    A fence that names Python counts before one that names nothing; other languages are no program.
    None where there is no such block, or no text.
    """
    blocks = list(read_blocks(text))
    if not blocks:
        return text.rstrip() or None
    for languages in (_PYTHON, ("",)):
        fitting = [block.content for block in blocks if block.language in languages]
        if fitting:
            return fitting[-1] or None
    return None


def read_blocks(text: str) -> Iterator[Block]:
    """Every block of a text, in order."""
    opening: re.Match[str] | None = None
    held: list[str] = []
    # By line breaks alone: other separators of Unicode may stand in a program's texts.
    for line in text.replace("\r\n", "\n").split("\n"):
        if opening is None:
            opening = _OPENING.fullmatch(line)
            held = []
        elif _closes(line, opening["fence"]):
            yield _block(opening, held)
            opening = None
        else:
            held.append(line)
    if opening is not None:
        yield _block(opening, held)


def _closes(line: str, fence: str) -> bool:
    """Whether a line is nothing but a fence of that kind, at least as long."""
    mark = line.strip()
    return mark.startswith(fence) and not mark.strip(fence[0])


def _block(opening: re.Match[str], lines: list[str]) -> Block:
    before = opening["before"]
    # What stands before the fence is the list's, not the program's.
    content = [line.removeprefix(before) for line in lines]
    return Block(opening["language"].lower(), "\n".join(content).rstrip())
