r"""LaTeX and plain-text spellings folded into one: look, spaces, degrees, functions, relations.

Every substitution is a regular expression that cannot backtrack over more than its own match, so
that the work stays far below a millisecond per hundred characters on any input.
"""

from __future__ import annotations

import re

from tasks.grading.mathematics.arguments import complete
from tasks.grading.mathematics.symbols import fold_characters
from tasks.grading.wrappers import unwrap

DOLLAR = "＄"
"""A dollar that is money; those of mathematics are gone."""

TEXT = (
    r"\\(?:text|textbf|textit|textrm|textnormal|textsf|texttt|textsc|emph|mathrm|mbox|hbox"
    r"|operatorname)"
    r"(?![A-Za-z])\*?\s?"
)
"""Commands whose argument is words, units, or the name of a function."""

_Folds = tuple[tuple[re.Pattern[str], str], ...]


def _folds(*pairs: tuple[str, str]) -> _Folds:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in pairs)


_LOOK = _folds(
    (r"\\bbox(?![A-Za-z])\s?(?:\[[^\[\]]*\])?", ""),
    (r"\\(?:underbrace|overbrace|mathring|null|space)(?![A-Za-z])", " "),
    (r"\\(?:begin|end)\s?\{(?:align|aligned|equation|gather|gathered|split|math)\*?\}", " "),
    (r"\\cancel\s?\{[^{}]*\}", ""),
    (r"\\(?:mathcal|mathbb|math)(?=\s?\{\s?[0-9])", ""),
    (r"\\(?:mathbin|mathrel|mathord|mathopen|mathclose)(?![A-Za-z])", ""),
    (
        r"\\frac\s?\{\s?\\(?:text|mathrm)\s?\{([^{}]+)\}\s?\}"
        r"\s?\{\s?\\(?:text|mathrm)\s?\{([^{}]+)\}(\^\{?[0-9]\}?)?\s?\}",
        r" \1/\2\3 ",
    ),
    (r"\\(?:phantom|hphantom|vphantom|hspace\*?|vspace\*?|label|tag)\s?\{[^{}]*\}", ""),
    (r"\\(?:color|textcolor|colorbox)(?![A-Za-z])\s?(?:\[[^\[\]]*\]\s?)?(?:\{[^{}]*\})?", ""),
    (r"\\(?:boxed|fbox|framebox|ensuremath|underline|highlight|mathop)(?![A-Za-z])", ""),
    (r"\\(?:left|right|middle)(?![A-Za-z])\s?\.?(?=[^A-Za-z.]|$)", ""),
    (r"\\(?:[Bb]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits)(?![A-Za-z])", ""),
    (r"\\(?:mathbf|mathit|mathsf|mathtt|mathnormal|boldsymbol|bm|pmb)(?![A-Za-z])", ""),
    (r"\\(?:bf|rm|it|em|sf|tt|bfseries|itshape)(?![A-Za-z])", ""),
    (r"\\(?:tiny|small|normalsize|large|Large|LARGE|huge|Huge)(?![A-Za-z])", ""),
    (r"\\(?:hfill|hfil|noindent|newline|nonumber|allowbreak|par)(?![A-Za-z])", " "),
)
"""Commands that change the look alone, or print nothing."""

_SPACING = _folds(
    (r"(?<=[0-9])'(?=[0-9]{3}(?![0-9]))", ""),
    # Thousands: 1{,}000 and 1,\!000, before the spaces of LaTeX go.
    (r"(?<=[0-9])\s?\{\s?,\s?\}\s?(?=[0-9]{3}(?![0-9]))|(?<=[0-9]),\s?\\!\s?(?=[0-9])", ""),
    (r"\{\s?,\s?\}", ","),
    (r"\{\s?\}(?=\s?\^)", ""),
    # The negative space is none; all others are one.
    (r"(?<!\\)\\!", ""),
    (r"(?<!\\)\\(?:[,;:> ]|q?quad(?![A-Za-z])|enspace(?![A-Za-z])|thinspace(?![A-Za-z]))|~", " "),
    # Marks of mathematics: \( \), \[ \], but not the \\[ of a matrix row.
    (r"(?<!\\)\\[()\[\]]", ""),
)

