"""Sequential revisions in parallel chains (METHOD §5; Snell et al. 2024, §6)."""

from __future__ import annotations

from collections import Counter

from tasks.draws.nodes import Node
from tasks.strategies.forms import Form, power_of_two
from tasks.strategies.tools import Chain, Tools, next_attempts


async def revisions(_root: Node, budget: int, *, s: int, tools: Tools) -> list[list[Node]]:
    """budget / s chains of s attempts each, one list a chain; an attempt sees the latest before it.

    Attempts cut at the token limit are part of the chain, and never an answer. Chains nest: chain i
    and its attempt t are the same whatever s and the budget, so that all ratios together cost
    N·(1 + log2(N)/2) attempts (METHOD §5).
    """
    taken: Counter[str] = Counter()
    chains: list[Chain] = [()] * (budget // s)
    # All chains go on together, one attempt each: which draw a chain gets depends on the chains
    # before it and never on how many follow, or how long they become.
    for _ in range(s):
        attempts = await next_attempts(tools, chains, taken)
        chains = [(*chain, attempt) for chain, attempt in zip(chains, attempts, strict=True)]
    return [list(chain) for chain in chains]


REVISIONS = Form(
    kind="groups",
    selectors=("hierarchical", "majority"),
    example="revisions(s=4)",
    short="revise",
    run=revisions,
    # Chains of every length then fill the usual budgets, which are powers of two as well.
    options={"s": power_of_two()},
    least=lambda options: int(options["s"]),
    unit=lambda options, _: int(options["s"]),
    chain=lambda options: int(options["s"]),
    revises=True,
)
