"""Attempts in sight of several earlier ones, round after round (METHOD §13)."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import permutations

import pytest
from scripts import FORMAT, Bench, answer_of, fixed, never_ending

from tasks.draws.nodes import root
from tasks.strategies import parse
from warehouse.errors import UserError

LETTERS = "abcdefgh"


def numbered():
    """Every completion answers a letter of its own."""
    drawn = iter(LETTERS * 100)
    return lambda _prefix, _rng: f"Answer: {next(drawn)}<end>"


def shown(text: str) -> list[str]:
    """The answers of the attempts in a prompt."""
    return re.findall(r"\[Answer: (\w)\]", text)


async def test_two_rounds_by_hand() -> None:
    # 8 generations in 2 rounds: a population of 4, and 4 attempts in sight of 2 of it each.
    bench = Bench(numbered())
    ((*made,),) = await bench.run("aggregate(k=2,rounds=2)", 8)
    first = [new for new in bench.draws if not shown(prompt(new))]
    later = [new for new in bench.draws if shown(prompt(new))]
    assert [answer_of(new.node) for new in first] == ["a", "b", "c", "d"]
    assert len(later) == 4 and {id(new.node) for new in later} == {id(node) for node in made}
    for new in later:
        seen = shown(prompt(new))
        assert len(seen) == len(set(seen)) == 2 and set(seen) <= set("abcd")
        # "?" and both attempts in brackets, each of 9 characters.
        assert new.parent.length == 1 + 2 * 11
    # Prompts are read in full, the first one once; the prompt of two equal subsets is one request.
    requests = len({new.parent.key for new in later})
    assert bench.meter.prompt_tokens == 1 + requests * 23
    assert (bench.meter.cached_tokens, bench.meter.generated_tokens) == (0, 8 * 10)
    assert bench.meter.draws == 8


def prompt(new) -> str:
    return FORMAT.tokenizer.decode(new.parent.token_ids)


async def test_a_round_sees_the_one_before_it_alone() -> None:
    bench = Bench(numbered())
    ((*made,),) = await bench.run("aggregate(k=2,rounds=4)", 8)
    # Populations of 2: a b, c d, e f, g h, in this order.
    assert [answer_of(node) for node in made] == ["g", "h"]
    rounds = [set(shown(prompt(new))) for new in bench.draws]
    assert rounds == [set(), set(), *(2 * [set("ab")] + 2 * [set("cd")] + 2 * [set("ef")])]


async def test_every_ordered_subset_is_shown_as_often_as_any_other() -> None:
    # 4 · 3 ordered pairs of a population of 4: over 256 attempts of 64 questions about 21 each,
    # and 40 would be four standard deviations more.
    counts: Counter[tuple[str, ...]] = Counter()
    for number in range(64):
        bench = Bench(numbered())
        bench.root = root(bench.root.question, [number])
        await bench.run("aggregate(k=2,rounds=2)", 8)
        counts.update(tuple(shown(prompt(new))) for new in bench.draws if shown(prompt(new)))
    assert counts.keys() == set(permutations("abcd", 2))
    assert sum(counts.values()) == 256 and max(counts.values()) < 40


async def test_five_are_shown_where_five_are_asked_for() -> None:
    # Revisions see four at most.
    bench = Bench(numbered())
    await bench.run("aggregate(k=5,rounds=2)", 16)
    assert {len(shown(prompt(new))) for new in bench.draws} == {0, 5}


async def test_what_was_cut_is_not_shown() -> None:
    # Every other draw never ends: of a population of 4 two are shown where three were asked for.
    drawn = iter(range(1000))

    def law(prefix: tuple[int, ...], rng: random.Random) -> str:
        written = FORMAT.tokenizer.decode(prefix).rsplit("]", 1)[-1].removeprefix("?")
        endless = next(drawn) % 2 if not written else True
        return "x" * 30 + "\n" if endless else fixed(0)(prefix, rng)

    bench = Bench(law)
    ((*made,),) = await bench.run("aggregate(k=3,rounds=2)", 8)
    assert {len(shown(prompt(new))) for new in bench.draws} == {0, 2}
    # The cut ones are returned, as of revisions, and have no answer.
    assert Counter(node.stop for node in made) == {"end": 2, "limit": 2}


async def test_where_nothing_ended_attempts_are_made_afresh() -> None:
    bench = Bench(never_ending)
    ((*made,),) = await bench.run("aggregate(k=2,rounds=2)", 8)
    assert len(bench.draws) == 8 and {new.child for new in bench.draws} == set(range(8))
    assert len({new.key for new in bench.draws}) == 1
    assert [node.stop for node in made] == ["limit"] * 4


def test_it_needs_a_population_of_k_in_every_round() -> None:
    with pytest.raises(UserError, match="needs a budget of at least 8, got"):
        parse("aggregate(k=4,rounds=2)").check((1, 4))
    with pytest.raises(UserError, match="needs budgets that are multiples of 3, got 16"):
        parse("aggregate(k=2,rounds=3)").check((16,))
    with pytest.raises(UserError, match="k must be 2 to 8, got"):
        parse("aggregate(k=9,rounds=2)")
