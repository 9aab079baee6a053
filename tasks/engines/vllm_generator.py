"""Draws from a language model served by vLLM."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.engines import vllm_process
from tasks.engines.stepwise import Answer, draw_in_pieces
from tasks.engines.vllm_adapters import adapter_request
from tasks.models.folders.adapters import Adapter
from tasks.models.formats import Format
from tasks.protocols import Confidence, Draw, Reply, Sampling
from tasks.statistics.confidence.tokens import TOP, confidence_of
from tasks.study.tables import EngineOptions


class VllmGenerator:
    """An Engine: one request a child, more where a step goes on.

    vLLM batches them with all others and reads a prompt that they share once. Asked for together,
    children would come together, when the longest of them ends.
    """

    def __init__(
        self,
        folder: Path,
        format: Format,
        options: EngineOptions,
        *,
        adapter: Adapter | None = None,
        confident: bool = False,
    ) -> None:
        """`confident`: it tells how sure the model was of whole completions."""
        self._format = format
        self._confident = confident
        self._numbers = itertools.count()
        self._engine: Any = vllm_process.start(
            folder,
            options,
            adapter=adapter,
            enable_prefix_caching=True,
            # Texts to stop at are looked for in text; token ids are enough for all else.
            skip_tokenizer_init=not format.stops,
        )
        self._adapter = adapter_request(adapter)
        self._folder = folder
        self.generated_tokens = 0
        """Tokens vLLM returned since the start, counted from its own output."""

    def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """n children of the prefix; child i is drawn under seed + i."""
        singles = [range(place, place + 1) for place in range(n)]
        steps = self._format.steps
        return draw_in_pieces(
            self._request, prefix, singles, sampling=sampling, seed=seed, steps=steps
        )

    async def _request(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> Answer:
        parameters = self._parameters(sampling, n, seed)
        prompt = vllm_process.prompt_of(prefix)
        name = f"draw-{next(self._numbers)}"
        stream = self._engine.generate(prompt, parameters, name, lora_request=self._adapter)
        last: Any = None
        with vllm_process.telling_death(self._folder):
            async for output in stream:
                last = output
        draws = [self._format.cut(self._read(piece), prefix) for piece in last.outputs]
        if self._tells(sampling):
            sure = [_confidence(piece.logprobs, sampling) for piece in last.outputs]
            draws = [draw._replace(confidence=one) for draw, one in zip(draws, sure, strict=True)]
        self.generated_tokens += sum(int(draw.tokens) for draw in draws)
        return Answer(draws, len(prefix), last.num_cached_tokens or 0)

    @property
    def written_tokens(self) -> int:
        """Tokens of the draws under way: with FINAL_ONLY vLLM says nothing of them before."""
        # Looked at now and then: vLLM's own counters would take microseconds a token.
        states = self._engine.output_processor.request_states.values()
        return sum(one.detokenizer.num_output_tokens() for one in states if one.detokenizer)

    def close(self) -> None:
        """End the engine's process."""
        self._engine.shutdown()
        # Or its __del__ shuts down once more while Python exits.
        self._engine = None

    def _parameters(self, sampling: Sampling, n: int, seed: int) -> Any:
        # Imported here: it takes seconds, for which only who draws should wait.
        # From their module: the package looks its names up anew each time.
        from vllm.sampling_params import RequestOutputKind, SamplingParams

        stops = self._format.end_of_text
        if sampling.until == "step":
            stops = stops | self._format.steps.stops
        return SamplingParams(
            n=n,
            seed=seed,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            max_tokens=sampling.max_tokens,
            stop_token_ids=sorted(stops),
            stop=list(self._format.stops),
            # Or the tokens of what it stopped at would be missing: which to keep is decided here.
            include_stop_str_in_output=bool(self._format.stops),
            detokenize=bool(self._format.stops),
            output_kind=RequestOutputKind.FINAL_ONLY,
            logprobs=TOP if self._tells(sampling) else None,
            # In a few long lists: an object a token and rank would cost more than the model.
            flat_logprobs=True,
        )

    def _tells(self, sampling: Sampling) -> bool:
        return self._confident and sampling.until == "end"

    def _read(self, piece: Any) -> Draw:
        token_ids = array("i", piece.token_ids)
        tokens = len(token_ids)
        if piece.finish_reason == "length":
            text = self._format.steps.text(token_ids)
            return Draw(token_ids, text, "limit", tokens)
        ended = bool(token_ids) and token_ids[-1] in self._format.end_of_text
        # The end token is paid for and not kept: a prefix that goes on must not hold it.
        kept = token_ids[:-1] if ended else token_ids
        text = self._format.steps.text(kept)
        return Draw(kept, text, "end" if ended else "step", tokens)


def _confidence(flat: Any, sampling: Sampling) -> Confidence:
    """Of log-probabilities as vLLM gives them: at each token its own, then the likeliest ones'."""
    ranks = (flat.end_indices[0] - flat.start_indices[0]) if flat.start_indices else 0
    tops = np.array(flat.logprobs, dtype=np.float64).reshape(-1, max(ranks, 1))
    return confidence_of(tops[:, 1:], sampling.max_tokens)
