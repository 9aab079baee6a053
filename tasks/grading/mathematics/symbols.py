r"""Characters folded into LaTeX and ASCII: `½` is `\frac{1}{2}`, `x²` is `x^{2}`, `（` is `(`."""

from __future__ import annotations

import re
import unicodedata

_NAMES = {
    "∞": "infty",
    "×": "times",
    "·": "cdot",
    "⋅": "cdot",
    "∙": "cdot",
    "≤": "le",
    "⩽": "le",
    "≦": "le",
    "≥": "ge",
    "⩾": "ge",
    "≧": "ge",
    "≠": "ne",
    "∪": "cup",
    "∩": "cap",
    "∈": "in",
    "∅": "emptyset",
    "±": "pm",
    "∓": "mp",
    "∖": "setminus",
    "∧": "land",
    "∨": "lor",
    "∠": "angle",
    "△": "triangle",
    "…": "ldots",
    "⋯": "ldots",
    "≈": "approx",
    "→": "to",
    "⌊": "lfloor",
    "⌋": "rfloor",
    "⌈": "lceil",
    "⌉": "rceil",
    "⟨": "langle",
    "〈": "langle",
    "⟩": "rangle",
    "〉": "rangle",
}
"""Commands of LaTeX by the character that stands for them."""

_PLAIN = {
    "\0": "\\x00",
    "−": "-",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "‒": "-",
    "﹣": "-",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "º": "°",
    "˚": "°",
    "∣": "|",
    "∶": ":",
    "。": ".",
    "、": ",",
    "’": "'",
    "｛": r"\{",
    "｝": r"\}",
    "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}",
    "ℚ": r"\mathbb{Q}",
    "ℕ": r"\mathbb{N}",
    "ℂ": r"\mathbb{C}",
    "￥": "¥",
    "℃": "°C",
    "℉": "°F",
    "µ": r"\mu ",
    "ϕ": r"\phi ",
    "ε": r"\epsilon ",
    "ϵ": r"\epsilon ",
}

_GREEK = """alpha beta gamma delta zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"""

_FULL_WIDTH = [code for code in range(0xFF01, 0xFF5F) if code != 0xFF04]
"""Full-width forms of ASCII from `!` to `~`, but the dollar, which is always money."""

_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ]+")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋]+")
_VULGAR = re.compile("[¼½¾⅐-⅞]")
_ROOT = re.compile(r"([√∛])\s?(?=(\(|\{)?)([0-9]+(?:\.[0-9]+)?|[A-Za-z])?")


def _greek(name: str) -> str:
    """The character of a letter's name."""
    case = "SMALL" if name.islower() else "CAPITAL"
    # Unicode spells this one letter otherwise than LaTeX does.
    spelled = "LAMDA" if name.lower() == "lambda" else name.upper()
    return unicodedata.lookup(f"GREEK {case} LETTER {spelled}")


def _table() -> dict[int, str]:
    table = {ord(character): plain for character, plain in _PLAIN.items()}
    table |= {ord(character): f"\\{name} " for character, name in _NAMES.items()}
    table |= {ord(_greek(name)): f"\\{name} " for name in _GREEK.split()}
    return {code: chr(code - 0xFEE0) for code in _FULL_WIDTH} | table


_TABLE = _table()


def fold_characters(text: str) -> str:
    """The text in ASCII and LaTeX as far as its characters have a spelling there.

    What has none stays, `偶` as well as `€`; lone surrogates and NUL are written as escapes.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = _SUPERSCRIPT.sub(lambda match: f"^{{{_plain(match[0])}}}", text)
    text = _SUBSCRIPT.sub(lambda match: f"_{{{_plain(match[0])}}}", text)
    text = _VULGAR.sub(_vulgar, text)
    text = _ROOT.sub(_root, text)
    return text.translate(_TABLE)


def _plain(raised: str) -> str:
    """The digits and signs that superscripts or subscripts stand for."""
    return unicodedata.normalize("NFKC", raised).replace("−", "-")


def _vulgar(match: re.Match[str]) -> str:
    # NFKC writes ½ as `1⁄2`, with a slash of its own.
    above, _, below = unicodedata.normalize("NFKC", match[0]).partition("⁄")
    return rf"\frac{{{above}}}{{{below}}}" if below else match[0]


def _root(match: re.Match[str]) -> str:
    command = r"\sqrt" if match[1] == "√" else r"\sqrt[3]"
    # A bracket after the sign is read with all other arguments in brackets.
    if match[2]:
        return command
    return f"{command}{{{match[3]}}}" if match[3] else command
