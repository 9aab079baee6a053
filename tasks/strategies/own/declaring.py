"""What a function in a file of the user's own says of itself: `@pool`, `@search`, `@groups`.

Such a function is `async def name(tools, *, option=value)`. It asks its tools for draws and returns
those to choose from: a list, of one to choose by itself; for groups a list of lists.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tasks.strategies.forms import Kind
from warehouse.errors import UserError

Function = Callable[..., Awaitable[Any]]
_MARK = "__ttc_declaration__"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a function asks its tools for; what it does not declare is refused when it asks."""

    kind: Kind
    steps: bool = False
    """Goes on from prefixes: `next_steps`, `ahead`."""
    attempts: bool = False
    """Asks the revision model, for everything that it asks."""
    scores: bool = False
    """Asks the verifier."""
    confidences: bool = False
    """For pools: asks how sure the model was of each draw, which engines then tell."""
    choices: int = 0
    """For searches: most completions among which it lets the model choose at once."""
    size: str | None = None
    """For groups: the option whose value is the number of generations that a group takes."""


def pool(
    function: Function | None = None, /, *, scores: bool = False, confidences: bool = False
) -> Any:
    """Declare a function that chooses among whole completions drawn for the question alone.

    It is not run on one order of the draws but averaged over random ones, so that it sees of each
    its answer and its tokens, its score or confidence if it says so here, and no text.
    """
    return _decorator(function, Declaration("pool", scores=scores, confidences=confidences))


def search(
    function: Function | None = None,
    /,
    *,
    steps: bool = False,
    attempts: bool = False,
    scores: bool = False,
    choices: int = 0,
) -> Any:
    """Declare a function that is run at every budget and may ask what it says here."""
    declared = Declaration("search", steps=steps, attempts=attempts, scores=scores, choices=choices)
    return _decorator(function, declared)


def groups(
    *, size: str, steps: bool = False, attempts: bool = False, scores: bool = False
) -> Callable[[Function], Function]:
    """Declare a function that makes groups which are alike, budget / size of them.

    `size` names the option that says how many generations a group takes. It is run at the largest
    budget alone: smaller ones are averaged over subsets of its groups.
    """
    declared = Declaration("groups", steps=steps, attempts=attempts, scores=scores, size=size)
    return _decorator(None, declared)


def _decorator(function: Function | None, declared: Declaration) -> Any:
    """The function with its declaration; without one, what declares the function that follows."""

    def declare(one: Function) -> Function:
        _check_signature(one, declared)
        setattr(one, _MARK, declared)
        return one

    return declare if function is None else declare(function)


def _check_signature(function: Function, declared: Declaration) -> None:
    name = getattr(function, "__name__", "function")
    wanted = f"write `async def {name}(tools, *, option=value)`"
    if not inspect.iscoroutinefunction(function):
        raise UserError(f"expected {name} to be an async function, got another one; {wanted}")
    first, *others = inspect.signature(function).parameters.values()
    named = [one for one in others if one.kind is one.KEYWORD_ONLY]
    if first.kind is first.KEYWORD_ONLY or len(named) < len(others):
        got = [str(one) for one in (first, *others)]
        raise UserError(
            f"expected {name} to take its tools and options by name, got {', '.join(got)}; {wanted}"
        )
    if declared.size is not None and declared.size not in [one.name for one in named]:
        raise UserError(
            f"expected an option of {name} that is the size of its groups, got {declared.size!r}, "
            "which it does not take; name one of its own"
        )


def declaration_of(function: Any) -> Declaration | None:
    """What a function was declared as; None: it is not meant to be a strategy."""
    return getattr(function, _MARK, None)
