"""The answer inside a completion, found by its marker."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BOXED = re.compile(r"\\boxed\s*\{")
_BRACES_OR_ESCAPE = re.compile(r"\\.|\{+|\}+", re.DOTALL)
_LINE_END = re.compile(r"[\r\n]")


def extract_answer(text: str, markers: Sequence[str]) -> str | None:
    r"""The answer as the model wrote it, after the first of the markers that an answer follows.

    None when every marker is missing or nothing follows it.

    With the marker `\boxed` it is what stands in the braces of the last `\boxed{...}`; braces that
    never close mean that the completion was cut, hence None, even if an earlier box was complete.
    Any other marker is a literal such as `Answer: `: the rest of the line after the last one.
    The last number of a text is never taken for an answer (METHOD §16).
    """
    found = (_after(text, marker) for marker in markers)
    return next((answer for answer in found if answer is not None), None)


def _after(text: str, marker: str) -> str | None:
    if not marker.strip():
        raise ValueError(
            f"expected a marker such as '\\boxed' or 'Answer: ', got {marker!r}; name one"
        )
    marked = _last_boxed(text) if marker == r"\boxed" else _rest_of_line(text, marker)
    if marked is None:
        return None
    return marked.strip() or None


def _rest_of_line(text: str, marker: str) -> str | None:
    place = text.rfind(marker)
    if place < 0:
        return None
    start = place + len(marker)
    line_end = _LINE_END.search(text, start)
    end = line_end.start() if line_end else len(text)
    return text[start:end]


def _last_boxed(text: str) -> str | None:
    last = text.rfind(r"\boxed")
    opening = _BOXED.match(text, last) if last >= 0 else None
    if opening is None:
        return None
    depth = 1
    # Escapes are read along with the braces, so that `\{` opens nothing. A run of braces is one
    # mark, so that a text of nothing else costs one step.
    for mark in _BRACES_OR_ESCAPE.finditer(text, opening.end()):
        length = mark.end() - mark.start()
        kind = mark[0][0]
        if kind == "}" and length >= depth:
            end = mark.start() + depth - 1
            return text[opening.end() : end]
        depth += {"{": length, "}": -length}.get(kind, 0)
    return None
