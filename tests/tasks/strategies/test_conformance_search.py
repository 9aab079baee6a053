"""What each search promises beyond its budget: sight, width, survival, nesting (METHOD §5)."""

import math
import random
from collections.abc import Sequence
from itertools import product

import pytest
from conformance import LAWS, OPINIONS, Ran, examples, ran
from scripts import (
    WHOLE,
    Bench,
    answer_of,
    constant,
    geometric,
    hashed,
    longwinded,
    perfect,
    solvable,
    sometimes_silent,
)

from tasks.draws.nodes import Node
from tasks.protocols import Draw
from tasks.statistics.selectors import SELECTORS, Candidate
from tasks.strategies import parse

SEARCHES = examples(revises=False)
LOOKAHEADS = [key for key in SEARCHES if parse(key).rollouts > 1]
POWERS = (4, 8, 16, 32, 64)


def open_nodes(one: Ran) -> list[Node]:
    """What was scored to be kept or dropped: every step drawn that can go on."""
    proposed = [new.node for new in one.bench.draws if new.role == "proposer"]
    return [node for node in proposed if goes_on(node)]


def goes_on(node: Node) -> bool:
    return node.extendable and node.generated_tokens < WHOLE.max_tokens


def rollout(node: Node, k: int, greedy: dict[str, Node]) -> list[Node]:
    """Up to k greedy steps from the node, stopping where the completion does."""
    path = [node]
    while len(path) <= k and goes_on(path[-1]):
        path.append(greedy[path[-1].key])
    return path[1:]


def greedy_steps(one: Ran) -> dict[str, Node]:
    return {new.parent.key: new.node for new in one.bench.draws if new.role == "lookahead"}


@pytest.mark.parametrize(
    ("key", "law", "opinion"), [*product(LOOKAHEADS, LAWS, ("random", "perfect"))]
)
def test_the_verifier_sees_exactly_k_more_steps_or_the_completions_end(
    key: str, law: str, opinion: str
) -> None:
    one = ran(key, law, opinion)
    k, greedy = one.strategy.rollouts - 1, greedy_steps(one)
    ends = [(node, ([node, *rollout(node, k, greedy)])[-1]) for node in open_nodes(one)]
    asked = {new.node.key for new in one.bench.scores if new.requests}
    assert asked == {end.key for _, end in ends} | {node.key for node in one.completions}
    for node, end in ends:
        assert len(end.steps) - len(node.steps) == k or not goes_on(end)


@pytest.mark.parametrize(("key", "law"), [*product(LOOKAHEADS, LAWS)])
def test_a_scored_prefix_costs_at_most_k_greedy_steps_and_shares_them(key: str, law: str) -> None:
    one = ran(key, law, "random")
    k, greedy = one.strategy.rollouts - 1, greedy_steps(one)
    walked = {step.key for node in open_nodes(one) for step in rollout(node, k, greedy)}
    drawn = [new for new in one.bench.draws if new.role == "lookahead"]
    assert walked == {new.node.key for new in drawn}
    assert all(new.child == 0 for new in drawn)
    assert len(drawn) <= k * len({node.key for node in open_nodes(one)})


@pytest.mark.parametrize("key", LOOKAHEADS)
async def test_the_text_of_the_rollout_is_in_front_of_the_verifier(key: str) -> None:
    seen: set[str] = set()

    def watching(question: str, steps: Sequence[str]) -> float:
        seen.add("".join(steps))
        return hashed(question, steps)

    bench = Bench(geometric(), watching)
    await bench.run(key, 16)
    lookahead = [new for new in bench.draws if new.role == "lookahead"]
    assert lookahead and {new.node.text for new in lookahead} <= seen


def words(length: int):
    """Lines of six letters: no two draws are alike."""

    def law(prefix: tuple[int, ...], rng: random.Random) -> str:
        word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6))
        return word + "\n" if prefix.count(10) < length else f"Answer: {word}<end>"

    return law


@pytest.mark.parametrize("budget", [4, 16, 64])
async def test_particles_stay_distinct_under_a_verifier_that_knows_nothing(budget: int) -> None:
    bench = Bench(words(5), constant)
    ((*finals,),) = await bench.run("particle_filter", budget)
    assert len({node.text for node in finals}) >= 0.9 * budget
    assert len({node.steps[0] for node in finals}) >= 0.9 * budget  # ancestors
    assert len({id(node) for node in finals}) == len(finals) == budget


def right_so_far(_: str, steps: Sequence[str]) -> float:
    """Perfect, and says how far it was right: a rollout that fails later hides no right prefix."""
    wrong = [number for number in range(len(steps)) if not perfect("", steps[: number + 1])]
    return (wrong[0] if wrong else len(steps)) / 4


