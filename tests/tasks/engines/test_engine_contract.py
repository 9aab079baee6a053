"""One contract for every engine.

Scripted, behind HTTP, in this process's vLLM and behind a real vLLM server.
"""

import asyncio
import inspect
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import psutil
import pytest
import pytest_asyncio
from engine_contract import CHECKS, Subject
from faulty_server import MODEL, closed_port, server
from scripts import FORMAT, WHOLE, geometric

from flows.servers import guard
from tasks.benchmarks.bundled import questions
from tasks.engines.http_generator import HttpGenerator, check_served
from tasks.engines.http_served import HttpServed
from tasks.engines.replica import Limits
from tasks.engines.scripted import ScriptedEngine
from tasks.engines.vllm_generator import VllmGenerator
from tasks.models.formats import load_format, load_tokenizer
from tasks.models.version import BUNDLED
from tasks.protocols import Sampling
from tasks.settings import ROOT
from tasks.study.tables import EngineOptions
from warehouse.errors import UserError

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATOR, PRM = BUNDLED / "congruences-generator", BUNDLED / "congruences-prm"
LONG = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=128, until="end")
TRUNCATED = Sampling(temperature=0.7, top_p=0.9, top_k=5, max_tokens=128, until="end")
GREEDY = Sampling(temperature=0.0, top_p=1.0, top_k=0, max_tokens=128, until="end")
QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn",
}
FLAGS = (
    "--skip-tokenizer-init",
    "--enforce-eager",
    "--block-size",
    "32",
    "--no-enable-chunked-prefill",
    "--max-num-seqs",
    "256",
    "--gpu-memory-utilization",
    "0.3",
    "--enable-prompt-tokens-details",
    "--distributed-executor-backend",
    "uni",
    "--dtype",
    "float32",
)


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


@asynccontextmanager
async def scripted():
    async def none():
        return 0

    yield subject(ScriptedEngine(FORMAT, geometric()), FORMAT, none)


@asynccontextmanager
async def scripted_over_http():
    async with server() as one, server() as other:
        engine = HttpGenerator([one.url, other.url], MODEL, FORMAT)

        async def in_flight():
            return one.open + other.open + engine.in_flight

        yield subject(engine, FORMAT, in_flight)
        await engine.close()


@asynccontextmanager
async def in_process():
    form = load_format("congruences", GENERATOR)
    engine = await asyncio.to_thread(VllmGenerator, GENERATOR, form, EngineOptions(dtype="float32"))

    async def in_flight():
        return engine._engine.output_processor.get_num_unfinished_requests()

    try:
        yield subject(engine, form, in_flight)
    finally:
        engine.close()


@asynccontextmanager
async def vllm_server():
    form = load_format("congruences", GENERATOR)
    async with served(GENERATOR, "generator") as root:
        await asyncio.to_thread(check_served, [f"{root}/v1"], "generator")
        engine = HttpGenerator([f"{root}/v1"], "generator", form)

        async def in_flight():
            counted = (await asyncio.to_thread(httpx.get, f"{root}/metrics")).text.splitlines()
            names = ("vllm:num_requests_running{", "vllm:num_requests_waiting{")
            return (
                sum(float(line.split()[-1]) for line in counted if line.startswith(names))
                + engine.in_flight
            )

        yield subject(engine, form, in_flight)._replace(url=f"{root}/v1")
        await engine.close()


@asynccontextmanager
async def served(folder, name, *flags):
    """The address of a real vLLM server on loopback.

    Nothing of it is left afterwards, however the test ends.
    """
    port = closed_port()
    command = [
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--model", str(folder), "--served-model-name", name, *FLAGS, *flags]
    process = subprocess.Popen(
        [sys.executable, guard.__file__, str(os.getpid()), sys.executable, *command],
        env=os.environ | QUIET,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    root = f"http://127.0.0.1:{port}"
    try:
        await answering(root, process)
        yield root
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


async def answering(root, process):
    async with asyncio.timeout(300), httpx.AsyncClient() as client:
        while True:
            assert process.poll() is None, "the server ended while it started"
            try:
                if (await client.get(f"{root}/v1/models")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(1.0)


def engine_cores():
    """The processes that generate behind this test's servers."""
    return [
        p
        for p in psutil.Process().children(recursive=True)
        if "EngineCore" in " ".join([p.name(), *p.cmdline()])
    ]


def subject(engine, form, in_flight):
    small = form is FORMAT
    prompts = (
        [(63, 64, 65 + i) for i in range(6)]
        if small
        else [form.prompt(q) for q in questions("test", 6)]
    )
    return Subject(engine, form, prompts, WHOLE if small else LONG, in_flight)


KINDS = {
    "scripted": scripted,
    "scripted over HTTP": scripted_over_http,
    "in process": in_process,
    "vLLM server": vllm_server,
}
SLOW = ("in process", "vLLM server")
ENGINES = [pytest.param(kind, marks=pytest.mark.slow) if kind in SLOW else kind for kind in KINDS]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ENGINES)
async def test_the_contract_holds(started, kind, check):
    await check(await started.get(kind))


async def test_every_check_of_the_contract_is_run():
    import engine_contract

    defined = [f for _, f in inspect.getmembers(engine_contract, inspect.iscoroutinefunction)]
    assert set(defined) == set(CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("sampling", [LONG, TRUNCATED, GREEDY], ids=lambda sampling: sampling.key)
async def test_draws_over_http_equal_those_in_process(started, sampling):
    here, there = await started.get("in process"), await started.get("vLLM server")
    n = 1 if sampling is GREEDY else 8

    async def drawn(subject):
        asked = (
            subject.engine.draw(p, n, sampling=sampling, seed=1000 * i)
            for i, p in enumerate(subject.prompts)
        )
        return [reply.draws for reply in await asyncio.gather(*asked)]

    assert await drawn(there) == await drawn(here)


@pytest.mark.slow
async def test_cached_tokens_come_from_the_server(started):
    there = await started.get("vLLM server")
    prompt = there.prompts[5] + there.prompts[4]  # longer than a block of the prefix cache
    for _ in range(2):
        reply = await there.engine.draw(prompt, 1, sampling=there.cut, seed=0)
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
    try:
        for core in cores:
            core.send_signal(signal.SIGSTOP)
        assert (await asyncio.to_thread(httpx.get, there.url.replace("/v1", "/health"))).is_success
        with pytest.raises(UserError, match=r"2 attempts: .* no reply in"):
            await engine.draw(there.prompts[0], 1, sampling=there.whole, seed=0)
        assert engine.aside
    finally:
        for core in cores:
            core.send_signal(signal.SIGCONT)
    assert (await engine.draw(there.prompts[0], 1, sampling=there.whole, seed=0)).draws
    assert not engine.aside
    await engine.close()
