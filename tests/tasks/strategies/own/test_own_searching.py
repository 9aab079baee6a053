"""A file's searches and groups: metered like the product's own, held to what they may ask."""

from __future__ import annotations

import asyncio
import re
from itertools import product

import pytest
from conformance import LAWS, OPINIONS, examples
from own_files import one_function, own
from scripts import Bench, fixed, geometric, hashed

from tasks.draws.sampler import MissingDraws
from tasks.strategies import Strategy, parse
from tasks.strategies.own.declaring import Declaration
from tasks.strategies.own.failing import Overspent, OwnFailure
from tasks.strategies.own.searching import OwnTools
from warehouse.errors import UserError

RUNNING = ["greedy", "greedy(width=2)/best_of_n", "half", "chains", "chains(length=4)"]
EVERYTHING = Declaration("search", steps=True, attempts=True, scores=True, choices=8)


@pytest.mark.parametrize(("text", "law", "opinion"), [*product(RUNNING, LAWS, OPINIONS)])
async def test_its_meter_is_what_the_engines_counted(text: str, law: str, opinion: str) -> None:
    bench = Bench(LAWS[law], OPINIONS[opinion])
    await bench.run(own(text), 8)
    assert bench.meter.generated_tokens == bench.engine.generated_tokens
    assert bench.meter.prompt_tokens == bench.engine.prompt_tokens
    assert bench.meter.generations is not None and 0 < bench.meter.generations <= 8


@pytest.mark.parametrize("text", RUNNING)
async def test_it_replays_without_models(text: str) -> None:
    bench = Bench(LAWS["geometric length"], OPINIONS["failing now and then"])
    made = await bench.run(own(text), 8)
    again = bench.replay()
    assert await again.run(own(text), 8) == made
    assert again.meter == bench.meter


async def test_generations_are_counted_by_depth_and_completions_one_each() -> None:
    # Three lines and an answer: 4 steps. 2 first steps and 2 from the better at each depth are 2
    # generations; 3 whole completions are 3 more.
    source = one_function(
        "nodes = await tools.next_steps(tools.root, 2)\n"
        "while nodes[0].extendable:\n"
        "    nodes = await tools.next_steps(nodes[0], 2)\n"
        "return nodes + await tools.completions(3)"
    )
    bench = Bench(fixed(3), hashed)
    await bench.run(own("f", source), 5)
    assert bench.meter.generations == 5
    with pytest.raises(Overspent, match=r"mine.py:8: f asked for 5 generations and was stopped"):
        await Bench(fixed(3), hashed).run(own("f", source), 4)


async def test_what_was_asked_for_before_is_not_counted_again() -> None:
    source = one_function(
        "await tools.completions(2)\nawait tools.completions(4)\nreturn await tools.completions(3)"
    )
    bench = Bench(fixed(3), hashed)
    ((*made,),) = await bench.run(own("f", source), 4)
    assert (bench.meter.generations, len(made), len(bench.draws)) == (4, 3, 4)


@pytest.mark.parametrize(("key", "law"), [*product(examples(), LAWS)])
async def test_the_products_own_strategies_take_no_more_than_their_budget(
    key: str, law: str
) -> None:
    """The same count, held over what spends its budget exactly."""
    # Rollouts that meet are drawn once.
    bench = Bench(LAWS[law], OPINIONS["random"])
    strategy: Strategy = parse(key)
    counted = OwnTools(bench.tools(), bench.root, 16, EVERYTHING)
    await strategy.run(bench.root, 16, counted)
    if strategy.form.selects:
        # Where answers agree nothing is asked.
        assert strategy.slots(16) <= counted.generations <= 16
    elif strategy.rollouts == 1:
        assert counted.generations == 16
    else:
        assert 16 / strategy.rollouts <= counted.generations <= 16


async def test_nothing_is_drawn_beyond_the_budget() -> None:
    source = one_function("await tools.completions(3)\nreturn await tools.completions(9)")
    bench = Bench(fixed(3), hashed)
    said = "mine.py:6: f asked for 9 generations and was stopped there (question q1, budget 8); "
    with pytest.raises(Overspent, match=re.escape(said + "ask for at most tools.budget")):
        await bench.run(own("f", source), 8)
    assert len(bench.draws) == 3


SWALLOWED = (
    "try:\n    await tools.completions(99)\nexcept Exception:\n    pass\n"
    "return await tools.completions(2)"
)
GATHERED = (
    "import asyncio\n"
    "return sum(await asyncio.gather(*(tools.next_steps(tools.root, n) for n in (2, 99))), [])"
)


@pytest.mark.parametrize("body", [SWALLOWED, GATHERED])
async def test_overspending_cannot_be_hidden(body: str) -> None:
    bench = Bench(fixed(3), hashed)
    with pytest.raises(Overspent, match=r"mine.py:\d+: f asked for \d+ generations"):
        await bench.run(own("f", one_function(body)), 8)
    assert len(bench.draws) <= 2


async def test_a_draw_that_a_replay_lacks_cannot_be_hidden() -> None:
    body = "try:\n    return await tools.completions(2)\nexcept Exception:\n    return []"
    bench = Bench(fixed(3), hashed)
    with pytest.raises(MissingDraws):
        await bench.replay().run(own("f", one_function(body)), 8)


