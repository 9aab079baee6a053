"""One contract for every engine.

Scripted, behind HTTP, in this process's vLLM and behind a real vLLM server.
"""

import asyncio
import inspect
import signal
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from descendants import descendants
from engine_contract import CHECKS
from engine_kinds import GENERATOR, KINDS, LONG, PRM, served
from replies import all_of

from tasks.benchmarks.bundled import questions
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.http_served import HttpServed
from tasks.engines.replica import Limits
from tasks.models.tokenizers import load_tokenizer
from tasks.protocols import Sampling
from warehouse.errors import UserError

pytestmark = pytest.mark.asyncio(loop_scope="module")
TRUNCATED = Sampling(temperature=0.7, top_p=0.9, top_k=5, max_tokens=128, until="end")
GREEDY = Sampling(temperature=0.0, top_p=1.0, top_k=0, max_tokens=128, until="end")


class Started:
    """Engines by name, each started when first asked for."""

    def __init__(self, stack):
        self._stack = stack
        self._subjects = {}

    async def get(self, kind):
        if kind not in self._subjects:
            self._subjects[kind] = await self._stack.enter_async_context(KINDS[kind]())
        return self._subjects[kind]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started():
    async with AsyncExitStack() as stack:
        yield Started(stack)


def engine_cores():
    """The processes that generate behind this test's servers."""
    return [process for process, words in descendants() if "EngineCore" in words]


SLOW = ("in process", "paragraphs in process", "vLLM server")
ENGINES = [pytest.param(kind, marks=pytest.mark.slow) if kind in SLOW else kind for kind in KINDS]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ENGINES)
async def test_the_contract_holds(started, kind, check):
    await check(await started.get(kind))


async def test_every_check_of_the_contract_is_run():
    import engine_contract

    defined = [f for _, f in inspect.getmembers(engine_contract, inspect.iscoroutinefunction)]
    checks = [one for one in defined if one.__module__ == engine_contract.__name__]
    assert set(checks) == set(CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("sampling", [LONG, TRUNCATED, GREEDY], ids=lambda sampling: sampling.key)
async def test_draws_over_http_equal_those_in_process(started, sampling):
    here, there = await started.get("in process"), await started.get("vLLM server")
    n = 1 if sampling is GREEDY else 8

    async def drawn(subject):
        asked = (
            all_of(subject.engine.draw(p, n, sampling=sampling, seed=1000 * i))
            for i, p in enumerate(subject.prompts)
        )
        return [reply.draws for reply in await asyncio.gather(*asked)]

    assert await drawn(there) == await drawn(here)


@pytest.mark.slow
async def test_cached_tokens_come_from_the_server(started):
    there = await started.get("vLLM server")
    prompt = there.prompts[5] + there.prompts[4]  # longer than a block of the prefix cache
    for _ in range(2):
        reply = await all_of(there.engine.draw(prompt, 1, sampling=there.cut, seed=0))
    assert 0 < reply.cached_tokens < len(prompt)


@pytest.mark.slow
async def test_log_probabilities_over_http_equal_a_plain_forward_pass(started):
    import torch
    from transformers import AutoModelForCausalLM

    there = await started.get("vLLM server")
    ids, model = (
        list(there.prompts[0]),
        AutoModelForCausalLM.from_pretrained(GENERATOR, dtype=torch.float32),
    )
    with torch.inference_mode():
        wanted = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    reading = HttpServed([there.url], "generator", head=False)
    try:
        following = wanted[-1, [5, 9, 3]].tolist()
        assert await reading.next_logprobs(ids, [5, 9, 3]) == pytest.approx(following, abs=1e-3)
        each = [wanted[i, token].item() for i, token in enumerate(ids[1:])]
        assert await reading.token_logprobs(ids) == pytest.approx(each, abs=1e-3)
        assert reading.read_tokens == 2 * len(ids)
    finally:
        await reading.close()


@pytest.mark.slow
async def test_head_rows_over_http_equal_a_plain_forward_pass():
    import torch

    from tasks.training.verifier import load_prm

    ids = load_tokenizer(PRM).encode(questions("test", 1)[0].text)
    with torch.inference_mode():
        wanted = load_prm(PRM)(torch.tensor([ids]))[0]
    pooling = (
        "--runner",
        "pooling",
        "--pooler-config",
        '{"task": "token_classify", "tok_pooling_type": "ALL"}',
    )
    async with served(PRM, "prm", *pooling) as root:
        reading = HttpServed([f"{root}/v1"], "prm", head=True)
        places = [0, 5, len(ids) - 1]
        assert await reading.head_rows(ids, places) == [
            pytest.approx(wanted[i].tolist(), abs=1e-4) for i in places
        ]
        await reading.close()


@pytest.mark.slow
async def test_a_frozen_vllm_is_found_though_its_health_is_fine(started):
    # The API server goes on; the process behind it that generates is stopped.
    there = await started.get("vLLM server")
    cores = engine_cores()
    impatient = Limits(attempts=2, backoff=0.01, silence=1.0, probe=1.0)
    engine = HttpGenerator([there.url], "generator", there.form, limits=impatient)
    # It has shown what it gives: from here on it may fail.
    assert (await all_of(engine.draw(there.prompts[0], 1, sampling=there.whole, seed=0))).draws
    try:
        for core in cores:
            core.send_signal(signal.SIGSTOP)
        assert (await asyncio.to_thread(httpx.get, there.url.replace("/v1", "/health"))).is_success
        with pytest.raises(UserError, match=r"2 attempts: .* no reply in"):
            await all_of(engine.draw(there.prompts[0], 1, sampling=there.whole, seed=0))
        assert engine.aside
    finally:
        for core in cores:
            core.send_signal(signal.SIGCONT)
    assert (await all_of(engine.draw(there.prompts[0], 1, sampling=there.whole, seed=0))).draws
    assert not engine.aside
    await engine.close()
