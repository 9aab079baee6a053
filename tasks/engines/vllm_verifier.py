"""Step scores from a process reward model served by vLLM."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.engines import vllm_process
from tasks.formats import Tokenizer, step_token
from tasks.protocols import StepScore, VerifierFailure
from tasks.study import EngineOptions


class VllmVerifier:
    """A Verifier: a two-label head at a step token (Qwen2.5-Math-PRM, and the bundled one).

    The text is question, then every step followed by the step token; the score is the
    probability of the second label there.
    """

    def __init__(self, folder: Path, tokenizer: Tokenizer, options: EngineOptions) -> None:
        from vllm.config import PoolerConfig

        self._tokenizer = tokenizer
        self._tag = step_token(folder, tokenizer)
        self._context = int(json.loads((folder / "config.json").read_text())["max_position_embeddings"])
        self._numbers = itertools.count()
        self._engine: Any = vllm_process.start(
            folder,
            options,
            runner="pooling",
            pooler_config=PoolerConfig(task="token_classify", tok_pooling_type="STEP", step_tag_id=self._tag),
        )
        self.read_tokens = 0
        """Tokens that were sent to vLLM since the start."""

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:
        """One score a step, in one request."""
        token_ids, ends = self._tokens(question, steps)
        if len(token_ids) > self._context:
            raise VerifierFailure(f"expected at most {self._context} tokens, the verifier's context, got more")
        last: Any = None
        async for output in self._engine.encode(
            {"prompt_token_ids": token_ids}, self._parameters(), f"score-{next(self._numbers)}"
        ):
            last = output
        self.read_tokens += len(token_ids)
        rows = last.outputs.data
        if rows.ndim != 2 or rows.shape[0] < len(ends) or rows.shape[1] != 2:
            raise VerifierFailure(f"expected {len(ends)} rows of two labels, got shape {tuple(rows.shape)}")
        good = rows[-len(ends) :, 1].float().tolist()
        return [StepScore(score, end) for score, end in zip(good, ends, strict=True)]

    def close(self) -> None:
        """End the engine's process."""
        self._engine.shutdown()
        self._engine = None  # or its __del__ shuts down once more while Python exits

    def _parameters(self) -> Any:
        from vllm import PoolingParams

        return PoolingParams(task="token_classify", step_tag_id=self._tag, use_activation=True)

    def _tokens(self, question: str, steps: Sequence[str]) -> tuple[list[int], list[int]]:
        token_ids = self._tokenizer.encode(question)
        ends: list[int] = []
        for step in steps:
            token_ids += [t for t in self._tokenizer.encode(step.strip("\n")) if t != self._tag]
            token_ids.append(self._tag)
            ends.append(len(token_ids))
        return token_ids, ends
