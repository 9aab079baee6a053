"""The strategies a study may name, in one dict, and how their keys are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tasks.draws.nodes import Node
from tasks.strategies.beam_search import beam_search
from tasks.strategies.dvts import dvts
from tasks.strategies.forms import (
    Form,
    Kind,
    Options,
    Value,
    at_least,
    power_of_two,
    share,
    width,
    width_at,
)
from tasks.strategies.particle_filter import particle_filter
from tasks.strategies.rebase import rebase
from tasks.strategies.revision_search import revision_search
from tasks.strategies.revision_search import width as round_width
from tasks.strategies.revisions import revisions
from tasks.strategies.tools import Tools
from warehouse.errors import UserError


def _least_beams(options: Options) -> int:
    return 4 if options["m"] == "sqrt" else int(options["m"])


def _rollouts(options: Options) -> int:
    """Generations that a completion costs: one and the steps of its lookahead."""
    return int(options.get("k", 0)) + 1


STEPWISE = ("weighted", "best_of_n", "majority")

STRATEGIES: dict[str, Form] = {
    "majority": Form("pool", ("majority",), "majority"),
    "best_of_n": Form("pool", ("best_of_n",), "best_of_n"),
    "weighted": Form("pool", ("weighted",), "weighted"),
    "adaptive": Form(
        "pool",
        ("majority",),
        "adaptive(agree=3) or adaptive(posterior=0.95)",
        one_of=True,
        options={"agree": at_least(2), "posterior": share(0.5, 1.0)},
    ),
    "beam_search": Form(
        "search",
        STEPWISE,
        "beam_search(m=4)",
        beam_search,
        {"m": width()},
        least=_least_beams,
        unit=width_at,
    ),
    "lookahead": Form(
        "search",
        STEPWISE,
        "lookahead(k=1,m=4)",
        beam_search,
        {"k": at_least(1), "m": width()},
        least=lambda o: _rollouts(o) * _least_beams(o),
        unit=lambda o, budget: _rollouts(o) * width_at(o, budget // _rollouts(o)),
    ),
    "dvts": Form(
        "groups",
        ("weighted", "majority"),
        "dvts(m=4)",
        dvts,
        {"m": at_least(2)},
        least=lambda o: int(o["m"]),
        unit=lambda o, _: int(o["m"]),
    ),
    "rebase": Form("search", STEPWISE, "rebase", rebase, least=lambda _: 2),
    "particle_filter": Form(
        "search", STEPWISE, "particle_filter", particle_filter, least=lambda _: 2
    ),
    "revisions": Form(
        "groups",
        ("hierarchical", "majority"),
        "revisions(s=4)",
        revisions,
        {"s": power_of_two()},
        least=lambda o: int(o["s"]),
        unit=lambda o, _: int(o["s"]),
        revises=True,
    ),
    "revision_search": Form(
        "search",
        STEPWISE,
        "revision_search(m=4)",
        revision_search,
        {"m": at_least(2)},
        least=lambda _: 2,
        unit=lambda _, budget: round_width(budget),
        revises=True,
    ),
}
"""Every strategy by name; what a study may say of it stands in its Form."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy with its hyper-parameters, as a study names it."""

    name: str
    selector: str
    options: tuple[tuple[str, Value], ...] = ()

    @property
    def form(self) -> Form:
        return STRATEGIES[self.name]

    @property
    def kind(self) -> Kind:
        return self.form.kind

    @property
    def key(self) -> str:
        """The readable key used in every table, e.g. `beam_search(m=4)/weighted`."""
        options = ",".join(f"{name}={value}" for name, value in self.options)
        ending = f"/{self.selector}" if len(self.form.selectors) > 1 else ""
        return self.name + (f"({options})" if options else "") + ending

    @property
    def needs_verifier(self) -> bool:
        """Whether the verifier is asked, in the search or to select."""
        return self.kind == "search" or self.scores_steps or self.selector != "majority"

    @property
    def scores_steps(self) -> bool:
        """Whether the verifier must be able to score unfinished completions."""
        return not self.form.revises and self.kind != "pool"

    @property
    def rollouts(self) -> int:
        """Generations that a completion costs."""
        return _rollouts(dict(self.options))

    def fits(self, budget: int) -> bool:
        """Whether the strategy exists at this budget."""
        return budget >= self.form.least(dict(self.options))

    def check(self, budgets: tuple[int, ...]) -> None:
        """Raise UserError for budgets that the strategy cannot spend exactly, or if none is large enough."""
        options = dict(self.options)
        if not any(map(self.fits, budgets)):
            raise UserError(
                f"study: {self.key} needs a budget of at least {self.form.least(options)}, got {budgets}; "
                "raise the largest"
            )
        for budget in filter(self.fits, budgets):
            if budget % self.form.unit(options, budget):
                raise UserError(
                    f"study: {self.key} needs budgets that are multiples of {self.form.unit(options, budget)}, "
                    f"got {budget}; use powers of two"
                )

    async def run(self, root: Node, budget: int, tools: Tools) -> list[list[Node]]:
        """What the strategy made of the budget, in groups (one of everything for a search).

        Ended completions, and for revisions the cut ones among the attempts too.
        """
        options: dict[str, Any] = dict(self.options)
        if "m" in options:
            options["m"] = width_at(options, budget // self.rollouts)
        if self.form.run is None:
            raise RuntimeError(f"{self.key} is a pool: it does not run")
        made = await self.form.run(root, budget, tools=tools, **options)
        return made if self.kind == "groups" else [made]


_FORM = re.compile(r"^(?P<name>\w+)(\((?P<options>[^()]*)\))?(/(?P<selector>\w+))?$")


def parse(text: str) -> Strategy:
    """The strategy of a key such as `weighted` or `beam_search(m=4)/weighted` (the selector may be left out)."""
    match = _FORM.match(text.replace(" ", ""))
    if match is None or match["name"] not in STRATEGIES:
        known = ", ".join(form.example for form in STRATEGIES.values())
        raise UserError(f"study: unknown strategy {text!r}; known are {known}")
    form = STRATEGIES[match["name"]]
    selector = match["selector"] or form.selectors[0]
    if selector not in form.selectors:
        raise UserError(
            f"study: unknown selector {selector!r} in {text!r}; known are {', '.join(form.selectors)}"
        )
    return Strategy(match["name"], selector, _options(text, form, match["options"] or ""))


def _options(text: str, form: Form, written: str) -> tuple[tuple[str, Value], ...]:
    parts = [part.partition("=") for part in written.split(",") if part]
    given = {name: value for name, _, value in parts}
    complete = len(given) == len(parts) == (1 if form.one_of else len(form.options))
    if given and not form.options:
        raise UserError(
            f"study: {form.example} takes no options, got {text!r}; write {form.example!r}"
        )
    if not given.keys() <= form.options.keys() or not complete:
        named = (" or " if form.one_of else " and ").join(form.options)
        raise UserError(f"study: expected {named}, got {text!r}; write e.g. {form.example}")
    values = [
        (name, option.read(given[name])) for name, option in form.options.items() if name in given
    ]
    for name, value in values:
        if value is None:
            raise UserError(
                f"study: {name} must be {form.options[name].accepts}, got {text!r}; write {form.example}"
            )
    return tuple((name, value) for name, value in values if value is not None)
