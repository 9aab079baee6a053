"""A verifier over a served model, in this process's vLLM or behind HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.models.verifiers import Reading
from tasks.protocols import ServedModel, StepScore, VerifierFailure


@dataclass(frozen=True, slots=True)
class ServedVerifier:
    """A Verifier: a reading over a served model.

    A format that scores no steps is shown the whole completion and gives every step that one score,
    with the tokens of the whole: right for a selector, useless to a search.
    """

    reading: Reading
    served: ServedModel
    longest: int
    """Tokens that the model can be shown."""

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:
        """One score a step.

        VerifierFailure for an empty step, too many tokens or a reply without a number.
        """
        if not steps:
            return []
        scores_steps = self.reading.verifier_format.scores_steps
        parts = steps if scores_steps else ["".join(steps)]
        for number, part in enumerate(parts, start=1):
            if not part.strip():
                raise VerifierFailure(f"expected text in every step, step {number} is {part!r}")
        prefixes = self.reading.show(question, parts)
        whole = len(prefixes[-1])
        if whole > self.longest:
            raise VerifierFailure(f"expected at most {self.longest} tokens, got {whole}")
        scores = await self.reading.read(self.served, prefixes)
        # `likelihood` is shown the bare prompt too, which ends no step.
        ends = prefixes[-len(parts) :]
        opinions = [
            StepScore(score, tokens=len(end)) for score, end in zip(scores, ends, strict=True)
        ]
        return opinions if scores_steps else opinions * len(steps)
