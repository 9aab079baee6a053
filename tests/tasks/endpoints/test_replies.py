"""What a chat completion says, in the layouts of several servers."""

import json
import math

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tasks.endpoints.replies import ChatReply, Said, Usage, draws_of, read_chat
from tasks.endpoints.statuses import read_complaint
from tasks.endpoints.transfer import Received
from tasks.models.thinking import Marks

MARKS = Marks("<think>", "</think>")


def reply_of(message, *, reason="stop", usage=None):
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return json.dumps({"model": "m", "choices": [choice], "usage": usage}).encode()


def text_of(message, reason="stop"):
    (draw,) = draws_of(read_chat(reply_of(message, reason=reason), 1), MARKS, limit=8)
    return draw.text


def test_thinking_is_read_from_each_of_its_fields():
    for field in ("reasoning_content", "reasoning"):
        assert text_of({"content": "7", field: "a"}) == "<think>a</think>7"
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "a"}]},
        {"type": "text", "text": "7"},
    ]
    assert text_of({"content": parts}) == "<think>a</think>7"


def test_thinking_that_is_cut_has_no_end_and_given_twice_stands_once():
    assert text_of({"content": None, "reasoning": "a"}, "length") == "<think>a"
    assert text_of({"content": "<think>a</think>7", "reasoning": "a"}) == "<think>a</think>7"
    assert text_of({"content": "", "reasoning": "a"}) == "<think>a</think>"


def test_thinking_that_is_counted_beside_the_completion_is_added_to_it():
    details = {"reasoning_tokens": 30}
    usage = {"prompt_tokens": 5, "completion_tokens": 10, "completion_tokens_details": details}
    inside = read_chat(reply_of({"content": "7"}, usage={**usage, "total_tokens": 15}), 1)
    beside = read_chat(reply_of({"content": "7"}, usage={**usage, "total_tokens": 45}), 1)
    assert (inside.usage.generated, beside.usage.generated) == (10, 40)


@pytest.mark.parametrize("reason", ["odd", None])
def test_an_end_that_nobody_knows_is_refused_by_name(reason):
    with pytest.raises(ValueError, match=r"finish_reason: expected one of .*length"):
        read_chat(reply_of({"content": "7"}, reason=reason), 1)


said = some.builds(
    Said, some.text(max_size=9), some.text(max_size=9), some.sampled_from(["end", "limit"])
)


@given(
    choices=some.lists(said, min_size=1, max_size=6),
    generated=some.integers(0, 60),
    thinking=some.integers(0, 60),
)
def test_shares_are_whole_and_add_up_to_what_the_server_counted(choices, generated, thinking):
    usage = Usage(1.0, float(generated), math.nan, float(min(thinking, generated)))
    draws = draws_of(ChatReply("m", choices, usage), MARKS, limit=10)
    assert sum(draw.tokens for draw in draws) == generated
    assert all(draw.tokens == int(draw.tokens) >= 0 for draw in draws)
    assert all(draw.thinking_tokens <= draw.tokens for draw in draws)
    ended = sum(one.stop == "end" for one in choices)
    cut = len(choices) - ended
    if ended and generated - 10 * cut >= ended:
        assert all(draw.tokens == 10 for draw in draws if draw.stop == "limit")


def test_a_complaint_that_nests_without_end_is_read_as_text() -> None:
    deep = b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    said = read_complaint(Received("", 400, httpx.Headers(), deep), None)
    assert said.status == 400 and said.words.startswith('{"error":[[[')
