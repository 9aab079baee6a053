"""Every Eval Ever: which rows of a file hold draws, and which hold the draws of others again.

Converters write a row for every metric or filter of a draw.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tasks.samples.assembly import TWICE
from tasks.samples.repeats import Series, agree, second_halves
from tasks.samples.rows import Refusals, Row
from tasks.samples.values import text_of

DETAILS = "ttc_"
"""Before the names under which our own writer keeps in `metadata` what the layout has no place
for."""

_EVALUATION = ("model_id", "evaluation_name")


def listed(value: Any) -> list[Any]:
    """A list; the first version of the layout had one text in its place."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def drawn_once(rows: Sequence[Row], refusals: Refusals) -> list[Row]:
    """The rows without those that hold draws of other ones again, which are counted.

    Our own writer says which draw a row holds: such rows are told apart by that.
    """
    if any(_own_number(row) is not None for row in rows):
        return list(rows)
    again = second_halves(rows, _question_of_series)
    by_evaluation: dict[str, list[Row]] = {}
    for row in rows:
        if row.place not in again:
            several = by_evaluation.setdefault(_key(row, _EVALUATION), [])
            several.append(row)
    firsts: list[list[Row]] = []
    for several in by_evaluation.values():
        apart = list(_by_result(several).values())
        first = _drawn(apart[0])
        # Where one result differs they are draws apart, of which some came out alike.
        are_same = all(agree(first, _drawn(one)) for one in apart[1:])
        firsts.append(_first_of(apart, again) if are_same else several)
    kept = _same_evaluations(firsts, again)
    for row in rows:
        if row.place in again:
            refusals.add(TWICE, row.place, max(len(_raw(row)), 1))
    return kept


def _same_evaluations(several: list[list[Row]], again: set[str]) -> list[Row]:
    """The rows of evaluations, those that drew the same put together.

    These are called what is common to their names: `gsm8k` of `gsm8k/strict`, `gsm8k/flexible`.
    """
    groups: list[list[list[Row]]] = []
    for rows in several:
        drawn = _drawn(rows)
        alike = [group for group in groups if agree(_drawn(group[0]), drawn)]
        if alike:
            alike[0].append(rows)
        else:
            groups.append([rows])
    kept: list[Row] = []
    for group in groups:
        names = [text_of(rows[0].values.get("evaluation_name")) for rows in group]
        if len(group) == 1:
            kept += group[0]
            continue
        common = {"evaluation_name": _common(names)}
        for row in _first_of(group, again):
            kept.append(Row(row.place, row.values | common))
    return kept


def _common(names: Sequence[str]) -> str:
    """The folders that names have in common, the first name where they have none."""
    common: list[str] = []
    for parts in zip(*(name.split("/") for name in names), strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return "/".join(common) or names[0]


def _first_of(several: list[list[Row]], again: set[str]) -> list[Row]:
    """The rows of the first series, and of the others what it lacks; `again` takes the rest."""
    kept: list[Row] = []
    known: set[str] = set()
    for rows in several:
        for row in rows:
            if text_of(row.values.get("sample_id")) in known:
                again.add(row.place)
            else:
                kept.append(row)
        known |= _drawn(rows).keys()
    return kept


def _by_result(rows: Sequence[Row]) -> dict[str, list[Row]]:
    results: dict[str, list[Row]] = {}
    for row in rows:
        several = results.setdefault(_key(row, ("evaluation_result_id",)), [])
        several.append(row)
    return results


def _drawn(rows: Sequence[Row]) -> Series:
    """What a series drew, by question."""
    series: Series = {}
    for row in rows:
        drawn = series.setdefault(text_of(row.values.get("sample_id")), [])
        drawn.append((row.values.get("input"), row.values.get("model_id"), _raw(row)))
    return series


def _question_of_series(row: Row) -> str:
    return _key(row, (*_EVALUATION, "evaluation_result_id", "sample_id"))


def _key(row: Row, names: Sequence[str]) -> str:
    return json.dumps([row.values.get(name) for name in names])


def _own_number(row: Row) -> object:
    metadata = row.values.get("metadata")
    return metadata.get(f"{DETAILS}draw") if isinstance(metadata, dict) else None


def _raw(row: Row) -> list[Any]:
    """The texts of a row; none where it has no output."""
    output = row.values.get("output")
    return listed(output.get("raw")) if isinstance(output, dict) else []
