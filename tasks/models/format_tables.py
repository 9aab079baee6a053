"""Tables that say how a model writes: those of formats.toml, and a study's own like one of them."""

from __future__ import annotations

import functools
import string
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Required

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from tasks.models.thinking import choose_marks
from warehouse.errors import UserError

Named = str | Mapping[str, Any]
"""A format as a study says it: its name, or a table of its own."""

_KEY = "generator.format"
_PLACE = f"study: {_KEY}"
_ABOUT = ("name", "like")
"""Keys of a study's own table that say nothing of how a model writes."""
SELECTION = {
    "selection": (
        "{question}\n\nHere are {count} attempts at it; some of them may be wrong.{attempts}\n\n"
        "Compare them step by step and find the best one. End with a line 'Best: ' and its number."
    ),
    "selection_marker": "Best: ",
}
"""How a model is asked which of several attempts is best, where a format does not say."""


_Filled = Annotated[str, Field(min_length=1)]
"""An empty one would stand everywhere."""
_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_STRICT)
class _Shot(TypedDict):
    question: str
    answer: str


@with_config(_STRICT)
class _Table(TypedDict, total=False):
    """The keys of a format, as the head of formats.toml explains them."""

    chat: Required[bool]
    begins: bool
    system: str
    prompt: Required[str]
    asks: dict[str, str]
    closing: str
    shots: list[_Shot]
    shot: str
    attempt: Required[str]
    revision: Required[str]
    selection: _Filled
    selection_marker: _Filled
    step_separator: Required[_Filled]
    step_blanks: str
    step_heading: str
    answer_marker: Required[_Filled | Annotated[list[_Filled], Field(min_length=1)]]
    thinking: list[str]
    forced_end: str
    go_on: _Filled
    stop: list[_Filled]
    first_answer: bool


_FIELDS = {
    "prompt": ({"question"}, {"ask"}),
    "attempt": ({"text"}, {"number"}),
    "revision": ({"prompt", "attempts"}, {"number"}),
    "selection": ({"question", "attempts"}, {"count"}),
    "shot": ({"prompt", "answer"}, set[str]()),
    "forced_end": ({"end"}, set()),
}
"""What must stand in braces in a text, and what else may."""


def format_table(named: Named) -> dict[str, Any]:
    """The table of a name, or a study's own with all it takes over; UserError says what is wrong.

    Neither `name` nor `like` is in it: what is left decides what a model is asked. Nor are the
    words of a choice, on which no answer depends: they would make other versions of all models.
    """
    table = _whole_table(named)
    return {key: value for key, value in table.items() if key not in SELECTION}


def selection_words(named: Named) -> dict[str, str]:
    """The `selection` and `selection_marker` of a format."""
    table = _whole_table(named)
    return {key: str(table.get(key, usual)) for key, usual in SELECTION.items()}


def _whole_table(named: Named) -> dict[str, Any]:
    table = take_over(named, _known_tables(), _KEY)
    if not isinstance(named, str):
        _check(table)
    return table


def take_over(named: Named, known: Mapping[str, dict[str, Any]], key: str) -> dict[str, Any]:
    """The known table of a name; of a study's own table what it says, and what the one it is like.

    `key` is the study's; UserError lists the known names.
    """
    if isinstance(named, str):
        return known[_known_name(named, known, key)]
    own = {key: value for key, value in named.items() if key not in _ABOUT}
    like = named.get("like")
    base = {} if like is None else known[_known_name(like, known, f"{key}.like")]
    table = {**base, **own}
    if isinstance(own.get("asks"), Mapping):
        # Who asks otherwise for one kind of answer keeps the words for the others.
        table["asks"] = {**base.get("asks", {}), **own["asks"]}
    return table


def format_name(named: Named) -> str:
    """What a format is called: its name, or how a table without one is told from others."""
    if isinstance(named, str):
        return named
    like = named.get("like")
    return str(named.get("name") or (f"like {like}" if like else "the study's own"))


