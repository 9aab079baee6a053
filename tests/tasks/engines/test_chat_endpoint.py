"""Draws from servers that speak chat completions, each with manners of its own."""

import asyncio
import dataclasses
import math

import pytest
from chat_server import KEY, NAME, ChatServer
from replies import all_of

from tasks.benchmarks.question import Question
from tasks.draws.nodes import root
from tasks.draws.sampler import Sampler
from tasks.endpoints.spending import Spending
from tasks.engines.chat_endpoint import ChatEndpoint
from tasks.engines.replica import Limits
from tasks.models.texts import load_text_format
from tasks.models.thinking import choose_field_marks
from tasks.protocols import Sampling
from tasks.study.endpoints import Cap, Endpoint, Price
from warehouse.errors import UserError

WHOLE = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=64, until="end")
QUICK = Limits(backoff=0.002, longest=0.05, attempts=6)
FORMAT = load_text_format("chat-math")
QUESTION = Question("q1", text="How many words are in the sentence?", target="7")
PROMPT = FORMAT.prompt(QUESTION)


def endpoint_of(server, **changes):
    return dataclasses.replace(Endpoint(NAME, server.url), **changes)


def engine_of(server, *, earlier=None, limits=QUICK, **changes):
    marks = choose_field_marks(FORMAT.thinking)
    return ChatEndpoint(endpoint_of(server, **changes), marks, earlier=earlier, limits=limits)


def draw(engine, n, *, sampling=WHOLE, prompts=(PROMPT,)):
    """The replies to one request a prompt, all at once."""

    async def ask():
        try:
            asked = (
                all_of(engine.draw(prompt, n, sampling=sampling, seed=100 * place))
                for place, prompt in enumerate(prompts)
            )
            return await asyncio.gather(*asked)
        finally:
            await engine.close()

    return asyncio.run(ask())


def test_one_request_gives_all_draws_where_n_is_honoured():
    with ChatServer() as server:
        (reply,) = draw(engine_of(server), 5)
    assert [request.get("n") for request in server.requests] == [5]
    assert len(reply.draws) == 5 and reply.requests == 1
    assert all(draw.token_ids is None and draw.stop == "end" for draw in reply.draws)
    assert sum(draw.tokens for draw in reply.draws) + reply.prompt_tokens == server.tokens


def test_a_server_that_ignores_n_is_paid_for_no_draw_more_than_asked():
    with ChatServer("ignores n") as server:
        replies = draw(engine_of(server), 4, prompts=(PROMPT,) * 3)
    assert [len(reply.draws) for reply in replies] == [4, 4, 4]
    assert server.choices == server.paid == 12
    # It was asked for several once: the others knew.
    assert [request.get("n", 1) for request in server.requests].count(4) == 1


def test_a_strict_server_is_asked_with_the_fields_that_it_takes():
    with ChatServer("strict") as server:
        (reply,) = draw(engine_of(server), 3)
    assert len(reply.draws) == server.paid == 3
    assert set(server.requests[-1]) == {
        *("model", "messages", "max_completion_tokens", "temperature", "top_p")
    }


def test_a_field_that_decides_a_draw_is_never_left_out():
    with ChatServer("strict") as server, pytest.raises(UserError, match="take top_k = 20") as told:
        draw(engine_of(server), 2, sampling=dataclasses.replace(WHOLE, top_k=20))
    assert server.paid == 0 and "take it out of the study" in str(told.value)


def test_thinking_in_a_field_of_its_own_stands_before_the_content_in_marks():
    with ChatServer("reasoning") as server:
        (reply,) = draw(engine_of(server), 2)
    for one in reply.draws:
        assert one.text.startswith("<think>Let me count them.</think>The words")
        assert one.thinking_tokens == 4
        assert "count them" not in FORMAT.final(one.text)
    assert reply.cached_tokens == reply.prompt_tokens // 2


def test_what_a_server_does_not_count_is_unknown():
    with ChatServer("no usage") as server:
        (reply,) = draw(engine_of(server), 2)
    assert all(math.isnan(one.tokens) for one in reply.draws)
    assert math.isnan(reply.prompt_tokens) and math.isnan(reply.cached_tokens)


@pytest.mark.parametrize(
    ("manner", "text"), [("refuses", "I cannot help with that."), ("calls", "")]
)
def test_a_turn_without_content_is_a_completion_without_answer(manner, text):
    with ChatServer(manner) as server:
        (reply,) = draw(engine_of(server), 1)
    assert [(one.text, one.stop) for one in reply.draws] == [(text, "end")]


def test_what_is_cut_says_so_and_took_the_limit():
    cut = dataclasses.replace(WHOLE, max_tokens=3)
    with ChatServer() as server:
        (reply,) = draw(engine_of(server), 4, sampling=cut)
    assert [(one.stop, one.tokens) for one in reply.draws] == [("limit", 3.0)] * 4


def test_a_prompt_that_a_filter_keeps_back_gives_draws_without_text():
    with ChatServer("filtered") as server:
        replies = draw(engine_of(server), 1, prompts=(PROMPT, PROMPT))
    assert [(one.text == "", one.stop) for reply in replies for one in reply.draws] == [
        (False, "end"),
        (True, "limit"),
    ]


