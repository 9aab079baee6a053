"""What a user can put right, what time puts right, and how it is said."""

import sys
from unicodedata import category


class UserError(Exception):
    """The user's mistake: one sentence saying what was expected, what came and what to do next.

    The command line prints it without a traceback and exits with code 2.
    """


class Busy(Exception):
    """Another process holds the warehouse: nothing is wrong, try again later.

    The command line prints it without a traceback and exits with code 75.
    """

    exit_code = 75


class DiskTrouble(Exception):
    """A disk that is full, closed or broken: one sentence naming the file and what is free.

    Nothing that was stored is lost. The command line prints it without a traceback and exits with
    code 75: the same command goes on once the disk is well.
    """

    exit_code = 75


class EngineDied(Exception):
    """A model's process ended while it started or was asked, and did so again when started anew.

    What was drawn is kept. The command line prints it without a traceback and exits with code 75.
    """

    exit_code = 75


class ServerAway(Exception):
    """A server that a run is reported to is gone, or fails: nothing that was stored is lost.

    The command line prints it without a traceback and exits with code 75.
    """

    exit_code = 75


class Gone(Exception):
    """A segment that is no longer under its name: another process replaced it or set it aside.

    Never reaches a user: who meets it looks at the journal again.
    """


def shown(text: str) -> str:
    """The text, with what would steer a terminal written out; lines stay lines."""
    # Escape sequences, also of one character (C1), and what turns the order of writing round.
    return "".join(one if _is_harmless(one) else ascii(one)[1:-1] for one in text)


def _is_harmless(character: str) -> bool:
    # Blanks of other widths are not printable to Python.
    return character.isprintable() or character in "\n\t" or category(character) == "Zs"


def say(text: str) -> None:
    """Print a line to stderr: what happens, what was wrong."""
    print(shown(text), file=sys.stderr)
