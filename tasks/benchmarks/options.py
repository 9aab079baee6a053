"""The options of a row: listed, with labels, or in columns of their own."""

from __future__ import annotations

import re
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

from tasks.benchmarks.names import NAMES, Row, plain, scalar, text_of, unfolded, values_of
from warehouse.errors import UserError

_WRONG = re.compile(rf"(?:{'|'.join(map(plain, NAMES['wrong']))})\d*")


class Options(NamedTuple):
    """The options of a row, in the file's order."""

    texts: list[str]
    labels: list[str]
    """What the file calls them; empty: by their place."""
    are_numbers: bool
    """Numbers in JSON, so that a number as target may be one of them."""


NONE = Options([], [], are_numbers=False)


def options_of(row: Row, place: str) -> Options:
    """The options in the file's order; none where the row has none."""
    right = scalar(row.get("correctanswer"))
    wrong = [scalar(value) for name, value in row.items() if _WRONG.fullmatch(name)]
    if wrong and right:
        # GPQA leaves its options unordered, the right one by itself.
        written = [right, *wrong]
        # A table has a cell for each, blank where a question has fewer.
        texts = [text for text in written if text]
        return Options(texts, [], are_numbers=False)
    for name, value in values_of(row, "choices"):
        listed = unfolded(value)
        if listed:
            return _listed(listed, name, place)
    return _in_columns(row)


def _listed(listed: Any, name: str, place: str) -> Options:
    """Options as a list, or with labels: `{"A": …}`, `{"text": […], "label": […]}`."""
    labels: list[Any] = []
    if isinstance(listed, dict):
        texts = list(listed.values())
        labels = list(listed)
        if isinstance(listed.get("text"), list):
            texts = listed["text"]
            labels = listed.get("label") or []
    elif isinstance(listed, list):
        texts = listed
    else:
        # A single text would be read letter by letter.
        raise UserError(f"{place}: expected {name!r} to be a list, got {listed!r}; write [...]")
    if labels and len(labels) != len(texts):
        raise UserError(f"{place}: expected one label an option, got {listed!r}; correct the row")
    numbers = [text for text in texts if isinstance(text, (int, float))]
    written = [text_of(text).strip() for text in texts]
    named = [str(label) for label in labels]
    are_numbers = len(numbers) == len(texts)
    return Options(written, named, are_numbers)


def _in_columns(row: Row) -> Options:
    """Options in columns from A on; none where there are not two of them."""
    for prefix in NAMES["letters"]:
        texts: list[str] = []
        for letter in ascii_lowercase:
            text = scalar(row.get(prefix + letter))
            if not text:
                break
            texts.append(text)
        # One column called `a` is some figure; two in a row are options.
        if len(texts) > 1:
            labels = list(ascii_uppercase[: len(texts)])
            return Options(texts, labels, are_numbers=False)
    return NONE
