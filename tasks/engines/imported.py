"""What a log does not have, nobody can draw: the engine and the verifier of an imported model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from tasks.models.version import Model
from tasks.protocols import Reply, Sampling, StepScore, VerifierFailure
from warehouse.errors import UserError


class LogOnly:
    """Engine and Verifier of a text model from a log: everything it has is in the warehouse."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """UserError: the log has no more."""
        del prefix, sampling, seed
        raise UserError(
            f"study: expected {self._model.name} to be asked for what its log has, {n} draws of a "
            "question are missing; lower budgets or difficulty_draws, or import a log with more"
        )

    async def score(self, question: str, steps: Any) -> list[StepScore]:
        """VerifierFailure: the log has no score of this completion."""
        del question, steps
        raise VerifierFailure("the log has no score of this completion")

    def close(self) -> None:
        """Nothing was started."""
