"""What a row says is right: its target, what is accepted beside it, its options."""

from __future__ import annotations

import json
import re
from string import ascii_uppercase
from typing import Any, NamedTuple

from warehouse.errors import UserError

# Names as `tasks.benchmarks.rows.plain_names` writes them. The first that is there counts.
_TARGET = ("target", "answer", "finalanswer", "answerkey", "correctanswer")
_PLACE = "answerindex"
_CHOICES = ("choices", "options")
_WRONG = re.compile(r"incorrectanswer\d*")
_BOX = re.compile(r"\\boxed\s*\{")
_REFERENCES = ("canonicalsolution", "code")
_NO_REFERENCE = "passes its tests"
"""Target of a program whose row has no reference program."""

Row = dict[str, Any]
"""A row's values by their plain names."""


class Options(NamedTuple):
    """The options of a row, in the file's order."""

    texts: list[str]
    labels: list[str]
    """What the file calls them; empty: by their place."""
    are_numbers: bool
    """Numbers in JSON, so that a number as target may be one of them."""


def options_of(row: Row, place: str) -> Options:
    """The options in the file's order; none where the row has none."""
    right = row.get("correctanswer")
    wrong = [value for name, value in row.items() if _WRONG.fullmatch(name)]
    if wrong and right is not None:
        # GPQA leaves its options unordered, the right one by itself.
        written = [_scalar(value) for value in (right, *wrong)]
        return Options([text for text in written if text], [], are_numbers=False)
    for name in _CHOICES:
        listed = row.get(name)
        if listed:
            return _listed_options(listed, name, place)
    return Options([], [], are_numbers=False)


def _listed_options(listed: object, name: str, place: str) -> Options:
    """Options as a list, or with labels: `{"A": …}`, `{"text": […], "label": […]}`."""
    labels: list[object] = []
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
    are_numbers = all(isinstance(text, (int, float)) for text in texts)
    written = [text_of(text).strip() for text in texts]
    return Options(written, [str(label) for label in labels], are_numbers)


def targets_of(row: Row, options: Options, place: str) -> list[str]:
    """The target, and behind it what the row accepts beside it; UserError where there is none.

    Of options it is a letter where the row names a place or a label, else a text.
    """
    if options.texts:
        named = _named_option(row, options, place)
        if named is not None:
            return [named]
    for name in _TARGET:
        targets = _several(row.get(name))
        if targets:
            return targets
    boxed = _last_box(row)
    if boxed:
        return [boxed]
    if "test" in row or "tests" in row:
        references = [_scalar(row.get(name)) for name in _REFERENCES]
        return [next(filter(None, references), _NO_REFERENCE)]
    raise _missing(row, place)


def _named_option(row: Row, options: Options, place: str) -> str | None:
    """The letter of the option that a row names by its place or label; None where by its text."""
    index = row.get(_PLACE)
    if isinstance(index, int):
        return _letter_at(index, options, place)
    for name in _TARGET:
        value = row.get(name)
        label = str(value).strip()
        if label in options.labels:
            return ascii_uppercase[options.labels.index(label)]
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        # Of options that are numbers themselves a number is one, elsewhere a place (MMLU).
        if not (options.are_numbers and label in options.texts):
            return _letter_at(value, options, place)
    return None


def _letter_at(index: int, options: Options, place: str) -> str:
    """The letter of the option at a place that is counted from 0."""
    count = len(options.texts)
    if not 0 <= index < min(count, len(ascii_uppercase)):
        raise UserError(
            f"{place}: expected a place from 0 to {count - 1} among the options, got {index}; "
            "correct it, or write the right option as a text"
        )
    return ascii_uppercase[index]


def _several(value: object) -> list[str]:
    """The targets of one field: one, a list of them, one with aliases; none where it is blank."""
    if isinstance(value, list):
        return [text for one in value for text in _several(one)]
    if isinstance(value, dict):
        own = _several(value.get("value"))
        aliases = _several(value.get("aliases", []))
        return [*own, *aliases]
    text = _scalar(value)
    if text is None:
        return []
    # Of GSM8K's worked answers the part after `####`.
    _, _, last = text.rpartition("####")
    last = last.strip()
    return [last] if last else []


def _last_box(row: Row) -> str | None:
    r"""What stands in the last `\boxed{…}` of a worked solution: files of MATH have no other."""
    solution = _scalar(row.get("solution")) or ""
    openings = list(_BOX.finditer(solution))
    if not openings:
        return None
    start = openings[-1].end()
    depth = 1
    for end in range(start, len(solution)):
        character = solution[end]
        if character == "{":
            depth += 1
        if character == "}":
            depth -= 1
        if not depth:
            return solution[start:end].strip()
    return None


def _missing(row: Row, place: str) -> UserError:
    """What is said of a row without a target."""
    worked = [name for name in _TARGET if "####" in str(row.get(name, ""))]
    if worked:
        value = row[worked[0]]
        return UserError(
            f"{place}: expected a non-empty target after ####, got {value!r}; write one"
        )
    wanted = " or ".join(map(repr, _TARGET[:3]))
    return UserError(
        f"{place}: expected a non-empty {wanted}, or a solution with a \\boxed answer, "
        f"got keys {sorted(row)}; add the target"
    )


def _scalar(value: object) -> str | None:
    """A text or number as text; None for anything else."""
    if not isinstance(value, (str, int, float)):
        return None
    # 1e3 is a float to JSON: as a target it is the whole number that it writes.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def text_of(value: object) -> str:
    """A text as it is, any other value as JSON writes it."""
    if isinstance(value, str):
        return value
    return json.dumps(value)
