"""Every strategy × law × verifier: budgets, ledger, ended and cut completions (METHOD §5, §9, §16).

A new strategy is in the suite by the example in its form. Pools and adaptive stopping, which do not
run, are in test_conformance_pools.py; whole runs through the warehouse in test_conformance_runs.py.
"""

import asyncio
import dataclasses
from collections import Counter
from itertools import pairwise, product

import pytest
from conformance import EXAMPLES, LAWS, OPINIONS, Ran, examples, ran
from scripts import GREEDY, STEP, WHOLE, Bench, Spent, answer_of, hashed

from tasks.strategies import STRATEGIES, parse

SEARCHES, REVISIONS = examples(revises=False), examples(searches=False)
OTHER_BUDGETS = [
    (key, "geometric length", "random", budget)
    for key in examples()
    for budget in (2, 4, 8, 64)
    if parse(key).fits(budget)
]
ROLES = {
    STEP.key: {"proposer"},
    GREEDY.key: {"lookahead"},
    WHOLE.key: {"proposer", "revision", "selection"},
}


def cells(keys: list[str]) -> list[tuple[str, str, str, int]]:
    """Every law × verifier at 16, and one of each at the other budgets."""
    return [
        *((*cell, 16) for cell in product(keys, LAWS, OPINIONS)),
        *(c for c in OTHER_BUDGETS if c[0] in keys),
    ]


def named(cell: tuple[object, ...]) -> str:
    return " x ".join(map(str, cell))


def every(keys: list[str]):
    """The test once for every cell of these strategies."""
    return pytest.mark.parametrize("cell", cells(keys), ids=named)


def test_the_example_of_every_strategy_is_one_of_it() -> None:
    assert EXAMPLES.keys() == STRATEGIES.keys()
    assert all(parse(key).name == name for name, keys in EXAMPLES.items() for key in keys)


def drawn_by_depth(one: Ran) -> list[list[bool]]:
    """For every step drawn at a depth, whether it can go on within a completion's tokens."""
    by_depth: dict[int, list[bool]] = {}
    for new in one.bench.draws:
        if new.role == "proposer":
            going = new.draw.stop == "step" and new.node.generated_tokens < WHOLE.max_tokens
            by_depth.setdefault(len(new.parent.steps), []).append(going)
    return [by_depth[depth] for depth in range(len(by_depth))]


@every(SEARCHES)
def test_every_depth_draws_as_many_steps_as_slots_are_open(cell) -> None:
    # N = budget / (k + 1) first steps, then one for every open slot: N completions in all, cut ones
    # included.
    one = ran(*cell)
    depths = drawn_by_depth(one)
    assert len(depths[0]) == one.slots
    for before, after in pairwise(depths):
        assert len(after) == sum(before)
    assert sum(depths[-1]) == 0
    assert sum(not going for depth in depths for going in depth) == one.slots


@every(REVISIONS)
def test_revisions_make_exactly_as_many_attempts_as_the_budget(cell) -> None:
    one = ran(*cell)
    assert len(one.bench.draws) == len(one.completions) == one.budget
    assert {id(node) for node in one.completions} == {id(new.node) for new in one.bench.draws}


@every(examples())
def test_ledger_and_meter_equal_the_engines_counters_by_role(cell) -> None:
    # Alone on its bench, what a strategy is metered as if alone is all that the engines did.
    bench = ran(*cell).bench
    for sampling, roles in ROLES.items():
        mine = [new for new in bench.draws if new.key.sampling_key == sampling]
        assert {new.role for new in mine} <= roles
        ledger = Spent(
            sum(new.requests for new in mine),
            len(mine),
            sum(new.prompt_tokens for new in mine),
            sum(new.draw.tokens for new in mine),
        )
        assert ledger == bench.engine.spent.get(sampling, Spent())
    assert len(bench.draws) == sum(spent.draws for spent in bench.engine.spent.values())
    assert (
        sum(new.requests for new in bench.scores) + len(bench.failures) == bench.verifier.requests
    )
    assert bench.meter.generated_tokens == bench.engine.generated_tokens
    assert bench.meter.prompt_tokens == bench.engine.prompt_tokens
    assert bench.meter.verifier_tokens == sum(
        new.score.tokens for new in bench.scores if new.requests
    )
    if not bench.failures:
        assert bench.meter.verifier_tokens == bench.verifier.read_tokens


