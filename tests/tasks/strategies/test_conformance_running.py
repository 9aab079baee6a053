"""How strategies run: deterministic, never stuck, cleanly cancelled.

Also with verifiers that judge whole completions, and with unreliable ones.
"""

import asyncio
import random
from itertools import product

import pytest
from conformance import LAWS, OPINIONS, examples
from scripts import (
    Bench,
    answer_of,
    fixed,
    flaky,
    geometric,
    hashed,
    longwinded,
    perfect,
    solvable,
    sometimes_silent,
)

from tasks.asking.costs import Meter
from tasks.draws.scorer import Scorer
from tasks.statistics.selectors import Candidate, weighted
from tasks.strategies import parse

REVISIONS = examples(searches=False)
PATIENCE = 30.0


async def alone(key: str, law: str = "geometric length", budget: int = 16):
    """The bench of a strategy that ran alone, and the texts it made."""
    bench = Bench(LAWS[law], OPINIONS["random"])
    return bench, texts(await bench.run(key, budget))


def texts(groups) -> list[list[str]]:
    return [[node.text for node in group] for group in groups]


@pytest.mark.parametrize(
    ("key", "law"), [*product(examples(), ("geometric length", "duplicates", "often cut"))]
)
async def test_equal_draws_make_equal_completions(key: str, law: str) -> None:
    (_, first), (_, second) = [await alone(key, law) for _ in range(2)]
    assert first == second


@pytest.mark.parametrize("key", examples())
async def test_the_order_in_which_replies_come_changes_nothing(key: str) -> None:
    bench = Bench(geometric(), hashed)
    shuffled = Shuffled(bench)
    again = Bench(geometric(), engine=shuffled)
    again.scorer = Scorer(verifier=shuffled)
    assert texts(await again.run(key, 16)) == texts(await bench.run(key, 16))


class Shuffled:
    """The engine and verifier of a bench, answering out of order."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._random = random.Random(3)

    async def draw(self, prefix, n, *, sampling, seed):
        await self._later()
        async for reply in self._bench.engine.draw(prefix, n, sampling=sampling, seed=seed):
            yield reply

    async def score(self, question, steps):
        await self._later()
        return await self._bench.verifier.score(question, steps)

    async def _later(self) -> None:
        for _ in range(self._random.randrange(12)):
            await asyncio.sleep(0)


async def test_all_strategies_at_once_on_a_slow_engine_end_and_find_what_they_find_alone() -> None:
    bench = Bench(LAWS["geometric length"], OPINIONS["random"])
    bench.engine.seconds = bench.verifier.seconds = 0.01
    cells = [(key, budget) for key in examples() for budget in (4, 16) if parse(key).fits(budget)]
    meters = [Meter() for _ in cells]
    runs = [
        bench.run(key, budget, meter) for (key, budget), meter in zip(cells, meters, strict=True)
    ]
    made = await asyncio.wait_for(asyncio.gather(*runs), PATIENCE)
    for (key, budget), groups, meter in zip(cells, made, meters, strict=True):
        calm, found = await alone(key, budget=budget)
        assert (texts(groups), meter) == (found, calm.meter)
    assert len({(new.key, new.child) for new in bench.draws}) == len(bench.draws)


@pytest.mark.parametrize("key", examples())
async def test_a_cancelled_strategy_leaves_no_task_and_its_draws_are_of_use(key: str) -> None:
    bench = Bench(LAWS["geometric length"], OPINIONS["random"])
    bench.engine.seconds = bench.verifier.seconds = 0.005
    for moment in (0.0, 0.002, 0.008, 0.02):
        task = asyncio.create_task(bench.run(key, 16))
        await asyncio.sleep(moment)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.wait_for(_all_done(), PATIENCE)
    made = await asyncio.wait_for(bench.run(key, 16), PATIENCE)
    assert texts(made) == (await alone(key))[1]
    assert len({(new.key, new.child) for new in bench.draws}) == len(bench.draws)


async def _all_done() -> None:
    """Requests in flight when the strategy was cancelled are answered; nothing else is left."""
    while len(asyncio.all_tasks()) > 2:  # this one and the test
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("key", examples())
async def test_an_engine_that_breaks_ends_the_strategy_with_its_error(key: str) -> None:
    drawn = 0

    def breaking(prefix, rng):
        nonlocal drawn
        drawn += 1
        if drawn > 10:
            raise RuntimeError("engine broke")
        return geometric()(prefix, rng)

    bench = Bench(breaking, hashed)
    with pytest.raises(RuntimeError, match="engine broke"):
        await asyncio.wait_for(bench.run(key, 16), PATIENCE)
    await asyncio.wait_for(_all_done(), PATIENCE)


@pytest.mark.parametrize("key", examples())
async def test_a_verifier_that_never_answers_well_still_spends_the_budget(key: str) -> None:
    bench = Bench(fixed(3), lambda _q, _s: None)
    groups = await bench.run(key, 16)
    assert sum(map(len, groups)) == parse(key).slots(16)
    assert bench.failures and not bench.scores


@pytest.mark.parametrize(
    ("key", "law"), [*product(examples(), (fixed(3), geometric(), longwinded(0.06)))]
)
async def test_a_replay_equals_the_run_though_the_verifier_failed_only_once(key: str, law) -> None:
    # A longer text scored later must not bring back the score that was missing when a prefix was
    # judged.
    for every in (3, 5, 7, 11):
        bench = Bench(law, flaky(lambda q, steps: 0.3 + 0.4 * hashed(q, steps), every))
        made = await bench.run(key, 16)
        again = bench.replay()
        assert texts(await again.run(key, 16)) == texts(made)
        assert again.meter == bench.meter


@pytest.mark.parametrize(("key", "opinion"), [*product(REVISIONS, (hashed, sometimes_silent))])
async def test_a_verifier_of_whole_completions_judges_revisions_once_each(
    key: str, opinion
) -> None:
    bench = Bench(longwinded(0.06), opinion, whole=True)
    groups = await bench.run(key, 16)
    attempts = [node for group in groups for node in group]
    ended = {node.key for node in attempts if node.ended}
    assert bench.verifier.requests == len(ended)
    assert len(bench.scores) + len(bench.failures) == len(ended)
    for node in attempts:
        assert len(await bench.scorer.scores(node)) == 1 or not node.ended
    again = bench.replay()
    assert texts(await again.run(key, 16)) == texts(groups)


@pytest.mark.parametrize("key", REVISIONS)
async def test_a_perfect_verifier_of_whole_completions_picks_the_right_attempt(key: str) -> None:
    # One attempt in 8 is right.
    bench = Bench(solvable(3), perfect, whole=True)
    attempts = [node for group in await bench.run(key, 64) for node in group]
    assert any(perfect("", [node.text]) for node in attempts)
    tools = bench.tools()
    candidates = [Candidate(answer_of(node), await tools.score(node)) for node in attempts]
    assert weighted(candidates).answer == "a"