def read_format(path: Path) -> dict[str, Any]:
    """The table in a TOML file, called like the file unless it says another name."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"study: expected a format in {path}, a readable TOML file with the keys of one, "
            f"got: {error}; correct that line, or the path"
        ) from error
    return {"name": path.stem, **table}


@functools.cache
def _known_tables() -> dict[str, dict[str, Any]]:
    file = Path(__file__).with_name("formats.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _known_name(name: object, known: Mapping[str, Any], key: str) -> str:
    if isinstance(name, str) and name in known:
        return name
    raise UserError(
        f"study: unknown {key} {name!r}; known are {', '.join(sorted(known))}; name one of these, "
        "a table in the study that is `like` one, or a TOML file beside the study"
    )


def _check(table: Mapping[str, Any]) -> None:
    try:
        TypeAdapter(_Table).validate_python(dict(table))
    except ValidationError as error:
        known = [*_ABOUT, *sorted(_Table.__annotations__)]
        raise UserError(first_wrong(error, _PLACE, known)) from error
    for key, (needed, others) in _FIELDS.items():
        if key in table:
            check_fields(f"{_PLACE}.{key}", table[key], needed=needed, others=others)
    choose_marks(table.get("thinking", ()))
    if table.get("shots") and "shot" not in table:
        raise UserError(f"{_PLACE}: expected `shot`, how one of its shots is written; add it")
    asks = table.get("asks", {})
    if "{ask}" in table["prompt"] and not asks:
        raise UserError(
            f"{_PLACE}: expected `asks`, what {{ask}} in its prompt stands for by kind of answer; "
            'add e.g. asks = { math = "End with the answer in \\boxed{}." }'
        )
    if asks:
        _check_kinds(asks)


def _check_kinds(asks: Mapping[str, str]) -> None:
    # Imported late: what judges mathematics takes a second, and few tables ask in their own words.
    from tasks.grading.graders import known_kinds

    known = known_kinds()
    unknown = sorted(asks.keys() - set(known))
    if unknown:
        raise UserError(
            f"{_PLACE}.asks: unknown kind of answer {unknown[0]!r}; known are {', '.join(known)}; "
            "correct its spelling"
        )


def first_wrong(error: ValidationError, place: str, known: Sequence[str]) -> str:
    """A sentence on the first wrong key of a format at a place of the study."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] in ("missing", "missing_argument"):
        return (
            f"{place}: expected the key {key}, got none; add it, or `like` a known format to take "
            "over what is not said"
        )
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{place}: unknown key {key!r}; known are {', '.join(known)}; correct its spelling"
    return f"{place}.{key}: {first['msg']}, got {first['input']!r}; correct it"


def check_fields(place: str, text: str, *, needed: set[str], others: set[str]) -> None:
    """UserError for a text without what must stand in braces, or with what it does not know."""
    known = needed | others
    wrong = _wrong_fields(text, needed, known)
    if wrong:
        shown = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise UserError(
            f"{place}: expected text with {shown}, other braces doubled ({{{{ and }}}}), "
            f"got it {wrong}: {text!r}; correct it"
        )


def _wrong_fields(text: str, needed: set[str], known: set[str]) -> str:
    """What is wrong with the braces of a text; empty where nothing is."""
    try:
        fields = _fields_of(text)
    except ValueError as error:
        return f"with a mistake ({error})"
    for missing in sorted(needed - fields):
        return f"without {{{missing}}}"
    for unknown in sorted(fields - known):
        return f"with {{{unknown}}}"
    return ""


def _fields_of(text: str) -> set[str]:
    """The names in braces; ValueError for braces that are no pair."""
    fields: set[str] = set()
    for _, name, spec, conversion in string.Formatter().parse(text):
        # What follows a name in its braces would be read too: {text!r} is another text.
        if conversion:
            fields.add(f"{name}!{conversion}")
        elif spec:
            fields.add(f"{name}:{spec}")
        elif name is not None:
            fields.add(name)
    return fields
