"""What a row says is right: its target, and what is accepted beside it."""

from __future__ import annotations

import re
from string import ascii_uppercase

from tasks.benchmarks.messages import answered_in, is_conversation
from tasks.benchmarks.names import NAMES, Row, scalar, unfolded, values_of
from tasks.benchmarks.options import Options
from warehouse.errors import UserError

_BOX = re.compile(r"\\boxed\s*\{")
_NO_REFERENCE = "passes its tests"
"""Target of a program whose row has no reference program."""


def targets_of(row: Row, options: Options, place: str) -> list[str]:
    """The target, and behind it what the row accepts beside it; UserError where there is none.

    Of options it is a letter where the row names a place or a label, else a text.
    """
    if options.texts:
        named = _named_option(row, options, place)
        if named is not None:
            return [named]
    for _, value in values_of(row, "answer"):
        targets = _several(value)
        if targets:
            return targets
    boxed = _boxed_solution(row)
    if boxed:
        return [boxed]
    if "test" in row or "tests" in row:
        references = [scalar(value) for _, value in values_of(row, "reference")]
        return [next(filter(None, references), _NO_REFERENCE)]
    closing = _closing_answer(row, place)
    if closing:
        return closing
    raise _missing(row, place)


def _boxed_solution(row: Row) -> str | None:
    r"""What the last `\boxed{…}` of a worked solution holds: files of MATH have no other."""
    for _, value in values_of(row, "solution"):
        # OlympiadBench has a list of them, which are not one text.
        solution = scalar(value) or ""
        boxed = _last_box(solution)
        if boxed:
            return boxed
    return None


def _closing_answer(row: Row, place: str) -> list[str]:
    """The answer that closes a row's messages: in a box, behind ####, or all of it."""
    for _, value in values_of(row, "question"):
        messages = unfolded(value)
        if not is_conversation(messages):
            continue
        answer = answered_in(messages, place)
        if answer:
            boxed = _last_box(answer)
            return [boxed] if boxed else _several(answer)
    return []


def _named_option(row: Row, options: Options, place: str) -> str | None:
    """The letter of the option that a row names by its place or label; None where by its text."""
    for _, index in values_of(row, "place"):
        # Cells of a table are texts.
        if str(index).strip().isdecimal():
            return _letter_at(int(index), options, place)
    for _, value in values_of(row, "answer"):
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
    value = _listed(value)
    if isinstance(value, list):
        return [text for one in value for text in _several(one)]
    if isinstance(value, dict):
        own = _several(value.get("value", value.get("text")))
        aliases = _several(value.get("aliases", []))
        return [*own, *aliases]
    text = scalar(value)
    if text is None:
        return []
    # Of GSM8K's worked answers the part after `####`.
    _, _, last = text.rpartition("####")
    last = last.strip()
    return [last] if last else []


def _listed(value: object) -> object:
    """A list of texts, or an object of aliases, that a cell holds as text; others as they are."""
    held = unfolded(value)
    if isinstance(held, dict) and ("value" in held or "text" in held):
        return held
    # `[1, 2]` is an interval or a list to mathematics, and the target itself.
    if isinstance(held, list) and all(isinstance(one, str) for one in held):
        return held
    return value


def _last_box(solution: str) -> str | None:
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
    for _, value in values_of(row, "answer"):
        if "####" in str(value):
            return UserError(
                f"{place}: expected a non-empty target after ####, got {value!r}; write one"
            )
    wanted = " or ".join(map(repr, NAMES["answer"][:3]))
    return UserError(
        f"{place}: expected a non-empty {wanted}, or a solution with a \\boxed answer, "
        f"got keys {sorted(row)}; add the target, or name it in the study: "
        "columns = { answer = … }"
    )
