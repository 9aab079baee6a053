"""The conformance suite's cells: every strategy's examples, under every law, by every verifier."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import NamedTuple

from scripts import (
    Bench,
    adversarial,
    constant,
    fixed,
    geometric,
    hashed,
    longwinded,
    one_way,
    perfect,
    sometimes_silent,
)

from tasks.draws.nodes import Node
from tasks.engines.scripted import Law, Opinion
from tasks.strategies import STRATEGIES, Strategy, parse

MORE_EXAMPLES: dict[str, list[str]] = {
    "majority": ["majority@T=0.6"],
    "weighted": ["weighted@T=0.6"],
    "beam_search": ["beam_search(m=sqrt)"],
    "lookahead": ["lookahead(k=3,m=4)", "lookahead(k=1,m=sqrt)"],
    "window": ["window(w=3)"],
    "confident": ["confident(top=0.5,by=tail)", "confident(top=0.25)@T=0.6"],
    "confident_online": ["confident_online(top=0.5,warmup=2,agree=0.9)"],
    "think": [
        "think(cap=8,answer=4,extend=2)",
        "think(cap=0)",
        "think(cap=64)@T=0.6",
    ],
    "cascade": ["cascade(k=2,agree=1.0)", "cascade(k=3,agree=0.5)@T=0.6"],
    "larger": ["larger@T=0.6"],
    "revisions": ["revisions(s=1)", "revisions(s=16)"],
    "revision_search": ["revision_search(m=2)"],
    "select": ["select(k=2)", "select(k=3)"],
    "aggregate": ["aggregate(k=2,rounds=4)"],
}
"""Options at which a strategy does something else than in its form's own example."""

EXAMPLES: dict[str, list[str]] = {
    name: [*form.example.split(" or "), *MORE_EXAMPLES.get(name, [])]
    for name, form in STRATEGIES.items()
}
"""What the conformance suite runs of every strategy, a new one too."""

LAWS: dict[str, Law] = {
    "fixed length": fixed(3),
    "geometric length": geometric(),
    "often cut": longwinded(0.06),
    "never ending": longwinded(0.0),
    "always the same step": one_way(3),
    "duplicates": fixed(3, letters="ab"),
}

OPINIONS: dict[str, Opinion] = {
    "perfect": perfect,
    "random": hashed,
    "constant": constant,
    "adversarial": adversarial,
    "failing now and then": sometimes_silent,
}


def examples(*, searches: bool = True, revises: bool = True) -> list[str]:
    """Keys of the strategies that run: those that go step by step, those that revise, or all."""
    running = [one for keys in EXAMPLES.values() for one in map(parse, keys) if one.kind != "pool"]
    if not revises:
        return [one.key for one in running if one.goes_by_steps]
    if not searches:
        return [one.key for one in running if one.form.revises]
    return [one.key for one in running]


class Ran(NamedTuple):
    """A strategy that ran alone, on a bench of its own."""

    bench: Bench
    strategy: Strategy
    budget: int
    groups: list[list[Node]]

    @property
    def completions(self) -> list[Node]:
        return [node for group in self.groups for node in group]

    @property
    def texts(self) -> list[list[str]]:
        return [[node.text for node in group] for group in self.groups]

    @property
    def slots(self) -> int:
        return self.strategy.slots(self.budget)


@cache
def ran(key: str, law: str, opinion: str, budget: int = 16) -> Ran:
    """One cell of the suite, run once for all that is asserted of it."""
    bench = Bench(LAWS[law], OPINIONS[opinion])
    groups = asyncio.run(bench.run(key, budget))
    del bench.sampler, bench.scorer  # every later event loop looks through the tasks that they keep
    return Ran(bench, parse(key), budget, groups)
