"""A search ends after the study's rounds; what it leaves was not cut at the token limit."""

import asyncio

import pytest
from scripts import Bench, fixed, longwinded, never_ending

from tasks.asking.costs import Meter

SEARCHES = ["beam_search(m=2)", "dvts(m=2)", "rebase", "particle_filter"]


def searched(law, key, rounds):
    """(completions, slots left, the most steps that any draw stands at the end of)."""
    bench, meter = Bench(law, rounds=rounds), Meter()
    groups = asyncio.run(bench.run(key, 8, meter))
    deepest = max(len(new.node.steps) for new in bench.draws)
    return [node for group in groups for node in group], meter.left, deepest


@pytest.mark.parametrize("key", SEARCHES)
def test_what_could_go_on_when_the_rounds_end_is_counted(key):
    completions, left, deepest = searched(never_ending, key, 3)
    # Eight slots; a subtree of dvts has its first steps by a round, the others before the first.
    assert (completions, left) == ([], 8)
    assert deepest == (3 if key.startswith("dvts") else 4)


@pytest.mark.parametrize("key", SEARCHES)
def test_a_search_whose_completions_end_in_its_last_round_leaves_nothing(key):
    # Two lines and the answer are three steps: two rounds after the first steps.
    rounds = 3 if key.startswith("dvts") else 2
    completions, left, _ = searched(fixed(2), key, rounds)
    assert (len(completions), left) == (8, 0)
    completions, left, _ = searched(fixed(2), key, rounds - 1)
    assert (completions, left) == ([], 8)


@pytest.mark.parametrize("key", SEARCHES)
def test_what_is_cut_at_the_token_limit_is_not_left_by_the_rounds(key):
    # Lines of 5 tokens: at most 16 fit into the 80 of a whole completion, and none ends.
    completions, left, deepest = searched(longwinded(0.0), key, 40)
    assert (completions, left) == ([], 0)
    assert deepest == 16
