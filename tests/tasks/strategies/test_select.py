"""The model chooses among its own completions: tournament, prompts, cost (METHOD §13)."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
from collections import Counter
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import FORMAT, Bench, answer_of, fixed

from tasks.draws.nodes import Node
from tasks.strategies import parse
from tasks.strategies.select import count_candidates

NAMED = dataclasses.replace(FORMAT, selection_marker="Answer: ")
"""What the scripts write of a choice as of an answer."""


class Judged:
    """Tools of completions with these answers, among which a judge chooses."""

    def __init__(self, answers: Sequence[str | None], judge) -> None:
        # Candidates are told apart by their places, which stand for nodes here.
        self.known = dict(enumerate(answers))
        self.judge = judge
        self.tables: list[tuple[int, ...]] = []

    async def completions(self, n: int) -> list[int]:
        return [*self.known][:n]

    async def answers(self, nodes: Sequence[int]) -> list[str | None]:
        return [self.known[node] for node in nodes]

    def choice_key(self, attempts: tuple[int, ...]) -> str:
        return str(attempts)

    async def choices(self, attempts: tuple[int, ...], n: int) -> list[int | None]:
        self.tables.append(attempts)
        return [self.judge([self.known[one] for one in attempts])] * n


def chosen(tools: Judged, budget: int, k: int) -> str | None:
    """The answer that is served."""
    run = parse(f"select(k={k})").form.run
    assert run
    return tools.known[asyncio.run(run(None, budget, k=k, tools=tools))[0]]


def right_first(answers: Sequence[str | None]) -> int | None:
    return answers.index("a") if "a" in answers else None


def wrong_first(answers: Sequence[str | None]) -> int | None:
    return next((place for place, one in enumerate(answers) if one != "a"), None)


def test_candidates_and_choices_fill_the_budget() -> None:
    # Each choice among 4 leaves 3 behind: 12 candidates take 4 choices, 6 take 2, 3 take 1.
    assert [count_candidates(n, 4) for n in (1, 3, 4, 8, 16)] == [1, 2, 3, 6, 12]
    assert [count_candidates(n, 8) for n in (4, 8, 16)] == [3, 7, 14]
    # Of two at a time every candidate but the first takes a choice.
    assert [count_candidates(n, 2) for n in (3, 4, 16)] == [2, 2, 8]


@given(budget=st.integers(1, 64), k=st.integers(2, 8))
def test_no_more_candidates_would_fit(budget: int, k: int) -> None:
    count = count_candidates(budget, k)
    spent = [n + math.ceil((n - 1) / (k - 1)) for n in (count, count + 1)]
    assert spent[0] <= budget < spent[1]


@given(budget=st.integers(3, 64), k=st.integers(2, 8))
def test_a_tournament_of_different_answers_takes_as_many_choices_as_are_reckoned(
    budget: int, k: int
) -> None:
    count = count_candidates(budget, k)
    tools = Judged([str(place) for place in range(count)], lambda _: None)
    assert chosen(tools, budget, k) == "0"
    assert len(tools.tables) == math.ceil((count - 1) / (k - 1))
    assert all(2 <= len(table) <= k for table in tools.tables)


@pytest.mark.parametrize("k", [2, 3, 4, 8])
def test_over_all_patterns_of_answers_the_judge_decides(k: int) -> None:
    # A judge that knows finds what any candidate has, one that errs what all of them have. So the
    # means over all patterns of 5 draws, each a, b or none, are those of best and worst draw.
    budget = 5 + math.ceil(4 / (k - 1))
    assert count_candidates(budget, k) == 5
    for answers in product(("a", "b", None), repeat=5):
        given_ = [one for one in answers if one]
        best = "a" if "a" in given_ else (given_ or [None])[0]
        worst = "b" if "b" in given_ else (given_ or [None])[0]
        assert chosen(Judged(answers, right_first), budget, k) == best
        assert chosen(Judged(answers, wrong_first), budget, k) == worst


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_judge_that_guesses_is_right_as_often_as_one_draw(k: int) -> None:
    # Over all orders of two right and three wrong draws: 2 of 5. Whoever is named at random from
    # each table of a tournament is any candidate of an exchangeable pool.
    rng = random.Random(7)
    budget = 5 + math.ceil(4 / (k - 1))
    rounds = 20_000
    right = 0
    for _ in range(rounds):
        answers = rng.sample(["a", "a", "b", "c", "d"], 5)
        guess = Judged(answers, lambda seen: rng.randrange(len(seen)))
        right += chosen(guess, budget, k) == "a"
    assert right / rounds == pytest.approx(0.4, abs=4 * math.sqrt(0.24 / rounds))


def test_nobody_is_asked_where_all_answers_agree_or_one_is_left() -> None:
    for answers in (["a", "a", "a"], ["a", None, None], [None, "a", "a"]):
        tools = Judged(answers, wrong_first)
        assert chosen(tools, 4, 4) == "a" and not tools.tables
    tools = Judged([None] * 3, wrong_first)
    assert chosen(tools, 4, 4) is None and not tools.tables


def second(letters: str):
    """Completions of one line, answering the letters in turn; of several the second is named."""
    drawn = iter(letters * 100)

    def law(prefix: tuple[int, ...], _: random.Random) -> str:
        text = FORMAT.tokenizer.decode(prefix)
        return "Answer: 2<end>" if text.endswith("[best]") else f"Answer: {next(drawn)}<end>"

    return law


async def test_a_tournament_of_six_by_hand() -> None:
    # 8 generations, 4 at a table: 6 candidates a to f. Of a b c d the second is b; then b e f, of
    # which it is e. Both e and what it beat are given back, e first.
    bench = Bench(second("abcdef"), form=NAMED)
    ((*made,),) = await bench.run("select(k=4)", 8)
    assert [answer_of(node) for node in made] == ["e", "a", "b", "c", "d", "f"]
    asked = [FORMAT.tokenizer.decode(prefix) for prefix, _ in bench.engine.requested]
    tables = ["".join(f"[Answer: {one}]" for one in table) for table in ("abcd", "bef")]
    assert asked == ["?", *(f"?{table}[best]" for table in tables)]
    assert Counter(new.role for new in bench.draws) == {"proposer": 6, "selection": 2}
    # Every prompt is read: 1 token, and 11 for each that is shown, and 6 for the question at the
    # end of it. Every completion is 9 tokens and the one that ends it.
    assert bench.meter.prompt_tokens == 1 + (1 + 4 * 11 + 6) + (1 + 3 * 11 + 6)
    assert (bench.meter.cached_tokens, bench.meter.generated_tokens) == (0, 8 * 10)
    assert bench.meter.draws == 8


async def test_tables_of_the_same_texts_are_asked_each_for_itself() -> None:
    # 16 generations, 4 at a table: three tables, all of a b a b, and one of their winners.
    bench = Bench(second("abab"), form=NAMED)
    ((*made,),) = await bench.run("select(k=4)", 16)
    assert answer_of(made[0]) == "b"
    alike = [new for new in bench.draws if new.role == "selection"]
    # All winners answer b: the last table is not asked.
    assert [new.child for new in alike] == [0, 1, 2]
    assert len({new.key for new in alike}) == 1


async def test_what_is_cut_names_none() -> None:
    long = "Answer: 2" + 80 * "."

    def law(prefix: tuple[int, ...], rng: random.Random) -> str:
        text = FORMAT.tokenizer.decode(prefix)
        return f"{long}<end>" if text.endswith("[best]") else fixed(0)(prefix, rng)

    bench = Bench(law, form=NAMED)
    ((*made,),) = await bench.run("select(k=4)", 4)
    selection: list[Node] = [new.node for new in bench.draws if new.role == "selection"]
    assert [node.stop for node in selection] == ["limit"]
    # The first of the three stays.
    first = next(new.node for new in bench.draws if new.role == "proposer" and new.child == 0)
    assert made[0] is first


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Best: 2", 1),
        ("So.\nBest: 3.", 2),
        ("Best: 1\nNo.\nBest: **2**", 1),
        ("Best: attempt 2 of 3", 1),
        ("Best: 4", None),
        ("Best: 0", None),
        ("Best: none\n2", None),
        ("Best: 12", None),
        ("Best: 99999999999", None),
        ("the 2nd", None),
        ("", None),
    ],
)
def test_a_number_behind_the_marker_names_one(text: str, place: int | None) -> None:
    assert FORMAT.named(text, 3) == place