_NAMES = _folds(
    (r"(?<![A-Za-z\\])(?:nCr|binom(?:ial)?)\s?\(([^(),]+),([^(),]+)\)", r"\\binom{\1}{\2}"),
    (r"(?<![A-Za-z\\])factorial\s?\(([^()]+)\)", r"(\1)!"),
    (r"(?<![A-Za-z\\])floor\s?\(([^()]+)\)", r"\\lfloor \1\\rfloor "),
    (r"(?<![A-Za-z\\])ceil(?:ing)?\s?\(([^()]+)\)", r"\\lceil \1\\rceil "),
    (r"(?<![A-Za-z\\])cbrt\s?\(([^()]+)\)", r"\\sqrt[3]{\1}"),
    (r"(?<![A-Za-z])([0-9A-F]+)\sbase\s([0-9]+)$", r"\1_{\2}"),
    (r"(?<=[0-9])\s(?:US|U\.S\.|American|Canadian|Australian)\s(?=dollars?)", " "),
    (r"(?<=[0-9])\san?\s(?=(?:hour|day|week|month|year|minute|second|piece|person)s?$)", " per "),
    (r"(?<=[a-z])\ssquared(?![a-z])", "^2"),
    (r"(?<=[a-z])\scubed(?![a-z])", "^3"),
    (r"\\var(phi|theta|epsilon|rho|sigma|pi|kappa)(?![A-Za-z])", r"\\\1 "),
    (r"\\(?:textdollar|mathdollar)(?![A-Za-z])", DOLLAR),
    (r"\\(?:pounds|textsterling)(?![A-Za-z])", "£"),
    (r"\\(?:euro|texteuro)(?![A-Za-z])", "€"),
    (r"\\&", " and "),
    (r"(?<![A-Za-z\\])abs\s?\(([^()]*)\)", r"|\1|"),
    (r"(?<![A-Za-z\\])log_?([0-9]+)\s?(?=\()", r"\\log_{\1}"),
    (r"(?<=[0-9])\s([kM]?)\s?\\?(?:Omega|ohm|Ω)\s?$", r" \1ohm"),
    (r"(?<=[0-9])\s\\mu\s?([mgsA])(?=$|[ /])", r" micro\1"),
    (r"(?<=[0-9])\s\\(?:AA|mathring\{A\})\s?$", " angstrom"),
    (r"\\[dtc]frac(?![A-Za-z])|\\(?:nice|s|x)frac(?![A-Za-z])", r"\\frac"),
    (r"\\sqrt(?=[A-Za-z])", r"\\sqrt "),
    (r"\\[dt]binom(?![A-Za-z])", r"\\binom"),
    (r"\{([^{}]*)\\over(?![A-Za-z])([^{}]*)\}", r"\\frac{\1}{\2}"),
    (r"^([^{}]*)\\over(?![A-Za-z])([^{}]*)$", r"\\frac{\1}{\2}"),
    (r"\{([^{}]*)\\choose(?![A-Za-z])([^{}]*)\}", r"\\binom{\1}{\2}"),
    (r"^([^{}]*)\\choose(?![A-Za-z])([^{}]*)$", r"\\binom{\1}{\2}"),
    (r"\^\{?([0-9]+)\}?\s?/\s?_\{?([0-9]+)\}?", r"\\frac{\1}{\2}"),
    (r"\\(?:leqslant|leqq|leq)(?![A-Za-z])|<=|=<", r"\\le "),
    (r"\\(?:geqslant|geqq|geq)(?![A-Za-z])|>=", r"\\ge "),
    (r"\\neq(?![A-Za-z])|\\not\s?=|(?<![0-9!)])!=", r"\\ne "),
    (r"\\lt(?![A-Za-z])", "<"),
    (r"\\gt(?![A-Za-z])", ">"),
    (r":=|\\coloneqq(?![A-Za-z])|==", "="),
    (r"\\colon(?![A-Za-z])", ":"),
    (r"\\(?:mid|[lr]?vert)(?![A-Za-z])", "|"),
    (r"\\lbrace(?![A-Za-z])", r"\\{"),
    (r"\\rbrace(?![A-Za-z])", r"\\}"),
    (r"\\[lcd]?dots[bcimo]?(?![A-Za-z])", r"\\ldots "),
    (r"\\varnothing(?![A-Za-z])|\\\{\s?\\\}", r"\\emptyset "),
    (r"\\bmod(?![A-Za-z])|\\p?mod(?![A-Za-z])", r"\\bmod "),
    # Of vectors the cross is another product than the dot.
    (r"\\(?:times(?!\s?\\vec)|ast|cdotp?|cdot)(?![A-Za-z])|(?<!\*)\*(?!\*)", r"\\cdot "),
    (r"\\div(?![A-Za-z])", "/"),
    (r"(?<=[0-9])\s?[xX]\s?(?=10\s?\^)", r"\\cdot "),
    (r"(?<=[)\]}])\s?U\s?(?=[(\[\\])", r"\\cup "),
    (r"(?<![A-Za-z])sq\.\s?(?=[a-z])", "square "),
    (r"(?<![A-Za-z])cu\.\s?(?=[a-z])", "cubic "),
    (r"\*\*", "^"),
    (r"\\(?:R|Reals)(?![A-Za-z])", r"\\mathbb{R}"),
    (r"\\%|(?<=[0-9}])\s?(?:percent|per cent|percentage|pct)(?![A-Za-z])", "%"),
    (r"\\lg(?![A-Za-z])|(?<![A-Za-z\\])lg(?=\s?[({0-9])", r"\\log_{10}"),
)
"""Commands that have several names, and operators that plain text writes otherwise."""

