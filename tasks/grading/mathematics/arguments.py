r"""Braces where LaTeX and plain text leave them out: `\frac\pi2`, `\sqrt3`, `2^\frac12`, `x^(n+1)`.

One walk over the text, each character once, with a bound on how deep it follows arguments.
"""

from __future__ import annotations

import re

_ARGUMENTS = {
    "frac": 2,
    "binom": 2,
    "sqrt": 1,
    "mathbb": 1,
    "overline": 1,
    "bar": 1,
    "dot": 1,
    "vec": 1,
    "hat": 1,
    "begin": 1,
    "end": 1,
}
"""How many arguments a command takes."""

_COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)", re.DOTALL)
_RAISED = re.compile(r"[+-]?[0-9]+")
_OPTION = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST = 40
"""Arguments within arguments that are read; text that goes deeper stays as written."""


class _TooDeep(Exception):
    """Arguments within arguments without end."""


def complete(text: str) -> str:
    r"""The text with braces around every argument; `x^2` and `a_1` keep their bare character."""
    try:
        return _Walk(text).sequence("", 0)
    except _TooDeep:
        return text


class _Walk:
    """A place in a text that moves on as pieces are read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def sequence(self, closing: str, depth: int) -> str:
        """Everything up to the closing character, which is read too, or to the text's end."""
        if depth > _DEEPEST:
            raise _TooDeep
        pieces: list[str] = []
        follows_command = False
        while self._place < len(self._text):
            character = self._text[self._place]
            if closing and character == closing:
                self._place += 1
                break
            pieces.append(self._piece(depth, follows_command))
            # A group after a command that is not known here may be what the command is about.
            follows_command = character == "\\" or (character == "{" and follows_command)
        return "".join(pieces)

    def _piece(self, depth: int, follows_command: bool) -> str:
        """The next character, group, command or script, with its arguments."""
        character = self._text[self._place]
        if character == "\\":
            return self._command(depth)
        self._place += 1
        if character == "{":
            # Elsewhere braces group and say nothing: `{5}` is 5.
            inner = self.sequence("}", depth + 1)
            return "{" + inner + "}" if follows_command else inner
        # One that closes nothing says nothing.
        if character == "}":
            return ""
        if character in "^_":
            return character + self._script(depth)
        return character

    def _command(self, depth: int) -> str:
        match = _COMMAND.match(self._text, self._place)
        if match is None:  # a lone backslash at the end
            self._place += 1
            return "\\"
        self._place = match.end()
        command = match[0]
        count = _ARGUMENTS.get(command[1:], 0)
        if not count:
            return command
        if command == r"\sqrt":
            command += self._option()
        for _ in range(count):
            command += "{" + self._argument(depth + 1) + "}"
        return command

    def _option(self) -> str:
        self._skip_spaces()
        match = _OPTION.match(self._text, self._place)
        if match is None:
            return ""
        self._place = match.end()
        return match[0]

    def _argument(self, depth: int) -> str:
        """A group without its braces, a command with its arguments, or one character."""
        self._skip_spaces()
        if self._place >= len(self._text):
            return ""
        if self._text[self._place] == "\\":
            return self._command(depth)
        character = self._text[self._place]
        self._place += 1
        # In plain text an argument stands in parentheses: sqrt(3).
        closing = {"{": "}", "(": ")"}.get(character)
        if closing:
            return self.sequence(closing, depth + 1).strip()
        return character

    def _script(self, depth: int) -> str:
        r"""An exponent or index; plain text writes `10^-4`, which LaTeX would read as `10^{-}4`."""
        self._skip_spaces()
        match = _RAISED.match(self._text, self._place)
        if match:
            self._place = match.end()
            argument = match[0]
        else:
            argument = self._argument(depth + 1)
        # A digit behind it would join the script: \log_{2}8 is no \log_{28}.
        is_followed = self._text[self._place : self._place + 1].isalnum()
        is_bare = len(argument) == 1 and argument.isalnum() and not is_followed
        return argument if is_bare else "{" + argument + "}"

    def _skip_spaces(self) -> None:
        while self._text[self._place : self._place + 1] == " ":
            self._place += 1
