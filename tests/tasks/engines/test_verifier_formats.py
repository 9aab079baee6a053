"""Golden scores: every verifier format over vLLM equals a plain forward pass.

The text that each of them reads is written out here.
"""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
import tiny_models
import torch
from tiny_models import QUESTION, STEPS

from tasks.engines.vllm_served import VllmServed, VllmVerifier
from tasks.models.formats import load_format
from tasks.models.served_verifier import ServedVerifier
from tasks.models.tokenizers import load_tokenizer
from tasks.models.verifiers import load_reading
from tasks.study.tables import EngineOptions

pytestmark = pytest.mark.slow

CLOSE = {"float32": 1e-5, "bfloat16": 1e-3}
LINES = [
    "Add: 3 + 4 = 7.",
    "Then double it.\nSo 7 times 2",
    "## Step 3: the answer",
    "is \\boxed{14}.",
]
TODAY = "<|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\n<|eot_id|>"
USER, ASSISTANT = (
    "<|start_header_id|>user<|end_header_id|>\n\n",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)


def options(dtype):
    return EngineOptions(dtype=dtype, max_num_seqs=8)


async def ask(folder, verifier_format, dtype):
    """What the adapter answers, for all steps and for the first two alone."""
    format = load_format("congruences", folder)
    verifier = await asyncio.to_thread(
        VllmVerifier, folder, verifier_format, options(dtype), format=format
    )
    try:
        return await verifier.score(QUESTION, STEPS), await verifier.score(QUESTION, STEPS[:2])
    finally:
        verifier.close()


def body_outputs(model, token_ids, dtype):
    """Hidden states of every token in fp32, as the heads of pooling models read them."""
    return (
        model.model.to(getattr(torch, dtype))(input_ids=torch.tensor([token_ids]))
        .last_hidden_state[0]
        .float()
    )


def next_logprobs(model, token_ids, dtype):
    return (
        model.to(getattr(torch, dtype))(input_ids=torch.tensor([token_ids]))
        .logits[0]
        .float()
        .log_softmax(-1)
    )


def close_to(expected, dtype):
    spread = max(expected) - min(expected)
    assert spread > 0.01, f"scores that hardly differ prove nothing: {expected}"
    return pytest.approx(expected, abs=CLOSE[dtype])


@pytest.mark.parametrize("dtype", CLOSE)
def test_two_labels_at_the_step_token(tmp_path, dtype):
    model = tiny_models.qwen_prm(tmp_path / "m")
    scores, first = asyncio.run(ask(tmp_path / "m", "qwen-math-prm", dtype))
    tokenizer = load_tokenizer(tmp_path / "m")
    token_ids = tokenizer.encode(
        "<|im_start|>system\nPlease reason step by step, "
        "and put your final answer within \\boxed{}.<|im_end|>\n"
        f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
        + "".join(f"{line}<extra_0>" for line in LINES)
        + "<|im_end|>\n"
    )
    places = [i for i, token in enumerate(token_ids) if token == tokenizer.id_of("<extra_0>")]
    rows = model.score(body_outputs(model, token_ids, dtype))[places].softmax(-1)
    assert [s.score for s in scores] == close_to(rows[:, 1].tolist(), dtype)
    assert [s.score for s in first] == pytest.approx(rows[:2, 1].tolist(), abs=CLOSE[dtype])
    assert [s.tokens for s in scores] == [place + 1 for place in places]


@pytest.mark.parametrize("dtype", CLOSE)
def test_a_value_at_the_line_break(tmp_path, dtype, monkeypatch):
    monkeypatch.setenv("TTC_HOME", str(tmp_path / "home"))
    model = tiny_models.skywork_prm(tmp_path / "m")
    scores, first = asyncio.run(ask(tmp_path / "m", "skywork-prm", dtype))
    encode = load_tokenizer(tmp_path / "m").encode
    token_ids, places = encode(f"<|endoftext|>{QUESTION}\n"), []
    for line in LINES:
        token_ids += [*encode(line), *encode("\n")]
        places.append(len(token_ids) - 1)
    values = model.v_head(body_outputs(model, token_ids, dtype))[places, 0].sigmoid()
    assert [s.score for s in scores] == close_to(values.tolist(), dtype)
    assert [s.score for s in first] == pytest.approx(values[:2].tolist(), abs=CLOSE[dtype])
    assert [s.tokens for s in scores] == [place + 1 for place in places]


