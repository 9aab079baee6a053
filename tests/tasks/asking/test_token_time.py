"""Latency of what runs: rounds add up, what is asked for at once costs the slowest."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import Bench, fixed, geometric

from tasks.asking.costs import Meter
from tasks.asking.token_time import pass_tokens, run_in_token_time, tokens_now
from tasks.draws.nodes import Node

Work = list[list[int]]
"""Parallel workers, each with the tokens of draws that it makes one after the other."""


async def one_after_the_other(tokens: list[int]) -> None:
    for each in tokens:
        await pass_tokens(each)


async def timed(work: Work) -> float:
    began = tokens_now()
    await asyncio.gather(*(one_after_the_other(tokens) for tokens in work))
    return tokens_now() - began


@given(st.lists(st.lists(st.integers(0, 100_000), max_size=5), min_size=1, max_size=6))
def test_what_is_awaited_in_turn_adds_up_and_what_is_gathered_costs_the_slowest(work: Work) -> None:
    assert run_in_token_time(timed(work)) == max(map(sum, work))


def test_barriers_wait_for_the_slowest_of_every_round() -> None:
    async def rounds() -> float:
        for lengths in ([3, 5], [9, 1], [2, 2]):
            await asyncio.gather(*(pass_tokens(tokens) for tokens in lengths))
        return tokens_now()

    # 5 + 9 + 2, where the two lines alone would take 14 and 8.
    assert run_in_token_time(rounds()) == 16


def test_in_ordinary_time_nothing_waits_and_no_latency_is_known() -> None:
    began = time.monotonic()
    assert math.isnan(asyncio.run(timed([[1000, 1000]])))
    assert time.monotonic() - began < 5


def test_what_comes_from_outside_is_still_waited_for() -> None:
    async def work() -> float:
        await asyncio.to_thread(time.sleep, 0.05)
        await pass_tokens(7)
        return tokens_now()

    assert run_in_token_time(work()) >= 7


def latency(bench: Bench, key: str, budget: int) -> float:
    """Tokens that a replay of a strategy takes, on what was drawn before."""

    async def replay() -> float:
        began = tokens_now()
        await bench.run(key, budget, Meter())
        return tokens_now() - began

    asyncio.run(bench.run(key, budget))
    return run_in_token_time(replay())


def test_a_search_takes_the_slowest_step_of_every_round() -> None:
    # Three steps of three characters and a blank line each, whichever beam: the last one ends with
    # the end-of-text token. All beams are as long, so that the search takes one completion's time.
    bench = Bench(fixed(3))
    ended = asyncio.run(bench.run("beam_search(m=4)", 16))
    lengths = {node.generated_tokens for group in ended for node in group}
    assert latency(Bench(fixed(3)), "beam_search(m=4)", 16) == max(lengths)


@pytest.mark.parametrize("key", ["beam_search(m=4)", "dvts(m=4)", "rebase", "revisions(s=4)"])
def test_nothing_takes_less_than_its_longest_completion_nor_more_than_all(key: str) -> None:
    bench = Bench(geometric())
    meter = Meter()
    groups = asyncio.run(bench.run(key, 16, meter))
    longest = max((node.generated_tokens for node in ended(groups)), default=0)
    assert longest <= latency(bench, key, 16) <= meter.generated_tokens


def ended(groups: list[list[Node]]) -> list[Node]:
    return [node for group in groups for node in group if node.ended]


def test_chains_take_the_slowest_attempt_of_every_place() -> None:
    # Chains go on together: attempt t of each begins when the slowest attempt t − 1 has ended.
    bench = Bench(geometric())
    chains = asyncio.run(bench.run("revisions(s=4)", 16))
    slowest = [max(node.generated_tokens for node in place) for place in zip(*chains, strict=True)]
    assert latency(bench, "revisions(s=4)", 16) == sum(slowest)