@every(examples())
def test_no_completion_is_extended_or_drawn_twice(cell) -> None:
    bench = ran(*cell).bench
    finished = {tuple(new.node.token_ids) for new in bench.draws if new.draw.stop != "step"}
    assert not finished & {prefix for prefix, _ in bench.engine.requested}
    assert max(Counter((new.key, new.child) for new in bench.draws).values()) == 1
    steps = Counter(request for request in bench.engine.requested if request[1] != WHOLE.key)
    assert set(steps.values()) <= {1}


@every(SEARCHES)
def test_every_ended_draw_is_returned_once_and_nothing_else(cell) -> None:
    # Multiplicity is kept (two draws of one text are returned twice) and nothing gains a vote.
    one = ran(*cell)
    proposed = [new for new in one.bench.draws if new.role == "proposer" and new.draw.stop == "end"]
    ended = [new for new in proposed if new.node.generated_tokens <= WHOLE.max_tokens]
    assert sorted(id(node) for node in one.completions) == sorted(id(new.node) for new in ended)
    assert all(node.ended and answer_of(node) for node in one.completions)
    assert len(one.completions) <= one.slots


@every(REVISIONS)
def test_a_cut_attempt_is_in_its_chain_and_never_an_answer(cell) -> None:
    one = ran(*cell)
    cut = [node for node in one.completions if not node.ended]
    assert all(node.stop == "limit" and answer_of(node) is None for node in cut)
    assert not {node.key for node in cut} & {new.node_key for new in one.bench.scores}
    assert len(cut) == sum(new.draw.stop == "limit" for new in one.bench.draws)


@pytest.mark.parametrize(("key", "opinion"), [*product(examples(), OPINIONS)])
def test_all_slots_end_where_the_law_ends(key: str, opinion: str) -> None:
    for law in ("fixed length", "geometric length", "always the same step", "duplicates"):
        one = ran(key, law, opinion)
        assert len(one.completions) == one.slots and all(node.ended for node in one.completions)


@pytest.mark.parametrize("key", examples())
def test_nothing_is_an_answer_where_nothing_ends(key: str) -> None:
    for opinion in OPINIONS:
        assert [
            answer_of(node)
            for node in ran(key, "never ending", opinion).completions
            if answer_of(node)
        ] == []


@pytest.mark.parametrize("key", SEARCHES)
async def test_a_search_gives_up_after_40_rounds(key: str) -> None:
    bench = Bench(LAWS["never ending"], hashed)
    long = bench.tools().samplings._replace(whole=dataclasses.replace(WHOLE, max_tokens=10_000))
    least = min(budget for budget in (2, 4, 8, 16) if parse(key).fits(budget))
    groups = await parse(key).run(
        bench.root, least, dataclasses.replace(bench.tools(), samplings=long)
    )
    assert [node for group in groups for node in group] == []
    rounds = {len(new.parent.steps) for new in bench.draws if new.role == "proposer"}
    assert 40 <= len(rounds) <= 41


@pytest.mark.parametrize(
    "cell",
    [cell for cell in cells(examples()) if cell[2] == "failing now and then" or cell[3] != 16],
    ids=named,
)
def test_a_replay_without_models_makes_the_same_for_the_same(cell) -> None:
    key, _, _, budget = cell
    one = ran(*cell)
    again = one.bench.replay()
    groups = asyncio.run(again.run(key, budget))
    assert [[node.text for node in group] for group in groups] == one.texts
    assert again.meter == one.bench.meter