_DEGREES = _folds(
    (r"\^\s?(?:\\(?:circ|degree)(?![A-Za-z])|\{\s?\\(?:circ|degree)\s?\})", "°"),
    (r"\\(?:degree|textdegree)s?(?![A-Za-z])", "°"),
    (r"(?<=[0-9])\s?\^\s?\{?\s?[oO]\s?\}?(?![A-Za-z0-9])", "°"),
    (r"(?<=[0-9}])\s?deg(?:ree)?s?(?![A-Za-z])", "°"),
    (r"\s?°\s?", "°"),
)

_FUNCTIONS = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|gcd|max|min|det"
_GREEK = (
    "alpha|beta|gamma|delta|epsilon|theta|lambda|sigma|omega|phi|psi|tau|rho|mu|nu|pi|"
    "Gamma|Delta|Theta|Lambda|Sigma|Omega|Phi|Psi|Pi"
)
_WORDS = _folds(
    # `5 sec` and `5 min` are times: a function has an argument.
    (
        rf"(?<![A-Za-z\\])({_FUNCTIONS})(?=\s?[({{\\^_]|\s?[0-9]|\s[a-z](?![A-Za-z]))",
        r"\\\1 ",
    ),
    (r"(?<![A-Za-z\\])lcm(?=\s?\()", r"\\operatorname{lcm}"),
    (rf"(?<![A-Za-z\\])({_GREEK})(?![A-Za-z])", r"\\\1 "),
    (r"(?<![A-Za-z\\])(?:infinity|infty|inf|oo)(?![A-Za-z])", r"\\infty "),
    (r"(?<![A-Za-z\\])([a-z]?)sqrt(?![A-Za-z])", r"\1\\sqrt"),
    (r"(?<![A-Za-z\\])exp(?=\s?\()|\\exp(?![A-Za-z])\s?(?=[({])", "e^"),
    # Engineers write j for the imaginary unit, right after its number.
    (r"(?<=[0-9])j(?![A-Za-z])", "i"),
)
"""Functions and letters that plain text writes as words."""

_LAST = _folds(
    (r" (?=\\(?:in|cdot|cup|cap|le|ge|ne|pm|mp|land|lor|approx|setminus|bmod)(?![A-Za-z]))", ""),
    # Thousands within a group, or before a factor or an index.
    (r"(?<=[{(0-9]),(?=[0-9]{3}(?:,[0-9]{3})*\})", ""),
    (r"(?<=[0-9]),(?=[0-9]{3}(?:,[0-9]{3})*(?:\\(?!l)[a-z]|_))", ""),
    # A plus that adds nothing: at the beginning, or after what nothing can be added to.
    (r"(^|[(\[{,;=<>&]|\\(?:le|ge|ne|cup|cap|in|cdot|pm|lor|land) ?)\s?\+\s?(?=\S)", r"\1"),
)

