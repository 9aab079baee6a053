"""A verifier's model in this process's vLLM."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.engines import vllm_process
from tasks.engines.value_heads import served_folder
from tasks.engines.vllm_adapters import adapter_request
from tasks.models.folders.adapters import Adapter
from tasks.models.folders.configs import context_of
from tasks.models.format_tables import Named
from tasks.models.formats import Format
from tasks.models.served_verifier import ServedVerifier
from tasks.models.verifiers import load_reading
from tasks.protocols import StepScore
from tasks.study.tables import EngineOptions


class VllmServed:
    """A Served model: a language model, or with `head` one whose head is read at every token."""

    def __init__(
        self,
        folder: Path,
        options: EngineOptions,
        *,
        head: bool,
        adapter: Adapter | None = None,
    ) -> None:
        # Of a language model alone: where a head is read every token has to be run.
        arguments = {} if head else {"enable_prefix_caching": True}
        self._numbers = itertools.count()
        self._engine: Any = vllm_process.start(
            folder, options, adapter=adapter, head=head, **arguments
        )
        self._adapter = adapter_request(adapter)
        self._folder = folder
        self.read_tokens = 0
        """Tokens that were sent to vLLM since the start."""

    async def head_rows(self, token_ids: Sequence[int], places: Sequence[int]) -> list[list[float]]:
        """Raw outputs of the head at the tokens with these offsets."""
        # From its module: the package looks its names up anew each time.
        from vllm.pooling_params import PoolingParams

        # Logits: which activation makes them a score is a matter of the verifier format.
        parameters = PoolingParams(task="token_classify", use_activation=False)
        reply = await self._last_output(self._engine.encode, token_ids, parameters)
        return reply.outputs.data[list(places)].float().tolist()

    async def next_logprobs(self, token_ids: Sequence[int], wanted: Sequence[int]) -> list[float]:
        """Log-probabilities of the wanted tokens as the one that follows."""
        parameters = _one_token(logprob_token_ids=list(wanted))
        reply = await self._last_output(self._engine.generate, token_ids, parameters)
        (logprobs,) = reply.outputs[0].logprobs
        return [float(logprobs[token].logprob) for token in wanted]

    async def token_logprobs(self, token_ids: Sequence[int]) -> list[float]:
        """Log-probability of every token but the first."""
        parameters = _one_token(prompt_logprobs=0)
        reply = await self._last_output(self._engine.generate, token_ids, parameters)
        # The first token follows nothing.
        pairs = zip(token_ids[1:], reply.prompt_logprobs[1:], strict=True)
        return [float(logprobs[token].logprob) for token, logprobs in pairs]

    def close(self) -> None:
        """End the engine's process."""
        self._engine.shutdown()
        # Or its __del__ shuts down once more while Python exits.
        self._engine = None

    async def _last_output(self, ask: Any, token_ids: Sequence[int], parameters: Any) -> Any:
        prompt = vllm_process.prompt_of(token_ids)
        last: Any = None
        name = f"score-{next(self._numbers)}"
        with vllm_process.telling_death(self._folder):
            async for output in ask(prompt, parameters, name, lora_request=self._adapter):
                last = output
        self.read_tokens += len(token_ids)
        return last


class VllmVerifier:
    """A Verifier that owns its engine."""

    def __init__(
        self,
        folder: Path,
        verifier_format: Named,
        options: EngineOptions,
        *,
        format: Format,
        adapter: Adapter | None = None,
    ) -> None:
        reading = load_reading(verifier_format, folder, format=format)
        generates = reading.verifier_format.generates
        context = context_of(folder)
        longest = min(context, options.max_model_len or context)
        # The one token that a language model must draw takes a place as well.
        longest -= generates
        served = served_folder(folder, reading.verifier_format)
        self._served = VllmServed(served, options, head=not generates, adapter=adapter)
        self._verifier = ServedVerifier(reading, self._served, longest)

    @property
    def read_tokens(self) -> int:
        """Tokens that were sent to vLLM since the start."""
        return self._served.read_tokens

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:
        """One score a step."""
        return await self._verifier.score(question, steps)

    def close(self) -> None:
        """End the engine's process."""
        self._served.close()


def _one_token(**wanted: Any) -> Any:
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    return SamplingParams(
        temperature=0.0,
        max_tokens=1,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
        **wanted,
    )
