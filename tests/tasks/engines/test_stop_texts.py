"""vLLM stops at texts: what it draws is what it would have drawn, cut there."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest
from engine_kinds import served
from paragraphs import tiny_format, tiny_generator
from replies import all_of

from tasks.endpoints.completions import read_completions
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.vllm_generator import VllmGenerator
from tasks.protocols import Sampling
from tasks.study.tables import EngineOptions

LONG = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=64, until="end")
STOPS = ("\na", "b\n\n")


async def _draws(folder, form):
    engine = await asyncio.to_thread(
        VllmGenerator, folder, form, EngineOptions(dtype="float32", max_num_seqs=16)
    )
    prefix = tuple(form.tokenizer.encode("a: 1"))
    try:
        reply = await all_of(engine.draw(prefix, 32, sampling=LONG, seed=0))
        return prefix, reply.draws, engine.generated_tokens
    finally:
        engine.close()


@pytest.mark.slow
def test_vllm_ends_a_draw_at_a_text_as_the_whole_draw_is_cut(tmp_path):
    folder = tiny_generator(tmp_path / "model")
    form = tiny_format(folder)
    stopping = dataclasses.replace(form, stops=STOPS)
    prefix, whole, _ = asyncio.run(_draws(folder, form))
    _, stopped, generated = asyncio.run(_draws(folder, stopping))
    expected = [stopping.cut(draw, prefix) for draw in whole]
    assert [draw[:3] for draw in stopped] == [draw[:3] for draw in expected]
    assert sum(draw.stop == "end" for draw in stopped) > 8
    # It did not write on to the end of text.
    assert generated == sum(draw.tokens for draw in stopped) < sum(draw.tokens for draw in whole)


@pytest.mark.slow
async def test_a_server_ends_a_draw_where_the_engine_of_this_process_does(tmp_path):
    folder = tiny_generator(tmp_path / "model")
    form = dataclasses.replace(tiny_format(folder), stops=STOPS)
    prefix, here, _ = await _draws(folder, form)
    async with served(folder, "tiny", "--no-skip-tokenizer-init") as root:
        engine = HttpGenerator([f"{root}/v1"], "tiny", form)
        reply = await all_of(engine.draw(prefix, 32, sampling=LONG, seed=0))
        await engine.close()
    assert reply.draws == here


def _reply(stop_reason: int | str | None, last: int) -> bytes:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "stop_reason": stop_reason,
        "token_ids": [5, last],
    }
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    return json.dumps({"model": "m", "choices": [choice], "usage": usage}).encode()


def test_a_server_may_stop_at_a_token_or_at_a_text_that_was_asked_for():
    asked = {
        "model": "m",
        "prompt": [1],
        "n": 1,
        "max_tokens": 4,
        "stop_token_ids": [9],
        "stop": ["\nQ:"],
        "return_token_ids": True,
    }
    assert read_completions(_reply("\nQ:", 6), asked)
    assert read_completions(_reply(9, 9), asked)
    with pytest.raises(ValueError, match="expected a draw that stops"):
        read_completions(_reply("other", 6), asked)
    with pytest.raises(ValueError, match="expected a draw that stops"):
        read_completions(_reply(None, 6), asked)
