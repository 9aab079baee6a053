"""Every kind of engine as a subject of the contract: scripted, over HTTP, vLLM here and served."""

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from engine_contract import Subject
from faulty_server import MODEL, FaultyServer, closed_port, server
from paragraphs import TWO_TOKENS, letter_by_letter, tiny_format, tiny_generator
from scripts import FORMAT, WHOLE, geometric

from flows.servers import guard
from tasks.benchmarks.bundled import questions
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.scripted import ScriptedEngine
from tasks.engines.server_checks import check_served
from tasks.engines.vllm_generator import VllmGenerator
from tasks.models.formats import load_format
from tasks.models.version import BUNDLED
from tasks.protocols import Sampling
from tasks.settings import ROOT
from tasks.study.tables import EngineOptions

GENERATOR, PRM = BUNDLED / "congruences-generator", BUNDLED / "congruences-prm"
LONG = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=128, until="end")
QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
}
FLAGS = (
    "--skip-tokenizer-init",
    "--enforce-eager",
    *("--block-size", "32"),
    "--no-enable-chunked-prefill",
    *("--max-num-seqs", "256"),
    *("--gpu-memory-utilization", "0.3"),
    "--enable-prompt-tokens-details",
    *("--distributed-executor-backend", "uni"),
    *("--dtype", "float32"),
)


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
async def paragraphs_over_http():
    async with FaultyServer(TWO_TOKENS, letter_by_letter(TWO_TOKENS)) as one:
        engine = HttpGenerator([one.url], MODEL, TWO_TOKENS)

        async def in_flight():
            return one.open + engine.in_flight

        yield subject(engine, TWO_TOKENS, in_flight)
        await engine.close()


@asynccontextmanager
async def in_process():
    form = load_format("congruences", GENERATOR)
    async with started_here(GENERATOR, form) as (engine, in_flight):
        yield subject(engine, form, in_flight)


@asynccontextmanager
async def paragraphs_in_process():
    with tempfile.TemporaryDirectory() as folder:
        model = tiny_generator(Path(folder) / "model")
        form = tiny_format(model)
        prompts = [tuple(form.tokenizer.encode(f"a: {place}")) for place in range(6)]
        async with started_here(model, form) as (engine, in_flight):
            yield Subject(engine, form, prompts, LONG, in_flight)


@asynccontextmanager
async def started_here(folder, form):
    engine = await asyncio.to_thread(VllmGenerator, folder, form, EngineOptions(dtype="float32"))

    async def in_flight():
        return engine._engine.output_processor.get_num_unfinished_requests()

    try:
        yield engine, in_flight
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
    command = ["-m", "vllm.entrypoints.openai.api_server"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
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


def subject(engine, form, in_flight):
    small = form in (FORMAT, TWO_TOKENS)
    prompts = (
        [(63, 64, 65 + i) for i in range(6)]
        if small
        else [form.prompt(q) for q in questions("test", 6)]
    )
    return Subject(engine, form, prompts, WHOLE if small else LONG, in_flight)


KINDS = {
    "scripted": scripted,
    "scripted over HTTP": scripted_over_http,
    "paragraphs over HTTP": paragraphs_over_http,
    "in process": in_process,
    "paragraphs in process": paragraphs_in_process,
    "vLLM server": vllm_server,
}
