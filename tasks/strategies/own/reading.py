"""A strategy of a file by its name in a study: `my.py@3f2a91c0:tree(width=4)/weighted`.

The digest says which version of the file it is. A study holds the file's text, so that a run can be
gone on with, and replayed, when the file has changed or is on another machine.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePath
from types import MappingProxyType, ModuleType
from typing import NamedTuple

from tasks.strategies.forms import STEPWISE, Form, Value
from tasks.strategies.own.calling import Call
from tasks.strategies.own.declaring import Declaration, Function, declaration_of
from tasks.strategies.own.failing import failure
from tasks.strategies.own.options import read_options
from warehouse.errors import UserError

Sources = Mapping[str, str]
"""Text of each file, by its name and digest: `my.py@3f2a91c0`."""
NO_SOURCES: Sources = MappingProxyType({})

_REFERENCE = re.compile(
    r"^(?P<path>[^:()]+\.py)(@(?P<digest>[0-9a-f]{8}))?:(?P<name>\w+)"
    r"(\((?P<options>[^()]*)\))?(/(?P<selector>\w+))?$"
)


class Reference(NamedTuple):
    """A strategy of a file as a study names it."""

    path: str
    digest: str | None
    """None: whatever version lies there."""
    name: str
    options: str
    selector: str | None

    @property
    def file(self) -> str:
        """The file's name without its folder."""
        return PurePath(self.path).name

    def pinned(self, source: str) -> str:
        """The same of this version of the file; UserError where it names another."""
        digest = digest_of(source)
        if self.digest not in (None, digest):
            raise UserError(
                f"study: expected {self.path} of the version {self.digest}, got {digest}; "
                "leave the version out, or put that file back"
            )
        options = f"({self.options})" if self.options else ""
        selector = f"/{self.selector}" if self.selector else ""
        return f"{self.file}@{digest}:{self.name}{options}{selector}"


def reference(text: str) -> Reference | None:
    """The strategy of a file that a text names; None where it names none of a file."""
    match = _REFERENCE.match(text.replace(" ", ""))
    if match is None:
        return None
    groups = match.groupdict()
    return Reference(
        groups["path"],
        groups["digest"],
        groups["name"],
        groups["options"] or "",
        groups["selector"],
    )


def digest_of(source: str) -> str:
    """Eight hex digits of a file's text."""
    return hashlib.sha256(source.encode()).hexdigest()[:8]


class OwnStrategy(NamedTuple):
    """What a text names: a form made of a function, and how it is to be run."""

    file: str
    """Name and digest of the file."""
    form: Form
    selector: str
    options: tuple[tuple[str, Value], ...]


def read_own(named: Reference, sources: Sources) -> OwnStrategy:
    """The strategy of a reference; UserError for a file, function, option or selector not there."""
    if named.digest is None:
        raise UserError(
            f"study: expected {named.file}:{named.name} among the strategies of a study file, "
            "which reads the file it is in, got it elsewhere; name it there"
        )
    file = f"{named.file}@{named.digest}"
    source = sources.get(file)
    if source is None or digest_of(source) != named.digest:
        raise UserError(
            f"study: expected the text of {named.file} in strategy_files under {file}, got "
            f"{'none' if source is None else 'another'}; name the file in a study file, "
            "from which it is read"
        )
    functions = load_functions(file, source)
    if named.name not in functions:
        known = ", ".join(functions) or "none: write @pool, @search or @groups above a function"
        raise UserError(
            f"study: unknown strategy {named.name!r} of {named.file}; it declares {known}"
        )
    function, declared = functions[named.name]
    # Of the selectors majority alone looks at no score.
    selectors = STEPWISE if declared.scores else ("majority",)
    selector = named.selector or selectors[0]
    if selector not in selectors:
        raise UserError(
            f"study: unknown selector {selector!r} of {named.file}:{named.name}; "
            f"known are {', '.join(selectors)}"
        )
    call = Call(named.file, named.name, function, declared, selector)
    options = read_options(function, named.options, f"{named.file}:{named.name}")
    return OwnStrategy(file, _form(call, selectors), selector, options)


def _form(call: Call, selectors: tuple[str, ...]) -> Form:
    declared = call.declared
    size = declared.size
    is_pool = declared.kind == "pool"
    run = call.search if declared.kind == "search" else call.groups
    return Form(
        kind=declared.kind,
        selectors=selectors,
        example=f"{call.file}:{call.name}",
        short=call.name,
        run=None if is_pool else run,
        estimate=call.estimate if is_pool else None,
        stop=call.stop if is_pool else None,
        choose=call.choose if is_pool else None,
        least=lambda values: int(values[size]) if size else 1,
        unit=lambda values, _: int(values[size]) if size else 1,
        revises=declared.attempts,
        steps=declared.steps,
        scores=declared.scores,
        shows=(lambda _: declared.choices) if declared.choices else None,
        selects=declared.choices > 0,
        needs_confidence=declared.confidences,
    )


@lru_cache(maxsize=64)
def load_functions(file: str, source: str) -> dict[str, tuple[Function, Declaration]]:
    """The strategies of a file by name, its code run once in this process."""
    module = _run_file(file, source)
    functions: dict[str, tuple[Function, Declaration]] = {}
    for name, value in vars(module).items():
        declared = declaration_of(value)
        # What it imports of another module is not its own.
        if declared is not None and value.__module__ == module.__name__:
            functions[name] = (value, declared)
    return functions


def _run_file(file: str, source: str) -> ModuleType:
    name = f"ttc_own_{re.sub(r'[^0-9A-Za-z]', '_', file)}"
    module = ModuleType(name)
    module.__file__ = file
    # Dataclasses of the file look their module up by its name.
    sys.modules[name] = module
    try:
        exec(compile(source, file, "exec"), vars(module))
    except Exception as error:
        short = file.partition("@")[0]
        raise failure(short, "the file", "while it was read", error) from error
    return module
