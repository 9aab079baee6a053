"""The traps of public code (METHOD §16) that a running strategy could fall into."""

import pytest
from conformance import LAWS, OPINIONS, examples
from scripts import STEP, WHOLE, Bench, fixed, geometric, hashed, longwinded

from tasks.strategies import parse

SEARCHES = examples(revises=False)


@pytest.mark.parametrize("key", SEARCHES)
async def test_finished_beams_are_not_copied_to_fill_the_budget(key: str) -> None:
    bench = Bench(geometric(0.6), hashed)
    groups = await bench.run(key, 16)
    ended = [new for new in bench.draws if new.role == "proposer" and new.draw.stop == "end"]
    assert sum(map(len, groups)) == len(ended) == 16 // parse(key).rollouts
    assert not {tuple(new.node.token_ids) for new in ended} & {
        prefix for prefix, _ in bench.engine.requested
    }


@pytest.mark.parametrize("key", SEARCHES)
async def test_the_first_level_has_n_steps_not_n_over_m(key: str) -> None:
    await (bench := Bench(fixed(3), hashed)).run(key, 16)
    assert bench.engine.asked[0] == (tuple(bench.root.token_ids), 16 // parse(key).rollouts)


@pytest.mark.parametrize("key", SEARCHES)
async def test_a_search_ends_though_nothing_ever_does(key: str) -> None:
    bench = Bench(LAWS["never ending"], hashed)
    assert [node for group in await bench.run(key, 16) for node in group] == []
    assert max(new.node.generated_tokens for new in bench.draws) <= WHOLE.max_tokens


@pytest.mark.parametrize("key", SEARCHES)
@pytest.mark.parametrize("opinion", OPINIONS.values(), ids=OPINIONS)
async def test_a_search_costs_the_tokens_of_as_many_completions(key: str, opinion) -> None:
    # Three lines of 2 tokens and an answer of 10: 16 a completion.
    # Rollouts come on top, and are metered.
    bench = Bench(fixed(3), opinion)
    await bench.run(key, 16)
    slots = 16 // parse(key).rollouts
    assert bench.engine.spent[STEP.key].generated_tokens == slots * 16
    assert bench.meter.generated_tokens == bench.engine.generated_tokens


@pytest.mark.parametrize("key", SEARCHES)
async def test_an_unfinished_sibling_is_never_returned(key: str) -> None:
    bench = Bench(longwinded(0.08), hashed)
    finals = [node for group in await bench.run(key, 16) for node in group]
    assert 0 < len(finals) < 16 // parse(key).rollouts, "the law should cut some"
    assert all(node.ended and "Answer: " in node.text for node in finals)


@pytest.mark.parametrize("key", examples())
async def test_every_vote_is_a_draw_of_its_own(key: str) -> None:
    # All texts are the same one: as many votes as draws, and each draw votes once.
    bench = Bench(LAWS["always the same step"], hashed)
    votes = [node for group in await bench.run(key, 16) for node in group]
    drawn = {id(new.node): (new.key, new.child) for new in bench.draws}
    assert len({node.text for node in votes}) == 1
    assert len({drawn[id(node)] for node in votes}) == len(votes) == parse(key).slots(16)


async def test_particles_are_not_resampled_every_round() -> None:
    # Equal scores: each of 16 prefixes goes on once at every depth, whatever the round.
    bench = Bench(fixed(5, letters="abcdefghijklmnopqrstuvwxyz"), OPINIONS["constant"])
    await bench.run("particle_filter", 16)
    for depth in range(5):
        drawn = sorted(new.node.key for new in bench.draws if len(new.node.steps) == depth + 1)
        went_on = sorted(
            new.parent.key for new in bench.draws if len(new.parent.steps) == depth + 1
        )
        assert went_on == drawn


@pytest.mark.parametrize("key", examples())
async def test_an_engine_error_is_an_error_and_no_answer(key: str) -> None:
    def broken(_prefix, _rng) -> str:
        raise ConnectionError("no response")

    bench = Bench(broken, hashed)
    with pytest.raises(ConnectionError):
        await bench.run(key, 16)
    assert bench.draws == [] and bench.scores == []
