"""Parts of a row, each as the kind of value that it is meant to be, or named for what it is not."""

from __future__ import annotations

import math
from typing import Any

from tasks.samples.rows import Values
from tasks.samples.values import id_of


class OddRowError(ValueError):
    """A row holds something else in one of its keys; its text says which, as a reason to count."""


def part_of(values: Values, name: str) -> Values:
    """The object of that name, empty where there is none; OddRowError for anything else."""
    part = values.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise OddRowError(f"{name} is no object")
    return part


def list_of(values: Values, name: str) -> list[Any]:
    """The list of that name, empty where there is none; OddRowError for anything else."""
    several = values.get(name)
    if several is None:
        return []
    if not isinstance(several, list):
        raise OddRowError(f"{name} is no list")
    return several


def objects_of(values: Values, name: str) -> list[Values]:
    """The list of objects of that name; OddRowError where something else is among them."""
    several = list_of(values, name)
    if not all(isinstance(one, dict) for one in several):
        raise OddRowError(f"{name} holds what is no object")
    return several


def name_of(values: Values, name: str) -> str | None:
    """A name or id, a number being its text; None where there is none, OddRowError for the rest."""
    value = values.get(name)
    # What a table calls a missing value where the column is one of numbers.
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise OddRowError(f"{name} is no name")
    return id_of(value)