@pytest.mark.parametrize("dtype", CLOSE)
def test_good_against_bad_after_a_mark(tmp_path, dtype):
    model = tiny_models.math_shepherd(tmp_path / "m")
    scores, first = asyncio.run(ask(tmp_path / "m", "math-shepherd", dtype))
    tokenizer = load_tokenizer(tmp_path / "m")
    token_ids = tokenizer.encode(f"<s>{QUESTION} " + "\n".join(f"{line} ки" for line in LINES))
    places = [i for i, token in enumerate(token_ids) if token == tokenizer.id_of("▁ки")]
    marks = [tokenizer.id_of("▁+"), tokenizer.id_of("▁-")]
    rows = next_logprobs(model, token_ids, dtype)[places][:, marks].softmax(-1)
    assert [s.score for s in scores] == close_to(rows[:, 0].tolist(), dtype)
    assert [s.score for s in first] == pytest.approx(rows[:2, 0].tolist(), abs=CLOSE[dtype])
    assert [s.tokens for s in scores] == [place + 1 for place in places]


async def ask_language_model(folder, dtype):
    """Scores of the two families that read a Llama, from one engine."""
    format = load_format("chat-math", folder)
    served = await asyncio.to_thread(VllmServed, folder, options(dtype), head=False)
    readings = [
        load_reading(verifier_format, folder, format=format)
        for verifier_format in ("rlhflow", "likelihood")
    ]
    try:
        return [
            await ServedVerifier(reading, served, 500).score(QUESTION, STEPS)
            for reading in readings
        ]
    finally:
        served.close()


@pytest.mark.parametrize("dtype", CLOSE)
def test_good_against_bad_in_a_dialogue_and_the_likelihood_of_a_completion(tmp_path, dtype):
    model = tiny_models.rlhflow(tmp_path / "m")
    judged, likely = asyncio.run(ask_language_model(tmp_path / "m", dtype))
    tokenizer = load_tokenizer(tmp_path / "m")
    turns = [f"{QUESTION} {LINES[0]}", *LINES[1:]]
    dialogue = "".join(f"{USER}{turn}<|eot_id|>{ASSISTANT}+<|eot_id|>" for turn in turns)
    token_ids = tokenizer.encode(f"<|begin_of_text|>{TODAY}{dialogue}")
    plus, minus, (end,) = (
        *tokenizer.encode("+"),
        *tokenizer.encode("-"),
        tokenizer.encode("<|eot_id|>"),
    )
    pairs = itertools.pairwise(token_ids)
    places = [i - 1 for i, pair in enumerate(pairs) if pair == (plus, end)]
    rows = next_logprobs(model, token_ids, dtype)[places][:, [plus, minus]].softmax(-1)
    assert [s.score for s in judged] == close_to(rows[:, 0].tolist(), dtype)
    assert [s.tokens for s in judged] == [place + 1 for place in places]

    prompt = load_format("chat-math", tmp_path / "m").render(QUESTION)
    token_ids = tokenizer.encode(prompt + "".join(STEPS))
    start = len(tokenizer.encode(prompt))
    logprobs = next_logprobs(model, token_ids[:-1], dtype).gather(
        1, torch.tensor(token_ids[1:])[:, None]
    )[:, 0]
    means = [logprobs[start - 1 : s.tokens - 1].mean().item() for s in likely]
    assert [math.log(s.score) for s in likely] == close_to(means, dtype)
    assert likely[-1].tokens == len(token_ids)


@pytest.mark.parametrize("dtype", CLOSE)
def test_one_value_for_a_whole_completion(tmp_path, dtype):
    model = tiny_models.sequence_orm(tmp_path / "m")
    scores, first = asyncio.run(ask(tmp_path / "m", "sequence-orm", dtype))
    encode = load_tokenizer(tmp_path / "m").encode
    for answered, text in ((scores, "".join(STEPS)), (first, "".join(STEPS[:2]).strip())):
        token_ids = encode(
            f"<|begin_of_text|>{TODAY}{USER}{QUESTION}<|eot_id|>{ASSISTANT}{text}<|eot_id|>"
        )
        value = model.score(body_outputs(model, token_ids, dtype))[-1, 0].sigmoid().item()
        assert [s.score for s in answered] == pytest.approx(
            [value] * len(answered), abs=CLOSE[dtype]
        )
        assert {s.tokens for s in answered} == {len(token_ids)}
    assert [len(scores), len(first)] == [4, 2]
    assert abs(scores[0].score - first[0].score) > 1e-3, (
        "two scores that do not differ prove nothing"
    )