@pytest.mark.parametrize("key", SEARCHES)
async def test_a_perfect_verifier_finds_the_right_path(key: str) -> None:
    # One path of 2 · 2 · 2 is right. Each of 16 or more widths of 4 misses a right next step with
    # chance 1/16.
    bench = Bench(solvable(3), right_so_far)
    groups = await bench.run(key, 64)
    finals = [node for group in groups for node in group]
    assert any(node.text == "a\na\na\nAnswer: a" for node in finals)
    candidates = [Candidate(answer_of(node), perfect("", node.steps)) for node in finals]
    assert SELECTORS[parse(key).selector](candidates).answer == "a"


@pytest.mark.parametrize(
    ("key", "budget"), [*product(("beam_search(m=4)", "beam_search(m=sqrt)"), POWERS)]
)
async def test_a_right_prefix_is_dropped_for_right_ones_alone(key: str, budget: int) -> None:
    # n of the open prefixes are right: min(n, slots / m) are kept, m next steps each, no more than
    # there are slots.
    bench = Bench(solvable(4, letters="abc"), perfect)
    await bench.run(key, budget)
    m = 4 if "4" in key else 2 ** int(math.log2(math.isqrt(budget)))
    for depth in range(4):
        slots = [new for new in bench.draws if len(new.parent.steps) == depth]
        right = sum(perfect("", new.node.steps) for new in slots)
        after = [new for new in bench.draws if len(new.parent.steps) == depth + 1]
        assert sum(perfect("", new.parent.steps) for new in after) == min(len(slots), m * right)


@pytest.mark.parametrize("opinion", [hashed, sometimes_silent])
@pytest.mark.parametrize("law", [geometric(), longwinded(0.06), LAWS["duplicates"]])
async def test_the_subtrees_of_a_smaller_budget_are_the_first_of_a_larger_one(law, opinion) -> None:
    for budgets in (POWERS, POWERS[::-1]):
        bench = Bench(law, opinion)
        made = {budget: await bench.run("dvts(m=4)", budget) for budget in budgets}
        assert len(made[64]) == 16
        for budget in POWERS:
            assert ids(made[budget]) == ids(made[64][: budget // 4])


@pytest.mark.parametrize("law", LAWS)
async def test_chains_are_the_same_whatever_the_ratio_and_the_budget(law: str) -> None:
    bench, largest = Bench(LAWS[law], OPINIONS["random"]), 64
    longest: list[list[Node]] = await bench.run(f"revisions(s={largest})", largest)
    ratios = [2**i for i in range(7)]
    made = {
        (s, n): await bench.run(f"revisions(s={s})", n) for n in POWERS for s in ratios if s <= n
    }
    for (s, n), chains in made.items():
        assert [len(chain) for chain in chains] == [s] * (n // s)
        widest = made[s, largest]
        assert ids(chains) == ids(widest[: n // s])
        assert ids(chains[:1]) == ids([longest[0][:s]])


@pytest.mark.parametrize("budget", [1, 2, 4, 16, 64])
async def test_a_sweep_over_all_ratios_costs_what_the_formula_says(budget: int) -> None:
    # N · (1 + log2(N) / 2): 256 at 64, where seven cells drawn alone cost 7 · 64 = 448.
    bench = Bench(geometric())
    for s in (2**i for i in range(budget.bit_length())):
        await bench.run(f"revisions(s={s})", budget)
    assert len(bench.draws) == budget * (1 + math.log2(budget) / 2)
    assert {new.role for new in bench.draws} == {"revision"}


@pytest.mark.parametrize("key", examples())
async def test_what_is_drawn_for_one_strategy_costs_the_next_nothing(key: str) -> None:
    bench = Bench(geometric(), hashed)
    first = await bench.run(key, 16)
    requests = bench.engine.requests, bench.verifier.requests
    assert ids(await bench.run(key, 16)) == ids(first)
    assert (bench.engine.requests, bench.verifier.requests) == requests


def ids(groups: Sequence[Sequence[Node]]) -> list[list[int]]:
    """The very draws, not only their texts."""
    return [[id(node) for node in group] for group in groups]


@pytest.mark.parametrize("key", examples())
async def test_a_completion_is_continued_by_its_own_tokens(key: str) -> None:
    bench = Bench(geometric(), hashed)
    await bench.run(key, 16)
    for new in bench.draws:
        draw: Draw = new.draw
        assert new.node.token_ids == new.parent.token_ids + draw.token_ids
    assert {prefix for prefix, _ in bench.engine.requested} == {
        tuple(new.parent.token_ids) for new in bench.draws
    }
