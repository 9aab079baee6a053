"""A step drawn in several requests has the law of one drawn at once, and costs what it took."""

import asyncio
import dataclasses
from array import array
from collections import Counter

from faulty_server import MODEL, PROMPT, FaultyServer
from paragraphs import TWO_TOKENS, letter_by_letter
from replies import all_of
from scipy.stats import chi2_contingency
from scripts import STEP

from tasks.engines.http_generator import HttpGenerator
from tasks.engines.scripted import ScriptedEngine
from tasks.engines.stepwise import Answer, draw_in_pieces
from tasks.protocols import Draw

DRAWS = 4000


def drawn(**sampling):
    """(draws over a server that knows single tokens only, the same law's drawn at once)."""
    law = letter_by_letter(TWO_TOKENS)
    asked = dataclasses.replace(STEP, **sampling)

    async def ask():
        async with FaultyServer(TWO_TOKENS, law) as server:
            engine = HttpGenerator([server.url], MODEL, TWO_TOKENS)
            over_http = await all_of(engine.draw(PROMPT, DRAWS, sampling=asked, seed=0))
            counted = engine.generated_tokens, server.asked
            await engine.close()
        direct = ScriptedEngine(TWO_TOKENS, law)
        return (
            over_http,
            await all_of(direct.draw(PROMPT, DRAWS, sampling=asked, seed=10**9)),
            counted,
        )

    return asyncio.run(ask())


def compare(one, other):
    """p-value that two lists of draws are of one law: their texts and why they stopped."""
    counts = [Counter((draw.text, draw.stop) for draw in draws) for draws in (one, other)]
    common = [what for what, times in sum(counts, Counter()).items() if times >= 20]
    rows = [[count[what] for what in common] for count in counts]
    rare = [DRAWS - sum(row) for row in rows]
    if sum(rare):
        rows = [[*row, rest] for row, rest in zip(rows, rare, strict=True)]
    assert len(common) > 10
    return chi2_contingency(rows).pvalue


def test_steps_over_requests_have_the_law_of_steps_drawn_at_once():
    over_http, direct, (generated, requests) = drawn(max_tokens=200)
    assert compare(over_http.draws, direct.draws) > 0.001
    assert {draw.stop for draw in over_http.draws} == {"step", "end"}
    assert generated == sum(draw.tokens for draw in over_http.draws)
    # All requests are in the reply, with the prompts that they read.
    assert over_http.requests == requests > 1000
    assert over_http.prompt_tokens > len(PROMPT) + (requests - 1) * (len(PROMPT) + 2)


def test_a_step_that_is_too_long_is_cut_at_exactly_its_limit_and_has_the_same_law():
    over_http, direct, _ = drawn(max_tokens=4)
    cut = [draw for draw in over_http.draws if draw.stop == "limit"]
    assert len(cut) > 100 and {draw.tokens for draw in cut} == {4}
    assert all(len(draw.token_ids) == 4 for draw in cut)
    assert compare(over_http.draws, direct.draws) > 0.001


def test_white_space_alone_ends_no_step():
    """A model that begins with blank lines: each would cost a search one of its rounds."""
    written = iter([(10, 10), (10, 32, 10), (97, 10), (10,)])

    async def request(prefix, _n, **_how):
        token_ids = array("i", next(written))
        return Answer([Draw(token_ids, "", "step", len(token_ids))], len(prefix), 0)

    one = [range(1)]
    parts = draw_in_pieces(request, PROMPT, one, sampling=STEP, seed=0, steps=TWO_TOKENS.steps)
    reply = asyncio.run(all_of(parts))
    assert reply.draws[0].text == "\n\n\n \na\n\n" and reply.draws[0].stop == "step"
    assert (reply.requests, reply.draws[0].tokens) == (4, 8)
    assert reply.prompt_tokens == 3 + 5 + 8 + 10
