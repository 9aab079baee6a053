"""What stands in a field of a log, as the kind of value that it is meant to be."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Sequence

from tasks.samples.log import Ending
from tasks.samples.rows import Values

_ENDINGS: dict[str, Ending] = {
    "stop": "end",
    "end": "end",
    "eos": "end",
    "end_turn": "end",
    "stop_sequence": "end",
    "length": "limit",
    "limit": "limit",
    "max_tokens": "limit",
    "model_length": "limit",
}
_QUESTION = ("question", "problem", "query", "prompt", "input", "instruction")
_TARGET = ("target", "expected_answer", "answer", "reference", "gold")
_SIDE_BY_SIDE = re.compile(r"""['"]\s+['"]""")
"""Texts with no comma between them, as arrays are printed: Python reads such as one text."""
_THINKING = "<think>\n{}\n</think>\n\n{}"
"""A completion whose thinking the log keeps apart, written as most models would."""


def count_of(value: object) -> int | None:
    """A count, None for anything that is none: missing, negative (some tools write -1), broken."""
    number = number_of(value)
    if number is None or number < 0 or number != int(number):
        return None
    return int(number)


def number_of(value: object) -> float | None:
    """A finite number, truth values being 1 and 0; None for anything else, NaN among it."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, (bool, int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        # An integer beyond all floats.
        return None
    return number if math.isfinite(number) else None


def numbers_of(value: object) -> tuple[float, ...] | None:
    """The scores of a field, one or several; None where one of them is no finite number."""
    if value is None:
        return ()
    several: Sequence[object] = value if isinstance(value, (list, tuple)) else (value,)
    numbers = [number_of(one) for one in several]
    if None in numbers:
        return None
    return tuple(number for number in numbers if number is not None)


def text_of(value: object) -> str:
    """A field as a text that can be written anywhere: half a surrogate pair reads as �."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def ending_of(reason: object) -> Ending | None:
    """How a completion ended, by the usual words for it; None for any other word."""
    return _ENDINGS.get(str(reason).lower())


def id_of(value: object) -> str:
    """An id, a number (also one that a table made a float of) or a text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def question_in(values: Values) -> str:
    """What a row asks, by the names that people's rows use; empty where it has none of them."""
    for name in _QUESTION:
        if isinstance(values.get(name), str):
            return text_of(values[name])
    return ""


def targets_in(values: Values) -> list[str]:
    """What a row says is right, by the names that people's rows use; none where it does not."""
    for name in _TARGET:
        targets = targets_of(values.get(name))
        if targets:
            return targets
    return []


def targets_of(value: object) -> list[str]:
    """The targets of a field, one or several; of GSM8K's worked answers the part after ####."""
    if value is None:
        return []
    several = value if isinstance(value, (list, tuple)) else [value]
    if isinstance(value, str):
        several = _texts_in(value) or [value]
    written = [text_of(one).rpartition("####")[2].strip() for one in several]
    return [target for target in written if target]


def _texts_in(text: str) -> list[str]:
    """The texts of a list that was written as Python or JSON writes it; none in any other text.

    A list of numbers is itself an answer.
    """
    bare = text.strip()
    if not (bare.startswith("[") and bare.endswith("]")) or _SIDE_BY_SIDE.search(bare):
        return []
    try:
        read = ast.literal_eval(bare)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return read if all(isinstance(one, str) for one in read) else []


def object_of(value: object) -> Values:
    """A field that holds an object; empty where it holds anything else."""
    return value if isinstance(value, dict) else {}


def parts_text(content: object) -> str:
    """The text of a chat message: it is one, or a list of parts of which some are."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text_of(part) for part in parts if part)
    return text_of(content)


def last_asked(messages: object) -> str:
    """What the user says last in a conversation."""
    if not isinstance(messages, list):
        return text_of(messages)
    asked = [one for one in messages if isinstance(one, dict) and one.get("role") == "user"]
    return parts_text(asked[-1].get("content")) if asked else ""


def with_thinking(thinking: object, said: str) -> str:
    """The whole completion, of thinking and what was said after it; what was cut while thinking
    ends there."""
    thought = text_of(thinking)
    if not thought:
        return said
    if not said:
        return _THINKING.partition("\n</think>")[0].format(thought)
    return _THINKING.format(thought, said)
