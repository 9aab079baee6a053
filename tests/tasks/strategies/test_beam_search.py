"""Beam search keeps its budget, whatever the model does (METHOD §5; traps of public code)."""

import pytest
from scripts import Bench, by_letter, constant, failing, fixed, geometric, never_ending, one_way

from tasks.asking.costs import Meter
from tasks.strategies.beam_search import beam_search
from tasks.strategies.forms import width_at

LAWS = {"fixed": fixed(3), "geometric": geometric(), "never": never_ending, "one way": one_way(3)}
OPINIONS = {"by letter": by_letter, "constant": constant, "failing": failing}


async def test_n_first_steps_are_drawn_at_once():
    bench = Bench(fixed(3))
    await beam_search(bench.root, 16, m=4, tools=bench.tools())
    assert bench.engine.asked[0] == (tuple(bench.root.token_ids), 16)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
@pytest.mark.parametrize("opinion", OPINIONS.values(), ids=OPINIONS.keys())
async def test_no_round_draws_more_than_the_open_slots(law, opinion):
    bench = Bench(law, opinion)
    finals = await beam_search(bench.root, 16, m=4, tools=bench.tools())
    by_depth: dict[int, list[str]] = {}
    for new in bench.draws:
        by_depth.setdefault(len(new.parent.steps), []).append(new.draw.stop)
    open_slots = 16
    for depth in sorted(by_depth):
        assert len(by_depth[depth]) == open_slots
        open_slots = sum(stop == "step" for stop in by_depth[depth])
    assert len(finals) <= 16


@pytest.mark.parametrize(
    "law", [fixed(3), geometric(), one_way(3)], ids=["fixed", "geometric", "one way"]
)
async def test_the_search_ends_with_exactly_n_ended_completions(law):
    bench = Bench(law)
    finals = await beam_search(bench.root, 16, m=4, tools=bench.tools())
    assert len(finals) == 16
    assert all(node.ended and "Answer: " in node.text for node in finals)


async def test_a_model_that_never_ends_returns_nothing_and_stops():
    bench = Bench(never_ending)
    assert await beam_search(bench.root, 8, m=4, tools=bench.tools()) == []
    assert max(len(new.node.steps) for new in bench.draws) <= 40


async def test_an_ended_completion_is_never_extended_or_drawn_again():
    bench = Bench(geometric())
    finals = await beam_search(bench.root, 16, m=4, tools=bench.tools())
    asked = [prefix for prefix, _ in bench.engine.asked]
    assert not {tuple(node.token_ids) for node in finals} & set(asked)
    assert len(asked) == len(set(asked))


async def test_finals_are_distinct_draws_so_no_copy_votes_twice():
    # 16 duplicates of one text are 16 draws: each final is a child that was drawn, none a copy of
    # another.
    bench = Bench(one_way(2))
    finals = await beam_search(bench.root, 16, m=4, tools=bench.tools())
    ended = [new for new in bench.draws if new.draw.stop == "end"]
    assert len(finals) == len(ended) == 16
    assert len({(new.key, new.child) for new in ended}) == 16


async def test_the_best_prefixes_are_kept():
    # by_letter likes a best: of 16 first steps the 4 best survive, so every final starts with one
    # of these.
    bench = Bench(fixed(3))
    finals = await beam_search(bench.root, 16, m=4, tools=bench.tools())
    first = sorted(new.node.steps[0] for new in bench.draws if not new.parent.steps)
    assert {node.steps[0] for node in finals} <= set(first[:4])


async def test_a_prefix_whose_verifier_failed_ranks_last():
    bench = Bench(fixed(2, letters="bc"), failing)
    finals = await beam_search(bench.root, 16, m=4, tools=bench.tools())
    assert {node.steps[0] for node in finals} == {"c\n"}
    assert bench.failures


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
async def test_the_meter_equals_the_engines_own_counters(law):
    bench = Bench(law)
    await beam_search(bench.root, 16, m=4, tools=bench.tools())
    assert bench.meter.generated_tokens == bench.engine.generated_tokens
    assert bench.meter.prompt_tokens == bench.engine.prompt_tokens
    recorded = sum(new.draw.tokens for new in bench.draws)
    assert recorded == bench.engine.generated_tokens
    assert sum(new.requests for new in bench.draws) == bench.engine.requests
    assert sum(new.prompt_tokens for new in bench.draws) == bench.engine.prompt_tokens
    read = sum(new.score.tokens for new in bench.scores if new.requests)
    assert read == bench.verifier.read_tokens


async def test_a_second_strategy_is_metered_as_if_alone_and_draws_nothing_twice():
    bench = Bench(fixed(3))
    first, second = Meter(), Meter()
    await beam_search(bench.root, 16, m=4, tools=bench.tools(first))
    spent = bench.engine.generated_tokens
    await beam_search(bench.root, 16, m=4, tools=bench.tools(second))
    assert second == first
    assert bench.engine.generated_tokens == spent


async def test_it_is_deterministic_given_the_draws():
    texts = []
    for _ in range(2):
        bench = Bench(geometric())
        finals = await beam_search(bench.root, 16, m=4, tools=bench.tools())
        texts.append([node.text for node in finals])
    assert texts[0] == texts[1]


async def test_a_perfect_verifier_finds_the_right_path_within_its_width():
    # Right path: a, a, a. With 8 letters and 64 beams a first step 'a' is missed with chance
    # (7/8)^64 < 0.0002.
    bench = Bench(fixed(3), lambda _, steps: float(all(step.strip()[-1] == "a" for step in steps)))
    finals = await beam_search(bench.root, 64, m=4, tools=bench.tools())
    assert any(node.steps[:3] == ("a\n", "a\n", "a\n") for node in finals)


async def test_width_root_n_is_rounded_down_to_a_power_of_two():
    widths = [width_at("sqrt", n) for n in (4, 8, 16, 32, 64, 128, 256)]
    assert widths == [2, 2, 4, 4, 8, 8, 16]
