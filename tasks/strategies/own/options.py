"""The options of a function in a file of the user's own: its keyword arguments."""

from __future__ import annotations

import inspect
import re
from inspect import Parameter

from tasks.strategies.forms import Value
from tasks.strategies.own.declaring import Function
from warehouse.errors import UserError

# No exponents and no `nan`: one value has few spellings, so that keys stay readable.
_SPELLINGS: dict[type, tuple[str, str]] = {
    int: (r"-?\d+", "a whole number"),
    float: (r"-?\d*\.?\d+", "a number"),
    str: (r"[\w.-]+", "a word"),
}


def read_options(function: Function, written: str, strategy: str) -> tuple[tuple[str, Value], ...]:
    """All options by name, in the order of the signature: those not written have their defaults.

    UserError for an option that the function does not take, or lacks, or a value of another kind.
    """
    taken = list(inspect.signature(function).parameters.values())[1:]
    given = _split(written, [one.name for one in taken], strategy)
    return tuple((one.name, _value(one, given.get(one.name), strategy)) for one in taken)


def _split(written: str, known: list[str], strategy: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in filter(None, written.split(",")):
        name, _, value = part.partition("=")
        if name not in known or name in given:
            options = ", ".join(known) or "none"
            raise UserError(
                f"study: expected options of {strategy} among {options}, each once and as "
                f"name=value, got {part!r}; correct it"
            )
        given[name] = value
    return given


def _value(parameter: Parameter, text: str | None, strategy: str) -> Value:
    kind = _kind(parameter, strategy)
    if text is None:
        if parameter.default is Parameter.empty:
            raise UserError(
                f"study: expected {parameter.name} of {strategy}, which has no default, got "
                f"nothing; write {strategy}({parameter.name}=…)"
            )
        return parameter.default
    pattern, accepts = _SPELLINGS[kind]
    if not re.fullmatch(pattern, text):
        raise UserError(
            f"study: expected {accepts} for {parameter.name} of {strategy}, got {text!r}; "
            "correct it"
        )
    return kind(text)


def _kind(parameter: Parameter, strategy: str) -> type[int] | type[float] | type[str]:
    """Of its default, else as it is annotated."""
    if parameter.default is not Parameter.empty:
        said = type(parameter.default).__name__
    else:
        # Under `from __future__ import annotations` it is a text already.
        note = parameter.annotation
        said = note if isinstance(note, str) else getattr(note, "__name__", str(note))
    for kind in (int, float, str):
        if said == kind.__name__:
            return kind
    raise UserError(
        f"study: expected the option {parameter.name} of {strategy} to be an int, a float or a "
        f"str by its default or annotation, got {said}; give it a default"
    )