_NEW_LINE = re.compile(r"(?<=[^\s\\])\s?\\\\\s?(?=[^\s\\\[])")
_FRENCH = re.compile(r"^(?:(\])|(\[))([^\[\]]+[,;][^\[\]]+)(?:(\[)|(\]))$")
_EMPTY = re.compile(r"\{ ?\}")
_SET = re.compile(r"^\{([^{}]*[,|:;][^{}]*)\}$")
_SPACES = re.compile(r"\s+")
# The space after a comma tells the list `5, 120` from the number 5,120.
# The one after a bracket tells a unit from a factor: `\frac{1}{2} in`.
_LOOSE_SPACE = re.compile(
    r"(?<![A-Za-z0-9°,})]) | (?![A-Za-z0-9°\\])|(?<=,) (?!\S)| (?=\\[^A-Za-z])"
)
_GROUP = re.compile(TEXT + r"\{([^{}]*)\}")
_TEXT = re.compile(TEXT + r"(?=\{)")
_FUNCTION_NAME = re.compile(rf"(?:{_FUNCTIONS}|arg|lcm|exp|Re|Im)")
_PERIODS = re.compile(r"(?<![A-Za-z])([ap])\.\s?m\.?(?![A-Za-z])", re.IGNORECASE)


def clean(text: str) -> str:
    r"""The text with one spelling per meaning, still LaTeX, without lone surrogates or NUL.

    Degree signs stay as `°` and money as `＄`: what they mean depends on what they stand at.
    """
    text = _SPACES.sub(" ", fold_characters(unwrap(text)))
    # Elsewhere than in a matrix a new line is another answer.
    if r"\begin" not in text:
        text = _NEW_LINE.sub(", ", text)
    text = _FRENCH.sub(_round_ends, text)
    if _EMPTY.fullmatch(text):
        return r"\emptyset"
    # Plain text writes sets with bare braces; those of a command are no set.
    text = _fold(_SET.sub(r"\\{\1\\}", text), _LOOK)
    text = _fold_dollars(text)
    text = _fold(text, _SPACING)
    text = _GROUP.sub(_words_of, text)
    # What holds groups of its own is mathematics: its braces go with all others.
    text = _SPACES.sub(" ", _TEXT.sub("", text))
    text = _PERIODS.sub(r"\1m", text)
    text = _fold(text, _NAMES)
    text = _fold(text, _DEGREES)
    text = _fold(text, _WORDS)
    text = complete(_SPACES.sub(" ", text))
    text = _fold(text, _LAST)
    # Folds leave spaces beside each other.
    text = _SPACES.sub(" ", text)
    return unwrap(_LOOSE_SPACE.sub("", text))


def _fold(text: str, folds: _Folds) -> str:
    for pattern, replacement in folds:
        text = pattern.sub(replacement, text)
    return text


def _round_ends(match: re.Match[str]) -> str:
    """`]0,1]` as `(0,1]`: in French an open end turns its bracket outward."""
    opening = "(" if match[1] else "["
    closing = ")" if match[4] else "]"
    return f"{opening}{match[3]}{closing}"


def _fold_dollars(text: str) -> str:
    r"""Dollars of money as `＄`: those with a backslash, and one without a partner at a number."""
    text = text.replace(r"\$", DOLLAR)
    is_paired = text.count("$") % 2 == 0
    if is_paired:
        return text.replace("$", "")
    # The one without a partner is the first that stands before a number.
    text = re.sub(r"\$(?=\s?[0-9.])", DOLLAR, text, count=1)
    return text.replace("$", "")


def _words_of(match: re.Match[str]) -> str:
    """What a text command holds, set apart by spaces; names of functions become functions."""
    inner = match[1]
    return inner + " " if _FUNCTION_NAME.fullmatch(inner) else f" {inner} "
