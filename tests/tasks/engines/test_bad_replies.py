"""One bad reply of one server costs a second request and no draw, whatever is wrong with it."""

import asyncio
import gzip
import json
import math
import time

import pytest
from faulty_server import MODEL, PROMPT, QUICK, Asked, server
from hypothesis import given, settings
from hypothesis import strategies as some
from replies import all_of
from scripts import FORMAT, WHOLE, fixed

from tasks.endpoints.completions import read_completions
from tasks.endpoints.replies import read_chat
from tasks.endpoints.statuses import read_complaint, retry_after
from tasks.endpoints.transfer import Received, ask_once, room_for
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.replica import Limits
from warehouse.errors import UserError

HOSTILE = (
    "no such token",
    "below zero",
    "huge token",
    "cached beyond",
    "cached below",
    "later than ever",
    "elsewhere",
    "empty",
    "bomb",
    "endless",
    "deep",
    "deep complaint",
    "odd charset",
    "not mine",
)


@pytest.mark.parametrize("fault", HOSTILE)
async def test_what_one_replica_sends_changes_no_draw_of_the_run(fault):
    bad = server(faulty=1.0, faults=(fault,), retry_after="9" * 400)
    async with Asked(bad, server(), limits=QUICK, outputs=128) as served:
        # Whoever waits as long as the server says, or unpacks all of it, is not done by then.
        async with asyncio.timeout(60.0):
            await served.right(12)
        assert bad.met[fault] > 0


@pytest.mark.parametrize("fault", ["elsewhere", "empty"])
async def test_a_server_alone_that_leads_elsewhere_is_told_at_once(fault):
    bad = server(fixed(1), faulty=1.0, faults=(fault,), faulty_probes=True)
    async with Asked(bad, limits=Limits()) as served:
        with pytest.raises(UserError, match=r"1 × HTTP (307 to http://elsewhere/|204)"):
            async with asyncio.timeout(5.0):
                await served.right(3)


async def test_a_bad_first_reply_is_asked_for_once_more():
    once = server(fixed(1), faulty=1.0, faults=("short",), faulty_probes=True)
    async with Asked(once) as served:
        asked = asyncio.ensure_future(served.right(3))
        while not once.probes:
            await asyncio.sleep(0)
        once.faulty = 0.0
        await asked
    assert once.probes == 2


async def test_a_bomb_is_never_unpacked():
    bad = server(fixed(1), faulty=1.0, faults=("bomb",), bomb=gzip.compress(b" " * 50_000_000))
    async with Asked(bad, limits=Limits(backoff=0.001, attempts=3)) as served:
        with pytest.raises(
            UserError, match=r"3 × a reply that cannot be trusted: .*packed by gzip"
        ):
            await served.right(1)


async def test_a_reply_is_read_no_further_than_what_was_asked_for_can_be():
    bad = server(fixed(1), faulty=1.0, faults=("endless",))
    async with Asked(bad, limits=Limits(backoff=0.001, attempts=2)) as served:
        with pytest.raises(UserError, match=r"at most .* bytes, got more"):
            await served.right(1)
    most = room_for(len(PROMPT) + WHOLE.max_tokens)
    # What lay between the two sockets when the connection was closed was sent as well.
    assert bad.sent < 2 * (most + 8 * 2**20)


async def test_a_page_that_comes_byte_by_byte_has_an_end():
    async with server(drips=0.05) as slow:
        started = time.monotonic()
        with pytest.raises(Exception, match=r"no whole reply in 0\.5 s"):
            await asyncio.to_thread(ask_once, "GET", slow.url, headers={}, seconds=0.5)
    # The page is whole after fifty seconds.
    assert time.monotonic() - started < 25.0


ODD = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(max_size=5)
    | some.sampled_from([10**12, -1, 2**70, 1e400, "NaN"]),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(["index", "message", "text"]), inner, max_size=3)
    ),
    max_leaves=6,
)
GOOD = {
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "text": "",
            "finish_reason": "stop",
            "token_ids": [97, 0],
            "logprobs": {"top_logprobs": [{"token_id:1": -0.5}] * 2},
            "prompt_logprobs": None,
            "message": {"content": "a"},
        }
    ],
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}
PLACES = [
    ("choices",),
    ("choices", 0),
    ("usage",),
    *(("choices", 0, name) for name in GOOD["choices"][0]),
    *(("usage", name) for name in GOOD["usage"]),
    ("choices", 0, "logprobs", "top_logprobs"),
    ("choices", 0, "token_ids", 0),
    ("usage", "prompt_tokens_details", "cached_tokens"),
    ("usage", "completion_tokens_details", "reasoning_tokens"),
]


READER = HttpGenerator(["http://127.0.0.1:9"], MODEL, FORMAT, outputs=128, confident=True)


def spoiled(place, value):
    """The good reply with another value at one place."""
    reply = json.loads(json.dumps(GOOD))
    at = reply
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = value
    return json.dumps(reply).encode()


@settings(max_examples=200, deadline=None)
@given(place=some.sampled_from(PLACES), value=ODD)
def test_a_reply_with_anything_at_any_place_is_read_or_refused(place, value):
    content = spoiled(place, value)
    asked = {"model": MODEL, "prompt": [1, 2, 3], "n": 1, "return_token_ids": True, "logprobs": 20}
    asked |= {"max_tokens": 80, "stop_token_ids": [0]}
    try:
        answer = READER._answer(content, asked, [1, 2, 3], WHOLE)  # pyright: ignore
    except ValueError:
        pass
    else:
        assert 0 <= answer.cached_tokens <= 3
        assert all(0 <= token < 128 for draw in answer.draws for token in draw.ids)
        assert all(math.isfinite(draw.confidence.mean) for draw in answer.draws)
    try:
        usage = read_chat(content, 1).usage
    except ValueError:
        return
    assert all(math.isnan(told) or 0 <= told < 2**31 for told in usage)
    assert not usage.cached > usage.prompt and not usage.thinking > usage.generated


@given(header=some.text(some.characters(codec="latin-1"), max_size=40) | some.from_regex(r"\d+"))
def test_retry_after_is_seconds_or_nothing(header):
    seconds = retry_after(header)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("header", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_retry_after_may_be_beyond_all_measure(header):
    assert (retry_after(header) or math.inf) > 1e9


@pytest.mark.parametrize("depth", [200, 900, 990, 100_000])
def test_a_complaint_nested_to_any_depth_has_words(depth):
    deep = b'{"error":' + b"[" * depth + b"]" * depth + b"}"
    said = read_complaint(Received("", 400, {}, deep), None)
    assert said.words


def test_deep_replies_are_refused_as_what_they_are():
    deep = b'{"model": ' + b"[" * 100_000
    with pytest.raises(ValueError, match="recursion"):
        read_completions(deep, {"model": MODEL})
    with pytest.raises(ValueError, match="recursion"):
        read_chat(deep, 1)


async def test_the_engine_says_what_it_expected_of_a_token():
    bad = server(fixed(1), faulty=1.0, faults=("no such token",))
    async with Asked(bad, limits=Limits(backoff=0.001, attempts=2), outputs=128) as served:
        with pytest.raises(UserError, match="expected token ids from 0 to 127, got 128"):
            await all_of(served.engine.draw(PROMPT, 1, sampling=WHOLE, seed=0))
