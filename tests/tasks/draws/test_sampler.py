"""One draw is paid for once, and a replay needs no engine."""

import asyncio

import pytest
from scripts import FORMAT, WHOLE, Bench, fixed, geometric, never_ending

from tasks.asking.costs import Meter
from tasks.draws.sampler import DrawKey, MissingDraws, Sampler


async def test_a_larger_number_draws_only_the_difference():
    bench = Bench(geometric())
    four = await bench.sampler.children(bench.root, 4, sampling=WHOLE)
    ten = await bench.sampler.children(bench.root, 10, sampling=WHOLE)
    assert ten[:4] == four
    assert [n for _, n in bench.engine.asked] == [4, 6]


async def test_requests_in_flight_are_shared():
    bench = Bench(geometric())
    bench.engine.seconds = 0.01
    several = await asyncio.gather(
        *(bench.sampler.children(bench.root, n, sampling=WHOLE) for n in (8, 4, 8, 2))
    )
    assert [n for _, n in bench.engine.asked] == [8]
    assert all(siblings == several[0][: len(siblings)] for siblings in several)


async def test_other_sampling_or_replicate_makes_other_siblings():
    bench = Bench(geometric())
    first = await bench.sampler.children(bench.root, 8, sampling=WHOLE)
    second = await bench.sampler.children(bench.root, 8, sampling=WHOLE, replicate=1)
    assert [n.text for n in first] != [n.text for n in second]
    assert len(bench.draws) == 16


async def test_the_order_of_requests_does_not_change_a_draw():
    # Child i is drawn under seed + i: 4 then 8 gives the same as 8 at once.
    at_once, in_two = Bench(geometric()), Bench(geometric())
    await in_two.sampler.children(in_two.root, 4, sampling=WHOLE)
    assert await at_once.sampler.children(
        at_once.root, 8, sampling=WHOLE
    ) == await in_two.sampler.children(in_two.root, 8, sampling=WHOLE)


async def test_beginnings_are_those_of_the_whole_children():
    whole, short = Bench(geometric()), Bench(geometric())
    drawn = await whole.sampler.children(whole.root, 9, sampling=WHOLE)
    begun = await short.sampler.beginnings(short.root, 9, sampling=WHOLE, at_most=5)
    assert [node.text for node in begun] == [node.text[:5] for node in drawn]
    assert {node.stop for node in begun} == {"limit"}
    assert short.engine.generated_tokens == 9 * 5 < whole.engine.generated_tokens


async def test_what_is_there_whole_is_not_begun_again():
    bench = Bench(geometric())
    three = await bench.sampler.children(bench.root, 3, sampling=WHOLE)
    six = await bench.sampler.beginnings(bench.root, 6, sampling=WHOLE, at_most=5)
    assert six[:3] == three
    assert [n for _, n in bench.engine.asked] == [3, 3]
    # What was begun is no whole child.
    whole = await bench.sampler.children(bench.root, 6, sampling=WHOLE)
    assert [node.stop for node in whole] == ["end"] * 6
    assert [node.text[:5] for node in whole[3:]] == [node.text for node in six[3:]]


async def test_a_replay_answers_from_memory_and_says_what_is_missing():
    bench = Bench(fixed(2))
    drawn = await bench.sampler.children(bench.root, 4, sampling=WHOLE)
    known = [(new.key, new.child, new.kept) for new in bench.draws]
    replay = Sampler(format=FORMAT, engine=None, known=reversed(known))
    assert await replay.children(bench.root, 4, sampling=WHOLE) == drawn
    with pytest.raises(MissingDraws):
        await replay.children(bench.root, 5, sampling=WHOLE)


async def test_a_gap_among_known_draws_alone_is_drawn_again():
    bench = Bench(fixed(2))
    await bench.sampler.children(bench.root, 4, sampling=WHOLE)
    known = [(new.key, new.child, new.kept) for new in bench.draws if new.child != 1]
    again = Bench(fixed(2), known=known)
    await again.sampler.children(again.root, 4, sampling=WHOLE)
    assert [new.child for new in again.draws] == [1]


