"""An engine and a verifier that follow a script: known laws, no model, every token counted."""

from __future__ import annotations

import asyncio
import random
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from tasks.models.formats import Format
from tasks.protocols import (
    Confidence,
    Draw,
    Reply,
    Sampling,
    StepScore,
    Stop,
    VerifierFailure,
    key_of,
)

END = "<end>"

Law = Callable[[tuple[int, ...], random.Random], str]
"""Text that follows a prefix of token ids; `<end>` at its end ends the completion."""

Opinion = Callable[[str, Sequence[str]], float | None]
"""Score of a question's last step; None fails the call."""


@dataclass(slots=True)
class ScriptedEngine:
    """An Engine whose draws depend on prefix and seed alone."""

    format: Format
    law: Law
    seconds: float = 0.0
    """Waited before every reply."""
    requests: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    asked: list[tuple[tuple[int, ...], int]] = field(default_factory=list)
    """(prefix, n) of every request, in order."""
    sure: Callable[[str], Confidence] | None = None
    """How sure it is of a whole completion, by its text; None: it does not tell."""

    async def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """n children, one after the other; child i depends on the prefix and seed + i."""
        await asyncio.sleep(self.seconds)
        start = tuple(prefix)
        self.requests += 1
        self.prompt_tokens += len(start)
        self.asked.append((start, n))
        for place in range(n):
            draw = self.format.cut(self._child(start, sampling, seed + place), start)
            self.generated_tokens += int(draw.tokens)
            if self.sure and sampling.until == "end":
                draw = draw._replace(confidence=self.sure(draw.text))
            # One request; its first child bears it.
            yield Reply({place: draw}, 0 if place else len(start), 0, int(place == 0))

    def close(self) -> None:
        """Nothing to end."""

    def _child(self, start: tuple[int, ...], sampling: Sampling, seed: int) -> Draw:
        rng = self._random(start, seed)
        written: tuple[int, ...] = ()
        while True:
            text = self.law(start + written, rng)
            written += tuple(self.format.tokenizer.encode(text.removesuffix(END)))
            ended = text.endswith(END)
            step = self._step_end(written, sampling)
            # A text that the script ends with a separator ends as a whole.
            if step is not None and (step < len(written) or not ended):
                return self._read(written[:step], "step", step)
            # The end counts as a token, as a model's end-of-text token does.
            tokens = len(written) + ended
            if tokens > sampling.max_tokens:
                return self._read(written[: sampling.max_tokens], "limit", sampling.max_tokens)
            if ended:
                return self._read(written, "end", tokens)

    def _random(self, start: tuple[int, ...], seed: int) -> random.Random:
        # Seeded by the prefix too: child i of two prefixes would else be one draw.
        return random.Random(f"{seed}|{key_of(start)}")

    def _step_end(self, written: tuple[int, ...], sampling: Sampling) -> int | None:
        """Number of tokens with which a draw of a step ends; None where it goes on."""
        if sampling.until == "end":
            return None
        step = self.format.steps.ended(written)
        return None if step is None or step > sampling.max_tokens else step

    def _read(self, token_ids: tuple[int, ...], stop: Stop, tokens: int) -> Draw:
        text = self.format.steps.text(token_ids)
        return Draw(array("i", token_ids), text, stop, tokens)


@dataclass(slots=True)
class ScriptedVerifier:
    """A Verifier that holds an opinion on every prefix of the steps."""

    opinion: Opinion
    seconds: float = 0.0
    requests: int = 0
    read_tokens: int = 0

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:
        """One score a step; a step counts as one token more than the one before."""
        await asyncio.sleep(self.seconds)
        self.requests += 1
        # The question is one token.
        self.read_tokens += 1 + len(steps)
        scores: list[StepScore] = []
        for last in range(1, len(steps) + 1):
            score = self.opinion(question, steps[:last])
            if score is None:
                raise VerifierFailure("scripted failure")
            scores.append(StepScore(score, 1 + last))
        return scores

    def close(self) -> None:
        """Nothing to end."""
