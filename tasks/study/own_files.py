"""Strategies of the user's own that a study file names: their files read, their texts kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.settings import INFRA
from tasks.strategies import parse
from tasks.strategies.forms import AT
from tasks.strategies.own.reading import Reference, reference
from warehouse.errors import UserError

SHIPPED = INFRA / "strategies"
"""Where files lie that come with the product."""


def with_files(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A study's values with the version of each strategy's file in its name, and the files' texts.

    A path is relative to the study's folder; a file that is not there may be one that is shipped.
    UserError for one that is neither.
    """
    texts: Any = values.get("strategies")
    # What is no list is refused with the study.
    if not isinstance(texts, list | tuple):
        return values
    sources: dict[str, str] = dict(values.get("strategy_files", {}))
    listed: list[Any] = [*texts]  # pyright: ignore[reportUnknownArgumentType]
    names = [_pinned(text, folder, sources) for text in listed]
    read = {**values, "strategies": names}
    baseline = values.get("baseline")
    pinned = _pinned(baseline, folder, sources)
    # Keys have all options in them, whatever a study writes.
    if pinned != baseline:
        read["baseline"] = parse(pinned, sources).key
    return {**read, "strategy_files": sources} if sources else read


def read_files(texts: Sequence[str], folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Keys of strategies of files, and the texts of these files; product's names are keys too."""
    sources: dict[str, str] = {}
    pinned = [_pinned(text, folder, sources) for text in texts]
    return tuple(parse(text, sources).key for text in pinned), sources


def _pinned(text: Any, folder: Path, sources: dict[str, str]) -> Any:
    """The text with the version of its file, whose source is put down; others as they are."""
    if not isinstance(text, str):
        return text
    key, at, temperature = text.rpartition(AT) if AT in text else (text, "", "")
    named = reference(key)
    if named is None:
        return text
    source = sources.get(f"{named.file}@{named.digest}") or read_source(named, folder)
    pinned = named.pinned(source)
    sources[pinned.partition(":")[0]] = source
    return f"{pinned}{at}{temperature}"


def read_source(named: Reference, folder: Path) -> str:
    """The text of the file that a strategy is in."""
    beside = folder / named.path
    path = beside if beside.is_file() else SHIPPED / named.path
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        shipped = ", ".join(sorted(file.name for file in SHIPPED.glob("*.py")))
        raise UserError(
            f"study: expected a Python file at {beside}, or one of those that are shipped "
            f"({shipped}), got {type(error).__name__}; correct the path of {named.name}"
        ) from error
