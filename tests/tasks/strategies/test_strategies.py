"""What is particular to each strategy (METHOD §5)."""

from collections import Counter

import pytest
from conformance import examples
from hypothesis import example, given
from hypothesis import strategies as st
from scripts import WHOLE, Bench, by_letter, fixed, geometric, hashed, longwinded

from tasks.strategies.forms import width_at
from tasks.strategies.particle_filter import copies
from tasks.strategies.rebase import shares
from tasks.strategies.revision_search import width
from tasks.strategies.tools import ATTEMPTS_SHOWN


def test_the_root_of_the_beams_is_taken_after_lookahead_is_paid() -> None:
    # 64 generations at k = 3 are 16 beams: M = 4.
    # At k = 1 they are 32: √32 is 5, rounded down to 4.
    assert [width_at("sqrt", 64 // rollouts) for rollouts in (1, 2, 4)] == [8, 4, 4]


async def test_each_subtree_goes_on_from_the_best_of_its_first_steps() -> None:
    bench = Bench(fixed(3), by_letter)
    groups = await bench.run("dvts(m=4)", 16)
    first = [new.node.steps[0] for new in bench.draws if not new.parent.steps]
    best = [min(first[start : start + 4]) for start in range(0, 16, 4)]
    assert [{node.steps[0] for node in group} for group in groups] == [{step} for step in best]


def test_rebase_shares_slots_in_proportion_to_the_softmax() -> None:
    # e^0, e^-2, e^-4 of 1.154: 6.94, 0.94 and 0.13 of 8 slots;
    # the largest remainders are rounded up.
    assert shares([0.9, 0.5, 0.1, None], 8) == [7, 1, 0, 0]
    assert shares([0.5, 0.5, 0.5, 0.5], 4) == [1, 1, 1, 1]
    assert shares([None, None], 4) == [2, 2]


known = st.one_of(st.none(), st.floats(0, 1))


@given(st.lists(known, min_size=1, max_size=40))
def test_rebase_gives_away_every_slot_and_no_more(scores: list[float | None]) -> None:
    counts = shares(scores, len(scores))
    assert sum(counts) == len(scores) and min(counts) >= 0
    if any(score is not None for score in scores):
        assert all(count == 0 for count, score in zip(counts, scores, strict=True) if score is None)


def test_particles_are_left_alone_until_half_of_them_count() -> None:
    # Odds 9, 1, 1, 1: the effective number is 12² / 84 = 1.71 of 4, below 2.
    # With 4, 1, 1, 1 it is 49 / 19 = 2.58.
    # Weights 3, 1/3, 1/3, 1/3; points 0.5, 1.5, 2.5, 3.5.
    assert copies([0.9, 0.5, 0.5, 0.5], 0.5) == [3, 0, 1, 0]
    assert copies([0.8, 0.5, 0.5, 0.5], 0.5) == [1, 1, 1, 1]
    assert copies([None, None, None], 0.1) == [1, 1, 1]
    assert copies([1.0, 0.0, 0.0, None], 0.9) == [4, 0, 0, 0]


@example(
    [*[None] * 10, 0.5, 0.75, 0.5], 0.9999999999999999
)  # the last point is lost to rounding: whose is it?
@given(st.lists(known, min_size=1, max_size=40), st.floats(0, 1, exclude_max=True))
def test_resampling_keeps_the_number_and_rounds_each_weight_to_a_neighbour(
    scores, start: float
) -> None:
    counts = copies(scores, start)
    assert sum(counts) == len(scores)
    if counts == [1] * len(scores):
        return
    odds = [
        0.0 if s is None else min(max(s, 1e-6), 1 - 1e-6) / (1 - min(max(s, 1e-6), 1 - 1e-6))
        for s in scores
    ]
    for count, weight in zip(counts, odds, strict=True):
        assert abs(count - weight / sum(odds) * len(scores)) < 1 + 1e-6


def test_rounds_of_revision_search_are_as_wide_as_they_are_many_or_twice() -> None:
    assert [(width(n), n // width(n)) for n in (2**i for i in range(1, 9))] == [
        (2, 1),
        (2, 2),
        (4, 2),
        (4, 4),
        (8, 4),
        (8, 8),
        (16, 8),
        (16, 16),
    ]


def attempts_shown(prompt: tuple[int, ...]) -> list[str]:
    text = "".join(map(chr, prompt))
    return [part.removesuffix("]") for part in text.split("[")[1:]]


@pytest.mark.parametrize("law", [geometric(), longwinded(0.06)])
async def test_an_attempt_sees_the_four_latest_ended_ones_before_it(law) -> None:
    bench = Bench(law)
    chains = await bench.run("revisions(s=8)", 16)
    asked = {id(new.node): attempts_shown(tuple(new.parent.token_ids)) for new in bench.draws}
    for chain in chains:
        for place, attempt in enumerate(chain):
            earlier = [node.text for node in chain[:place] if node.ended]
            assert asked[id(attempt)] == earlier[-ATTEMPTS_SHOWN:]
    assert ATTEMPTS_SHOWN == 4


async def test_revision_search_goes_on_from_the_best_attempts_so_far() -> None:
    # Rounds of 4, m = 4: each later round revises the best of all attempts before it, and that one
    # alone.
    bench = Bench(geometric(), hashed)
    ((*attempts,),) = await bench.run("revision_search(m=4)", 16)
    shown = {id(new.node): attempts_shown(tuple(new.parent.token_ids)) for new in bench.draws}
    scores = {new.node_key: new.score.score for new in bench.scores}
    for start in range(4, 16, 4):
        best = max(attempts[:start], key=lambda node: scores[node.key])
        assert {shown[id(node)][-1] for node in attempts[start : start + 4]} == {best.text}


async def test_an_attempt_that_is_revised_again_gets_new_revisions() -> None:
    bench = Bench(fixed(1), by_letter)
    ((*attempts,),) = await bench.run("revision_search(m=2)", 64)
    assert len({id(node) for node in attempts}) == 64
    assert max(Counter((new.key, new.child) for new in bench.draws).values()) == 1


async def test_a_search_takes_no_more_tokens_than_a_whole_completion_may() -> None:
    bench = Bench(longwinded(0.03), hashed)
    for key in examples(revises=False):
        groups = await bench.run(key, 16)
        assert all(node.generated_tokens <= WHOLE.max_tokens for group in groups for node in group)
