"""Recipes as infra/CONTRIBUTING.md writes them, and what it takes to follow one in a copy."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

LEAD = re.compile(r"^`([\w./-]+)` \((.+)\)$")
"""`path` (place): what a change of a file begins with."""
BLOCK = re.compile(r"\A\n```\w+\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"(after|before|instead of) the line `(.+)`(?:, add)?")
COMMAND = re.compile(r"renewed by `\.venv/bin/python (.+)`")
DEFINITION = re.compile(r"(async def|def|class) ")
TESTS = re.compile(r"`\./infra/ttc test ([^`]+)`")


class Edit(NamedTuple):
    """One change of one file: a block at a place, or what a command writes."""

    path: str
    place: str
    text: str

    def apply(self, folder: Path) -> None:
        """Change the file in the folder; ValueError for a place that is not there, or is twice."""
        path = folder / self.path
        if command := COMMAND.fullmatch(self.place):
            python(folder, *shlex.split(command[1]))
            return
        if (self.place == "new") == path.exists():
            raise ValueError(f"{self.path}: expected a file that exists, or (new)")
        old = "" if self.place == "new" else path.read_text(encoding="utf-8")
        lines = old.splitlines(keepends=True)
        start, end = self._span(lines)
        # The formatter trims the blocks of the document: what follows a definition is added here.
        apart = self.place.startswith("before") and DEFINITION.match(self.text)
        lines[start:end] = [self.text + ("\n\n" if apart else "")]
        path.write_text("".join(lines), encoding="utf-8")

    def _span(self, lines: list[str]) -> tuple[int, int]:
        """From which line to which the text replaces what there is."""
        if self.place in ("new", "at the end, add"):
            return len(lines), len(lines)
        named = PLACE.fullmatch(self.place)
        if named is None:
            raise ValueError(f"{self.path}: expected a known place, got {self.place!r}")
        where, beginning = named.groups()
        at = [place for place, line in enumerate(lines) if line.strip().startswith(beginning)]
        if len(at) != 1:
            raise ValueError(f"{self.path}: {beginning!r} begins {len(at)} lines, expected one")
        return at[0] + (where == "after"), at[0] + (where != "before")


class Recipe(NamedTuple):
    """What the text under one heading says."""

    title: str
    files: int
    edits: list[Edit]
    """Its changes, in order."""
    tests: list[str]
    """What it says to give to `./infra/ttc test`."""


def recipes(document: str) -> list[Recipe]:
    """The recipes of a document; ValueError for one without a number of files, or a block."""
    _, _, written = document.partition("\n## Recipes\n")
    return [_recipe(*section.split("\n", 1)) for section in written.split("\n### ")[1:]]


def _recipe(title: str, text: str) -> Recipe:
    count = re.search(r"^Files: (\d+)\.$", text, re.MULTILINE)
    if count is None:
        raise ValueError(f"{title}: expected a line 'Files: n.'")
    lines = text.splitlines(keepends=True)
    edits: list[Edit] = []
    for number, line in enumerate(lines, start=1):
        if lead := LEAD.match(line):
            block = BLOCK.match("".join(lines[number:]))
            if (block is None) != bool(COMMAND.fullmatch(lead[2])):
                raise ValueError(f"{title}: expected one block of code, or a command, at {line!r}")
            edits.append(Edit(lead[1], lead[2], block[1] if block else ""))
    return Recipe(title, int(count[1]), edits, TESTS.findall(text))


def python(folder: Path, *arguments: str) -> str:
    """What this Python prints in a copy, whose rooms come before those that are installed."""
    # An editable installation has the original on the path too, but after these.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(folder), str(folder / "tests" / "fakes"))),
        "OMP_NUM_THREADS": "1",
        "TTC_HOME": str(folder / ".ttc"),
    }
    ended = subprocess.run(
        (sys.executable, *arguments),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