WRONG = [
    ("return 1 / 0", "mine.py:5: f failed with ZeroDivisionError: division by zero (question q1,"),
    ("return [].pop(0)", "mine.py:5: f failed with IndexError"),
    ("return None", "mine.py: f gave back NoneType (question q1, budget 8); return a list"),
    ("return ['42']", "mine.py: f gave back list of 1"),
    ("return [[]]", "mine.py: f gave back list of 1"),
    ("return await tools.nothing()", "mine.py:5: f failed with AttributeError"),
    ("return await tools.completions(2.0)", "mine.py:5: f asked for 2.0 draws (question q1,"),
    ("return await tools.next_steps(tools.root, -1)", "mine.py:5: f asked for -1 draws"),
    ("return await tools.next_steps('x', 1)", "mine.py:5: f gave list of 1 to a tool"),
    ("return await tools.scores(None)", "mine.py:5: f gave NoneType to a tool (question q1,"),
    ("return await tools.answers(['x'])", "mine.py:5: f gave list of 1 to a tool"),
]


@pytest.mark.parametrize(("body", "said"), WRONG)
async def test_its_errors_are_told_with_their_line(body: str, said: str) -> None:
    with pytest.raises(OwnFailure, match=re.escape(said)) as raised:
        await Bench(fixed(3), hashed).run(own("f", one_function(body)), 8)
    assert "\n" not in str(raised.value)


async def test_the_line_is_that_of_the_file_wherever_it_failed_below() -> None:
    body = "import json\njson.loads('{')\nreturn []"
    with pytest.raises(OwnFailure, match=r"mine.py:6: f failed with JSONDecodeError"):
        await Bench(fixed(3), hashed).run(own("f", one_function(body)), 8)


UNDECLARED = [
    ("await tools.next_steps(tools.root, 2)", "asked for steps", "write @search(steps=True)"),
    ("await tools.ahead(tools.root)", "asked for steps", "write @search(steps=True)"),
    ("await tools.attempts((), 2)", "asked for attempts", "write @search(attempts=True)"),
    (
        "await tools.choices((tools.root, tools.root), 1)",
        "asked for a choice among 2, of which it declares 0",
        "write @search(choices=2)",
    ),
    ("await tools.scores([])", "asked for scores", "write @search(scores=True)"),
    ("await tools.score(tools.root)", "asked for scores", "write @search(scores=True)"),
]


@pytest.mark.parametrize(("call", "asked", "advice"), UNDECLARED)
async def test_what_it_does_not_declare_it_does_not_get(call: str, asked: str, advice: str) -> None:
    bench = Bench(fixed(3), hashed)
    with pytest.raises(OwnFailure, match=re.escape(f"mine.py:5: f {asked}")) as raised:
        await bench.run(own("f", one_function(f"{call}\nreturn []", "@search")), 8)
    assert advice in str(raised.value)
    assert not bench.draws and not bench.scores


@pytest.mark.parametrize("made", ["[]", "[[]]", "[1, 2, 3, 4]", "'abcd'"])
async def test_groups_that_are_not_as_many_as_the_budget_has_are_refused(made: str) -> None:
    source = one_function(f"return {made}", "@groups(size='m')")
    with pytest.raises(OwnFailure, match=r"gave back (list|str|int)"):
        await Bench(fixed(3), hashed).run(own("f", source), 8)


def test_groups_are_refused_at_budgets_that_are_no_number_of_them() -> None:
    own("chains(length=4)").check((4, 8))
    with pytest.raises(UserError, match="needs budgets that are multiples of 4, got 6"):
        own("chains(length=4)").check((4, 6))


async def test_its_chance_is_the_same_in_a_run_and_its_replay() -> None:
    body = "return await tools.completions(1 + int(tools.random.random() * tools.budget))"
    counts = set()
    for budget in range(1, 30):
        bench = Bench(geometric(), hashed)
        strategy = own("f", one_function(body))
        ((*made,),) = await bench.run(strategy, budget)
        ((*again,),) = await bench.replay().run(strategy, budget)
        assert again == made
        counts.add(len(made))
    assert len(counts) > 5


async def test_it_sees_question_answers_and_agreement() -> None:
    body = (
        "assert tools.question == '?' and tools.rounds == 40\n"
        "made = await tools.completions(8)\n"
        "answers = await tools.answers(made)\n"
        "most = max(answers.count(one) for one in answers)\n"
        "assert await tools.agreement(made) == most / 8\n"
        "return [one for one, a in zip(made, answers) if answers.count(a) == most]"
    )
    bench = Bench(fixed(2, letters="ab"), hashed)
    ((*made,),) = await bench.run(own("f", one_function(body)), 8)
    assert 4 <= len(made) <= 8


async def test_a_cancelled_one_leaves_no_task() -> None:
    bench = Bench(LAWS["geometric length"], OPINIONS["random"])
    bench.engine.seconds = bench.verifier.seconds = 0.005
    task = asyncio.create_task(bench.run(own("greedy"), 8))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
