"""The real engine on the bundled models, on CPU as on GPU."""

import asyncio
import os

import pytest
from listening import LOOPBACK, listening
from replies import all_of

from tasks.benchmarks.bundled import questions
from tasks.engines.vllm_generator import VllmGenerator
from tasks.engines.vllm_process import block_size
from tasks.engines.vllm_served import VllmVerifier
from tasks.models.formats import load_format
from tasks.models.tokenizers import load_tokenizer
from tasks.models.version import BUNDLED
from tasks.protocols import Sampling
from tasks.study.tables import EngineOptions

pytestmark = pytest.mark.slow

GENERATOR, PRM = BUNDLED / "congruences-generator", BUNDLED / "congruences-prm"
WHOLE = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=128, until="end")
STEP = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=40, until="step")
GREEDY = Sampling(temperature=0.0, top_p=1.0, top_k=0, max_tokens=128, until="end")


async def watch(generator, seen):
    """How many tokens of draws under way there are, looked at again and again."""
    while True:
        seen.append(generator.written_tokens)
        await asyncio.sleep(0.01)


async def observed():
    """Everything these tests look at, from one start of both engines."""
    form = load_format("congruences", GENERATOR)
    generator = await asyncio.to_thread(VllmGenerator, GENERATOR, form, EngineOptions())
    verifier = await asyncio.to_thread(
        VllmVerifier, PRM, "congruences-prm", EngineOptions(), format=form
    )
    prompts = [form.prompt(q) for q in questions("test", 12)]
    under_way = []
    watching = asyncio.ensure_future(watch(generator, under_way))
    try:
        whole = await asyncio.gather(
            *(
                all_of(generator.draw(p, 8, sampling=WHOLE, seed=1000 * i))
                for i, p in enumerate(prompts)
            )
        )
        again = await all_of(generator.draw(prompts[0], 4, sampling=WHOLE, seed=4))
        steps = await all_of(generator.draw(prompts[0], 8, sampling=STEP, seed=0))
        greedy = await all_of(generator.draw(prompts[0], 1, sampling=GREEDY, seed=0))
        # As a search goes on: after a prefix of which the engine has computed all.
        prefix = [*prompts[0], *greedy.draws[0].token_ids][: 3 * block_size() + 1]
        known = await all_of(generator.draw(prefix, 1, sampling=STEP, seed=0))
        counted = generator.generated_tokens
        places = listening(os.getpid())
        at_rest = generator.written_tokens
        text = greedy.draws[0]
        texts = form.steps.split(text.token_ids).texts
        scores = await verifier.score(questions("test", 1)[0].text, texts)
        parts = [
            await verifier.score(questions("test", 1)[0].text, texts[:n])
            for n in range(1, len(texts) + 1)
        ]
    finally:
        watching.cancel()
        generator.close()
        verifier.close()
    return {
        "form": form,
        "prompts": prompts,
        "whole": whole,
        "again": again,
        "steps": steps,
        "greedy": greedy,
        "known": known,
        "prefix": prefix,
        "counted": counted,
        "places": places,
        "under_way": under_way,
        "at_rest": at_rest,
        "texts": texts,
        "scores": scores,
        "parts": parts,
    }


@pytest.fixture(scope="module")
def seen():
    return asyncio.run(observed())


def test_tokens_of_draws_under_way_are_told_before_they_end(seen):
    assert 0 < max(seen["under_way"]) <= seen["counted"]
    assert seen["at_rest"] == 0


def test_every_request_gets_its_number_of_draws(seen):
    assert [len(reply.draws) for reply in seen["whole"]] == [8] * 12


def test_a_whole_draw_ends_at_the_end_of_text_which_is_counted_and_not_kept(seen):
    ended = [draw for reply in seen["whole"] for draw in reply.draws if draw.stop == "end"]
    assert len(ended) > 80
    assert all(
        "<end>" not in draw.text and draw.tokens == len(draw.token_ids) + 1 for draw in ended
    )
    assert all("Answer: " in draw.text for draw in ended)


def test_a_step_draw_ends_with_the_separator(seen):
    assert {draw.stop for draw in seen["steps"].draws} == {"step"}
    assert all(
        draw.text.endswith("\n") and draw.text.count("\n") == 1 for draw in seen["steps"].draws
    )


def test_child_i_is_the_same_whether_drawn_at_once_or_later(seen):
    # Seed 4 is child 4 of the siblings that were drawn from seed 0.
    assert seen["again"].draws == seen["whole"][0].draws[4:8]


def test_of_a_known_prefix_only_what_is_behind_its_last_block_is_computed_again(seen):
    assert seen["known"].prompt_tokens == len(seen["prefix"])
    assert seen["known"].cached_tokens == len(seen["prefix"]) - 1


def test_texts_and_ids_agree(seen):
    encode = seen["form"].tokenizer.encode
    for draw in seen["whole"][0].draws:
        assert encode(draw.text) == list(draw.token_ids)


def test_the_ledger_of_tokens_equals_vllms_output(seen):
    replies = [*seen["whole"], seen["again"], seen["steps"], seen["greedy"], seen["known"]]
    assert sum(draw.tokens for reply in replies for draw in reply.draws) == seen["counted"]
    assert all(
        reply.prompt_tokens == reply.requests * len(prompt) and reply.requests == 8
        for reply, prompt in zip(replies, seen["prompts"], strict=False)
    )


def test_step_scores_do_not_depend_on_what_follows(seen):
    last = [part[-1].score for part in seen["parts"]]
    assert [score.score for score in seen["scores"]] == pytest.approx(last, abs=2e-3)


def test_scores_equal_a_plain_forward_pass(seen):
    import torch

    from tasks.training.verifier import load_prm

    tokenizer, question = load_tokenizer(PRM), questions("test", 1)[0].text
    ids, ends = tokenizer.encode(question), []
    for text in seen["texts"]:
        ids += [*tokenizer.encode(text.strip("\n")), *tokenizer.encode("\n")]
        ends.append(len(ids) - 1)
    with torch.inference_mode():
        chances = load_prm(PRM)(torch.tensor([ids])).softmax(-1)[0, ends, 1]
    assert [s.score for s in seen["scores"]] == pytest.approx(chances.tolist(), abs=1e-3)
    assert [s.tokens for s in seen["scores"]] == [end + 1 for end in ends]


def test_nobody_elsewhere_can_reach_an_engine(seen):
    assert seen["places"]
    assert {host for host, _ in seen["places"]} <= LOOPBACK
