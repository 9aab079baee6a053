r"""What an answer in words says, whatever dress it wears: `\text{The Hague}.` and `the hague`."""

from __future__ import annotations

import re
import unicodedata

from tasks.grading.wrappers import unwrap

LONGEST = 2_000
"""Characters of an answer whose dress is taken off."""

_DRESS = re.compile(
    r"\\(?:text[a-z]*|math[a-z]+|boxed|fbox|mbox|emph|operatorname\*?)\s*\{([^{}]*)\}"
)
_DOLLARS = re.compile(r"\$+([^$]*)\$+|\\[(\[](.*)\\[)\]]", re.DOTALL)
_SPACES = re.compile(r"\\[ ,;:!]|~|\\quad|\\\\|\s")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_QUOTES = str.maketrans(dict.fromkeys("‘’ʼ´`", "'") | dict.fromkeys("“”„«»", '"'))
_DASHES = re.compile(r"(?<=[^\W\d_])[-‐‑–—](?=[^\W\d_])")
_MARKS = re.compile(
    r"""[.,;:?…]+(?=["()\[\]{}!]*(?:\s|$))"""  # after a number too: it ends a sentence
    r"""|(?<![\d])["()\[\]{}!]+(?=\s|$)|(?:(?<=\s)|^)["()\[\]{}]+(?!\d)"""
    r"""|(?<=[^\W\d_])'|'(?=[^\W\d_])"""
)
_ARTICLE = re.compile(r"(?:(?<=\s)|^)(?:an?|the)\s+(?=\S\S)")
_OPENING = re.compile(r"^(?:A|An|The|THE)\s+(?=\S\S)")


def undress(answer: str) -> str:
    r"""The answer without markdown, `\text{}`, `\boxed{}`, dollars around all of it, loose spaces.

    Capitals and marks stay. The result can be encoded as UTF-8. A text of more than LONGEST
    characters loses its loose spaces alone: every layer costs a look at all of it.
    """
    text = answer.encode("utf-8", "replace").decode("utf-8")
    if len(text) > LONGEST:
        return " ".join(text.split())
    text = unicodedata.normalize("NFC", text.translate(_FULL_WIDTH))
    text = unwrap(text)
    while True:
        inner = _DRESS.sub(r"\1", text)
        whole = _DOLLARS.fullmatch(inner.strip())
        inner = unwrap((whole[1] or whole[2] or "") if whole else inner)
        # Every pass takes something off, so this ends; what is dress alone stays as it is.
        if inner == text or not inner:
            return " ".join(_SPACES.sub(" ", text).split())
        text = inner


def wording(answer: str) -> str:
    """The answer's words in small letters, without articles and the marks of sentences.

    Dropped: `a`, `an`, `the` before another word (an `A` within is a name, as in `hepatitis A`),
    quotes, apostrophes, brackets and what ends a sentence. A hyphen between letters is a space.
    Kept: every mark of a number (`3.14`, `-5`, `1/2`, `5!`) and all other signs (`C++`, `50%`).
    """
    text = undress(answer).translate(_QUOTES)
    if len(text) > LONGEST:
        return text.casefold()
    plain = _MARKS.sub("", _DASHES.sub(" ", text))
    plain = _ARTICLE.sub("", _OPENING.sub("", plain))
    words = " ".join(plain.casefold().split())
    # An answer of nothing but marks is told by them.
    return words or text.casefold()
