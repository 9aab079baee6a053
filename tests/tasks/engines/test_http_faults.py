"""Whatever servers do: the right draws, none doubled, or an error that says what happened."""

import asyncio
import dataclasses
from collections import Counter

import pytest
from faulty_server import FAULTS, MODEL, PROMPT, QUICK, Asked, closed_port, server
from replies import all_of
from scripts import FORMAT, STEP, WHOLE, fixed, never_ending

from tasks.benchmarks.question import Question
from tasks.draws.nodes import root
from tasks.draws.sampler import Sampler
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.replica import Limits
from warehouse.errors import UserError


async def siblings_of(engine, questions, sizes):
    """What a sampler holds and recorded after asking for ever more children of every question."""
    recorded = []
    sampler = Sampler(format=FORMAT, engine=engine, record=recorded.append)

    async def grown(question):
        node = root(question, tuple(FORMAT.tokenizer.encode(question.text)))
        return [await sampler.children(node, n, sampling=WHOLE) for n in sizes]

    return await asyncio.gather(*map(grown, questions)), recorded


def by_child(recorded):
    return {(new.key, new.child): new.draw for new in recorded}


async def assert_faults_change_nothing(requests, limits=QUICK):
    sizes = (1, 2, 4, 5, 8)  # five requests a question, at least, for 1 + 1 + 2 + 1 + 3 children
    questions = [Question(f"q{i}", f"{i}?", "a") for i in range(requests // len(sizes))]
    async with Asked(server(faulty=0.2), server(faulty=0.2), limits=limits) as served:
        children, recorded = await siblings_of(served.engine, questions, sizes)
        wanted, once = await siblings_of(served.direct, questions, sizes)
        met = sum((replica.met for replica in served.servers), start=Counter())
        assert served.engine.in_flight == 0
    assert children == wanted
    assert len(recorded) == 8 * len(questions) == len({(new.key, new.child) for new in recorded})
    assert by_child(recorded) == by_child(once)
    assert sum(new.draw.tokens for new in recorded) == served.engine.generated_tokens
    assert met[""] >= requests and set(met) >= set(FAULTS)
    assert 0.15 < 1 - met[""] / met.total() < 0.25


async def test_a_fault_in_every_fifth_of_300_requests_changes_no_draw():
    await assert_faults_change_nothing(300)


@pytest.mark.slow
async def test_a_fault_in_every_fifth_of_10000_requests_changes_no_draw():
    # With all requests open at once a busy machine needs longer than a second for a reply that does
    # come.
    await assert_faults_change_nothing(10_000, dataclasses.replace(QUICK, total=3.0))


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_survived_on_another_replica(fault):
    async with Asked(server(faulty=1.0, faults=(fault,)), server()) as served:
        await served.right(8)
        assert served.servers[0].met[fault] > 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error", "5 × HTTP 500 .*an error on purpose"),
        ("busy", "5 × HTTP 429"),
        ("reset", "5 × ReadError"),
        ("half", "5 × RemoteProtocolError"),
        ("short", "5 × a reply that cannot be trusted: .*JSON"),
        ("fewer", r"cannot be trusted: draws: expected \[0\], got \[\]"),
        ("other model", "cannot be trusted: model: expected scripted, got another"),
        ("hang", "5 × no reply in 0.1"),
    ],
)
async def test_retries_are_bounded_and_the_error_says_what_came(fault, said):
    # A busy machine may need longer than a hanging one is waited for.
    limits = Limits(backoff=0.001, attempts=5, total=0.1 if fault == "hang" else 30.0)
    async with Asked(server(fixed(1), faulty=1.0, faults=(fault,)), limits=limits) as served:
        with pytest.raises(UserError, match=said) as raised:
            await served.right(1)
        assert served.servers[0].asked == 5
    text = str(raised.value)
    assert text.startswith("engine: expected a reply to /v1/completions from http://127.0.0.1:")
    assert "in 5 attempts" in text and text.endswith("then run again")


async def test_a_refusal_is_not_repeated_and_tells_what_the_server_said():
    async with Asked(server(faulty=1.0, faults=("wrong",)), server()) as served:
        with pytest.raises(UserError, match=r"HTTP 400 .*max_tokens is too large"):
            await served.right(1)
        assert [one.asked for one in served.servers] == [1, 0]


async def test_stop_reasons_and_cached_tokens_come_through():
    async with Asked(server(never_ending)) as served:
        cut = await all_of(served.engine.draw(PROMPT, 1, sampling=WHOLE, seed=0))
        step = await all_of(served.engine.draw(PROMPT, 1, sampling=STEP, seed=0))
    assert [cut.draws[0].stop, step.draws[0].stop] == ["limit", "step"]
    assert (cut.prompt_tokens, cut.cached_tokens) == (3, 1)  # this server says that half is cached


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("texts", "with what exact draws need, got .*generated tokens: expected 0, got 2"),
        ("fewer", r"with what exact draws need, got .*draws: expected \[0, 1\], got \[1\]"),
        ("other model", "with what exact draws need, got .*model: expected scripted, got another"),
        ("strict", "and its field 'return_token_ids', got HTTP 400 .* by an .*endpoints"),
        ("chat only", "got HTTP 404 Not Found; serve the model with `vllm serve`, or ask this"),
        ("shut", "does not accept a request without a key: HTTP 401 no key; export the right"),
    ],
)
async def test_a_server_that_gives_no_exact_draws_is_refused_by_its_first_reply(fault, said):
    wrong = server(fixed(1), faulty=1.0, faults=(fault,), faulty_probes=True)
    async with Asked(wrong, limits=Limits()) as served:
        with pytest.raises(UserError, match=said):
            async with asyncio.timeout(5.0):
                await served.right(40)
        # One token of two draws is all that it was paid for, twice where a reply was spoiled.
        paid = 1 if fault in ("strict", "chat only", "shut") else 2
        assert (wrong.requests, wrong.probes) == (paid, paid)


async def test_one_wrong_server_of_two_is_told_though_the_other_is_right():
    wrong = server(fixed(1), faulty=1.0, faults=("texts",), faulty_probes=True)
    async with Asked(wrong, server(fixed(1), seconds=0.05)) as served:
        with pytest.raises(UserError, match="with what exact draws need"):
            await served.right(40)
        assert wrong.requests == 2


async def test_a_server_that_nobody_started_is_told_at_once():
    engine = HttpGenerator([f"http://127.0.0.1:{closed_port()}/v1"], MODEL, FORMAT)
    with pytest.raises(UserError, match="in 1 attempts: 1 × ConnectError"):
        async with asyncio.timeout(5.0):
            await all_of(engine.draw(PROMPT, 1, sampling=WHOLE, seed=0))
    await engine.close()


async def test_what_went_wrong_first_is_said_first():
    limits = Limits(backoff=0.001, attempts=4)
    dying = server(fixed(1), faulty=1.0, faults=("error",))
    async with Asked(dying, limits=limits) as served:
        asked = asyncio.ensure_future(served.right(1))
        while not dying.asked:
            await asyncio.sleep(0)
        dying.faults = ("reset",)
        with pytest.raises(UserError, match=r"1 × HTTP 500 .*, then 3 × ReadError"):
            await asked
