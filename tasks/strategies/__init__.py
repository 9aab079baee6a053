"""How a budget is spent on a question: one file a strategy, one dict of all."""

from __future__ import annotations

import dataclasses
import re

from tasks.strategies.aggregate import AGGREGATE
from tasks.strategies.beam_search import BEAM_SEARCH, LOOKAHEAD
from tasks.strategies.cascade import CASCADE, LARGER
from tasks.strategies.confident import CONFIDENT
from tasks.strategies.confident_online import CONFIDENT_ONLINE
from tasks.strategies.dvts import DVTS
from tasks.strategies.forms import AT, Form, Value
from tasks.strategies.own.reading import NO_SOURCES, Sources, read_own, reference
from tasks.strategies.particle_filter import PARTICLE_FILTER
from tasks.strategies.pools import ADAPTIVE, BEST_OF_N, FIRST, MAJORITY, WEIGHTED, WINDOW
from tasks.strategies.rebase import REBASE
from tasks.strategies.revision_search import REVISION_SEARCH
from tasks.strategies.revisions import REVISIONS
from tasks.strategies.select import SELECT
from tasks.strategies.strategy import Strategy
from tasks.strategies.temperatures import split_temperature
from tasks.strategies.think import THINK
from warehouse.errors import UserError

STRATEGIES: dict[str, Form] = {
    "majority": MAJORITY,
    "best_of_n": BEST_OF_N,
    "weighted": WEIGHTED,
    "adaptive": ADAPTIVE,
    "window": WINDOW,
    "first": FIRST,
    "confident": CONFIDENT,
    "confident_online": CONFIDENT_ONLINE,
    "think": THINK,
    "beam_search": BEAM_SEARCH,
    "lookahead": LOOKAHEAD,
    "dvts": DVTS,
    "rebase": REBASE,
    "particle_filter": PARTICLE_FILTER,
    "revisions": REVISIONS,
    "revision_search": REVISION_SEARCH,
    "select": SELECT,
    "aggregate": AGGREGATE,
    "cascade": CASCADE,
    "larger": LARGER,
}
"""Every strategy by the name that a study gives it; all that is known of it is its Form."""


_KEY = re.compile(r"^(?P<name>\w+)(\((?P<options>[^()]*)\))?(/(?P<selector>\w+))?$")


def parse(text: str, sources: Sources = NO_SOURCES) -> Strategy:
    """The strategy of a key such as `weighted` or `beam_search(m=4)/weighted`.

    The selector may be left out, and a temperature follow: `majority@T=0.6`. `sources` are the
    files of strategies of the user's own. UserError for what names no strategy, selector, option or
    temperature.
    """
    untempered, temperature = split_temperature(text)
    strategy = _parse_untempered(untempered, sources)
    if temperature is None:
        return strategy
    if strategy.kind != "pool":
        raise UserError(
            f"study: expected {AT}… behind a strategy that chooses from a pool, got {text!r}; "
            "set generator.temperature in a study of its own"
        )
    return dataclasses.replace(strategy, temperature=temperature)


def _parse_untempered(text: str, sources: Sources) -> Strategy:
    if named := reference(text):
        own = read_own(named, sources)
        return Strategy(named.name, own.selector, own.form, own.options, own.file)
    match = _KEY.match(text.replace(" ", ""))
    if match is None or match["name"] not in STRATEGIES:
        known = ", ".join(form.example for form in STRATEGIES.values())
        raise UserError(f"study: unknown strategy {text!r}; known are {known}")
    form = STRATEGIES[match["name"]]
    selector = match["selector"] or form.selectors[0]
    if selector not in form.selectors:
        known = ", ".join(form.selectors)
        raise UserError(f"study: unknown selector {selector!r} in {text!r}; known are {known}")
    written = _split_options(text, form, match["options"] or "")
    return Strategy(match["name"], selector, form, _read_options(text, form, written))


def _split_options(text: str, form: Form, options: str) -> dict[str, str]:
    """The options as written, by name; UserError unless just those of the form are there."""
    parts = [part.partition("=") for part in options.split(",") if part]
    written = {name: value for name, _, value in parts}
    if written and not form.options:
        raise UserError(
            f"study: {form.example} takes no options, got {text!r}; write {form.example!r}"
        )
    owed = [name for name, option in form.options.items() if option.default is None]
    # An option that is written twice is one name in two parts.
    complete = len(written) == len(parts)
    complete &= len(written) == 1 if form.one_of else written.keys() >= set(owed)
    if not written.keys() <= form.options.keys() or not complete:
        named = (" or " if form.one_of else " and ").join(form.options)
        raise UserError(f"study: expected {named}, got {text!r}; write e.g. {form.example}")
    return written


def _read_options(text: str, form: Form, written: dict[str, str]) -> tuple[tuple[str, Value], ...]:
    """Their values, in the order of the form: equal options have one key, however written."""
    values: list[tuple[str, Value]] = []
    for name, option in form.options.items():
        if name not in written:
            continue
        value = option.read(written[name])
        if value is None:
            raise UserError(
                f"study: {name} must be {option.accepts}, got {text!r}; write {form.example}"
            )
        # Left out where it goes without saying: one strategy has one key.
        if value != option.default:
            values.append((name, value))
    return tuple(values)
