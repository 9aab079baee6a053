"""The processes that a test has started, as they are at one moment."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil


def descendants(top: int | None = None) -> list[tuple[psutil.Process, str]]:
    """Every running descendant of a process (this one when none is named), with its name and words.

    One that has ended is left out, also where nobody has taken its exit status yet: a zombie is
    among the children of its parent and has no command line any more.
    """
    found: list[tuple[psutil.Process, str]] = []
    for process in psutil.Process(top or os.getpid()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.append((process, " ".join([process.name(), *process.cmdline()])))
    return found
