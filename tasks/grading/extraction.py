"""The answer inside a completion, found by its marker."""

from __future__ import annotations

import re

_BOXED = re.compile(r"\\boxed\s*\{")
_BRACES_OR_ESCAPE = re.compile(r"\\.|\{+|\}+", re.DOTALL)
_LINE_END = re.compile(r"[\r\n]")


def extract_answer(text: str, *, marker: str) -> str | None:
    r"""The answer as the model wrote it, or None when the marker is missing or nothing follows it.

    With the marker `\boxed` it is what stands in the braces of the last `\boxed{...}`; braces that
    never close mean that the completion was cut, hence None, even if an earlier box was complete.
    Any other marker is a literal such as `Answer: `: the rest of the line after its last occurrence.
    The last number of a text is never taken for an answer (METHOD §16).
    """
    if not marker.strip():
        raise ValueError(
            f"expected a marker such as '\\boxed' or 'Answer: ', got {marker!r}; name one"
        )
    found = _last_boxed(text) if marker == r"\boxed" else _rest_of_line(text, marker)
    return found.strip() or None if found is not None else None


def _rest_of_line(text: str, marker: str) -> str | None:
    start = text.rfind(marker)
    if start < 0:
        return None
    start += len(marker)
    end = _LINE_END.search(text, start)
    return text[start : end.start() if end else len(text)]


def _last_boxed(text: str) -> str | None:
    last = text.rfind(r"\boxed")
    opening = _BOXED.match(text, last) if last >= 0 else None
    if opening is None:
        return None
    depth = 1
    for mark in _BRACES_OR_ESCAPE.finditer(text, opening.end()):
        run = mark.end() - mark.start()
        if mark[0][0] == "}" and run >= depth:
            return text[opening.end() : mark.start() + depth - 1]
        depth += {"{": run, "}": -run}.get(mark[0][0], 0)
    return None
