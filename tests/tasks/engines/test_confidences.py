"""How sure a model was, as vLLM tells it here and behind HTTP, against the weights."""

from __future__ import annotations

import asyncio
import json
from typing import NamedTuple

import pytest
import torch
from engine_kinds import served
from replies import Drawn, all_of
from transformers import AutoModelForCausalLM

from tasks.benchmarks.bundled import questions
from tasks.endpoints.completions import read_completions
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.vllm_generator import VllmGenerator
from tasks.models.formats import load_format
from tasks.models.version import BUNDLED
from tasks.protocols import Confidence, Draw, Sampling
from tasks.statistics.confidence.tokens import TOP, confidence_of
from tasks.study.tables import EngineOptions

GENERATOR = BUNDLED / "congruences-generator"
WHOLE = Sampling(temperature=0.7, top_p=0.9, top_k=5, max_tokens=30, until="end")
STEP = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=30, until="step")
OPTIONS = EngineOptions(dtype="float32", max_num_seqs=16)


class Seen(NamedTuple):
    """The same draws by an engine that tells and by one that does not."""

    telling: Drawn
    silent: Drawn
    steps: Drawn


async def drawn(prompt: tuple[int, ...], *, confident: bool) -> tuple[Drawn, Drawn]:
    form = load_format("congruences", GENERATOR)
    engine = await asyncio.to_thread(VllmGenerator, GENERATOR, form, OPTIONS, confident=confident)
    try:
        whole = await all_of(engine.draw(prompt, 12, sampling=WHOLE, seed=5))
        return whole, await all_of(engine.draw(prompt, 2, sampling=STEP, seed=5))
    finally:
        engine.close()


@pytest.fixture(scope="module")
def prompt() -> tuple[int, ...]:
    return load_format("congruences", GENERATOR).prompt(questions("test", 1)[0])


@pytest.fixture(scope="module")
def seen(prompt: tuple[int, ...]) -> Seen:
    telling, steps = asyncio.run(drawn(prompt, confident=True))
    silent, _ = asyncio.run(drawn(prompt, confident=False))
    return Seen(telling, silent, steps)


def by_the_model(prompt: tuple[int, ...], draw: Draw) -> Confidence:
    """What the weights themselves say of every token of a draw, the end of text included."""
    model = AutoModelForCausalLM.from_pretrained(GENERATOR, dtype=torch.float32)
    ids = [*prompt, *draw.ids]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    first = len(prompt) - 1
    written = torch.log_softmax(logits[first : first + int(draw.tokens)], dim=-1)
    return confidence_of(written.topk(TOP, dim=-1).values.double().numpy(), WHOLE.max_tokens)


@pytest.mark.slow
def test_asking_how_sure_it_is_changes_no_draw(seen: Seen) -> None:
    assert [draw.ids for draw in seen.telling.draws] == [draw.ids for draw in seen.silent.draws]
    assert {draw.confidence for draw in (*seen.silent.draws, *seen.steps.draws)} == {None}


@pytest.mark.slow
def test_it_is_as_sure_as_its_weights_say_before_temperature_and_cuts(
    seen: Seen, prompt: tuple[int, ...]
) -> None:
    stops = {draw.stop for draw in seen.telling.draws}
    assert stops == {"end"} or "limit" in stops
    for draw in seen.telling.draws[:4]:
        assert draw.confidence is not None
        expected = by_the_model(prompt, draw)
        assert draw.confidence[:3] == pytest.approx(expected[:3], abs=2e-3)
        # Rounded down, a mean that is nearly the same may be a 64th apart.
        lowest = [one.falls[-1] for one in (draw.confidence, expected)]
        assert abs(lowest[0].mean - lowest[1].mean) <= 1
        assert draw.confidence.falls[0].tokens == expected.falls[0].tokens


@pytest.mark.slow
async def test_a_server_tells_the_same(seen: Seen, prompt: tuple[int, ...]) -> None:
    form = load_format("congruences", GENERATOR)
    async with served(GENERATOR, "it", "--dtype", "float32") as root:
        engine = HttpGenerator([f"{root}/v1"], "it", form, confident=True)
        reply = await all_of(engine.draw(prompt, 12, sampling=WHOLE, seed=5))
        await engine.close()
    assert [draw.ids for draw in reply.draws] == [draw.ids for draw in seen.telling.draws]
    for theirs, ours in zip(reply.draws, seen.telling.draws, strict=True):
        assert theirs.confidence is not None and ours.confidence is not None
        assert theirs.confidence[:3] == pytest.approx(ours.confidence[:3], abs=2e-3)
        assert abs(theirs.confidence.falls[-1].mean - ours.confidence.falls[-1].mean) <= 1


def reply(tops: list[dict[str, float]] | None) -> bytes:
    choice = {
        "index": 0,
        "finish_reason": "length",
        "token_ids": [7, 8],
        "logprobs": None if tops is None else {"top_logprobs": tops},
    }
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    return json.dumps({"model": "it", "choices": [choice], "usage": usage}).encode()


ASKED = {
    "model": "it",
    "prompt": [1],
    "n": 1,
    "max_tokens": 2,
    "stop_token_ids": [0],
    "return_token_ids": True,
    "logprobs": TOP,
}


def test_of_more_than_twenty_the_likeliest_count() -> None:
    # The token that was drawn comes first, as unlikely as it was: it is none of the twenty.
    likeliest = {f"token_id:{number}": -1.0 - number / 10 for number in range(TOP)}
    tops = [{"token_id:99": -50.0, **likeliest}, likeliest]
    (choice,) = read_completions(reply(tops), ASKED).choices
    assert choice.confidence(WHOLE).mean == pytest.approx(1.0 + 1.9 / 2)


@pytest.mark.parametrize("tops", [None, [], [{"token_id:1": -1.0}]])
def test_a_server_that_tells_too_little_answers_another_request(
    tops: list[dict[str, float]] | None,
) -> None:
    with pytest.raises(ValueError, match="tokens with logprobs: expected 2, got"):
        read_completions(reply(tops), ASKED)