async def test_stop_reasons_are_kept():
    bench = Bench(never_ending)
    (node,) = await bench.sampler.children(bench.root, 1, sampling=WHOLE)
    assert node.stop == "limit" and not node.ended and not node.extendable


async def test_a_completion_cut_at_the_total_limit_is_not_extendable():
    bench = Bench(never_ending)
    tools, node = bench.tools(), bench.root
    while node.extendable:
        (node,) = await tools.next_steps(node, 1)
    assert node.stop == "limit"
    assert node.generated_tokens >= WHOLE.max_tokens


class Miser:
    """An engine that answers one draw too few."""

    def __init__(self, engine):
        self.engine = engine

    def draw(self, prefix, n, *, sampling, seed):
        return self.engine.draw(prefix, n - 1, sampling=sampling, seed=seed)


async def test_an_engine_that_answers_too_few_draws_is_refused():
    bench = Bench(fixed(1))
    sampler = Sampler(format=FORMAT, engine=Miser(bench.engine))
    with pytest.raises(RuntimeError, match="expected 4 draws, got 3"):
        await sampler.children(bench.root, 4, sampling=WHOLE)


async def test_steps_never_hold_an_empty_trailing_one():
    ends, texts, _ = FORMAT.steps.split([ord(c) for c in "a\nb\n\n \n"])
    assert texts == ["a\n", "b\n\n \n"] and ends == [2, 7]


async def test_scores_are_asked_once_and_cover_every_step():
    bench = Bench(fixed(3))
    (node,) = await bench.sampler.children(bench.root, 1, sampling=WHOLE)
    first = await bench.scorer.scores(node)
    await asyncio.gather(*(bench.scorer.scores(node) for _ in range(3)))
    assert len(first) == len(node.steps) == 4
    assert bench.verifier.requests == 1


async def test_a_score_out_of_range_is_a_failure_not_a_number():
    for bad in (float("nan"), 1.5, -0.1):
        bench = Bench(fixed(1), lambda _q, _s, bad=bad: bad)
        (node,) = await bench.sampler.children(bench.root, 1, sampling=WHOLE)
        assert await bench.scorer.scores(node) == (None, None)
        assert len(bench.failures) == 1 and not bench.scores


async def test_a_node_scored_twice_is_metered_once():
    bench = Bench(fixed(1))
    meter = Meter()
    tools = bench.tools(meter)
    (node,) = await tools.next_steps(bench.root, 1)
    await tools.score(node)
    once = meter.verifier_tokens
    await tools.score(node)
    assert meter.verifier_tokens == once > 0


def test_draw_keys_differ_by_every_part():
    parts = [("a", "s", 0), ("b", "s", 0), ("a", "t", 0), ("a", "s", 1)]
    assert len({DrawKey(*part) for part in parts}) == 4


async def test_requests_that_overlap_are_all_counted():
    # A prefix is asked about while a longer one of the same completion is on its way, and the other
    # way round.
    for first, second in ((1, 3), (3, 1)):
        bench = Bench(fixed(3))
        bench.verifier.seconds = 0.01
        tools, node, path = bench.tools(), bench.root, []
        for _ in range(3):
            (node,) = await tools.next_steps(node, 1)
            path.append(node)
        await asyncio.gather(*(bench.scorer.scores(path[depth - 1]) for depth in (first, second)))
        counted = sum(new.score.tokens for new in bench.scores if new.requests)
        assert counted == bench.verifier.read_tokens
        assert len({new.node_key for new in bench.scores}) == len(bench.scores) == 3


async def test_a_failed_long_request_does_not_silence_a_shorter_one():
    bench = Bench(fixed(3), lambda _, steps: None if len(steps) == 3 else 0.5)
    bench.verifier.seconds = 0.01
    tools, node, path = bench.tools(), bench.root, []
    for _ in range(3):
        (node,) = await tools.next_steps(node, 1)
        path.append(node)
    long, short = await asyncio.gather(bench.scorer.scores(path[2]), bench.scorer.scores(path[0]))
    assert long[-1] is None and short[0] is not None