@pytest.mark.parametrize("manner", ["busy", "broken"])
def test_a_server_in_trouble_is_asked_again(manner):
    with ChatServer(manner) as server:
        replies = draw(engine_of(server), 2, prompts=(PROMPT,) * 6)
    assert sum(len(reply.draws) for reply in replies) == server.choices == 12
    assert len(server.requests) > server.paid


def test_no_more_requests_are_open_than_the_study_allows():
    with ChatServer(seconds=0.02) as server:
        draw(engine_of(server, concurrency=3), 1, prompts=(PROMPT,) * 12)
    assert server.most == 3 and server.paid == 12


def test_requests_start_at_the_rate_of_the_study():
    async def ask():
        engine = engine_of(server, requests_per_minute=1200)
        started = asyncio.get_running_loop().time()
        asked = (all_of(engine.draw(PROMPT, 1, sampling=WHOLE, seed=seed)) for seed in range(9))
        await asyncio.gather(*asked)
        await engine.close()
        return asyncio.get_running_loop().time() - started

    with ChatServer() as server:
        # Eight waits of 60 / 1200 s between nine starts.
        assert 0.4 <= asyncio.run(ask()) < 3.0


@pytest.mark.parametrize(
    ("manner", "said", "paid"),
    [
        ("forbidden", "does not allow this request: HTTP 403 this key may not use", 0),
        ("no credit", "no credit left .*over your quota", 0),
        ("page", "a reply that cannot be trusted", 1),
        ("completions", "cannot be trusted: choices.0.message: Field required", 1),
    ],
)
def test_what_will_not_change_is_told_after_one_request_whoever_waits(manner, said, paid):
    with ChatServer(manner) as server, pytest.raises(UserError, match=said):
        draw(engine_of(server), 4, prompts=(PROMPT,) * 20)
    assert server.paid == paid and len(server.requests) == 1


def test_nobody_there_is_told_at_once():
    with pytest.raises(UserError, match=r"speaks chat completions at http://127.0.0.1:9, got"):
        draw(ChatEndpoint(Endpoint(NAME, "http://127.0.0.1:9/v1"), ("<think>", "</think>")), 1)


def test_a_server_that_dies_is_waited_for_and_the_first_cause_stands_first():
    with ChatServer(lasts=3) as server, pytest.raises(UserError, match="6 attempts: ") as told:
        draw(engine_of(server, concurrency=1), 1, prompts=(PROMPT,) * 8)
    assert server.paid == 3 and "the study goes on where it stopped" in str(told.value)


def test_the_key_is_sent_and_never_said(monkeypatch):
    monkeypatch.setenv("TINY_KEY", KEY)
    with ChatServer(key=KEY) as server:
        (reply,) = draw(engine_of(server, api_key_env="TINY_KEY"), 1)
        assert reply.draws
        monkeypatch.setenv("TINY_KEY", wrong := "sk-wrong-0815")
        with pytest.raises(UserError, match="does not accept the key in TINY_KEY") as told:
            draw(engine_of(server, api_key_env="TINY_KEY"), 1)
    assert wrong not in str(told.value) and "Incorrect API key provided: Bearer …" in str(
        told.value
    )


def test_a_cap_of_tokens_is_exceeded_by_one_request_at_most():
    with ChatServer() as server:
        engine = engine_of(server, cap=Cap(tokens=400))
        with pytest.raises(UserError, match=r"cap of tiny-chat .*\(400 tokens\) is reached"):
            draw(engine, 1, prompts=(PROMPT,) * 60)
    largest = server.tokens / server.paid * 2
    assert 400 <= server.tokens < 400 + largest
    assert engine.spent.tokens == server.tokens


def test_a_cap_of_money_counts_what_was_spent_before():
    price = Price(prompt=1e6, generated=2e6)
    with ChatServer() as server:
        engine = engine_of(
            server, price=price, cap=Cap(money=100.0), earlier=Spending(tokens=70.0, money=90.0)
        )
        with pytest.raises(UserError, match=r"100 in money.* is reached: this run spent"):
            draw(engine, 1, prompts=(PROMPT,) * 5)
    assert server.paid == 1 and engine.spent.tokens == 70 + server.tokens


def test_what_a_server_does_not_count_counts_as_the_most_that_it_may_be():
    with ChatServer("no usage") as server:
        engine = engine_of(server, cap=Cap(tokens=3 * 64))
        with pytest.raises(UserError, match="is reached"):
            draw(engine, 1, prompts=(PROMPT,) * 5)
    assert server.paid == 1 and engine.spent.tokens == len(PROMPT) + 64 + 64


def test_draws_that_were_paid_for_before_the_cap_are_kept():
    recorded = []

    async def ask(sampler):
        node = root(QUESTION, PROMPT, is_text=True)
        return await sampler.children(node, 12, sampling=WHOLE)

    with ChatServer("ignores n") as server:
        engine = engine_of(server, cap=Cap(tokens=300))
        sampler = Sampler(format=FORMAT, engine=engine, record=recorded.append)
        with pytest.raises(UserError, match="is reached"):
            asyncio.run(ask(sampler))
    assert 1 < server.choices < 12
    assert [new.child for new in recorded] == list(range(server.choices))
    assert sum(new.draw.tokens + new.prompt_tokens for new in recorded) == server.tokens
