"""Strategies in files as a user writes them, and how tests name them."""

from __future__ import annotations

from tasks.strategies import Strategy, parse
from tasks.strategies.own.reading import digest_of

EVERY_KIND = '''
from collections import Counter

from tasks.strategies.own import groups, pool, search
from tasks.strategies.tools import next_attempts


@pool
async def settled(tools, *, agree=3):
    """Until the last answers agree."""
    drawn, answers = [], []
    for n in range(1, tools.budget + 1):
        drawn = await tools.completions(n)
        answers = await tools.answers(drawn)
        last = answers[-agree:]
        if len(last) == agree and None not in last and len(set(last)) == 1:
            break
    return drawn


@pool(scores=True)
async def good_enough(tools, *, score=0.9):
    """The first completion that scores so much, else the best."""
    best = []
    for n in range(1, tools.budget + 1):
        best = await tools.completions(n)
        scores = await tools.scores(best)
        if (scores[-1] or 0.0) >= score:
            return best[-1:]
    return best


@search(steps=True, scores=True)
async def greedy(tools, *, width=4):
    """Always on from the best prefix."""
    nodes, ended = await tools.next_steps(tools.root, min(width, tools.budget)), []
    for _ in range(tools.rounds):
        ended += [node for node in nodes if node.ended]
        nodes = [node for node in nodes if node.extendable]
        if not nodes:
            break
        scores = await tools.scores(nodes)
        best = max(range(len(nodes)), key=lambda place: scores[place] or 0.0)
        nodes = await tools.next_steps(nodes[best], len(nodes))
    tools.leave(len(nodes))
    return ended


@search
async def half(tools):
    """The majority of half of the budget, or of all of it where that is split."""
    few = await tools.completions(max(tools.budget // 2, 1))
    if await tools.agreement(few) > 0.5:
        return few
    return await tools.completions(tools.budget)


@groups(size="length", attempts=True)
async def chains(tools, *, length=2):
    """Chains of attempts, one after the other."""
    made, taken = [()] * (tools.budget // length), Counter()
    for _ in range(length):
        attempts = await next_attempts(tools, made, taken)
        made = [(*chain, attempt) for chain, attempt in zip(made, attempts)]
    return [list(chain) for chain in made]
'''


def own(text: str, source: str = EVERY_KIND) -> Strategy:
    """The strategy `name(option=value)` of a file with this text."""
    file = f"mine.py@{digest_of(source)}"
    return parse(f"{file}:{text}", {file: source})


def one_function(body: str, head: str = "@search(steps=True, scores=True)") -> str:
    """A file with one function `f` of these lines."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    start = "from tasks.strategies.own import groups, pool, search\n\n"
    return f"{start}{head}\nasync def f(tools, *, m=2):\n{lines}\n"
