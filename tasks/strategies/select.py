"""The model itself says which of its completions is best (METHOD §13).

GenSelect, arXiv 2504.16891 and 2507.17797; universal self-consistency, arXiv 2311.17311.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tasks.draws.nodes import Node
from tasks.statistics.selectors import NO_CHOICE, Candidate, Choice
from tasks.strategies.forms import Form, Options, within
from tasks.strategies.tools import MOST_SHOWN, Tools, next_choices


async def select(_root: Node, budget: int, *, k: int, tools: Tools) -> list[Node]:
    """The candidates, the one that is chosen first; a completion and a choice cost one generation.

    In every round of a tournament each k of those that are left are shown together, and the one
    that the model names stays; fewer than k wait for the next round, unless they are all. Where all
    that are shown give one answer nothing is asked, and where the model names none the first stays.
    Candidates without an answer are shown to nobody.
    """
    drawn = await tools.completions(count_candidates(budget, k))
    classes = await tools.answers(drawn)
    left = [place for place, answer in enumerate(classes) if answer is not None]
    taken: Counter[str] = Counter()
    while len(left) > 1:
        tables, waiting = _seat(left, k)
        divided: list[list[int]] = []
        for table in tables:
            if len({classes[one] for one in table}) > 1:
                divided.append(table)
        shown = [tuple(drawn[one] for one in table) for table in divided]
        named = await next_choices(tools, shown, taken)
        # A place stands at one table.
        best = {table[0]: table[name or 0] for table, name in zip(divided, named, strict=True)}
        left = [best.get(table[0], table[0]) for table in tables]
        left += waiting
    first = left[:1]
    others = [place for place in range(len(drawn)) if place not in first]
    return [drawn[place] for place in first + others]


def _seat(left: Sequence[int], k: int) -> tuple[list[list[int]], list[int]]:
    """Full tables in order and those who wait; one table of all where they are no more than k."""
    if len(left) <= k:
        return [[*left]], []
    full = len(left) // k * k
    tables = [[*left[start : start + k]] for start in range(0, full, k)]
    return tables, [*left[full:]]


def count_candidates(budget: int, k: int) -> int:
    """The most whose tournament the budget pays for: n, and (n − 1) / (k − 1) choices, rounded up.

    A choice among k leaves k − 1 behind.
    """
    count = 1
    while count + 1 + -(-count // (k - 1)) <= budget:
        count += 1
    return count


def _choose(candidates: Sequence[Candidate], _: Options, __: int) -> Choice:
    """The first, which the tournament has left; no other has one where that has no answer."""
    answer = candidates[0].answer
    return NO_CHOICE if answer is None else Choice(0, answer, {answer: 1.0})


SELECT = Form(
    kind="search",
    # No verifier: it is a vote of one.
    selectors=("majority",),
    example="select(k=4)",
    short="select",
    run=select,
    choose=_choose,
    options={"k": within(2, MOST_SHOWN)},
    # Below, there is no second candidate.
    least=lambda _: 3,
    slots=lambda options, budget: count_candidates(budget, int(options["k"])),
    steps=False,
    scores=False,
    shows=lambda options: int(options["k"]),
    selects=True,
)
